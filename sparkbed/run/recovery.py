"""Clearing up after campaigns whose process was killed: what they left ends before anything new is measured.

Hosts that a campaign made carry its id in their deployment's name. On hosts that it found there is only what it
recorded of its clusters, before it started them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from sparkbed import inventory as inventories
from sparkbed import platforms
from sparkbed.errors import HostError, PlatformError
from sparkbed.home import Home
from sparkbed.model import Campaign
from sparkbed.platforms import ClusterSpec
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.provision import local_provider
from sparkbed.remote import Connections
from sparkbed.run.hosts import made_for
from sparkbed.store import Store

CLUSTERS = "clusters"
"""The campaign's fact that lists what of its clusters may be there."""

Say = Callable[[str], None]


def clear_up(home: Home, store: Store, say: Say) -> None:
    """End what dead campaigns left: the hosts that they made, and their clusters on hosts that they found.

    What was asked to stay stays.
    """
    provider = local_provider(home)
    alive = {row.deployment for row in provider.status()}
    for campaign in store.campaigns():
        # One that ended by itself and was asked to keep its hosts is not for us to clear up.
        made = sorted(name for name in alive if made_for(campaign.id, name))
        if made and campaign.status == "interrupted":
            say(f"clearing up after {campaign.id}, which was interrupted")
            for name in made:
                provider.teardown(name)
    for campaign in store.campaigns():
        if campaign.status != "running":
            left = [one for one in campaign.facts.get(CLUSTERS, ()) if not one["kept"]]
            _end(home, store, campaign, left, say, for_good=False)


def end_clusters(home: Home, store: Store, deployments: Collection[str] | None, say: Say) -> int:
    """End what campaigns that are over left on these deployments or inventories (None: everywhere), kept or not.

    Returns how many clusters. One that can't be reached is told, and not tried again.
    """
    ended = 0
    for campaign in store.campaigns():
        recorded = campaign.facts.get(CLUSTERS, ()) if campaign.status != "running" else ()
        wanted = [
            one
            for one in recorded
            if deployments is None or {one["deployment"], Path(one["inventory"]).stem} & set(deployments)
        ]
        ended += _end(home, store, campaign, wanted, say, for_good=True)
    return ended


def _end(
    home: Home, store: Store, campaign: Campaign, clusters: Collection[dict[str, Any]], say: Say, *, for_good: bool
) -> int:
    """How many of the campaign's clusters have been ended; they are recorded no more."""
    ended, gone = 0, []
    for one in clusters:
        path = home.inventories / f"{one['deployment']}.yml"
        if not path.exists():  # its hosts were ended, with all that ran on them
            gone.append(one)
            continue
        inventory = inventories.load(path)
        say(f"clearing up after {campaign.id}: cluster {one['name']}")
        spec = ClusterSpec(one["name"], {}, inventory, len(inventory.hosts_of("workers")))
        try:
            with Connections(partial(rendered_connection_variables, inventory)) as connections:
                platforms.get(one["platform"]).stop(spec, Runner(inventory, connections))
        except (HostError, PlatformError) as error:
            # Nodes of the local endpoint that are not there have ended, and nothing runs on them.
            nodes = all("node_kind" in inventory.variables(host) for host in inventories.logins(inventory))
            if isinstance(error, HostError) and nodes:
                gone.append(one)
                continue
            say(
                f"{error}\n  It may be there still. "
                + ("" if for_good else "./inv teardown tries once more, and forgets it.")
            )
            gone += [one] if for_good else []
            continue
        gone.append(one)
        ended += 1
    if gone:
        known = store.campaign(campaign.id).facts.get(CLUSTERS, ())
        left = [one for one in known if one not in gone]
        store.set_status(campaign.id, campaign.status, campaign.finished, {CLUSTERS: left})
    return ended
