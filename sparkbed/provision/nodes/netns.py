"""Node kind `netns`: address, hostname and processes of its own on this machine's file system, with OpenSSH's server.

A network namespace at the state folder's switch, and namespaces of processes, mounts and names around the server,
which is the first process there: all others end with it. Who logs in is root, whose home is the node's folder there.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes import cgroups, containers, namespaces, openssh
from sparkbed.provision.nodes.banner import greets
from sparkbed.provision.nodes.base import MARKER, Node, NodeSpec
from sparkbed.provision.nodes.iproute import FOLDERS, ip, program, tc
from sparkbed.provision.nodes.switch import BRIDGE, Switch, hardware_address

OWN = ".node"
"""The folder in a node's folder that holds what makes it this node: keys, configuration, log."""
SERVER_DEADLINE = 60.0
POLL = 0.01
LISTENING = "0A"
"""A listening socket's state in /proc/net/tcp."""
BURST, QUEUE = "32kb", "100ms"
"""What a slow link lets through at once (tc counts 1024 bytes), and how long a packet waits before it is lost."""
PROGRAMS = (("ip", "iproute2"), ("nsenter", "util-linux"), ("unshare", "util-linux"), ("sshd", "openssh-server"))
PRIVILEGE_SEPARATION = Path("/run/sshd")
"""The empty folder that Debian's server wants; its own service makes it as it starts."""
INSTEAD = (
    "Nodes of kind process need no root, those of kind container a Docker engine only; `node` in the inventory's "
    "`provision` says which it is."
)

SERVER = f"""\
ListenAddress {{address}}
HostKey {{host_key}}
AuthorizedKeysFile {{authorized_keys}}
PidFile none
{openssh.COMMON}\
Subsystem sftp internal-sftp
SetEnv {{marker}} LANG=C.UTF-8 {{temporary}}
"""

ENTER = """\
for group; do echo 0 > "$group/cgroup.procs"; done
exec "$NSENTER" --net="/run/netns/$NAMESPACE" \
    "$UNSHARE" --uts --mount --pid --fork --kill-child --propagation slave --mount-proc /bin/sh -euc "$INSIDE"
"""
"""What leads to the node: its control groups are this script's arguments."""

INSIDE = """\
unset NSENTER UNSHARE NAMESPACE INSIDE
echo "$NODE_NAME" > /proc/sys/kernel/hostname
mount --all --fstab "$OWN/fstab"
exec "$SSHD" -D -e -f "$OWN/sshd_config"
"""
"""What makes it one, in its namespaces."""


class NetnsNodes:
    """All netns nodes of a state folder."""

    name = "netns"
    port: int | None = 22

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._asked_for = False

    def network(self, current: str | None) -> str:
        check()
        self._asked_for = True
        return self._switch.network(current)

    def start(self, spec: NodeSpec) -> Node:
        name = namespaces.of_node(spec.marker)
        try:
            if not namespaces.processes(name):
                if namespaces.exists(name):  # one that was made in part
                    namespaces.end(spec.marker)
                self._make(spec, name)
            self._await_server(spec, name)
        except (HostError, OSError) as error:
            self._end(spec.marker, spec.instance_id, spec.folder)
            if isinstance(error, HostError):
                raise
            raise HostError(f"node {spec.instance_id} can't be made: {error}") from error
        return Node(spec.instance_id, spec.address, spec.port, "root", spec.folder, spec.marker, shares=True)

    def _make(self, spec: NodeSpec, name: str) -> None:
        own = _written(spec)
        groups = cgroups.make(name, spec.limits)
        with self._switch.attaching(spec.address) as gateway:
            port = namespaces.port_of(spec.marker)
            ip(
                lines=(
                    f"netns add {name}",
                    f"link add {port} netns {self._switch.namespace} type veth "
                    f"peer name eth0 address {hardware_address(spec.address)} netns {name}",
                )
            )
            ip("-n", self._switch.namespace, "link", "set", port, "master", BRIDGE, "up")
            ip(
                *("-n", name),
                lines=(
                    f"address add {spec.address}/24 dev eth0",
                    "link set lo up",
                    "link set eth0 up",
                    f"route add default via {gateway}",
                ),
            )
            if spec.limits.bandwidth is not None:
                for link in (("-n", name, "eth0"), ("-n", self._switch.namespace, port)):  # from the node, and to it
                    _slowed(*link, rate=spec.limits.bandwidth)
        self._serve(spec, name, own, groups)

    def _serve(self, spec: NodeSpec, name: str, own: Path, groups: list[Path]) -> None:
        """Starts the server in the node's namespaces."""
        environment = {
            "PATH": FOLDERS,
            "LANG": "C.UTF-8",
            MARKER: spec.marker,
            "NAMESPACE": name,
            "NODE_NAME": _hostname(spec),
            "OWN": str(own),
            "INSIDE": INSIDE,
            "NSENTER": program("nsenter", "util-linux"),
            "UNSHARE": program("unshare", "util-linux"),
            "SSHD": program("sshd", "openssh-server"),
        }
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        with (own / "log").open("ab") as log:
            server = subprocess.Popen(
                ["/bin/sh", "-euc", ENTER, "node", *(str(group) for group in groups)],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with self._lock:
            self._servers[spec.instance_id] = server

    def _await_server(self, spec: NodeSpec, name: str) -> None:
        """Waits until the server listens, or, if an earlier endpoint started it, still answers.

        A call would cost a process of the server's, and who calls before the link is up waits a second until the kernel
        asks for the address again.
        """
        deadline = time.monotonic() + SERVER_DEADLINE
        server = self._servers.get(spec.instance_id)
        while not (_listens(server.pid, spec.address, spec.port) if server else greets(spec.address, spec.port)):
            ended = not namespaces.processes(name) if server is None else server.poll() is not None
            if ended or time.monotonic() > deadline:
                log = spec.folder / OWN / "log"
                said = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
                why = " ".join(said.splitlines()[-3:]) or "it says nothing"
                what = "ended as it started" if ended else f"did not answer within {SERVER_DEADLINE:.0f} s"
                raise HostError(f"the SSH server of {spec.instance_id} ({spec.address}) {what}: {why}")
            time.sleep(POLL)

    def stop(self, node: Node) -> None:
        self._end(node.marker, node.instance_id, node.folder)

    def _end(self, marker: str, instance_id: str, folder: Path) -> None:
        namespaces.end(marker)
        with self._lock:
            server = self._servers.pop(instance_id, None)
        if server:
            server.wait()
        if containers.reachable():
            containers.end_node(marker)
        self._switch.free()
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        # The nodes serve themselves. A network whose launch was refused has none.
        if self._asked_for:
            self._switch.free()


def _listens(pid: int, address: str, port: int) -> bool:
    """Whether that very address is listened at in the network namespace of a process (proc_pid_net(5)).

    Until the process has entered the node's namespace, it is in this machine's, whose own server has the port too.
    """
    wanted = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X}"
    with contextlib.suppress(OSError):  # it has ended
        for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if (local, state) == (wanted, LISTENING):
                return True
    return False


def check() -> None:
    """Whether there can be such nodes here.

    Raises:
        HostError: when not; it says what is missing, and what to use instead.
    """
    if os.geteuid() != 0:
        raise HostError("nodes of kind netns are made by root only", hint=INSTEAD)
    for name, package in PROGRAMS:
        program(name, package)
    tried = subprocess.run(
        [program("unshare", "util-linux"), "--net", "--mount", "--pid", "--uts", "--fork", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        raise HostError(
            f"this machine lets nobody make network namespaces, which nodes of kind netns are: {tried.stderr.strip()}",
            hint=f"A container's root needs CAP_SYS_ADMIN for it. {INSTEAD}",
        )


def _slowed(*link: str, rate: int) -> None:
    """Lets a link in a network namespace send no more than `rate` bits a second: a token bucket (tc-tbf)."""
    *where, device = link
    limits = ("rate", f"{rate}bit", "burst", BURST, "latency", QUEUE)
    tc(*where, "qdisc", "add", "dev", device, "root", "tbf", *limits)


def _hostname(spec: NodeSpec) -> str:
    return f"ip-{spec.address.replace('.', '-')}"


def _written(spec: NodeSpec) -> Path:
    """The node's folder with what makes it this node; only root reads it."""
    spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = spec.folder / OWN
    for folder in (own, own / "sys", spec.folder / "tmp"):
        folder.mkdir(mode=0o700, exist_ok=True)
    name = _hostname(spec)
    files = {
        "host_key": spec.host_key,
        "authorized_keys": f"{spec.authorized_key}\n",
        "hosts": f"127.0.0.1 localhost\n{spec.address} {name}\n",
        "passwd": _users(spec.folder),
        "sshd_config": SERVER.format(
            address=spec.address,
            host_key=openssh.word(str(own / "host_key")),
            authorized_keys=openssh.path(str(own / "authorized_keys")),
            marker=openssh.word(f"{MARKER}={spec.marker}"),
            temporary=openssh.word(f"TMPDIR={spec.folder / 'tmp'}"),
        ),
    }
    if _locked():
        files["shadow"] = "root:*:::::::\n"  # the server lets nobody in whose account is locked, not by key either
    files["fstab"] = _mounts(own, [name for name in ("hosts", "passwd", "shadow") if name in files])
    for name, text in files.items():
        mode = 0o644 if name in ("hosts", "passwd") else 0o600
        with os.fdopen(os.open(own / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(text.encode())
    return own


def _mounts(own: Path, replaced: list[str]) -> str:
    """What is mounted in the node, as fstab(5): files of its own in /etc, and a /sys of its own.

    /sys shows the devices of the network namespace that mounts it; the control groups in it are this machine's. One
    `mount` for all, because each is a process, and two cores have sixteen nodes to make.
    """
    lines = [
        ("sysfs", str(own / "sys"), "sysfs", "defaults"),
        ("/sys/fs/cgroup", str(own / "sys/fs/cgroup"), "none", "rbind"),
        (str(own / "sys"), "/sys", "none", "rbind"),
        *((str(own / name), f"/etc/{name}", "none", "bind") for name in replaced),
    ]
    return "".join(f"{' '.join(map(_fstab_word, line))} 0 0\n" for line in lines)


def _fstab_word(text: str) -> str:
    """A field of fstab(5), which white space would end: such characters stand there in octal."""
    return "".join(f"\\{ord(one):03o}" if one in " \t\n\\#" else one for one in text)


def _users(folder: Path) -> str:
    """This machine's users as the node knows them: root's home is the node's folder."""
    if ":" in str(folder):
        raise HostError(
            f"{folder} can't be a user's home", hint="Name a state folder without colons with SPARKBED_HOME."
        )
    root = pwd.getpwuid(0)
    ours = ":".join((root.pw_name, "x", "0", str(root.pw_gid), root.pw_gecos, str(folder), root.pw_shell))
    lines = Path("/etc/passwd").read_text(encoding="utf-8", errors="replace").splitlines()
    others = [line for line in lines if line.split(":")[0] != root.pw_name]
    return "".join(f"{line}\n" for line in (ours, *others))


def _locked() -> bool:
    """Whether root's account is locked, as it is where sudo is the way to be root."""
    lines = Path("/etc/shadow").read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.startswith("root:!") for line in lines)
