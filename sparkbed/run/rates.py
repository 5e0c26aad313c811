"""What a cell's hosts cost a second: the cores that its cluster holds, and US dollars where hosts have a price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sparkbed import platforms
from sparkbed.model import Cell
from sparkbed.run.hosts import Hosts

RATES = "rates"
"""The campaign's fact that holds them."""


def rates(cells: Iterable[Cell], hosts: Hosts) -> dict[str, dict[str, Any]]:
    """By cell: `hosts`, `cores` that its workers offer, and `usd_per_hour` of all its hosts (None: not known)."""
    found = {}
    for cell in cells:
        names = list(hosts.view(cell.hosts).hosts)
        prices = hosts.prices(cell.hosts)
        known = [prices[name] for name in names if name in prices]
        found[cell.id] = {
            "hosts": len(names),
            "cores": _cores(cell, len(hosts.view(cell.hosts).hosts_of("workers"))),
            "usd_per_hour": sum(known) if known and len(known) == len(names) else None,
        }
    return found


def _cores(cell: Cell, workers: int) -> int | None:
    """What all workers offer to executors; None where the platform has no such setting."""
    settings: Mapping[str, Any] = platforms.get(cell.platform).resolve(cell.settings)
    cores = settings.get("worker_cores")
    return None if cores is None else int(cores) * workers
