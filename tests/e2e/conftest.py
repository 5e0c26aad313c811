"""The command line as a person uses it, on real Spark; nothing of it may be left when a test is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.docker_images import make_image
from tests.e2e.engine import Engine

SUITE = """
suite: e2e
question: Do two cells differ?
inventory: local
settings:
  executor_memory: 512m
  driver_memory: 512m
  # These programs end before the second compiler would pay.
  spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1
  spark.executor.extraJavaOptions: -XX:TieredStopAtLevel=1
factors:
  layout:
    one-worker: {count: {workers: 1}, settings: {worker_cores: 2, executor_cores: 2}}
    two-workers: {count: {workers: 2}, settings: {worker_cores: 1, executor_cores: 1}}
workload: python-scheduling-throughput
parameters: {num-tasks: 20, inter-trial-wait: 0}
trials: TRIALS
iterations: 2
warmup: 1
order: randomized
seed: 3
cluster: shared
collectors: [eventlog, host]
baseline: {layout: one-worker}
deadline: 5m
"""


def until(holds: Callable[[], object], process: subprocess.Popen[str], deadline: float = 120) -> None:
    """Wait until `holds`; fails at once when the process has ended."""
    end = time.monotonic() + deadline
    while not holds():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, f"not so within {deadline} s"
        time.sleep(0.1)


class Bed:
    """A state folder of its own and a suite in it; `inv` runs a verb to its end, `start` leaves it running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "state"
        self.environment = {**os.environ, "SPARKBED_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        self.before: list[str] = []
        """Words before the command line: what puts it into a place of its own."""

    def suite(self, trials: int, text: str = SUITE) -> Path:
        path = self.folder / "e2e.yml"
        path.write_text(text.replace("TRIALS", str(trials)))
        return path

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        command = [*self.before, sys.executable, "-m", "sparkbed", *(str(word) for word in words)]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder
        )

    def inv(self, *words: str | Path, code: int = 0, deadline: float = 900) -> str:
        process = self.start(*words)
        output, _ = process.communicate(timeout=deadline)
        assert process.returncode == code, output
        return output

    def report(self) -> Any:
        return json.loads(self.inv("report", "--format", "json"))

    def trials(self) -> Counter[tuple[str, int]]:
        """How often each trial of the last campaign is recorded, by cell and the order within it."""
        found: Counter[tuple[str, int]] = Counter()
        for cell in self.report()["cells"]:
            for trial in cell["trials"]:
                found[cell["id"], trial["position"]] += 1
        return found

    def alive(self) -> list[str]:
        """The processes that carry this bed's folder in their command line or environment."""
        found = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
                words = [*line, *process.environ().values()]
            except psutil.Error:
                continue
            if process.pid != os.getpid() and any(str(self.home) in word for word in words):
                found.append(f"{process.pid} {' '.join(line)[:200]}")
        return found

    def wait_until_nothing_is_alive(self) -> None:
        """The endpoint stays some seconds after its last node."""
        deadline = time.monotonic() + 60
        while self.alive():
            assert time.monotonic() < deadline, self.alive()
            time.sleep(0.2)


@contextmanager
def bed_in(folder: Path) -> Iterator[Bed]:
    """A bed whose hosts and processes are gone afterwards, whatever happened."""
    made = Bed(folder)
    try:
        yield made
    finally:
        if made.alive():
            made.inv("teardown")
        made.wait_until_nothing_is_alive()


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    with bed_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def base_image(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """On a new machine it takes minutes to make, which no test's own deadlines have to hold."""
    made = make_image(tmp_path_factory.mktemp("no-spark"), runtime="host")
    assert made.returncode == 0, made.stderr


@pytest.fixture
def engine(bed: Bed, base_image: None) -> Engine:
    """What of the bed is in the Docker engine."""
    return Engine(bed)
