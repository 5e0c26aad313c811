"""What a trial's tasks say, as reports need it: recorded with the trial, so that no report has to read task tables.

Tables are read only for trials of before, or of another version of the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import decompose, wall
from analysis.python_workers import python_workers
from sparkbed.model import Series

Data = Mapping[str, Any]

VERSION = 4
"""Goes up with every change of what the formulas of decompose.py and wall.py give."""
KEY = "task_parts"
"""Where a trial's facts have them."""


@dataclass(frozen=True)
class TaskParts:
    """Parts of a trial's tasks in task-seconds, the parts of its wholes (see wall.py), bytes spilled."""

    totals: dict[str, float]
    wall: dict[str, dict[str, float] | None]
    spilled: dict[str, float]

    def recorded(self) -> dict[str, Any]:
        return {"version": VERSION, "totals": self.totals, "wall": self.wall, "spilled": self.spilled}


def task_parts(
    samples: Sequence[Data],
    values: Data,
    facts: Data,
    finished: str | None,
    columns: decompose.Columns,
    series: Sequence[Series] = (),
) -> TaskParts:
    """The parts by a task table.

    Args:
        samples: the trial's, with metric, value, iteration and kept.
        values: the trial's one number for each metric.
        facts: the trial's.
        finished: when its submit came to its end (ISO 8601).
        columns: its task table.
        series: the trial's, of which those of Python workers are used.
    """
    python = python_workers(series, application_of(facts))
    return TaskParts(
        decompose.totals(columns),
        {
            "trial_seconds": wall.trial_parts(samples, facts, columns, python),
            "submit_seconds": wall.submit_parts(values, facts, finished, columns, python),
        },
        decompose.spilled(columns),
    )


def application_of(facts: Data) -> str | None:
    """Spark's id of the trial's application, as the program said it or its event log has it."""
    told, logged = (facts.get(name) or {} for name in ("workload", "application"))
    found = told.get("application_id") or logged.get("application")
    return str(found) if found else None


def known_parts(facts: Data, otherwise: Callable[[], TaskParts | None]) -> TaskParts | None:
    """Those that were recorded with the trial; `otherwise` gives them where there are none by these formulas."""
    found = facts.get(KEY)
    if not isinstance(found, Mapping) or found.get("version") != VERSION:
        return otherwise()
    return TaskParts(dict(found["totals"]), dict(found["wall"]), dict(found["spilled"]))
