"""A campaign's clusters: started when a cell first needs them, ended as the suite's `cluster:` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sparkbed import platforms
from sparkbed.errors import HostError, PlatformError
from sparkbed.model import Cell
from sparkbed.platforms.base import Cluster, ClusterSpec
from sparkbed.run.hosts import Hosts
from sparkbed.suite import cluster_daemons, cluster_key, cluster_settings

Started = Callable[[Cluster, Mapping[str, str]], None]
Record = Callable[[list[dict[str, Any]]], None]
Say = Callable[[str], None]


@dataclass
class _Up:
    """A cluster that may be there: `cluster` is None until it is ready. A condemned one ends before its next use."""

    cell: Cell
    block: int
    spec: ClusterSpec
    cluster: Cluster | None = None
    condemned: bool = False


class Clusters:
    """Hands out the cluster that a cell runs on.

    A cluster is forgotten when it has ended, and not before: where that fails (its engine or host is away), it is
    tried again before the next use and at the end. `record` is told of all that may be there before any of it is.

    lifetime:
        per-trial: every trial has a cluster of its own.
        per-block: cells that share a cluster share it within a block; one is up at a time.
        shared:    every cluster is started once, and all stay up side by side until the end.
    """

    def __init__(
        self, hosts: Hosts, campaign: str, lifetime: str, *, started: Started, record: Record, say: Say
    ) -> None:
        self._hosts, self._campaign, self._lifetime = hosts, campaign, lifetime
        self._started, self._record, self._say = started, record, say
        self._up: dict[str, _Up] = {}
        self.keep = False

    def use(self, cell: Cell, block: int) -> Cluster:
        """The running cluster for a trial of `cell` in `block`.

        Raises:
            HostError, PlatformError: when it does not come up, or one that has to end first does not go away.
        """
        key = cluster_key(cell)
        for other, there in list(self._up.items()):
            if there.condemned or (self._lifetime == "per-block" and (other != key or there.block != block)):
                self._stop(other)
        up = self._up.get(key)
        return up.cluster if up and up.cluster else self._start(key, cell, block)

    def trial_done(self, cell: Cell) -> None:
        """Called after each trial; ends its cluster where clusters live for one trial."""
        if self._lifetime == "per-trial":
            self.replace(cell)

    def replace(self, cell: Cell) -> None:
        """End the cell's cluster, so that the next trial gets a fresh one: after a trial that may have harmed it.

        One that does not go away now is no reason to end a campaign.
        """
        up = self._up.get(cluster_key(cell))
        if up is None:
            return
        up.condemned = True
        try:
            self._stop(cluster_key(cell))
        except (HostError, PlatformError) as error:
            self._say(f"{error.what}; it is tried again before the next trial")

    def close(self) -> None:
        """End every cluster that is up, unless `keep` is set. One that does not go away costs the others nothing."""
        if self.keep:
            self._tell(kept=True)
            return
        for key in list(self._up):
            try:
                self._stop(key)
            except (HostError, PlatformError) as error:
                self._say(f"{error.what}; the next ./inv run-suite tries again, and so does ./inv teardown")

    def _start(self, key: str, cell: Cell, block: int) -> Cluster:
        platform = platforms.get(cell.platform)
        runner = self._hosts.runner(cell.hosts)
        # Condemned until it is ready: what a failed start could not take back is taken back before the next one.
        up = self._up[key] = _Up(cell, block, spec_of(self._campaign, cell, self._hosts), condemned=True)
        self._tell()
        cluster = platform.start(up.spec, runner)
        self._started(cluster, platform.rendered(cluster, runner))
        up.cluster, up.condemned = cluster, False
        return cluster

    def _stop(self, key: str) -> None:
        up = self._up[key]
        platforms.get(up.cell.platform).stop(up.spec, self._hosts.runner(up.cell.hosts))
        del self._up[key]
        self._tell()

    def _tell(self, kept: bool = False) -> None:
        """Record what may be there, for whoever has to clear up after us (see recovery.py)."""
        deployments = self._hosts.deployments()
        self._record(
            [
                {
                    "name": up.spec.name,
                    "platform": up.cell.platform,
                    "inventory": up.cell.hosts.inventory,
                    "deployment": deployments[up.cell.hosts.inventory],
                    "kept": kept,
                }
                for up in self._up.values()
            ]
        )


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


def require(campaign: str, cells: tuple[Cell, ...], hosts: Hosts) -> None:
    """See that every platform can run on its hosts, so that a long campaign does not fail cell by cell.

    Raises:
        PlatformError: naming what is missing and how to install it.
    """
    places: dict[tuple[str, tuple[str, ...]], list[Cell]] = {}
    for cell in {cluster_key(cell): cell for cell in cells}.values():
        places.setdefault((cell.platform, tuple(hosts.view(cell.hosts).hosts)), []).append(cell)
    for (platform, _), those in places.items():
        specs = [spec_of(campaign, cell, hosts) for cell in those]
        platforms.get(platform).require(specs, hosts.runner(those[0].hosts))


def stop_leftovers(campaign: str, cells: tuple[Cell, ...], hosts: Hosts) -> None:
    """End the clusters that a killed run of this campaign may have left on hosts that are not its own."""
    for cell in {cluster_key(cell): cell for cell in cells}.values():
        platforms.get(cell.platform).stop(spec_of(campaign, cell, hosts), hosts.runner(cell.hosts))
