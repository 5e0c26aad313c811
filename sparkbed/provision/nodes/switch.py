"""The network of nodes that have addresses of their own on this machine: one switch for each state folder.

The switch is a bridge in a network namespace of its own, so that no firewall of this machine, nor what a Docker engine
says of forwarded packets, stands between two nodes. This machine has an interface on it, at address .1; nothing else
does: nodes reach this machine and each other, and no further network.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes import marked, namespaces, private_networks
from sparkbed.provision.nodes.iproute import ip

BRIDGE = "switch"
OUTLET = "machine"
"""The bridge's port that leads to this machine's own interface."""
INTERFACES = Path("/sys/class/net")


class Switch:
    """The switch of a state folder, made when a node wants it and gone with the last one."""

    def __init__(self, home_id: str) -> None:
        self._home_id = home_id
        self.namespace = namespaces.of_switch(home_id)
        self._interface = interface(home_id)
        self._lock = threading.Lock()
        self._cidr: str | None = None
        self._attaching = 0

    def network(self, current: str | None) -> str:
        """The addresses on it (CIDR); `current` are those that it had, which nodes may have.

        Raises:
            HostError: when it can't be made, or no addresses are free.
        """
        with self._lock:
            return self._made([current] if current else [], private_networks.choices(f"{self._home_id}:switch"))

    @contextmanager
    def attaching(self, address: str) -> Iterator[str]:
        """The switch's gateway while a node with this address is attached to it; it does not go away meanwhile.

        Raises:
            HostError: when the switch has other addresses.
        """
        network = str(ipaddress.ip_network(f"{address}/24", strict=False))
        with self._lock:
            if self._made([network], ()) != network:
                raise HostError(f"the network of nodes is no longer {network}")
            self._attaching += 1
        try:
            yield str(ipaddress.ip_network(network)[1])
        finally:
            with self._lock:
                self._attaching -= 1

    def free(self) -> None:
        """Takes the switch away unless a node is attached, or about to be."""
        with self._lock:
            if not self._attaching and namespaces.exists(self.namespace) and not self._ports():
                self._cidr = None
                remove(self._home_id)

    def _ports(self) -> list[str]:
        found = ip("-n", self.namespace, "-br", "link", "show", "master", BRIDGE).splitlines()
        return [line for line in found if line.partition("@")[0] != OUTLET]

    def _made(self, first: list[str], others: Iterable[str]) -> str:
        if self._cidr and (INTERFACES / self._interface).exists():
            return self._cidr
        self._cidr = self._found() or self._make([*first, *others])
        return self._cidr

    def _found(self) -> str | None:
        """The network of the switch that is there; what is there in part is taken away."""
        if namespaces.exists(self.namespace):
            with contextlib.suppress(HostError):
                words = ip("-4", "-br", "address", "show", "dev", self._interface).split()
                return str(ipaddress.ip_network(words[2], strict=False))
            remove(self._home_id)
        return None

    def _make(self, choices: list[str]) -> str:
        cidr = next((one for one in choices if not private_networks.routed(one)), None)
        if cidr is None:
            raise HostError(
                f"no network is free for nodes: this machine has all of {', '.join(choices[:4])} ...",
                hint="`ip route` shows what this machine has.",
            )
        name, here = self.namespace, self._interface
        try:
            ip(
                lines=(
                    f"netns add {name}",
                    f"link add {here} type veth peer name {OUTLET} netns {name}",
                    f"address add {ipaddress.ip_network(cidr)[1]}/24 dev {here}",
                    f"link set {here} up",
                )
            )
            ip(
                *("-n", name),
                lines=(
                    f"link add {BRIDGE} type bridge",
                    f"link set {BRIDGE} up",
                    f"link set {OUTLET} master {BRIDGE} up",
                ),
            )
        except HostError:
            remove(self._home_id)
            raise
        return cidr


def hardware_address(address: str) -> str:
    """The MAC address of the node that has this address: the same again for a later node, so that nobody asks in vain
    the one that is gone."""
    return "02:53:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def interface(home_id: str) -> str:
    """The name of this machine's interface on a state folder's switch: as long as the kernel lets it be."""
    return f"spk{home_id}"


def remove(home_id: str) -> None:
    """Takes the switch away, with all that is attached to it."""
    if (INTERFACES / interface(home_id)).exists():
        _quietly(lambda: ip("link", "delete", interface(home_id)))
    namespaces.remove(namespaces.of_switch(home_id))


def end_strays(home_id: str, nodes: Iterable[str]) -> list[str]:
    """Ends what is left of a state folder's nodes on its switch other than `nodes` (markers); the markers of those.

    Machines of QEMU's are found by their processes, who ever has them; the others are root's.

    Raises:
        HostError: when one can't be ended.
    """
    root = os.geteuid() == 0
    machines = marked.markers(home_id, "qemu-system")
    strays = sorted((machines | (namespaces.markers(home_id) if root else set())) - set(nodes))
    for marker in strays:
        namespaces.end(marker)
    if root:
        Switch(home_id).free()
    return strays


def _quietly(work: Callable[[], object]) -> None:
    with contextlib.suppress(HostError):  # it went with the other end, or somebody else removed it
        work()
