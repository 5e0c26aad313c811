"""Where a trial's time on the wall goes, and which of it makes two cells differ: parts that add up to the whole.

Two wholes are taken apart. A part's task-seconds (analysis/decompose.py) are divided by the cores of the executors,
which run tasks side by side:

    submit_seconds  start-up, the tasks' parts, ending, and the rest: outside tasks
    trial_seconds   the tasks' parts of the timed iterations, and the rest; means over the kept iterations

    start-up        spark-submit, the driver's start, and the wait for executors
    ending          from the program's last word to the submit's end: the JVM's end, and the container's
    outside tasks   what is left: the driver's own work, and in a submit what lies around the timed iterations (making
                    data, checking results, rests)

The task parts are gathered into what people ask about (GROUPS). Cores that idle while a stage runs are told apart (see
idle.py): tasks that were not given out yet count as scheduling, stragglers are a part of their own. CPU time of Python
workers, and the time that they were ready for a core and had none, where these were measured, are taken out of the time
that tasks' threads wait, in this order and as much as they waited at the most. The parts add up to the whole by
construction. Times of the event log and of the program are the driver's host's clock, and a submit's end is this
machine's: where the two disagree so far that the ending can't be, a submit is not taken apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import decompose
from analysis.answer import short_names
from analysis.decompose import Difference
from analysis.idle import idle_cores
from analysis.python_workers import PythonWorkers
from analysis.words import listed, number, percent

Data = Mapping[str, Any]
Columns = Mapping[str, NDArray[Any]]

GROUPS = {
    "start_up": ("start-up", ()),
    "cpu": ("CPU: tasks' own threads in the JVM", ()),
    "python": ("CPU: Python workers", ()),
    "python_ready": ("Python workers that wait for a core", ()),
    "waiting": ("tasks off the CPU: asleep, waiting for a core or for Python", ()),
    "gc": ("GC pauses in tasks", ("gc",)),
    "network": ("network path: waiting for shuffle reads and results", ("shuffle_read", "getting_result")),
    "disk": ("shuffle writes", ("shuffle_write",)),
    "scheduling": ("scheduling: its delay, and cores that wait for tasks", ("scheduler_delay",)),
    "serialization": ("tasks' code and results: (de)serialization", ("deserialize", "result_serialization")),
    "stragglers": ("stragglers: cores idle at the end of stages", ()),
    "lost": ("failed tasks, clocks' rest", ("failed", "rest")),
    "outside": ("outside tasks", ()),
    "ending": ("ending", ()),
}
"""The parts in the order in which they are shown: name for people, and the parts of tasks' time gathered in it. A
task's `compute` is split into `cpu`, by the CPU time of its thread, `python`, `python_ready` and `waiting`."""

WHOLES = {"trial_seconds": "trial", "submit_seconds": "whole submit"}
"""What can be taken apart, and its name for people."""

NANOSECONDS = 9
"""Decimals of a part: Spark's clocks count milliseconds, and what sums of floats leave of nothing is not shown."""

SKEW = 0.05
"""Seconds by which clocks may be apart before they are said to disagree."""


# -- one trial ---------------------------------------------------------------------------------------------------------


def submit_parts(
    values: Data, facts: Data, finished: str | None, columns: Columns, python: PythonWorkers | None = None
) -> dict[str, float] | None:
    """The parts of one trial's submit, in seconds; None where it lacks a figure that they need.

    Args:
        values: the trial's number for each metric.
        facts: the trial's; `workload.ended` is the program's last word (Unix seconds).
        finished: when the submit came to its end (ISO 8601).
        columns: the trial's task table.
        python: times of its Python workers; None where they were not measured.
    """
    wanted = ("submit_seconds", "application_seconds", "ready_seconds")
    cores = executor_cores(facts)
    ended = (facts.get("workload") or {}).get("ended")
    if not cores or ended is None or finished is None or any(name not in values for name in wanted):
        return None
    submit, application, ready = (float(values[name]) for name in wanted)
    ending = datetime.fromisoformat(finished.replace("Z", "+00:00")).timestamp() - float(ended)
    around = submit - application
    if not -SKEW <= ending <= around + SKEW:
        return None
    parts = _Tasks(columns, cores, python).parts()
    parts["ending"] = round(min(max(ending, 0.0), around), NANOSECONDS)
    parts["start_up"] = round(around - parts["ending"] + ready, NANOSECONDS)
    return {**parts, "outside": submit - sum(parts.values())}


def trial_parts(
    samples: Sequence[Data], facts: Data, columns: Columns, python: PythonWorkers | None = None
) -> dict[str, float] | None:
    """The parts of one trial's timed and kept iterations, in seconds (means); None where it lacks a figure.

    Args:
        samples: the trial's, with metric, value, iteration and kept.
        facts: the trial's; `workload.iterations_began` are Unix seconds, one an iteration, or one of a program that
            does not iterate.
        columns: the trial's task table.
        python: times of its Python workers; None where they were not measured.
    """
    cores = executor_cores(facts)
    began = (facts.get("workload") or {}).get("iterations_began") or ()
    single = 1 if len(began) == 1 else None
    numbered = [
        (one["iteration"] or single, float(one["value"]))
        for one in samples
        if one["metric"] == "trial_seconds" and one["kept"]
    ]
    timed = [(float(began[number - 1]), value) for number, value in numbered if number and number <= len(began)]
    if not cores or not timed:
        return None
    tasks = _Tasks(columns, cores, python)
    each = [tasks.iteration(start, seconds) for start, seconds in timed]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def executor_cores(facts: Data) -> int:
    """The cores of all executors that a trial had at a time, by its event log; 0 if that is unknown.

    Not the default parallelism: Spark makes that 2 at least, and it can be set to anything.
    """
    executors = (facts.get("application") or {}).get("executors") or ()
    changes = [(float(one["added"] or 0), 1, int(one["cores"])) for one in executors]
    changes += [(float(one["removed"]), 0, -int(one["cores"])) for one in executors if one.get("removed")]
    there = most = 0
    for _, _, cores in sorted(changes):
        there += cores
        most = max(most, there)
    return most


class _Tasks:
    """A trial's tasks, their parts worked out once: sums over all of them or over an iteration's."""

    def __init__(self, columns: Columns, cores: int, python: PythonWorkers | None) -> None:
        found = _once(decompose.per_task(columns))
        self._names = [*found, "own"]
        self._parts = np.stack([*found.values(), decompose.on_cpu(columns, found["compute"])])
        self._columns = {
            name: np.asarray(columns[name], dtype=np.float64)
            for name in ("stage", "stage_attempt", "launch_ms", "finish_ms", "attempt", "speculative")
            if name in columns
        }
        self._cores = cores
        self._python = python

    def iteration(self, start: float, seconds: float) -> dict[str, float]:
        """The parts of `seconds` from `start` (Unix seconds) on the wall, `outside` of tasks too."""
        # Spark's clock counts whole milliseconds: a job's first task can seem to precede the job.
        launched = self._columns["launch_ms"]
        mine = (launched >= start * 1e3 - 1) & (launched < (start + seconds) * 1e3)
        parts = self._gathered(mine, start, start + seconds)
        return {**parts, "outside": seconds - sum(parts.values())}

    def parts(self) -> dict[str, float]:
        """The parts of all tasks in seconds on the wall."""
        return self._gathered(np.ones(self._parts.shape[1], dtype=np.bool_), -np.inf, np.inf)

    def _gathered(self, mine: NDArray[np.bool_], start: float, end: float) -> dict[str, float]:
        sums = dict(zip(self._names, self._parts[:, mine].sum(axis=1).tolist(), strict=True))
        idle = idle_cores({name: values[mine] for name, values in self._columns.items()}, self._cores)
        waiting = sums["compute"] - sums["own"]
        python = min(self._python.cpu(start, end), waiting) if self._python else 0.0
        ready = min(self._python.ready(start, end), waiting - python) if self._python else 0.0
        own = {
            "cpu": sums["own"],
            "python": python,
            "python_ready": ready,
            "waiting": waiting - python - ready,
            "scheduling": idle["dispatch"],
            "stragglers": idle["stragglers"],
        }
        return {
            name: round((sum(sums[one] for one in members) + own.get(name, 0.0)) / self._cores, NANOSECONDS)
            for name, (_, members) in GROUPS.items()
            if members or name in own
        }


def _once(parts: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """The parts without what Spark counts twice: its GC time of a task begins before the task's code is deserialized.

    A pause in that is a GC pause here, and no deserialization; it shows as a negative rest.
    """
    twice = np.minimum(np.maximum(-parts["rest"], 0.0), np.minimum(parts["gc"], parts["deserialize"]))
    return {**parts, "deserialize": parts["deserialize"] - twice, "rest": parts["rest"] + twice}


# -- two cells ---------------------------------------------------------------------------------------------------------


def wall_differences(baseline: Data, cell: Data, whole: str) -> list[Difference]:
    """Cell minus baseline by part, in seconds: means over the blocks that both have, largest first.

    Args:
        baseline, cell: cells whose trials have `wall`: their parts by whole.
        whole: one of WHOLES.
    """
    before, after = (
        {t["block"]: parts for t in one["trials"] if (parts := _parts(t, whole))} for one in (baseline, cell)
    )
    blocks = sorted(before.keys() & after.keys())
    return decompose.differences([before[block] for block in blocks], [after[block] for block in blocks])


def _parts(trial: Data, whole: str) -> Data | None:
    found: Data | None = (trial.get("wall") or {}).get(whole)
    return found if trial["status"] == "ok" else None


def wall_sentence(parts: Sequence[Difference], whole: str) -> str | None:
    """What makes two cells differ: the parts whose interval excludes 0, the largest first; None where none does.

    Shares are of the sum of all parts' sizes, since parts of both signs may cancel out.
    """
    named = [
        f"{GROUPS[part.part][0]} {_signed(part.difference)} s ({_between(vars(part))}; {_share(vars(part), parts)})"
        for part in parts
        if part.clear
    ]
    if not named:
        return None
    total = sum(part.difference for part in parts)
    return (
        f"A {WHOLES[whole]} differs by {_signed(total)} s (mean). Parts that clearly differ: {listed(named)}; "
        "the intervals hold together at 95 %, shares are of all that differs, either way."
    )


Table = tuple[list[str], list[list[str]]]


def wall_tables(report: Data, cells: Sequence[Data]) -> list[dict[str, Any]]:
    """The tables with their titles for each finding about these cells, where its parts are known."""
    by_id = {cell["id"]: cell for cell in cells}
    found = []
    for finding in report["findings"]:
        if not {finding["baseline"], finding["cell"]} <= set(by_id):
            continue
        names = short_names([by_id[finding["baseline"]], by_id[finding["cell"]]])
        for whole, parts in (finding.get("wall") or {}).items():
            if parts:
                title = f"Where a {WHOLES[whole]} differs: {names[1]} against {names[0]}"
                found.append({"title": title, "table": wall_table(parts, names, whole)})
    return found


def wall_table(parts: Sequence[Data], names: Sequence[str], whole: str) -> Table:
    """One row a part: both cells' seconds, the difference with its interval, and its share of all that differs.

    Args:
        names: the baseline's and the cell's.
    """
    order = {name: place for place, name in enumerate(GROUPS)}
    rows = [
        [
            GROUPS[part["part"]][0],
            number(part["baseline"]),
            number(part["cell"]),
            _signed(part["difference"]),
            _between(part),
            _share(part, parts),
        ]
        for part in sorted(parts, key=lambda part: order[part["part"]])
    ]
    sums = [sum(part[side] for part in parts) for side in ("baseline", "cell", "difference")]
    rows.append([f"the {WHOLES[whole]}", number(sums[0]), number(sums[1]), _signed(sums[2]), "", ""])
    return ["part, s a trial (means)", *names, "difference", "95 % interval, all together", "share"], rows


def _between(part: Data) -> str:
    return "–" if part["low"] is None else f"{_signed(part['low'])} to {_signed(part['high'])}"


def _share(part: Data, parts: Sequence[Data | Difference]) -> str:
    moved = sum(abs(one.difference if isinstance(one, Difference) else one["difference"]) for one in parts)
    return percent(abs(part["difference"]) / moved) if moved else "–"


def _signed(value: float) -> str:
    text = number(abs(value), 2)
    return text if not float(text.replace(",", "")) else f"{'+' if value > 0 else '−'}{text}"
