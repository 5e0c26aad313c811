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
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes import containers, images, openssh, private_networks, shared_programs
from sparkbed.provision.nodes.banner import greets
from sparkbed.provision.nodes.base import MARKER, Limits, Node, NodeSpec
from sparkbed.provision.nodes.containers import docker

log = logging.getLogger(__name__)

SERVER_DEADLINE = 60.0
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
        self._lock = threading.Lock()  # a network is not taken away while a container is made for it
        self._probing = threading.Lock()
        self._shared: list[Path] | None = None
        self._asked_for = False

    # -- the network ----------------------------------------------------------------------------------------------

    @property
    def _network(self) -> str:
        return f"sparkbed-{self._home_id}"

    def network(self, current: str | None) -> str:
        self._asked_for = True
        with self._lock:
            return self._made_network([current] if current else [], private_networks.choices(self._home_id))

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
            state = self._state(spec.marker)
            if state not in ("running", "exited"):  # one that was never started may lack its keys
                containers.end_node(spec.marker)
                self._create(spec, container)
                docker("cp", "-", f"{container}:/", data=_handed_over(spec))
            if state != "running":
                docker("start", container)
            spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._await_server(spec, container)
            mounted = docker("inspect", "--format", "{{len .Mounts}}", container).strip() != "0"
        except HostError:
            if containers.reachable():
                self._end(spec.marker, spec.folder)
            raise
        return Node(spec.instance_id, spec.address, spec.port, "root", spec.folder, spec.marker, shares=mounted)

    def _await_server(self, spec: NodeSpec, container: str) -> None:
        deadline = time.monotonic() + SERVER_DEADLINE
        while not greets(spec.address, spec.port):
            ended = self._state(spec.marker) != "running"
            if ended or time.monotonic() > deadline:
                why = docker("logs", "--tail", "3", container, errors=True).strip() or "it says nothing"
                what = "ended as it started" if ended else f"did not answer within {SERVER_DEADLINE:.0f} s"
                raise HostError(f"the SSH server of {spec.instance_id} ({spec.address}) {what}: {why}")
            time.sleep(0.1)

    def _state(self, marker: str) -> str:
        """What Docker says of the node's container: created, running, exited, ...; empty when there is none."""
        label = f"label={containers.NODE}={marker}"
        return docker("ps", "--all", "--filter", label, "--format", "{{.State}}").strip()

    def _create(self, spec: NodeSpec, container: str) -> None:
        image = images.ensure(log.info)
        shared = self._what_is_shared(image)
        network = str(ipaddress.ip_network(f"{spec.address}/24", strict=False))
        with self._lock:
            if self._made_network([network], iter(())) != network:
                raise HostError(f"the network of container nodes is no longer {network}")
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

    def _what_is_shared(self, image: str) -> list[Path]:
        """The folders of this machine that a container gets: those of its programs, if they run there."""
        with self._probing:
            if self._shared is None:
                wanted = shared_programs.folders()
                self._shared = wanted if wanted and self._run_there(image, wanted) else []
            return self._shared

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
        with self._lock:
            containers.free_network(self._home_id)
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        # The nodes serve themselves. A network whose launch was refused has none.
        if self._asked_for and containers.reachable():
            with self._lock:
                containers.free_network(self._home_id)


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
