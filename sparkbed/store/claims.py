"""Which process runs a campaign: its pid, its start and the boot, so that a pid used again is not taken for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of this machine. `start_ticks` is the clock tick since boot at which it started (proc(5), stat)."""

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def this(cls) -> Process:
        return cls(os.getpid(), _start_ticks(os.getpid()) or 0, _boot_id())

    @property
    def alive(self) -> bool:
        return self.boot_id == _boot_id() and _start_ticks(self.pid) == self.start_ticks


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_ticks(pid: int) -> int | None:
    """None when there is no such process, or when only its exit status is left (a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name, in brackets, may hold spaces and brackets itself: state is the first field after the last one.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
