"""Processes found by the marker in their environment, and ended: also those that left their session long ago."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from sparkbed.provision.nodes.base import MARKER


@dataclass(frozen=True)
class Process:
    """A process, told apart from a later one with the same pid by its start time (clock ticks since boot)."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it is gone or only waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name stands in parentheses and may hold spaces and parentheses of its own.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def carrying(marker: str) -> list[Process]:
    """The processes whose environment holds exactly this marker. Other users' can't be seen, and are not ours."""
    wanted = f"{MARKER}={marker}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            started = start_time(int(entry.name))
            if started is not None:
                found.append(Process(int(entry.name), started))
    return found


def markers(home_id: str, program: str) -> set[str]:
    """The markers of a state folder's nodes that processes of this program (its name's beginning) carry."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_bytes().startswith(program.encode()):
                for word in (entry / "environ").read_bytes().decode("utf-8", "replace").split("\0"):
                    name, _, marker = word.partition("=")
                    if name == MARKER and marker.rpartition("@")[2] == home_id:
                        found.add(marker)
    return found


def end(marker: str, grace: float = 5.0, deadline: float = 30.0) -> list[Process]:
    """Ends the processes with this marker: SIGTERM, and SIGKILL for those still there after `grace` seconds.

    Looks again until none is found, because a process may have forked meanwhile. Returns those that outlived
    `deadline` seconds (in uninterruptible sleep, say).
    """
    begun = time.monotonic()
    asked: set[Process] = set()
    while remaining := carrying(marker):
        late = time.monotonic() - begun
        if late > deadline:
            return remaining
        for process in remaining:
            if late >= grace:
                _send(process, signal.SIGKILL)
            elif process not in asked:
                asked.add(process)
                _send(process, signal.SIGTERM)
        time.sleep(0.05)
    return []


def _send(process: Process, number: signal.Signals) -> None:
    if process.alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def reap(seen_before: set[int]) -> set[int]:
    """Collects adopted children that have ended, and returns those seen for the first time.

    A process that outlives the session which started it becomes our child (we are its subreaper), and stays a zombie
    until we wait for it. A child of our own is waited for at once by whoever started it, so only zombies that were
    already there at the sweep before, `seen_before`, are collected.
    """
    try:
        # One system call tells whether there is any; only then is it worth looking through /proc.
        if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return set()
    except ChildProcessError:
        return set()
    zombies = _zombie_children()
    for pid in zombies & seen_before:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return zombies - seen_before


def _zombie_children() -> set[int]:
    own = str(os.getpid())
    zombies = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
        if state == "Z" and parent == own:
            zombies.add(int(entry.name))
    return zombies
