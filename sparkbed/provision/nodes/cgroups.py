"""Limits of CPU and memory for the processes of a node: control groups of our naming, in version 1 and 2.

Version 1 has a hierarchy for each controller, version 2 one for all; where both are mounted, a controller is in one of
them. Groups lie directly below the hierarchies' roots and are found again by name.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes.base import Limits

MOUNTS = Path("/proc/self/mountinfo")
PERIOD = 100_000
"""Microseconds over which the kernel counts CPU time against the limit."""
CONTROLLERS = ("cpu", "memory")


def make(name: str, limits: Limits) -> list[Path]:
    """The groups that hold a node to `limits`; whoever writes its pid to their `cgroup.procs` is in.

    Raises:
        HostError: when this machine can't do it, with the reason.
    """
    groups = []
    for controller, wanted in (("cpu", limits.cpus), ("memory", limits.memory)):
        if wanted is not None:
            group = _group(controller, name)
            if group not in groups:
                groups.append(group)
            for file, text in _values(controller, wanted, _is_second(group)):
                _write(group / file, text)
    return groups


def remove(name: str, deadline: float = 10.0) -> None:
    """Removes the groups of that name, whose processes have ended, with the groups that these made inside.

    Raises:
        HostError: when one can't be removed, because a process is left in it.
    """
    end = time.monotonic() + deadline
    for root in set(_hierarchies().values()):
        group = root / name
        while group.is_dir():
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()  # the kernel's files in it are no hindrance
            if group.is_dir():
                if time.monotonic() > end:
                    raise HostError(f"the control group {group} can't be removed", hint="Its cgroup.procs says why.")
                time.sleep(0.02)


def names(prefix: str) -> set[str]:
    """The names of the groups that begin so."""
    return {group.name for root in set(_hierarchies().values()) for group in root.glob(f"{prefix}*")}


def _values(controller: str, wanted: float, second: bool) -> list[tuple[str, str]]:
    """What is written where, in a group of version 2 or 1."""
    if controller == "memory":
        return [("memory.max" if second else "memory.limit_in_bytes", str(int(wanted)))]
    quota = str(max(1000, round(wanted * PERIOD)))  # the kernel takes no less than a millisecond
    if second:
        return [("cpu.max", f"{quota} {PERIOD}")]
    return [("cpu.cfs_period_us", str(PERIOD)), ("cpu.cfs_quota_us", quota)]


def _group(controller: str, name: str) -> Path:
    root = _hierarchies().get(controller)
    if root is None:
        raise HostError(
            f"this machine has no control groups for {controller}, so a node can't be limited",
            hint=f"Take {'cpus' if controller == 'cpu' else controller} out of `provision`.",
        )
    if _is_second(root):
        _write(root / "cgroup.subtree_control", f"+{controller}")
    try:
        (root / name).mkdir(exist_ok=True)
    except OSError as error:
        raise HostError(f"no control group can be made in {root}: {error.strerror}") from error
    return root / name


def _is_second(folder: Path) -> bool:
    return (folder / "cgroup.controllers").exists()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise HostError(f"the limit of a node can't be set: {path}: {error.strerror}") from error


def _hierarchies() -> dict[str, Path]:
    """Where each controller that we use is mounted."""
    found: dict[str, Path] = {}
    for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        where = Path(left.split()[4])
        if kind == "cgroup2":
            with contextlib.suppress(OSError):
                known = (where / "cgroup.controllers").read_text(encoding="ascii").split()
                found.update({name: where for name in CONTROLLERS if name in known and name not in found})
        elif kind == "cgroup":
            found.update({name: where for name in CONTROLLERS if name in options.split(",")})
    return found
