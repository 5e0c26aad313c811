"""The OSv instances of a cluster: those that answer already, and those that are booted under QEMU for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from sparkbed.errors import DocumentError, PlatformError
from sparkbed.inventory import Inventory
from sparkbed.platforms.base import ClusterSpec

EVERYWHERE = "0.0.0.0"  # noqa: S104  # within a guest that is reached only at the ports that are forwarded to it


@dataclass(frozen=True)
class Instance:
    """One instance, of the host `host` in group workers. `booted` ones are started and ended with their cluster.

    `address` is what drivers and other executors reach its executor at, `bind` what that listens on within the
    instance, `port` that of its blocks (0: any).
    """

    host: str
    api: str
    address: str
    bind: str
    port: int
    booted: bool

    def told(self) -> dict[str, Any]:
        """What a driver is told of it (playbooks/osv/files/OsvInstance.scala)."""
        return {name: value for name, value in asdict(self).items() if name != "booted"}


def instances_of(spec: ClusterSpec, settings: Mapping[str, Any]) -> list[Instance]:
    """The cluster's instances, one for each host of group workers.

    Raises:
        DocumentError: when a host's variables can't be of an instance.
    """
    return [_instance(spec.inventory, host, settings) for host in spec.inventory.hosts_of("workers")]


def _instance(inventory: Inventory, host: str, settings: Mapping[str, Any]) -> Instance:
    variables = inventory.variables(host)
    if "osv_api" not in variables:
        address = str(variables.get("spark_address") or variables.get("ansible_host") or host)
        api = f"http://{address}:{settings['osv_port']}"
        return Instance(host, api, address, EVERYWHERE, settings["osv_block_port"], booted=True)
    api = str(variables["osv_api"]).rstrip("/")
    place = urlsplit(api)
    if place.scheme not in ("http", "https") or not place.hostname or place.path or place.query:
        raise DocumentError(
            f"osv_api of {host} can't be {variables['osv_api']!r}",
            where=inventory.position_of(host, "osv_api"),
            hint="It is where the instance's REST API answers, as in http://10.0.0.7:8000.",
        )
    port = str(variables.get("osv_block_port", 0))
    if not port.isdecimal() or int(port) > 65535:
        raise DocumentError(
            f"osv_block_port of {host} can't be {port!r}",
            where=inventory.position_of(host, "osv_block_port"),
            hint="It is a number up to 65535; without it the executor takes any port.",
        )
    address = str(variables.get("spark_address") or place.hostname)
    bind = str(variables.get("osv_bind_address") or place.hostname)
    return Instance(host, api, address, bind, int(port), booted=False)


def expect_reachable(
    instances: Sequence[Instance], driver: str, driver_address: str, settings: Mapping[str, Any]
) -> None:
    """Refuse what would only be seen when executors never register.

    Raises:
        PlatformError: when a guest can't reach the driver, or an API would listen where nobody asked it to.
    """
    booted = [one for one in instances if one.booted]
    if booted and _loopback(driver_address):
        raise PlatformError(
            f"the guests of {', '.join(one.host for one in booted)} can't reach a driver on {driver_address}",
            hint=f"In a guest that is the guest itself. Give {driver} an address of its own (spark_address), or take"
            " hosts that have one: nodes of kind netns, or other machines.",
        )
    for one in booted:
        if settings["osv_api_listens"] == "loopback" and not _loopback(one.address):
            raise PlatformError(
                f"the REST API of OSv on {one.host} would listen on {one.address}, and it asks for no password",
                hint="Let only the driver's host and this machine reach that port, and say so: osv_api_listens: host.",
            )


def _loopback(address: str) -> bool:
    return address.startswith("127.") or address == "localhost"
