"""Reads the counters of a cluster's containers at a steady pace: their network namespaces and their cgroups.

Runs on the hosts behind `lifetime.py`: Python 3.6 and later, nothing else. `--label sparkbed.cluster=NAME` says which
containers; they may come and go. One JSON object a look, and one look more at the end: `m` (monotonic seconds), `t`
(Unix seconds), and `containers`, by name: `namespace` (the same text for containers that share one; empty for the
host's), `net` (not for the host's; by interface: bytes and packets received, bytes and packets sent), `cpu`
(nanoseconds), `memory` (bytes in use), `disk` (bytes read, bytes written). Cgroups of both versions; what a system does
not have is left out.
"""

# ruff: noqa: PTH112, PTH115, PTH123, PTH208, UP031  # as Python 3.6 has it, and quick to start

import argparse
import http.client
import json
import os
import socket
import sys
import time

TYPE_CHECKING = False  # as in `typing`, which is slow to load
if TYPE_CHECKING:
    from typing import Any
    from urllib.parse import quote

    from sparkbed.collectors.lifetime import wanted
else:
    from urllib.parse import quote

Found = "dict[str, tuple[str, int, str, dict[str, str]]]"
"""By a container's id: its name, its first process, its network namespace, and each of its cgroups' folder."""


class Engine:
    """The Docker engine's HTTP API on its own socket: asking the `docker` program would cost 20 times as much."""

    def __init__(self, path: str) -> None:
        self._path = path

    def get(self, path: str) -> "Any":
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.settimeout(10)
            connection.sock.connect(self._path)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None
        finally:
            connection.close()


def socket_path() -> str:
    named = os.environ.get("DOCKER_HOST", "")
    return named[len("unix://") :] if named.startswith("unix://") else "/var/run/docker.sock"


def look(engine: Engine, label: str, known: "dict[str, Any]") -> "dict[str, Any]":
    """The containers of that label that run now; those known already are not asked for again."""
    listed = engine.get("/containers/json?filters=" + quote(json.dumps({"label": [label]})))
    found = {}
    for one in listed or ():
        if one["Id"] in known:
            found[one["Id"]] = known[one["Id"]]
            continue
        state = engine.get("/containers/%s/json" % one["Id"])
        pid = state["State"]["Pid"] if state else 0
        if pid:
            role = (one.get("Labels") or {}).get("sparkbed.role", "driver")
            host = (one.get("Labels") or {}).get("sparkbed.host", one["Id"][:12])
            found[one["Id"]] = (host + "/" + role, pid, namespace(pid, one["Id"], state), cgroups(pid))
    return found


def namespace(pid: int, container: str, state: "dict[str, Any]") -> str:
    """What tells its network namespace from others; empty for the host's own, which the host's collector counts."""
    mode = state.get("HostConfig", {}).get("NetworkMode", "")
    if mode == "host":
        return ""
    try:
        own, its = os.readlink("/proc/self/ns/net"), os.readlink("/proc/%d/ns/net" % pid)
    except OSError:  # another user's process: then the engine's word has to do
        return mode[len("container:") :] if mode.startswith("container:") else container
    return "" if its == own else its


def read(path: str) -> "str | None":
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def cgroups(pid: int, root: str = "") -> "dict[str, str]":
    """The folder of each controller's cgroup; the key `unified` stands for version 2. `root` is before every path."""
    mounts = cgroup_mounts(root)
    found = {}
    for line in (read("%s/proc/%d/cgroup" % (root, pid)) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else ["unified"]:
            if controller in mounts:
                top, folder = mounts[controller]
                # What is mounted may be a part of the tree, as in a container.
                inside = path[len(top) :] if top != "/" and (path + "/").startswith(top + "/") else path
                found[controller] = root + folder + inside.rstrip("/")
    return found


def cgroup_mounts(root: str) -> "dict[str, tuple[str, str]]":
    """By controller: which part of its tree is mounted, and where (proc_pid_mountinfo(5))."""
    found = {}  # type: dict[str, tuple[str, str]]
    for line in (read(root + "/proc/self/mountinfo") or "").splitlines():
        fields, _, rest = line.partition(" - ")
        _, _, _, top, folder = fields.split()[:5]
        kind, _, options = (rest.split() + [""] * 3)[:3]
        if kind == "cgroup2":
            found.setdefault("unified", (top, folder))
        elif kind == "cgroup":
            for controller in ("cpuacct", "memory", "blkio"):
                if controller in options.split(","):
                    found.setdefault(controller, (top, folder))
    return found


def net(pid: int, root: str = "") -> "dict[str, list[int]] | None":
    text = read("%s/proc/%d/net/dev" % (root, pid))
    if text is None:
        return None
    interfaces = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.rpartition(":")
        fields = rest.split()
        interfaces[name.strip()] = [int(fields[0]), int(fields[1]), int(fields[8]), int(fields[9])]
    return interfaces


def number(path: str) -> "int | None":
    text = read(path)
    return int(text) if text and text.strip().isdigit() else None


def keyed(text: "str | None", key: str) -> "int | None":
    for line in (text or "").splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return None


def stacked(device: str, root: str) -> bool:
    """Whether a device (MAJOR:MINOR) only passes on to others, which count the same bytes: LVM, RAID, loop."""
    folder = "%s/sys/dev/block/%s" % (root, device)
    return bool(os.path.isdir(folder + "/slaves") and os.listdir(folder + "/slaves")) or os.path.isdir(folder + "/loop")


def disk(folders: "dict[str, str]", root: str = "") -> "list[int] | None":
    """Bytes read and written. Version 1 does not charge what the kernel writes back later to who wrote it."""
    sums = {"read": 0, "write": 0}
    if "blkio" in folders:
        text = read(folders["blkio"] + "/blkio.throttle.io_service_bytes")
        for line in (text or "").splitlines():
            fields = line.lower().split()
            if len(fields) == 3 and fields[1] in sums and not stacked(fields[0], root):
                sums[fields[1]] += int(fields[2])
    else:
        text = read(folders.get("unified", "") + "/io.stat")
        for line in (text or "").splitlines():
            device, *pairs = line.split() or [""]
            for pair in [] if stacked(device, root) else pairs:
                name, _, value = pair.partition("=")
                if name in ("rbytes", "wbytes"):
                    sums["read" if name == "rbytes" else "write"] += int(value)
    return None if text is None else [sums["read"], sums["write"]]


def counters(pid: int, space: str, folders: "dict[str, str]", root: str = "") -> "dict[str, Any] | None":
    """None when it has ended."""
    interfaces = net(pid, root)
    if not interfaces:
        return None
    unified = folders.get("unified", "")
    if "cpuacct" in folders:
        cpu = number(folders["cpuacct"] + "/cpuacct.usage")
    else:
        micros = keyed(read(unified + "/cpu.stat"), "usage_usec")
        cpu = None if micros is None else micros * 1000
    if "memory" in folders:
        memory = number(folders["memory"] + "/memory.usage_in_bytes")
    else:
        memory = number(unified + "/memory.current")
    values = {"net": interfaces if space else None, "cpu": cpu, "memory": memory, "disk": disk(folders, root)}
    known = {name: value for name, value in values.items() if value is not None}
    return dict(known, namespace=space)


def main() -> None:
    parser = argparse.ArgumentParser(description="Counters of a cluster's containers, one JSON object a line.")
    parser.add_argument("--label", required=True)
    parser.add_argument("--interval", type=float, default=0.5)
    arguments = parser.parse_args()
    engine, parent, known, lines = Engine(socket_path()), os.getppid(), {}, []  # type: Any, int, dict[str, Any], list[str]
    more = True
    while True:
        try:
            known = look(engine, arguments.label, known)
        except (OSError, http.client.HTTPException):
            if more:
                raise
            break  # the engine went away at the very end: what was seen before is not lost for that
        values = {name: counters(pid, space, folders) for name, pid, space, folders in known.values()}
        values = {name: found for name, found in values.items() if found is not None}
        lines.append(json.dumps({"t": time.time(), "m": time.monotonic(), "containers": values}))
        if not more:
            break  # the last look, just now, is what the end of the trial sent
        more = wanted(arguments.interval, parent)
    sys.stdout.write("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
