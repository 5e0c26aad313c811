"""Launching the program exchange for tests: its two sides real processes, one of them changed where a test says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparkbed.home import Home
from sparkbed.workloads import PlainProgram, Reading, Side, catalogue, read_samples

CHANGED = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
{change}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Exchanged:
    """How one launch ended; `left` is what it left in the shared folder and in /dev/shm."""

    rc: int
    errors: str
    reading: Reading
    left: list[str]

    def values(self, metric: str) -> list[float]:
        return [sample.value for sample in self.reading.samples if sample.metric == metric]


def in_memory() -> set[str]:
    """The names in /dev/shm."""
    return {path.name for path in Path("/dev/shm").iterdir()}


class Bench:
    """A folder with the program as a cluster has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self.samples = folder / "samples.jsonl"
        self._programs = self.shared / "programs"
        self._programs.mkdir(parents=True)
        workload = catalogue()["exchange"]
        program = workload.prepare(Home(folder), Path("/nowhere"), Path("/nowhere"))
        assert isinstance(program, PlainProgram)
        self._program = program
        for file in program.files:
            shutil.copy(file, self._programs)

    def changed(self, change: str) -> list[str]:
        """The words for a side whose program is changed by some Python before it runs."""
        path = self.folder / "changed.py"
        path.write_text(CHANGED.format(change=change))
        return [sys.executable, str(path)]

    def command(
        self,
        given: dict[str, Any],
        iterations: int = 2,
        sender: list[str] | None = None,
        receiver: list[str] | None = None,
    ) -> list[str]:
        parameters = catalogue()["exchange"].resolve({"inter-trial-wait": 0, **given})
        sides = [Side(tuple(words or [sys.executable]), "127.0.0.1") for words in (sender, receiver)]
        placed = self._program.placed(str(self.shared), sides)
        return [sys.executable, *placed.arguments(parameters, self.samples, iterations, 0, folder=self._programs)]

    def run(
        self,
        given: dict[str, Any],
        iterations: int = 2,
        sender: list[str] | None = None,
        receiver: list[str] | None = None,
    ) -> Exchanged:
        memory = in_memory()
        command = self.command(given, iterations, sender, receiver)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        reading = read_samples(self.samples.read_text().splitlines())
        return Exchanged(done.returncode, done.stderr, reading, self.left(memory))

    def left(self, memory: set[str]) -> list[str]:
        ours = [name for name in in_memory() - memory if name.startswith("sparkbed-")]
        return [*ours, *(path.name for path in self.shared.iterdir() if path != self._programs)]

    def alive(self) -> list[int]:
        """The processes of launches in this folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    words = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if str(self.shared).encode() in words:
                    found.append(int(entry.name))
        return found
