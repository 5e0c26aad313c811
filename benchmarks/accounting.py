"""What a command and the servers that it talks to cost: wall time and CPU seconds, children included."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36
DEADLINE = 120.0


@dataclass(frozen=True)
class Cost:
    """One run: seconds on the clock; CPU seconds of the controller's processes and of the hosts'.

    `foreign`: how many cores everything else on the machine used meanwhile.
    """

    wall: float
    controller: float
    hosts: float
    foreign: float

    @property
    def cpu(self) -> float:
        return self.controller + self.hosts


class RunFailed(Exception):
    """The command did not end well; the text has its last lines."""


def adopt_orphans() -> None:
    """Whatever our descendants leave behind becomes our child, to be counted and ended by us."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def measured(command: Sequence[str], servers: Sequence[int], log: Path, environment: Mapping[str, str]) -> Cost:
    """Run the command to its end and count it; `servers` are the processes of the hosts' SSH servers.

    What the command leaves in the background (Ansible's OpenSSH masters) is ended, and counts for the controller.

    Raises:
        RunFailed: when it exits with another status than 0.
    """
    hosts, busy = _with_children(servers), _busy()
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=dict(environment)
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    controller = usage.ru_utime + usage.ru_stime + end_orphans(servers)
    _until_idle(servers)
    remote = _with_children(servers) - hosts
    elapsed = time.perf_counter() - began
    foreign = (_busy() - busy - controller - remote) / elapsed
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-15:]
        raise RunFailed(f"{command[0]} ended with {process.returncode}:\n" + "\n".join(tail))
    return Cost(wall, controller, remote, max(0.0, foreign))


def end_orphans(known: Sequence[int]) -> float:
    """End our children that are none of `known`, and what they leave to us in turn; their CPU seconds."""
    spent = 0.0
    while orphans := [pid for pid in children([os.getpid()]) if pid not in known]:
        spent += sum(_ended(pid) for pid in orphans)
    return spent


def _ended(pid: int) -> float:
    """End a child of ours; its CPU seconds."""
    os.kill(pid, signal.SIGTERM)  # it is there, if only as a zombie, until we have waited for it
    deadline = time.monotonic() + 10
    while True:
        found, _, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return usage.ru_utime + usage.ru_stime
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def children(parents: Collection[int]) -> list[int]:
    """The processes that one of `parents` started and that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) in parents:
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _with_children(pids: Sequence[int]) -> float:
    """CPU seconds of these processes and of the children whose end they have seen."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def _until_idle(servers: Sequence[int]) -> None:
    """Until no server has a session left: only then are the sessions' CPU seconds among its children's."""
    deadline = time.monotonic() + DEADLINE
    while children(servers):
        if time.monotonic() > deadline:
            raise RunFailed("SSH sessions are still there two minutes after the end of the command")
        time.sleep(0.05)


def _busy() -> float:
    """Seconds that the machine's CPUs were at work since it started."""
    user, nice, system, _idle, _wait, irq, softirq = (int(x) for x in Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS
