"""Clusters that do not go away at once are not forgotten: by the campaign, by the one after it, and by teardown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_site import Site

from sparkbed import platforms
from sparkbed.errors import HostError
from sparkbed.home import Home
from sparkbed.inventory import Inventory
from sparkbed.model import Campaign, Cell, HostsSpec
from sparkbed.platforms import ClusterSpec
from sparkbed.playbook import Runner
from sparkbed.remote import Connections
from sparkbed.run.clusters import Clusters
from sparkbed.run.recovery import CLUSTERS, clear_up, end_clusters
from sparkbed.store import Store

pytestmark = pytest.mark.full

CELL = Cell("c1", {}, HostsSpec("static"), "standalone", {}, "exchange", {})
"""Its cluster is without daemons, and up in no time."""


class SiteHosts:
    """The site as a campaign's hosts, which can be away."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.away = False
        self.opened: list[Connections] = []

    def view(self, spec: HostsSpec) -> Inventory:  # all of them
        return unreachable(self.site.inventory) if self.away else self.site.inventory

    def runner(self, spec: HostsSpec) -> Runner:
        inventory = self.view(spec)
        self.opened.append(Connections(inventory.variables))
        return Runner(inventory, self.opened[-1])

    def deployments(self) -> dict[str, str]:
        return {"static": "dead"}

    def close(self) -> None:
        for connections in self.opened:
            connections.close()


def unreachable(inventory: Inventory) -> Inventory:
    for host in inventory.hosts:
        inventory = inventory.with_host_variables(host, {"ansible_port": 9})
    return inventory


@pytest.fixture
def hosts(site: Site) -> Iterator[SiteHosts]:
    made = SiteHosts(site)
    yield made
    made.close()


class Told:
    def __init__(self) -> None:
        self.recorded: list[dict[str, Any]] = []
        self.said: list[str] = []

    def record(self, clusters: list[dict[str, Any]]) -> None:
        self.recorded = clusters


def folders(site: Site) -> list[Path]:
    return sorted(path for folder in site.folders.values() for path in folder.glob("cluster-*"))


def test_a_cluster_that_does_not_go_away_ends_no_campaign_and_is_tried_again(site: Site, hosts: SiteHosts) -> None:
    told = Told()
    started: list[str] = []
    clusters = Clusters(
        hosts,  # type: ignore[arg-type]
        "dead",
        "per-trial",
        started=lambda cluster, _: started.append(cluster.folder),
        record=told.record,
        say=told.said.append,
    )
    clusters.use(CELL, 1)
    assert len(folders(site)) == 3
    hosts.away = True
    clusters.trial_done(CELL)
    assert "did not go away" in told.said[0]
    with pytest.raises(HostError, match="did not go away"):  # and not a trial on what may be broken
        clusters.use(CELL, 2)
    clusters.replace(CELL)
    assert len(told.recorded) == 1
    hosts.away = False
    clusters.use(CELL, 3)
    assert len(started) == 2
    hosts.away = True
    clusters.close()
    assert "./inv teardown" in told.said[-1]
    assert [one["name"] for one in told.recorded] == [folders(site)[0].name.removeprefix("cluster-")]
    hosts.away = False
    clusters.close()
    assert (told.recorded, folders(site)) == ([], [])


def test_what_a_failed_start_left_is_not_forgotten(site: Site, hosts: SiteHosts) -> None:
    told = Told()

    def fails(*_: Any) -> None:
        hosts.away = True
        raise HostError("the host went away just when the cluster was up")

    clusters = Clusters(hosts, "dead", "shared", started=fails, record=told.record, say=told.said.append)  # type: ignore[arg-type]
    with pytest.raises(HostError, match="just when"):
        clusters.use(CELL, 1)
    assert len(told.recorded) == 1
    hosts.away = False
    clusters.close()
    assert (told.recorded, folders(site)) == ([], [])


@pytest.fixture
def home(site: Site, tmp_path: Path) -> Home:
    """A state folder that knows the site as the deployment `dead`."""
    made = Home(tmp_path / "state")
    shutil.copy(site.inventory.path, made.inventories / "dead.yml")
    return made


def started(hosts: SiteHosts, name: str) -> str:
    spec = ClusterSpec(name, {}, hosts.site.inventory, 2, daemons=False)
    platforms.get("standalone").start(spec, hosts.runner(CELL.hosts))
    return name


def campaign(store: Store, status: str, name: str, **other: Any) -> Campaign:
    entry = {"name": name, "platform": "standalone", "inventory": "mine", "deployment": "dead", "kept": False, **other}
    made = Campaign(name, "s", status, "2026-01-01T00:00:00+00:00", "f", "g", {}, (), None, {CLUSTERS: [entry]})
    store.add_campaign(made)
    return made


def recorded(store: Store, name: str) -> list[str]:
    return [one["name"] for one in store.campaign(name).facts[CLUSTERS]]


def test_clusters_of_dead_campaigns_end_on_hosts_that_stay(site: Site, hosts: SiteHosts, home: Home) -> None:
    said: list[str] = []
    with Store(home.database) as store:
        for name, status, other in (
            ("killed", "interrupted", {}),
            ("kept", "complete", {"kept": True}),
            ("living", "running", {}),
        ):
            campaign(store, status, started(hosts, name), **other)
        clear_up(home, store, said.append)
        assert sorted({path.name for path in folders(site)}) == ["cluster-kept", "cluster-living"]
        assert said == ["clearing up after killed: cluster killed"]
        assert (recorded(store, "killed"), recorded(store, "kept")) == ([], ["kept"])
        assert store.campaign("killed").status == "interrupted"
        clear_up(home, store, said.append)
        assert len(said) == 1

        assert end_clusters(home, store, ["another"], said.append) == 0
        assert end_clusters(home, store, ["mine"], said.append) == 1
        assert {path.name for path in folders(site)} == {"cluster-living"}
        assert recorded(store, "kept") == []
        assert recorded(store, "living") == ["living"]
        platforms.get("standalone").stop(ClusterSpec("living", {}, site.inventory, 2), hosts.runner(CELL.hosts))


def test_hosts_that_are_away_are_told_and_tried_again_until_teardown(site: Site, home: Home) -> None:
    text = site.inventory.path.read_text().replace("ansible_port: 2222", "ansible_port: 9")
    (home.inventories / "dead.yml").write_text(text)
    said: list[str] = []
    with Store(home.database) as store:
        campaign(store, "interrupted", "killed")
        clear_up(home, store, said.append)
        assert "can't be reached" in said[1]
        assert "./inv teardown" in said[1]
        assert recorded(store, "killed") == ["killed"]
        assert end_clusters(home, store, None, said.append) == 0
        assert recorded(store, "killed") == []
        # Where its hosts were ended there is nothing to reach.
        campaign(store, "interrupted", "older", deployment="ended")
        clear_up(home, store, said.append)
        assert recorded(store, "older") == []
