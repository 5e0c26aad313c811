"""Network namespaces of nodes: their names, what runs in them, and how all of it is ended."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes import cgroups, marked
from sparkbed.provision.nodes.iproute import ip

FOLDER = Path("/run/netns")
"""Where iproute2 keeps the names."""


def of_switch(home_id: str) -> str:
    return f"sparkbed-{home_id}"


def of_node(marker: str) -> str:
    """The name of a node's namespace, and of its control groups; it tells the node and its state folder."""
    instance_id, _, home_id = marker.rpartition("@")
    return f"{of_switch(home_id)}-{instance_id}"


def port_of(marker: str) -> str:
    """The name of a node's port at the switch, where no other node's is called so: 15 characters at most."""
    return f"p{hashlib.sha256(marker.encode()).hexdigest()[:14]}"


def exists(name: str) -> bool:
    return (FOLDER / name).exists()


def markers(home_id: str) -> set[str]:
    """The markers of the nodes of a state folder that have a namespace, or a control group, by its name."""
    prefix = f"{of_switch(home_id)}-"
    found = {path.name for path in FOLDER.glob(f"{prefix}*")} if FOLDER.is_dir() else set()
    return {f"{name.removeprefix(prefix)}@{home_id}" for name in found | cgroups.names(prefix)}


def processes(name: str) -> list[marked.Process]:
    """The processes in the namespace of that name; none if there is no such namespace."""
    try:
        wanted = (FOLDER / name).stat()
    except OSError:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended
                its = (entry / "ns" / "net").stat()
                if (its.st_ino, its.st_dev) != (wanted.st_ino, wanted.st_dev):
                    continue
                started = marked.start_time(int(entry.name))
                if started is not None:
                    found.append(marked.Process(int(entry.name), started))
    return found


def end(marker: str, deadline: float = 30.0) -> None:
    """Ends what runs in a node's namespace or carries its marker, and removes namespace, link and control groups.

    A node that is gone, or never was, is fine.

    Raises:
        HostError: when processes outlive `deadline` seconds (in uninterruptible sleep, say).
    """
    name = of_node(marker)
    end_of_patience = time.monotonic() + deadline
    while remaining := {*processes(name), *marked.carrying(marker)}:
        if time.monotonic() > end_of_patience:
            pids = ", ".join(str(process.pid) for process in sorted(remaining, key=lambda one: one.pid))
            raise HostError(f"processes of node {marker} can't be ended: {pids}", hint="See `ps -o stat,wchan`.")
        for process in remaining:
            if process.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.02)
    switch = of_switch(marker.rpartition("@")[2])
    if exists(switch):
        # Removing the namespace would do it too, but at a moment of the kernel's choice.
        with contextlib.suppress(HostError):  # it has none
            ip("-n", switch, "link", "delete", port_of(marker))
    remove(name)
    cgroups.remove(name)


def remove(name: str) -> None:
    """Takes the name away; the namespace goes with its last process."""
    if exists(name):
        with contextlib.suppress(HostError):  # a name that stands for no namespace any more is only a file
            ip("netns", "delete", name)
        with contextlib.suppress(FileNotFoundError):
            (FOLDER / name).unlink()
