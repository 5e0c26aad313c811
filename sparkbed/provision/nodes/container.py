"""Node kind `container`: a Docker container with OpenSSH's server, on a network of the state folder's own.

Who logs in is root, in a system of the node's own: packages, services and users are its to change.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import logging
import os
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes import containers, images, openssh, private_networks, shared_programs
from sparkbed.provision.nodes.banner import greets
from sparkbed.provision.nodes.base import MARKER, Limits, Node, NodeSpec
from sparkbed.provision.nodes.containers import docker

log = logging.getLogger(__name__)

SERVER_DEADLINE = 60.0
POLL = 0.02
LOOK = 0.5
"""Seconds between two questions whether a container runs whose server does not answer: each is a process."""
TRUSTED = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
"""What this machine's programs need to reach package indexes, and those of a node do too."""

SERVER = f"""\
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
{openssh.COMMON}\
Subsystem sftp internal-sftp
SetEnv {{marker_name}}={{marker}} LANG=C.UTF-8
"""


class ContainerNodes:
    """All container nodes of a state folder."""

    name = "container"
    port: int | None = 22

    def __init__(self, home_id: str) -> None:
        self._home_id = home_id
        self._label = f"{containers.HOME}={home_id}"
        self._lock = threading.Lock()
        self._cidr: str | None = None  # the network's addresses, once it was seen
        self._being_made = 0  # the network is not taken away meanwhile
        self._probing = threading.Lock()
        self._image: str | None = None
        self._shared: list[Path] | None = None
        self._asked_for = False

    # -- the network ----------------------------------------------------------------------------------------------

    @property
    def _network(self) -> str:
        return f"sparkbed-{self._home_id}"

    def network(self, current: str | None) -> str:
        self._asked_for = True
        with self._lock:
            self._cidr = self._made_network([current] if current else [], private_networks.choices(self._home_id))
            return self._cidr

    @contextmanager
    def _attaching(self, address: str) -> Iterator[None]:
        """The network is there while a node with this address is made for it, and does not go away meanwhile.

        Raises:
            HostError: when the network has other addresses.
        """
        wanted = str(ipaddress.ip_network(f"{address}/24", strict=False))
        with self._lock:
            self._cidr = self._cidr or self._made_network([wanted], iter(()))
            if self._cidr != wanted:
                raise HostError(f"the network of container nodes is no longer {wanted}")
            self._being_made += 1
        made = False
        try:
            yield
            made = True
        finally:
            with self._lock:
                self._being_made -= 1
                if not made:  # somebody may have taken it away: the next node looks again
                    self._cidr = None

    def _free_network(self) -> None:
        """Takes the network away, unless a node is left or being made."""
        with self._lock:
            if not self._being_made:
                self._cidr = None
                containers.free_network(self._home_id)

    def _made_network(self, first: list[str], others: Iterator[str]) -> str:
        """The network as it is, else made of the first of these that is free."""
        found = self._subnet()
        if found:
            return found
        refused: HostError | None = None
        for cidr in [*first, *others]:
            if private_networks.routed(cidr):
                continue
            gateway = str(ipaddress.ip_network(cidr)[1])
            try:
                words = ("--driver", "bridge", "--subnet", cidr, "--gateway", gateway, "--label", self._label)
                docker("network", "create", *words, self._network)
                return cidr
            except HostError as error:
                if not containers.reachable() or "overlap" not in error.what:
                    raise
                refused = error
        raise HostError(
            f"no network is free for container nodes{f': {refused.what}' if refused else ''}",
            hint="`docker network ls` and `ip route` show what this machine has.",
        )

    def _subnet(self) -> str | None:
        if not containers.networks(self._label):
            return None
        answer = docker("network", "inspect", "--format", "{{range .IPAM.Config}}{{.Subnet}}{{end}}", self._network)
        return answer.strip()

    # -- nodes ----------------------------------------------------------------------------------------------------

    def start(self, spec: NodeSpec) -> Node:
        container = f"sparkbed-{spec.instance_id}"
        try:
            # A folder that is there says that an endpoint before this one had the node.
            mounted = (self._taken_up if spec.folder.exists() else self._made)(spec, container)
            self._await_server(spec, container)
        except HostError:
            if containers.reachable():
                self._end(spec.marker, spec.folder)
            raise
        return Node(spec.instance_id, spec.address, spec.port, "root", spec.folder, spec.marker, shares=mounted)

    def _made(self, spec: NodeSpec, container: str) -> bool:
        """Makes the container and starts it; whether it has folders of this machine."""
        spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        image, shared = self._prepared()
        try:
            with self._attaching(spec.address):
                self._create(spec, container, image, shared)
                docker("cp", "-", f"{container}:/", data=_handed_over(spec))
                docker("start", container)
        except HostError:
            with self._probing:
                self._image = None  # somebody may have taken it away: the next node looks again
            raise
        return bool(shared)

    def _taken_up(self, spec: NodeSpec, container: str) -> bool:
        """Starts the container if it is there and does not run, makes it anew if it is not; whether it has folders of
        this machine."""
        state = self._state(spec.marker)
        if state not in ("running", "exited"):  # one that was never started may lack its keys
            containers.end_node(spec.marker)
            return self._made(spec, container)
        if state != "running":
            docker("start", container)
        return docker("inspect", "--format", "{{len .Mounts}}", container).strip() != "0"

    def _await_server(self, spec: NodeSpec, container: str) -> None:
        began = looked = time.monotonic()
        while not greets(spec.address, spec.port):
            time.sleep(POLL)
            if time.monotonic() < looked + LOOK:
                continue
            looked = time.monotonic()
            ended = self._state(spec.marker) != "running"
            if ended or looked > began + SERVER_DEADLINE:
                why = docker("logs", "--tail", "3", container, errors=True).strip() or "it says nothing"
                what = "ended as it started" if ended else f"did not answer within {SERVER_DEADLINE:.0f} s"
                raise HostError(f"the SSH server of {spec.instance_id} ({spec.address}) {what}: {why}")

    def _state(self, marker: str) -> str:
        """What Docker says of the node's container: created, running, exited, ...; empty when there is none."""
        label = f"label={containers.NODE}={marker}"
        return docker("ps", "--all", "--filter", label, "--format", "{{.State}}").strip()

    def _create(self, spec: NodeSpec, container: str, image: str, shared: list[Path]) -> None:
        docker(
            "create",
            *("--name", container, "--hostname", f"ip-{spec.address.replace('.', '-')}"),
            *("--network", self._network, "--ip", spec.address),
            *("--label", f"{containers.NODE}={spec.marker}", "--label", self._label),
            *("--init", "--shm-size", str(_half_of_memory())),
            *_mounts(shared),
            *_limited(spec.limits),
            *(image, "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sparkbed_config"),
        )

    def _prepared(self) -> tuple[str, list[Path]]:
        """The image, and the folders of this machine that a container gets: its programs', if they run in it."""
        with self._probing:
            if self._image is None:
                self._image = images.ensure(log.info)
            if self._shared is None:
                wanted = shared_programs.folders()
                self._shared = wanted if wanted and self._run_there(self._image, wanted) else []
            return self._image, self._shared

    def _run_there(self, image: str, folders: list[Path]) -> bool:
        label = f"{containers.NODE}=probe@{self._home_id}"
        try:
            docker(
                "run", "--rm", "--network", "none", "--label", label, *_mounts(folders), image, *shared_programs.probe()
            )
        except HostError as error:
            log.warning("this machine's Spark, Java and Python are not shared with container nodes: %s", error.what)
            return False
        return True

    def stop(self, node: Node) -> None:
        self._end(node.marker, node.folder)

    def _end(self, marker: str, folder: Path) -> None:
        containers.end_node(marker)
        self._free_network()
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        # The nodes serve themselves. A network whose launch was refused has none.
        if self._asked_for and containers.reachable():
            self._free_network()


def _half_of_memory() -> int:
    """Bytes: what a host of its own would let /dev/shm grow to."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _limited(limits: Limits) -> list[str]:
    words = [] if limits.cpus is None else ["--cpus", str(limits.cpus)]
    return words if limits.memory is None else [*words, "--memory", str(limits.memory)]


def _mounts(folders: list[Path]) -> list[str]:
    """The words that let a container have folders of this machine, read only and at their own paths."""
    words = []
    for folder in folders:
        line = io.StringIO()  # the option is a line of CSV
        csv.writer(line, lineterminator="").writerow(
            ["type=bind", f"source={folder}", f"target={folder}", "readonly"],
        )
        words += ["--mount", line.getvalue()]
    return words


def _handed_over(spec: NodeSpec) -> bytes:
    """A tar archive of what makes the container this node; it goes to `docker cp` by a pipe, and is nowhere kept."""
    files = {
        "etc/ssh/sparkbed_config": (SERVER.format(marker_name=MARKER, marker=spec.marker), 0o644),
        "etc/ssh/ssh_host_ed25519_key": (spec.host_key, 0o600),
        "root/.ssh/authorized_keys": (f"{spec.authorized_key}\n", 0o600),
    }
    for name in TRUSTED:
        if Path(name).is_file():
            files[name.lstrip("/")] = (Path(name).read_text(encoding="utf-8"), 0o644)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, mode in (("root/.ssh", 0o700), ("run/sshd", 0o755)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            archive.addfile(folder)
        for name, (text, mode) in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, time.time()
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()
