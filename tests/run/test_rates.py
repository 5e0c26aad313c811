"""What a cell's hosts cost a second, as the campaign records it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed import inventory as inventories
from sparkbed.inventory import Inventory
from sparkbed.model import Cell, HostsSpec
from sparkbed.run.hosts import Hosts
from sparkbed.run.rates import rates


class Up(Hosts):
    """Hosts that are up at these prices."""

    def __init__(self, inventory: Inventory, prices: dict[str, float]) -> None:
        self._inventory, self._prices = inventory, prices

    def view(self, spec: HostsSpec) -> Inventory:
        return self._inventory.first(spec.count)

    def prices(self, spec: HostsSpec) -> dict[str, float]:
        return self._prices


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    path = tmp_path / "hosts.yml"
    path.write_text("all:\n  children:\n    master: {hosts: {m: }}\n    workers: {hosts: {'w-[1:3]': }}\n")
    return inventories.load(path)


def cell(workers: int, platform: str = "standalone", **settings: object) -> Cell:
    return Cell(f"{workers}", {}, HostsSpec("x", {"workers": workers}), platform, settings, "sleep", {})


def test_only_the_hosts_of_the_cell_are_paid_for(inventory: Inventory) -> None:
    hosts = Up(inventory, {"m": 0.5, "w-1": 0.25, "w-2": 0.25, "w-3": 0.25})
    found = rates([cell(1), cell(3, worker_cores=4)], hosts)
    assert found["1"] == {"hosts": 2, "cores": 1, "usd_per_hour": 0.75}
    assert found["3"] == {"hosts": 4, "cores": 12, "usd_per_hour": 1.25}


def test_a_host_without_a_price_makes_the_sum_unknown(inventory: Inventory) -> None:
    assert rates([cell(2)], Up(inventory, {"m": 0.5, "w-1": 0.25}))["2"]["usd_per_hour"] is None
    assert rates([cell(2)], Up(inventory, {}))["2"]["usd_per_hour"] is None


def test_a_platform_without_workers_cores_has_none(inventory: Inventory) -> None:
    assert rates([cell(2, "osv")], Up(inventory, {}))["2"]["cores"] is None
