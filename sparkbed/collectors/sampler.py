"""Reads the counters of /proc at a steady pace. Stands alone: `python3 -S -E sampler.py [--interval 0.5] [--out FILE]`.

It runs on the hosts, so it needs nothing but Python 3.6 and later. One JSON object a line: `t` (Unix seconds), `m`
(monotonic seconds), and counters since boot as /proc has them (proc(5)): `cpu` (ticks: user, nice, system, idle,
iowait, irq, softirq, steal), `memory` (bytes: total, available), `disk` (bytes read, bytes written, all whole devices),
`net` (by interface: bytes and packets received, bytes and packets sent), `kinds` (of interfaces that the kernel says
more of than their names: see `kind`), `tcp` (segments sent again), `load` (1 min).
What a system doesn't have is left out.

It ends at SIGTERM, when its standard input closes if that is a pipe, and when its parent is gone. Without --out, lines
are kept in memory and written to standard output at the end: nothing crosses the network while a trial is measured.
"""

# ruff: noqa: PTH110, PTH123, PTH208, UP031  # pathlib would double the start-up time; Python 3.6 knows all of this

import argparse
import json
import os
import select
import signal
import socket
import stat
import sys
import time

TYPE_CHECKING = False  # as in `typing`, which is slow to load
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SECTOR = 512  # bytes; /proc/diskstats counts in these whatever the device's own are


class Ended(Exception):
    """Nobody wants more samples."""


def read(path: str) -> "str | None":
    """The file's text, or None where the system has no such file."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def cpu() -> "list[int] | None":
    text = read("/proc/stat")
    return [int(ticks) for ticks in text.split("\n", 1)[0].split()[1:9]] if text else None


def memory() -> "list[int | None] | None":
    text = read("/proc/meminfo")
    if text is None:
        return None
    values = {}
    for line in text.splitlines()[:5]:
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) * 1024
    return [values.get("MemTotal"), values.get("MemAvailable")]


def whole_devices() -> "set[str]":
    """Disks that are pieces of hardware, or pretend to be: not partitions, loops, or what is stacked on other disks."""
    try:
        return {name for name in os.listdir("/sys/block") if os.path.exists("/sys/block/%s/device" % name)}
    except OSError:
        return set()


def disk(devices: "set[str]") -> "list[int] | None":
    text = read("/proc/diskstats")
    if text is None or not devices:
        return None
    read_sectors = written_sectors = 0
    for line in text.splitlines():
        fields = line.split()
        if fields[2] in devices:
            read_sectors += int(fields[5])
            written_sectors += int(fields[9])
    return [read_sectors * SECTOR, written_sectors * SECTOR]


def net() -> "dict[str, list[int]] | None":
    text = read("/proc/net/dev")
    if text is None:
        return None
    interfaces = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.rpartition(":")
        fields = rest.split()
        interfaces[name.strip()] = [int(fields[0]), int(fields[1]), int(fields[8]), int(fields[9])]
    return interfaces


VIRTUAL = ("bond", "vlan", "vxlan", "geneve", "wireguard", "macvlan", "macvtap", "ipvlan")  # DEVTYPE in a uevent


def kind(name: str, root: str = "/sys/class/net") -> "str | None":
    """What the kernel says of an interface: bridge; card (there is a device behind it); veth (what it sends, another
    interface sends again); None where only the name tells, as of a container's own end of its pair."""
    folder = "%s/%s" % (root, name)
    try:
        entries = os.listdir(folder)
    except OSError:
        return None
    if "bridge" in entries:
        return "bridge"
    uevent = (read(folder + "/uevent") or "").splitlines()
    if any(entry.startswith("lower_") for entry in entries) or any("DEVTYPE=" + one in uevent for one in VIRTUAL):
        return "veth"
    if "device" in entries:
        return "card"
    return "veth" if "master" in entries else None  # an end that is plugged into a bridge


def is_here(name: str, root: str = "/sys/class/net") -> bool:
    """Whether /sys shows the interface of this network namespace: it may have been mounted in another one."""
    try:
        return socket.if_nametoindex(name) == int(read("%s/%s/ifindex" % (root, name)) or 0)
    except OSError:
        return False


def kinds(names: "list[str]", known: "dict[str, str | None]") -> "dict[str, str | None]":
    """The kinds of all of these; those known already are not asked for again."""
    return {name: known[name] if name in known else kind(name) if is_here(name) else None for name in names}


def tcp() -> "int | None":
    lines = [line.split() for line in (read("/proc/net/snmp") or "").splitlines() if line.startswith("Tcp:")]
    if len(lines) != 2:
        return None
    return int(lines[1][lines[0].index("RetransSegs")])


def load() -> "float | None":
    text = read("/proc/loadavg")
    return float(text.split()[0]) if text else None


def sample(devices: "set[str]", known: "dict[str, str | None]") -> str:
    """One look; `known` are the kinds of the interfaces of the look before, and become those of this one."""
    interfaces = net()
    found = kinds(list(interfaces or ()), known)
    known.clear()
    known.update(found)
    values = {
        "t": time.time(),
        "m": time.monotonic(),
        "cpu": cpu(),
        "memory": memory(),
        "disk": disk(devices),
        "net": interfaces,
        "kinds": {name: one for name, one in found.items() if one} or None,
        "tcp": tcp(),
        "load": load(),
    }
    return json.dumps({name: value for name, value in values.items() if value is not None})


def inputs() -> "list[int]":
    """Standard input, if somebody holds its other end: /dev/null and files are at their end from the start."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return []
    return [0] if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else []


def wait(seconds: float, watched: "list[int]", parent: int) -> None:
    """Sleep, unless nobody wants more. What is written to standard input is of no interest."""
    deadline = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select(watched, [], [], max(0.0, deadline - time.monotonic()))
        if os.getppid() != parent:
            raise Ended
        if not ready:
            return
        if not os.read(0, 4096):
            raise Ended


def watch(interval: float, emit: "Callable[[str], Any]") -> None:
    """Emit a sample every `interval` seconds, and a last one at the end unless the one before was just taken."""
    devices, watched, parent = whole_devices(), inputs(), os.getppid()
    known = {}  # type: dict[str, str | None]
    start = time.monotonic()
    count = 0
    last = start
    try:
        while True:
            emit(sample(devices, known))
            last = time.monotonic()
            # The next beat that has not passed: a machine that was too busy leaves a gap, not a burst.
            count = max(count + 1, int((last - start) / interval) + 1)
            wait(start + count * interval - last, watched, parent)
    except Ended:
        # CPU time comes in ticks of 10 ms: a share over less than some of them is mostly rounding.
        if count == 1 or time.monotonic() - last >= interval / 2:
            emit(sample(devices, known))


def end(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: a second one would cut the last lines off
    raise Ended


def main() -> None:
    parser = argparse.ArgumentParser(description="Samples of /proc, one JSON object a line.")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between samples (0.5)")
    parser.add_argument("--out", help="write lines to this file as they come, not to standard output at the end")
    arguments = parser.parse_args()
    if not arguments.interval > 0:
        parser.error("--interval must be more than 0")
    signal.signal(signal.SIGTERM, end)
    if arguments.out:
        with open(arguments.out, "w", buffering=1) as file:
            watch(arguments.interval, lambda line: file.write(line + "\n"))
    else:
        lines = []  # type: list[str]
        watch(arguments.interval, lines.append)
        sys.stdout.write("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
