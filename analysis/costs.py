"""What a trial costs: core-seconds, and US dollars where the hosts have a price.

A trial costs its cluster's rate over the median of `submit_seconds`: what is held while the application runs. Making
hosts, starting clusters and the time between trials are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.words import number

Data = Mapping[str, Any]
TITLE = "What a trial costs"


def cost(rate: Data | None, metrics: Data) -> dict[str, Any] | None:
    """A cell's cost by its rate (`cores`, `usd_per_hour`) and metrics; None where neither is known."""
    if not rate or "submit_seconds" not in metrics:
        return None
    seconds = float(metrics["submit_seconds"]["median"])
    cores, usd = rate.get("cores"), rate.get("usd_per_hour")
    if cores is None and usd is None:
        return None
    return {
        "hosts": rate.get("hosts"),
        "cores": cores,
        "usd_per_hour": usd,
        "core_seconds": None if cores is None else cores * seconds,
        "usd": None if usd is None else usd * seconds / 3600,
    }


def costs_table(cells: Sequence[Data], names: Sequence[str]) -> tuple[list[str], list[list[str]]] | None:
    """One row a cell beside its time: core-seconds, and dollars if any cell has them; None where nothing is known."""
    costs = [cell.get("cost") for cell in cells]
    if not any(costs):
        return None
    paid = any(one and one["usd"] is not None for one in costs)
    heads = ["cell", "submit_seconds [s]", "cores", "core-seconds"]
    heads += ["USD an hour", "USD a trial", "USD for 1,000"] if paid else []
    rows = []
    for cell, name, one in zip(cells, names, costs, strict=True):
        if not one:
            continue
        row = [
            name,
            number(cell["metrics"]["submit_seconds"]["median"]),
            _whole(one["cores"]),
            _said(one["core_seconds"]),
        ]
        if paid:
            thousand = None if one["usd"] is None else one["usd"] * 1000
            row += [_said(one["usd_per_hour"], 4), _said(one["usd"], 3), _said(thousand, 3)]
        rows.append(row)
    return heads, rows


def _said(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else number(value, digits)


def _whole(value: int | None) -> str:
    return "–" if value is None else str(value)
