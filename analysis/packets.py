"""What the clusters of a report's cells really sent: packets by where they went, in the same words for either kind.

    JVM with Python   bare: what a host sends itself at 127.0.0.1; containers: what is on their own loopback interfaces
    Spark's own       bare: the rest of the host's loopback, and its cards; containers: their ends of the virtual pairs

With containers that is each packet once: bridges and the hosts' ends of the pairs carry the same packets again, and
stand apart. A container's loopback also carries the few that a daemon sends to its own address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis import stats

Data = Mapping[str, Any]

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


def sent(trial: Data, what: str = "packets") -> dict[str, float | None] | None:
    """Of one trial: `python`, `spark` and `total`, None each where it can't be told; None without any count.

    Args:
        what: packets or bytes.
    """
    counted = {name: trial["values"].get(f"{what}.{name}") for name in RAW}
    if all(value is None for value in counted.values()):
        return None
    if counted["container-loopback"] is not None:
        # With the driver on the host, its packets to the containers cross their pairs and are counted there.
        python, spark = counted["container-loopback"], counted["container-card"] or 0.0
        return {"python": python, "spark": spark, "total": python + spark}
    loopback, cards = counted["host-loopback"] or 0.0, counted["host-card"] or 0.0
    python = counted["host-localhost"]
    spark = None if python is None else max(loopback - python, 0.0) + cards
    return {"python": python, "spark": spark, "total": loopback + cards}


def packets_table(cells: Sequence[Data], names: Sequence[str]) -> tuple[list[str], list[list[str]]] | None:
    """One row a way, one column a cell: medians a trial; None where nothing was counted."""
    done = [[trial for trial in cell["trials"] if trial["status"] == "ok"] for cell in cells]
    rows: list[list[str]] = []
    for key, title in (("total", "sent in all"), ("python", "JVM with Python"), ("spark", "Spark's own")):
        values = [[found[key] for trial in trials if (found := sent(trial))] for trials in done]
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
        counts = [found for trial in one["trials"] if trial["status"] == "ok" and (found := sent(trial))]
        if not counts:
            return None
        total, python, spark = (_median([count[key] for count in counts]) for key in ("total", "python", "spark"))
        split = "" if python == "–" else f" ({python} between JVM and Python, {spark} of Spark's own)"
        said.append(f"{name} {total}{split}")
    return f"Packets sent in a trial: {' and '.join(said)}."


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{round(stats.median(known)):,}" if known and len(known) == len(values) else "–"
