"""Times of processes that stand as Spark's Python workers do are counted, by application, and no others' are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sparkbed.collectors import get
from sparkbed.collectors.base import Collected, Context
from sparkbed.collectors.places import here
from sparkbed.collectors.python_sampler import Processes
from sparkbed.collectors.pythons import read

BUSY = """
import os, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""
DAEMON = (
    BUSY
    + """
for seconds in sys.argv[2:]:
    if os.fork() == 0:
        burn(float(seconds))
        os._exit(0)
for _ in sys.argv[2:]: os.wait()
print("done", flush=True)
sys.stdin.read()
"""
)
"""Forks workers that burn so much CPU, waits for them as pyspark.daemon does, and stays."""

JVM = """
import subprocess, sys
program = sys.argv[1]
worker = subprocess.Popen([sys.executable, "-c", program, *sys.argv[sys.argv.index("--") + 1:]])
worker.wait()
"""
"""Stands for an executor: what it starts has its command line, with --app-id, as its parent's."""


@contextmanager
def executor(application: str, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", JVM, DAEMON, "--app-id", application, "--executor-id", "0", "--", *argv]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.communicate()


def burned(process: subprocess.Popen[bytes]) -> None:
    """Wait until the workers have ended and been waited for."""
    assert process.stdout is not None
    assert process.stdout.readline() == b"done\n"


@pytest.fixture
def application() -> str:
    return f"app-{uuid.uuid4().hex[:8]}"


def collected(folder: Path, during: Callable[[], None]) -> Collected:
    collector = get("python")
    collector.start(Context(folder, [here()]))
    during()
    return collector.stop()


def taken(found: Collected, application: str) -> np.ndarray:
    assert found.faults == ()
    [series] = found.series
    return series.columns[f"cpu_seconds.{application}"]


def test_workers_that_ended_and_their_daemon_are_counted_by_application(tmp_path: Path, application: str) -> None:
    other = application + "-2"

    def during() -> None:
        with (
            executor(application, "pyspark.daemon", "0.4", "0.2") as one,
            executor(other, "pyspark.daemon", "0.1") as two,
        ):
            burned(one)
            burned(two)
            time.sleep(0.5)  # some looks after it

    found = collected(tmp_path, during)
    assert 0.6 <= taken(found, application)[-1] < 1.2, "two workers, and the start of an interpreter"
    assert 0.1 <= taken(found, other)[-1] < 0.6
    assert (np.diff(taken(found, application)) >= 0).all()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not count run queues' delays")
def test_how_long_workers_are_ready_and_have_no_cpu_is_counted_after_their_end_too(
    tmp_path: Path, application: str
) -> None:
    every = os.sched_getaffinity(0)

    def during() -> None:
        os.sched_setaffinity(0, {min(every)})  # the workers share one CPU
        try:
            with executor(application, "pyspark.daemon", "0.5", "0.5") as process:
                burned(process)
                time.sleep(0.5)
        finally:
            os.sched_setaffinity(0, every)

    [series] = collected(tmp_path, during).series
    ready = series.columns[f"ready_seconds.{application}"]
    assert ready[-1] > 0.3, "while one of them computes the other waits, but for what is not seen after the last look"
    assert (np.diff(ready) >= 0).all()


def test_python_that_is_no_worker_and_workers_of_no_executor_are_not_counted(tmp_path: Path, application: str) -> None:
    def during() -> None:
        with executor(application, "something.else", "0.2") as process:
            burned(process)
        subprocess.run([sys.executable, "-c", BUSY + "burn(0.3)", "pyspark.daemon"], check=True)

    [series] = collected(tmp_path, during).series
    assert application not in str(series.columns)
    assert not series.columns or "cpu_seconds." not in series.columns


def stat(parent: int, ticks: int, waited: int = 0, began: int = 5) -> str:
    fields = ["S", parent, *(0,) * 9, ticks, 0, waited, 0, *(0,) * 4, began, 0]
    return f"7 (a) name) {' '.join(map(str, fields))}"


def proc(root: Path, processes: Mapping[int, tuple[str, str]], **ready: int) -> None:
    """/proc as it would be with these: by pid its stat and its command line's words; `p11=5`: 11 was ready for 5 ns."""
    for folder in root.iterdir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    for pid, (line, words) in processes.items():
        (root / str(pid)).mkdir()
        (root / str(pid) / "stat").write_text(line)
        (root / str(pid) / "cmdline").write_text(words.replace(" ", "\0") + "\0")
        (root / str(pid) / "schedstat").write_text(f"1 {ready.get(f'p{pid}', 0)} 1\n")


JAVA = (stat(1, 900), "java Backend --app-id app-1 --executor-id 0")
PYTHON = "python3 -m pyspark.daemon pyspark.worker"


def test_what_a_dead_executors_workers_took_stays_and_a_number_used_again_is_another_process(tmp_path: Path) -> None:
    look = Processes(str(tmp_path)).look
    proc(tmp_path, {10: JAVA, 11: (stat(10, 5, 20), PYTHON), 12: (stat(11, 7), PYTHON)}, p10=90, p11=1, p12=400)
    assert look(0.0) == {"app-1": (32, 401)}
    proc(tmp_path, {10: JAVA})
    assert look(0.1) == {"app-1": (32, 401)}
    proc(tmp_path, {10: JAVA, 11: (stat(10, 1, began=9), PYTHON)}, p11=20)
    assert look(0.2) == {"app-1": (33, 421)}


def test_how_long_a_worker_that_ended_was_ready_is_kept_beside_its_daemons(tmp_path: Path) -> None:
    look = Processes(str(tmp_path)).look
    daemon = (stat(10, 5), PYTHON)
    proc(tmp_path, {10: JAVA, 11: daemon, 12: (stat(11, 7), PYTHON)}, p11=1, p12=400)
    assert look(0.0) == {"app-1": (12, 401)}
    proc(tmp_path, {10: JAVA, 11: (stat(10, 5, 7), PYTHON), 12: (stat(11, 2, began=9), PYTHON)}, p11=2, p12=30)
    assert look(0.1) == {"app-1": (14, 432)}, "a new worker has the number of the one that ended"
    (tmp_path / "12" / "schedstat").unlink()  # it ends between two files
    assert look(0.2) == {"app-1": (14, 432)}
    proc(tmp_path, {10: JAVA, 11: (stat(10, 5, 9), PYTHON)}, p11=3)
    assert look(0.3) == {"app-1": (14, 433)}


def test_what_a_worker_starts_counts_and_a_worker_without_a_daemon_does(tmp_path: Path) -> None:
    look = Processes(str(tmp_path)).look
    worker = (stat(10, 3), "python3 -m pyspark.worker")
    proc(tmp_path, {10: JAVA, 11: worker, 12: (stat(11, 40), "sort -n"), 13: (stat(1, 50), "sort -n")})
    assert look(0.0) == {"app-1": (43, 0)}
    proc(tmp_path, {10: JAVA, 11: worker, 12: (stat(11, 60), "sort -n")})
    assert look(9.0) == {"app-1": (63, 0)}


def test_a_process_that_is_young_is_looked_at_again(tmp_path: Path) -> None:
    """The JVM forks before it starts Python, so the child has its command line first."""
    look = Processes(str(tmp_path)).look
    proc(tmp_path, {10: JAVA, 11: (stat(10, 1), "java Backend --app-id app-1")})
    assert look(0.0) == {}
    proc(tmp_path, {10: JAVA, 11: (stat(10, 2), PYTHON)})
    assert look(0.1) == {"app-1": (2, 0)}


def test_what_is_not_the_samplers_is_refused() -> None:
    with pytest.raises(ValueError):
        read(b"sh: python3: not found\n", "h")
    [series] = read(json.dumps({"t": 1.0, "m": 1.0, "cpu": {}}).encode(), "h").series
    assert not series.columns
    assert series.times.size == 1
