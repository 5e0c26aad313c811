"""Clearing up after campaigns whose process was killed: their hosts end before anything new is measured."""

from __future__ import annotations

from collections.abc import Callable

from sparkbed.home import Home
from sparkbed.provision import local_provider
from sparkbed.store import Store


def clear_up(home: Home, store: Store, say: Callable[[str], None]) -> None:
    """End the hosts that dead campaigns made, with all that runs on them.

    A deployment that a campaign made carries the campaign's id as its name, so the tags of what is alive say it all.
    """
    provider = local_provider(home)
    alive = {row.deployment for row in provider.status()}
    for campaign in store.campaigns():
        # One that ended by itself and was asked to keep its hosts is not for us to clear up.
        if campaign.id in alive and campaign.status == "interrupted":
            say(f"clearing up after {campaign.id}, which was interrupted")
            provider.teardown(campaign.id)
