"""What the JVMs of a report's cells had and did about memory: collectors, heaps, all their GC pauses, spills.

The pauses in the tables of time (analysis/wall.py) are those in which tasks stood. These are all of each JVM's life, by
its own log, the driver's among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis import stats
from analysis.words import number

Data = Mapping[str, Any]
Jvms = Sequence[Data]


def heap_table(cells: Sequence[Data], names: Sequence[str]) -> tuple[list[str], list[list[str]]] | None:
    """One row a figure, one column a cell: medians of the trials that succeeded; None where no JVM left a log."""
    done = [[trial for trial in cell["trials"] if trial["status"] == "ok"] for cell in cells]
    logged = [[jvms for trial in trials if (jvms := _jvms(trial))] for trials in done]
    if not any(logged):
        return None
    rows = [["collector of the driver; of executors", *(_collectors(one) for one in logged)]]
    for title, value in _FIGURES.items():
        rows.append([title, *(_median([value(jvms) for jvms in one]) for one in logged)])
    for title, name in (("spilled from memory, MB", "memory"), ("spilled to disk, MB", "disk")):
        spilled = [[trial["spilled"][name] / 1e6 for trial in trials if trial["spilled"]] for trials in done]
        rows.append([title, *(_median(one) for one in spilled)])
    return ["memory, medians a trial", *names], rows


def _jvms(trial: Data) -> Jvms:
    found: Jvms = (trial["facts"] or {}).get("jvms") or ()
    return found


def _driver(jvms: Jvms, key: str) -> list[float]:
    return [float(jvm[key]) for jvm in jvms if jvm["name"] == "driver"]


def _executors(jvms: Jvms, key: str) -> list[float]:
    return [float(jvm[key]) for jvm in jvms if jvm["name"] != "driver"]


_FIGURES: dict[str, Callable[[Jvms], float]] = {
    "GC pauses of the driver, s": lambda jvms: sum(_driver(jvms, "pause_seconds")),
    "GC pauses of all executors, s": lambda jvms: sum(_executors(jvms, "pause_seconds")),
    "heap of the driver at most, MiB": lambda jvms: max(_driver(jvms, "heap"), default=0) / 2**20,
    "heap of an executor at most, MiB": lambda jvms: max(_executors(jvms, "heap"), default=0) / 2**20,
}


def _collectors(trials: Sequence[Jvms]) -> str:
    """`G1; Serial`, each that some trial had."""
    found = [{str(jvm["collector"]) for jvms in trials for jvm in jvms if (jvm["name"] == "driver") is own}
             for own in (True, False)]  # fmt: skip
    return "; ".join(" or ".join(sorted(one)) or "–" for one in found)


def _median(values: Sequence[float]) -> str:
    return number(stats.median(values)) if values else "–"
