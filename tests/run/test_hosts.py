"""A campaign's hosts from several inventories: each has its own, though both may name them alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed import inventory as inventories
from sparkbed.home import Home
from sparkbed.inventory import Inventory
from sparkbed.model import Campaign, Cell, HostsSpec
from sparkbed.provision import local_provider
from sparkbed.run.hosts import Hosts, made_for
from sparkbed.run.recovery import clear_up
from sparkbed.store import Store
from tests.provision.test_ec2_local import end_endpoint, quiet

HOSTS = (
    "all:\n  children:\n    master: {hosts: {master-1: }}\n    workers: {hosts: {'worker-[1:2]': }}\n"
    "  vars: {provision: {provider: ec2, endpoint: local, node: process, volume_gb: SIZE}}\n"
)
NAMES = ["master-1", "worker-1", "worker-2"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    folder = Home(tmp_path / "state")
    yield folder
    end_endpoint(folder)


def asked(folder: Path) -> dict[str, Inventory]:
    found = {}
    for name, size in (("plain", "8"), ("large", "16")):
        (folder / f"{name}.yml").write_text(HOSTS.replace("SIZE", size))
        found[name] = inventories.load(folder / f"{name}.yml")
    return found


def cells(names: list[str]) -> list[Cell]:
    return [Cell(name, {}, HostsSpec(name, {"workers": 1}), "standalone", {}, "sleep", {}) for name in names]


def test_inventories_that_name_their_hosts_alike_have_hosts_of_their_own(home: Home, tmp_path: Path) -> None:
    with Hosts(home, "c-1", cells(["plain", "large"]), asked(tmp_path), quiet) as hosts:
        assert hosts.deployments() == {"plain": "c-1", "large": "c-1.2"}
        rows = local_provider(home).status()
        assert sorted((row.deployment, row.host) for row in rows) == [
            *(("c-1", name) for name in NAMES[:2]),
            *(("c-1.2", name) for name in NAMES[:2]),
        ]
        ports = {name: hosts.view(HostsSpec(name)).variables("worker-1")["ansible_host"] for name in ("plain", "large")}
        assert ports["plain"] != ports["large"]
        names = [f"{inventory}/{host}" for inventory in ("plain", "large") for host in NAMES[:2]]
        assert list(hosts.facts()) == names
        assert list(hosts.timings()) == names
    assert local_provider(home).status() == []


def test_one_inventory_needs_no_name_before_its_hosts(home: Home, tmp_path: Path) -> None:
    with Hosts(home, "c-2", cells(["plain"]), asked(tmp_path), quiet) as hosts:
        assert list(hosts.facts()) == NAMES[:2]


def test_hosts_of_all_inventories_of_an_interrupted_campaign_are_cleared_up(home: Home, tmp_path: Path) -> None:
    hosts = Hosts(home, "c-3", cells(["plain", "large"]), asked(tmp_path), quiet)
    hosts.__enter__()
    hosts.keep = True
    hosts.close()
    assert {row.deployment for row in local_provider(home).status()} == {"c-3", "c-3.2"}
    with Store(home.database) as store:
        store.add_campaign(Campaign("c-3", "s", "running", "2026-01-01T00:00:00+00:00", "f", "r", {}, ()))
        store.set_status("c-3", "interrupted")
        clear_up(home, store, quiet)
    assert local_provider(home).status() == []


@pytest.mark.parametrize(("name", "mine"), [("c-1", True), ("c-1.2", True), ("c-1.2.2", False), ("c-11", False)])
def test_a_deployment_tells_its_campaign(name: str, mine: bool) -> None:
    assert made_for("c-1", name) is mine
