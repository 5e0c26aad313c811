"""What the clusters of a report's cells really sent: packets by where they went, in the same words for either kind.

    JVM with Python   bare: what a host sends itself at 127.0.0.1; containers: what is on their own loopback interfaces
    Spark's own       bare: the rest of the host's loopback, and its cards; containers: their ends of the virtual pairs

With containers that is each packet once: bridges and the hosts' ends of the pairs carry the same packets again, and
stand apart. A container's loopback also carries the few that a daemon sends to its own address. A driver on the host
(`driver_in: host`) sends to its executors through the bridge, whose own counter has what the host puts into it, and to
its Python at 127.0.0.1: both are added. Containers on the host's network count as bare processes do.

Which of the two a trial is follows from its cell, never from what was counted: a trial in containers whose containers
were not counted has no total, since the host's counters alone see next to nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis import stats

Data = Mapping[str, Any]

CONTAINERS = ("docker",)
"""The platforms whose processes run in containers."""

RAW = {
    "host-loopback": "the host's loopback",
    "host-localhost": "of it, at 127.0.0.1",
    "host-card": "the host's cards",
    "host-bridge": "bridges",
    "host-veth": "the host's ends of virtual pairs",
    "container-loopback": "containers' own loopbacks",
    "container-card": "containers' ends of virtual pairs",
}


def is_count(metric: str) -> bool:
    """Whether a metric is one of the raw counts that the packets' table is made of."""
    what, _, where = metric.partition(".")
    return what in ("packets", "bytes") and where in RAW


def sent(cell: Data, trial: Data, what: str = "packets") -> dict[str, float | None] | None:
    """Of one trial: `python`, `spark` and `total`, None each where it can't be told; None without any count.

    Args:
        cell: the trial's, with `platform` and `settings`.
        what: packets or bytes.
    """
    counted = {name: trial["values"].get(f"{what}.{name}") for name in RAW}
    if all(value is None for value in counted.values()):
        return None
    if not in_containers(cell):
        return _bare(counted)
    return _contained(counted, driver_outside=cell["settings"].get("driver_in") == "host")


def in_containers(cell: Data) -> bool:
    """Whether the cell's processes have network namespaces of their own."""
    return cell["platform"] in CONTAINERS and cell["settings"].get("docker_network") != "host"


def _bare(counted: Mapping[str, float | None]) -> dict[str, float | None]:
    loopback, cards, python = counted["host-loopback"], counted["host-card"] or 0.0, counted["host-localhost"]
    if loopback is None:
        return {"python": python, "spark": None, "total": None}
    spark = None if python is None else max(loopback - python, 0.0) + cards
    return {"python": python, "spark": spark, "total": loopback + cards}


def _contained(counted: Mapping[str, float | None], driver_outside: bool) -> dict[str, float | None]:
    python = counted["container-loopback"]
    if python is None:
        return {"python": None, "spark": None, "total": None}
    spark = counted["container-card"] or 0.0
    if not driver_outside:
        return {"python": python, "spark": spark, "total": python + spark}
    into, own = counted["host-bridge"], counted["host-localhost"]
    found = (python if own is None else python + own, spark if into is None else spark + into)
    return {
        "python": None if own is None else found[0],
        "spark": None if into is None else found[1],
        "total": None if own is None or into is None else sum(found),
    }


def packets_table(cells: Sequence[Data], names: Sequence[str]) -> tuple[list[str], list[list[str]]] | None:
    """One row a way, one column a cell: medians a trial; None where nothing was counted."""
    done = [[trial for trial in cell["trials"] if trial["status"] == "ok"] for cell in cells]
    rows: list[list[str]] = []
    for key, title in (("total", "sent in all"), ("python", "JVM with Python"), ("spark", "Spark's own")):
        values = [[_of(cell, trial, key) for trial in trials] for cell, trials in zip(cells, done, strict=True)]
        rows.append([title, *(_median(one) for one in values)])
    for name, title in RAW.items():
        raw = [[trial["values"].get(f"packets.{name}") for trial in trials] for trials in done]
        if any(value is not None for one in raw for value in one):
            rows.append([f"counted: {title}", *(_median(one) for one in raw)])
    if all(cell == "–" for row in rows for cell in row[1:]):
        return None
    return ["packets sent, medians a trial", *names], rows


def packets_sentence(cell: Data, baseline: Data, names: Sequence[str]) -> str | None:
    """How many packets each of two cells sent, in a sentence; None where they were not counted.

    Args:
        names: the cell's and the baseline's.
    """
    said = []
    for name, one in zip(names, (cell, baseline), strict=True):
        done = [trial for trial in one["trials"] if trial["status"] == "ok"]
        if all(sent(one, trial) is None for trial in done):
            return None
        total, python, spark = (
            _median([_of(one, trial, key) for trial in done]) for key in ("total", "python", "spark")
        )
        split = "" if python == "–" else f" ({python} between JVM and Python, {spark} of Spark's own)"
        said.append(f"{name}: not counted where they ran" if total == "–" else f"{name} {total}{split}")
    return f"Packets sent in a trial: {' and '.join(said)}."


def _of(cell: Data, trial: Data, key: str) -> float | None:
    return (sent(cell, trial) or {}).get(key)


def _median(values: Sequence[float | None]) -> str:
    """The median of the trials that were counted, saying how many those are where some were not."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    part = "" if len(known) == len(values) else f" ({len(known)} of {len(values)} trials)"
    return f"{round(stats.median(known)):,}{part}"
