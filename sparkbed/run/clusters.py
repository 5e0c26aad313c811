"""A campaign's clusters: started when a cell first needs them, ended as the suite's `cluster:` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sparkbed import platforms
from sparkbed.model import Cell
from sparkbed.platforms.base import Cluster, ClusterSpec
from sparkbed.run.hosts import Hosts
from sparkbed.suite import cluster_daemons, cluster_key, cluster_settings

Started = Callable[[Cluster, Mapping[str, str]], None]


@dataclass
class _Up:
    cell: Cell
    block: int
    cluster: Cluster


class Clusters:
    """Hands out the cluster that a cell runs on.

    lifetime:
        per-trial: every trial has a cluster of its own.
        per-block: cells that share a cluster share it within a block; one is up at a time.
        shared:    every cluster is started once, and all stay up side by side until the end.
    """

    def __init__(self, hosts: Hosts, campaign: str, lifetime: str, started: Started) -> None:
        self._hosts, self._campaign, self._lifetime, self._started = hosts, campaign, lifetime, started
        self._up: dict[str, _Up] = {}
        self.keep = False

    def use(self, cell: Cell, block: int) -> Cluster:
        """The running cluster for a trial of `cell` in `block`."""
        key = cluster_key(cell)
        if self._lifetime == "per-block":
            for other in [other for other, up in self._up.items() if other != key or up.block != block]:
                self._stop(other)
        if key not in self._up:
            self._up[key] = _Up(cell, block, self._start(cell))
        return self._up[key].cluster

    def trial_done(self, cell: Cell) -> None:
        """Called after each trial; ends its cluster where clusters live for one trial."""
        if self._lifetime == "per-trial":
            self._stop(cluster_key(cell))

    def replace(self, cell: Cell) -> None:
        """End the cell's cluster, so that the next trial gets a fresh one: after a trial that may have harmed it."""
        self._stop(cluster_key(cell))

    def close(self) -> None:
        """End every cluster that is up, unless `keep` is set."""
        for key in [] if self.keep else list(self._up):
            self._stop(key)

    def _start(self, cell: Cell) -> Cluster:
        platform = platforms.get(cell.platform)
        runner = self._hosts.runner(cell.hosts)
        cluster = platform.start(spec_of(self._campaign, cell, self._hosts), runner)
        self._started(cluster, platform.rendered(cluster, runner))
        return cluster

    def _stop(self, key: str) -> None:
        up = self._up.pop(key, None)
        if up is not None:
            platforms.get(up.cell.platform).stop(up.cluster.spec, self._hosts.runner(up.cell.hosts))


def spec_of(campaign: str, cell: Cell, hosts: Hosts) -> ClusterSpec:
    """What the platform is asked for: the name comes from campaign and content, so that a later process finds it."""
    view = hosts.view(cell.hosts)
    return ClusterSpec(
        name=f"{campaign}-{cluster_key(cell)}",
        settings=cluster_settings(cell),
        inventory=view,
        workers=len(view.hosts_of("workers")),
        daemons=cluster_daemons(cell),
    )


def require(cells: tuple[Cell, ...], hosts: Hosts) -> None:
    """See that every platform can run on its hosts, so that a long campaign does not fail cell by cell.

    Raises:
        PlatformError: naming what is missing and how to install it.
    """
    places = {(cell.platform, tuple(hosts.view(cell.hosts).hosts)): cell for cell in cells}
    for cell in places.values():
        platforms.get(cell.platform).require(hosts.runner(cell.hosts))


def stop_leftovers(campaign: str, cells: tuple[Cell, ...], hosts: Hosts) -> None:
    """End the clusters that a killed run of this campaign may have left on hosts that are not its own."""
    for cell in {cluster_key(cell): cell for cell in cells}.values():
        platforms.get(cell.platform).stop(spec_of(campaign, cell, hosts), hosts.runner(cell.hosts))
