"""The Docker engine of this machine, asked by its command line: what we label, find again by label, and remove.

Only an engine at a Unix socket, the system's own or the one that DOCKER_HOST names (a rootless engine, an engine of a
test's own): what runs elsewhere (DOCKER_HOST=tcp:..., contexts) is not on this machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sparkbed.errors import HostError

SOCKET = "/var/run/docker.sock"
NODE = "sparkbed.node"
"""The label whose value is the marker (`NodeSpec.marker`) of the node that a container or network belongs to."""
HOME = "sparkbed.home"
"""The label of nodes that are containers, and of their network: the state folder (see `tags.home_id`)."""
CLUSTER = "sparkbed.cluster"
"""The label whose value is the name of the cluster that a container or network belongs to."""
COLUMNS = f'{{{{.ID}}}}\t{{{{.Label "{NODE}"}}}}\t{{{{.Label "{CLUSTER}"}}}}'
PATIENCE = 120.0
"""Seconds that one call may take: the engine answers in milliseconds, and in many seconds on a busy disk."""


@dataclass(frozen=True)
class Labelled:
    """A container or a network of ours; `cluster` is empty when it belongs to none."""

    id: str
    marker: str
    cluster: str

    @property
    def home_id(self) -> str:
        """The state folder that its node belongs to (see `tags.home_id`)."""
        return self.marker.rpartition("@")[2]


def socket_path() -> str:
    """Where the engine of this machine listens."""
    kind, _, path = os.environ.get("DOCKER_HOST", "").partition("://")
    return path if kind == "unix" and path else SOCKET


def reachable() -> bool:
    """Whether a Docker engine listens here and lets us ask it. Costs microseconds, also where there is none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        probe.connect(socket_path())
        return shutil.which("docker") is not None
    return False


def docker(*words: str, data: bytes | None = None, errors: bool = False) -> str:
    """What `docker WORDS` prints, with `data` as its input; with `errors`, what it prints as errors too.

    Raises:
        HostError: when there is no engine, or it refuses or fails; the hint says how to get one.
    """
    try:
        answer = subprocess.run(
            ["docker", "--host", f"unix://{socket_path()}", *words],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
    except FileNotFoundError:
        raise HostError("there is no docker command on this machine", hint=NO_ENGINE) from None
    except subprocess.TimeoutExpired:
        raise HostError(
            f"the Docker engine did not answer `docker {words[0]}` within {PATIENCE:.0f} s",
            hint="Its log says why: `journalctl -u docker`.",
        ) from None
    if answer.returncode == 0:
        return answer.stdout.decode("utf-8", "replace")
    said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()
    raise HostError(f"`docker {words[0]}` failed: {said}", hint=None if reachable() else NO_ENGINE)


NO_ENGINE = (
    "`apt-get install docker.io` installs an engine, `systemctl start docker` starts it (`dockerd` where there is "
    "no systemd); who is not root must be in the group docker."
)


def containers(label: str) -> list[Labelled]:
    """The containers with a label (`NAME` or `NAME=VALUE`), those that have ended too."""
    return _found(docker("ps", "--all", "--no-trunc", "--filter", f"label={label}", "--format", COLUMNS))


def networks(label: str) -> list[Labelled]:
    """The networks with a label (`NAME` or `NAME=VALUE`)."""
    return _found(docker("network", "ls", "--no-trunc", "--filter", f"label={label}", "--format", COLUMNS))


def _found(lines: str) -> list[Labelled]:
    return [Labelled(*line.split("\t")) for line in lines.splitlines()]


def end_node(marker: str) -> None:
    """Removes every container of a node, with its unnamed volumes, and the networks of clusters that are then empty.

    Raises:
        HostError: when the engine can't remove them.
    """
    clusters = {one.cluster for one in networks(f"{NODE}={marker}")}
    deadline = time.monotonic() + PATIENCE
    while found := containers(f"{NODE}={marker}"):
        clusters |= {one.cluster for one in found}
        _remove(found, deadline)
    _remove_networks(clusters - {""}, marker.rpartition("@")[2])


def end_strays(home_id: str, nodes: Iterable[str]) -> list[str]:
    """Removes what is left of nodes of a state folder other than `nodes` (markers); the markers of those."""
    ours = {one.marker for one in (*containers(NODE), *networks(NODE)) if one.home_id == home_id}
    strays = sorted(ours - set(nodes))
    for marker in strays:
        end_node(marker)
    free_network(home_id)
    return strays


def free_network(home_id: str) -> None:
    """Removes the network of a state folder's nodes, unless one of them is left."""
    if not containers(f"{HOME}={home_id}"):
        _remove_unused(networks(f"{HOME}={home_id}"))


def _remove(found: list[Labelled], deadline: float) -> None:
    try:
        docker("rm", "--force", "--volumes", *(one.id for one in found))
    except HostError:
        # Somebody else may be removing the same ones; then they are gone at the next look.
        if time.monotonic() > deadline:
            raise
        time.sleep(0.2)


def _remove_networks(clusters: set[str], home_id: str) -> None:
    """Removes the networks of those clusters of a state folder that have no container left."""
    for cluster in clusters:
        label = f"{CLUSTER}={cluster}"
        if not any(one.home_id == home_id for one in containers(label)):
            _remove_unused([one for one in networks(label) if one.home_id == home_id])


def _remove_unused(found: list[Labelled]) -> None:
    for network in found:
        try:
            docker("network", "rm", network.id)
        except HostError:
            # One that is gone meanwhile is fine, and one that strangers use stays theirs.
            if any(one.id == network.id for one in networks(NODE) + networks(HOME)) and not _used(network):
                raise


def _used(network: Labelled) -> bool:
    return bool(docker("network", "inspect", "--format", "{{range .Containers}}x{{end}}", network.id).strip())
