"""The contract of a provider: how the hosts of an inventory come to be, and go away."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sparkbed.errors import UsageError
from sparkbed.inventory import Inventory

if TYPE_CHECKING:  # what looks up hosts that are there, as every play does, needs no record of new ones
    from sparkbed.model import Deployment

Say = Callable[[str], None]
"""Where progress goes: one line a call, for people."""


@dataclass(frozen=True)
class HostStatus:
    """One host that is up, or on its way up or down. `since` is ISO 8601 in UTC, `by` who asked for it."""

    deployment: str
    host: str
    instance_id: str | None
    address: str
    state: str  # pending | running | shutting-down | stopping | stopped
    kind: str
    since: str
    by: str


class Provider(Protocol):
    """Makes hosts, or knows them. Runs on the controller; one call at a time for one deployment."""

    def provision(self, inventory: Inventory, deployment: str, say: Say = print, by: str | None = None) -> Deployment:
        """The inventory's hosts, each up and answering SSH with the host key that we know.

        Idempotent: what the deployment has is adopted, only what is missing is made. When it fails, nothing that this
        call made is left. `by` says who asks (a campaign's id; by default user and machine).

        Raises:
            ProvisionError: when hosts could not be made or reached.
        """

    def dry_run(self, inventory: Inventory, deployment: str, say: Say = print) -> None:
        """Says every call that `provision` would make now, and makes none that changes anything.

        Raises:
            ProvisionError: as `provision` would before its first change, or when the endpoint would refuse a call.
        """

    def teardown(self, deployment: str, say: Say = print) -> list[str]:
        """Ends the deployment's hosts and what was made for them; the names of those ended. Needs no local state."""

    def status(self) -> list[HostStatus]:
        """Every host of this state folder that is not gone."""


def check_name(deployment: str) -> None:
    """Refuses a name that would not do as a file name and a tag.

    Raises:
        UsageError: when it does not.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", deployment):
        raise UsageError(
            f"{deployment!r} can't name a deployment",
            hint="Use up to 63 letters, digits, dots, dashes and underscores, with a letter or digit first.",
        )
