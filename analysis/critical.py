"""The critical path of a job: the chain of stages that it waited for, and the time between them.

A stage begins when the last of the stages that it needs has ended. Walking back from the job's end, each step goes to
the stage that ended last of those that the one before needed: what is off this path could be any faster, and the job
would take as long. Its parts add up to the job's duration: the stages, and what lies between (the scheduler's work,
waiting for executors or for stages of other jobs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Data = Mapping[str, Any]


def critical_paths(jobs: Sequence[Data], stages: Sequence[Data]) -> list[dict[str, Any]]:
    """The paths of the jobs that ended and ran stages, in their order.

    Args:
        jobs: with id, submitted, finished (Unix seconds) and stages (ids).
        stages: attempts of stages, with id, attempt, submitted, finished, parents (ids) and failure.

    Returns:
        For each: `job`, `seconds`, `path` in order of time, each step with `stage`, `attempt`, `waited` (seconds from
        the end of the step before, or from the job's submission, to the stage's own) and `seconds` (from there to its
        end); and `after`, from the last stage's end to the job's. Steps and `after` add up to `seconds`.
    """
    ended = [one for one in stages if one["submitted"] is not None and one["finished"] is not None]
    found = []
    for job in jobs:
        if job["finished"] is None or job["submitted"] is None:
            continue
        first, last = job["submitted"], job["finished"]
        needed = [one for one in ended if one["id"] in set(job["stages"])]
        mine = [one for one in needed if first <= one["submitted"] <= one["finished"] <= last]
        if mine:
            found.append(_path(job, mine))
    return found


def longest_path(paths: Sequence[Data]) -> Data | None:
    """That of the longest job."""
    return max(paths, key=lambda one: float(one["seconds"]), default=None)


def _path(job: Data, stages: Sequence[Data]) -> dict[str, Any]:
    """Back from the job's end, from stage to stage."""
    steps: list[Data] = [max(stages, key=lambda one: float(one["finished"]))]
    while True:
        begins, needed = steps[-1]["submitted"], {*steps[-1]["parents"], steps[-1]["id"]}
        # An attempt that failed before it, or a stage that had to be run again, holds it up as well.
        before = [one for one in stages if one["id"] in needed and one["finished"] <= begins and one not in steps]
        if not before:
            break
        steps.append(max(before, key=lambda one: float(one["finished"])))
    steps.reverse()
    ends = [job["submitted"], *(one["finished"] for one in steps)]
    return {
        "job": job["id"],
        "seconds": job["finished"] - job["submitted"],
        "path": [
            {
                "stage": one["id"],
                "attempt": one["attempt"],
                "waited": one["submitted"] - ends[place],
                "seconds": one["finished"] - one["submitted"],
            }
            for place, one in enumerate(steps)
        ],
        "after": job["finished"] - ends[-1],
    }
