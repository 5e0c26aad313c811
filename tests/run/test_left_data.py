"""Data in a cluster's own folder: whose are gone where the cluster was started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.inventory import load as load_inventory
from sparkbed.model import Cell
from sparkbed.platforms.base import Cluster, ClusterSpec
from sparkbed.run.left_data import LeftData
from sparkbed.suite import load
from sparkbed.workloads import catalogue

CELLS = {str(cell.factors["run"]): cell for cell in load("paper-003-reference", profile="tiny").cells}
MAKERS = [CELLS["rankings"], CELLS["uservisits"]]
EVERYONE = {cell.id for cell in CELLS.values()}

INVENTORY = """
all:
  children:
    master: {hosts: {master-1: {}}}
    workers: {hosts: {worker-1: {}}}
"""


@pytest.fixture
def start(tmp_path: Path) -> Cluster:
    return started(tmp_path)


def started(folder: Path) -> Cluster:
    """Another start of the same cluster."""
    (folder / "hosts.yml").write_text(INVENTORY)
    spec = ClusterSpec("c", {}, load_inventory(folder / "hosts.yml"), 1)
    return Cluster(spec, {}, "", "", ("w",), "master-1", "127.0.0.1", "/beds/cluster", "/beds/conf", 1.0)


def names(cells: list[Cell]) -> list[str]:
    return [str(cell.factors["run"]) for cell in cells]


def test_only_the_tables_are_left_for_others() -> None:
    assert {name for name, workload in catalogue().items() if workload.leaves_data} == {"big-data-benchmark-tables"}
    assert [cell.id for cell in CELLS.values() if catalogue()[cell.workload].leaves_data] == [m.id for m in MAKERS]


def test_nothing_is_lost_while_the_cluster_lives(start: Cluster) -> None:
    left = LeftData(MAKERS, EVERYONE, ())
    assert left.lost(CELLS["rankings"], start) == []
    left.made(CELLS["rankings"], start)
    assert left.lost(CELLS["uservisits"], start) == []
    left.made(CELLS["uservisits"], start)
    left.made(CELLS["1A"], start)
    assert left.lost(CELLS["1A"], start) == left.lost(CELLS["2A"], start) == []


def test_a_resumed_campaign_lost_what_was_made_before(start: Cluster) -> None:
    left = LeftData(MAKERS, EVERYONE, {CELLS["rankings"].id, CELLS["1A"].id})
    assert names(left.lost(CELLS["1B"], start)) == ["rankings"]
    left.made(CELLS["rankings"], start)
    assert left.lost(CELLS["1B"], start) == []


def test_another_start_of_the_cluster_has_nothing(start: Cluster, tmp_path: Path) -> None:
    left = LeftData(MAKERS, EVERYONE, ())
    for maker in MAKERS:
        left.made(maker, start)
    again = started(tmp_path)
    assert names(left.lost(CELLS["3C"], again)) == ["rankings", "uservisits"]
    assert names(left.lost(CELLS["rankings"], again)) == ["uservisits"]  # it makes its own
    left.made(CELLS["uservisits"], again)
    assert names(left.lost(CELLS["3C"], again)) == ["rankings"]


def test_who_keeps_data_elsewhere_loses_none(start: Cluster) -> None:
    left = LeftData(MAKERS, {MAKERS[0].id, MAKERS[1].id}, {MAKERS[0].id, MAKERS[1].id})
    assert left.lost(CELLS["1A"], start) == []


def test_cells_of_another_cluster_have_no_part_in_it(start: Cluster) -> None:
    [other] = load("paper-003-reference", profile="tiny", sets={"settings.worker_cores": "2"}, only="run=1A").cells
    left = LeftData(MAKERS, {*EVERYONE, other.id}, {MAKERS[0].id})
    assert left.lost(other, start) == []
    assert names(left.lost(CELLS["1A"], start)) == ["rankings"]
