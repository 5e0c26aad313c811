"""The critical path is the chain that a job waited for, and its parts add up to the job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.critical import critical_paths, longest_path

Stage = dict[str, Any]


def stage(id: int, submitted: float | None, finished: float | None, *parents: int, attempt: int = 0) -> Stage:
    return {
        "id": id,
        "attempt": attempt,
        "submitted": submitted,
        "finished": finished,
        "parents": parents,
        "failure": None,
    }


def job(submitted: float, finished: float | None, *stages: int, id: int = 0) -> dict[str, Any]:
    return {"id": id, "submitted": submitted, "finished": finished, "stages": stages}


def steps(path: dict[str, Any]) -> list[tuple[int, float, float]]:
    return [(one["stage"], one["waited"], one["seconds"]) for one in path["path"]]


def test_it_goes_by_the_parent_that_ended_last() -> None:
    stages = [stage(0, 1, 3), stage(1, 1, 6), stage(2, 7, 9, 0, 1)]
    [path] = critical_paths([job(0, 10, 0, 1, 2)], stages)
    assert steps(path) == [(1, 1, 5), (2, 1, 2)]
    assert path["after"] == 1
    assert path["seconds"] == 10


def test_an_attempt_that_failed_is_on_it() -> None:
    stages = [stage(0, 0, 4), stage(0, 5, 8, attempt=1), stage(1, 8, 9, 0)]
    [path] = critical_paths([job(0, 9, 0, 1)], stages)
    assert [(one["stage"], one["attempt"]) for one in path["path"]] == [(0, 0), (0, 1), (1, 0)]


def test_stages_that_were_skipped_or_of_other_jobs_are_not() -> None:
    stages = [stage(0, 0, 2), stage(2, 5, 7, 1), stage(3, 5, 6)]
    first, second = critical_paths([job(0, 2, 0), job(4, 8, 1, 2, id=1)], stages)
    assert steps(first) == [(0, 0, 2)]
    assert steps(second) == [(2, 1, 2)]
    assert longest_path([first, second]) == second


def test_jobs_that_did_not_end_or_ran_nothing_have_none() -> None:
    stages = [stage(0, 0, None), stage(1, None, None)]
    assert critical_paths([job(0, None, 0), job(0, 3, 0, 1), job(0, 1)], stages) == []
    assert longest_path([]) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=8), st.data())
def test_its_parts_add_up_to_the_job(times: list[tuple[int, int]], data: st.DataObject) -> None:
    stages = [
        stage(i, begin, begin + length, *data.draw(st.sets(st.integers(0, i)).map(lambda ids, i=i: ids - {i})))
        for i, (begin, length) in enumerate(times)
    ]
    end = max(one["finished"] for one in stages) + 1
    [path] = critical_paths([job(0, end, *range(len(stages)))], stages)
    assert path["after"] + sum(one["waited"] + one["seconds"] for one in path["path"]) == pytest.approx(end)
    assert all(one["waited"] >= 0 for one in path["path"])
