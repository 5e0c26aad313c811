"""Reads at a steady pace how long Spark's Python workers had a CPU, and waited for one: Spark does not measure it.

Runs on the hosts behind `lifetime.py`: Python 3.6 and later, nothing else. An executor starts `python -m
pyspark.daemon`, which forks a worker for each task that needs one; without a daemon it starts `python -m
pyspark.worker`. Both are children of the executor's JVM, whose command line names its application (`--app-id`). One
JSON object a look: `t` (Unix seconds), `m` (monotonic seconds), and by application what its Python processes, and those
that they started, have come to so far:

    cpu     seconds of CPU (ticks of proc(5), of 10 ms mostly). Those of workers that ended are in their daemon's, which
            waits for them
    ready   seconds in which they could have run and had no CPU: the run queue's delay of the kernel's sched-stats, of
            each process's first thread; missing from a kernel that does not count it

Those of an executor that ended stay as they were last seen, and so does the delay of any process that ended.
"""

# ruff: noqa: PTH123, PTH208, UP031  # as Python 3.6 has it, and quick to start

import argparse
import json
import os
import sys
import time

TYPE_CHECKING = False  # as in `typing`, which is slow to load
if TYPE_CHECKING:
    from sparkbed.collectors.lifetime import wanted

PROGRAMS = (b"pyspark.daemon", b"pyspark.worker")
YOUNG = 3.0
"""Seconds for which a process is looked at again: it may become another program, or be given children that count."""
NONE_YET = 0.25
"""Seconds between two looks while there are no Python workers: a look for new processes costs more."""


class Process:
    """One process as last seen: who started it, since when it is there, what it is, and its times.

    Its own CPU time and that of those that it waited for in ticks, and how long it was ready to run in nanoseconds.
    """

    __slots__ = ("began", "born", "parent", "program", "ready", "ticks", "waited")

    def __init__(self, began: str, now: float) -> None:
        self.began = began
        self.born = now
        self.parent = 0
        self.program = False
        self.ticks = self.waited = self.ready = 0


def read(path: str) -> bytes:
    """The file's content; nothing where the process is gone, or another user's and hidden."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def words(pid: int, root: str) -> "list[bytes]":
    return read("%s/%d/cmdline" % (root, pid)).split(b"\0")


def owner(pid: int, root: str) -> str:
    """The application whose executor this process is; empty for another, as a driver that is its own executor."""
    given = words(pid, root)
    return given[given.index(b"--app-id") + 1].decode("utf-8", "replace") if b"--app-id" in given[:-1] else ""


class Processes:
    """The processes of this machine, and what the Python workers among them have come to, by application."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self._known = {}  # type: dict[int, Process]
        self._owners = {}  # type: dict[tuple[int, str], str]
        self._taken = {}  # type: dict[tuple[int, str], tuple[int, int]]
        self._ended = {}  # type: dict[tuple[int, str], int]

    def look(self, now: float) -> "dict[str, tuple[int, int]]":
        """Ticks of CPU, and nanoseconds of being ready for one, by application."""
        here = set()
        for name in os.listdir(self._root):
            if name.isdigit():
                here.add(int(name))
        ended = [pid for pid in self._known if pid not in here]
        for pid in ended:
            self._keep(pid)
        for pid in ended:
            del self._known[pid]
        for pid in here:
            known = self._known.get(pid)
            if known is None or known.program or now - known.born < YOUNG:
                self._read(pid, now)
        sums = {}  # type: dict[int, tuple[int, int]]
        for pid in list(self._known):
            top = self._top(pid)
            if top:
                one = self._known[pid]
                ticks, ready = sums.get(top, (0, 0))
                # What a daemon has waited for is its workers'; a worker's own children are counted as they run.
                sums[top] = ticks + one.ticks + (one.waited if pid == top else 0), ready + one.ready
        for pid, (ticks, ready) in sums.items():
            one = self._known[pid]
            key = (pid, one.began)
            if not self._owners.get(key):
                self._owners[key] = owner(one.parent, self._root)
            before = self._taken.get(key, (0, 0))
            self._taken[key] = max(ticks, before[0]), max(ready + self._ended.get(key, 0), before[1])
        found = {}  # type: dict[str, tuple[int, int]]
        for key, (ticks, ready) in self._taken.items():
            if self._owners[key]:
                others = found.get(self._owners[key], (0, 0))
                found[self._owners[key]] = others[0] + ticks, others[1] + ready
        return found

    def _keep(self, pid: int) -> None:
        """How long a process that ended was ready to run: its daemon, which waits for it, is told its CPU time only."""
        top = self._top(pid)
        if top:
            key = (top, self._known[top].began)
            self._ended[key] = self._ended.get(key, 0) + self._known[pid].ready

    def _read(self, pid: int, now: float) -> None:
        # The second field is the program's name in parentheses, which may hold anything.
        fields = read("%s/%d/stat" % (self._root, pid)).rpartition(b")")[2].split()
        one = self._known.get(pid)
        began = fields[19].decode() if len(fields) > 19 else ""
        if one is not None and one.began != began:
            self._keep(pid)
            del self._known[pid]
            one = None
        if not began:
            return
        if one is None:
            one = self._known[pid] = Process(began, now)
        one.parent = int(fields[1])
        one.ticks = int(fields[11]) + int(fields[12])
        one.waited = int(fields[13]) + int(fields[14])
        if not one.program:
            one.program = any(word in PROGRAMS for word in words(pid, self._root)[:8])
            if not one.program and self._top(pid):
                one.program = True  # what a worker started is looked at as long as the worker is
        if one.program:
            delays = read("%s/%d/schedstat" % (self._root, pid)).split()
            if len(delays) > 1:  # else it has ended since the line above, or this kernel does not count it
                one.ready = int(delays[1])

    def _top(self, pid: int) -> int:
        """The first Python process on the way down from the JVM to this one; 0 for one that no such process started."""
        top = 0
        for _ in range(64):  # deeper than that nobody nests; a process number used again could make a circle
            one = self._known.get(pid)
            if one is None:
                break
            if one.program:
                top = pid
            pid = one.parent
        return top


def main() -> None:
    parser = argparse.ArgumentParser(description="Times of Spark's Python workers, one JSON object a line.")
    parser.add_argument("--interval", type=float, default=0.1)
    arguments = parser.parse_args()
    processes, parent, lines = Processes(), os.getppid(), []  # type: Processes, int, list[str]
    second, counted = float(os.sysconf("SC_CLK_TCK")), bool(read("/proc/self/schedstat"))
    more = True
    while True:
        at, now = time.time(), time.monotonic()
        found = processes.look(now)
        line = {"t": at, "m": now, "cpu": {name: ticks / second for name, (ticks, _) in found.items()}}
        if counted:
            line["ready"] = {name: ready / 1e9 for name, (_, ready) in found.items()}
        lines.append(json.dumps(line))
        if not more:
            break
        more = wanted(arguments.interval if found else max(arguments.interval, NONE_YET), parent)
    sys.stdout.write("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
