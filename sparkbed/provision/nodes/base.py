"""The contract of a node kind: a way to make a host with an SSH server at an address of our choice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MARKER = "SPARKBED_NODE"
"""The environment variable that every process of a node carries; its value is `NodeSpec.marker`."""


SHARED_SYSTEM = ("process", "netns")
"""The kinds whose nodes have this machine's files, and so its packages, services and users."""
OWN_HOME = "/root"
"""The folder that is ours on nodes of the other kinds, whose system is their own."""


@dataclass(frozen=True)
class Limits:
    """How much of this machine a node may use: cores (parts too), bytes of memory, and bits a second of its link each
    way; None is as much as it likes."""

    cpus: float | None = None
    memory: int | None = None
    bandwidth: int | None = None


@dataclass(frozen=True)
class NodeSpec:
    """What a node is made from. `host_key` and `authorized_key` are in OpenSSH's text form."""

    instance_id: str
    address: str
    port: int
    folder: Path
    marker: str
    host_key: str
    authorized_key: str
    limits: Limits = Limits()


@dataclass(frozen=True)
class Node:
    """A node that answers SSH: who may log in, and what is needed to find all of it again.

    `shares` says whether Spark, Java and Python of this machine are there too, at their own paths.
    """

    instance_id: str
    address: str
    port: int
    user: str
    folder: Path
    marker: str
    shares: bool = False


class NodeKind(Protocol):
    """Makes and ends nodes. Its methods block, and may be called from several threads at once.

    `port` is where its nodes' SSH servers listen; None stands for the endpoint's own port, as on its own network.
    """

    name: str
    port: int | None

    def network(self, current: str | None) -> str | None:
        """The network (CIDR) that nodes of this kind live in, made if need be; None for the endpoint's own.

        `current` is the one that it was before, which instances may have addresses in.

        Raises:
            HostError: when there can be none, with the reason.
        """

    def start(self, spec: NodeSpec) -> Node:
        """A node that answers SSH with `spec.host_key` at `spec.address` and lets `spec.authorized_key` in.

        Its folder is made if it isn't there; a folder that is there, with processes of the same marker, is taken
        over as it is: so a node comes back after the endpoint died.

        Raises:
            HostError: when it can't be made (address taken, key unreadable); nothing is left then.
        """

    def stop(self, node: Node) -> None:
        """Ends every process of the node and every container that was labelled as its own, and removes its folder.

        A node that is gone, or was never started, is fine.

        Raises:
            HostError: when something of it can't be ended.
        """

    def close(self) -> None:
        """Stops serving without ending what runs on the nodes; `start` with the same spec takes it up again."""
