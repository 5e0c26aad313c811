"""Provisioning: how the hosts of an inventory come to be. `base` is the contract, `ec2` and `static` are the ways."""

from __future__ import annotations

from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.inventory import Inventory, specs
from sparkbed.provision.base import HostStatus, Provider

__all__ = ["HostStatus", "Provider", "aws_provider", "local_provider", "provider_for"]


def provider_for(inventory: Inventory, home: Home) -> Provider:
    """The provider that the `provision` variables of the inventory's hosts name; all must name the same.

    Raises:
        DocumentError: for a `provision` variable that is wrong.
        UsageError: when hosts name different providers, endpoints or regions.
    """
    by_way: dict[tuple[str, str, str | None], list[str]] = {}
    for host, spec in specs(inventory).items():
        by_way.setdefault((spec.provider, spec.endpoint, spec.region), []).append(host)
    if len(by_way) > 1:
        ways = "; ".join(
            f"{', '.join(hosts)}: {' '.join(part for part in way if part)}" for way, hosts in by_way.items()
        )
        raise UsageError(
            f"the hosts come from different providers ({ways})",
            where=str(inventory.path),
            hint="Put them into one inventory for each provider, endpoint and region.",
        )
    provider, endpoint, region = next(iter(by_way), ("static", "local", None))
    if provider == "static":
        from sparkbed.provision.static import StaticProvider

        return StaticProvider(home)
    from sparkbed.provision.ec2 import Ec2Provider

    return Ec2Provider(home, endpoint, region)


def local_provider(home: Home) -> Provider:
    """The provider of hosts on the local endpoint, for those who have no inventory at hand (status, teardown)."""
    from sparkbed.provision.ec2 import Ec2Provider

    return Ec2Provider(home, "local", None)


def aws_provider(home: Home, region: str) -> Provider:
    """The provider of hosts in a region of AWS, for teardown without an inventory."""
    from sparkbed.provision.ec2 import Ec2Provider

    return Ec2Provider(home, "aws", region)
