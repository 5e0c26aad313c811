"""What real JVMs say of themselves is read right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sparkbed.java import find_java
from sparkbed.run.jvms import jvms_of, read_jvm

LOG = "-Xlog:gc,gc+init:file={}:uptime,tags:filecount=0"


def run_java(log: Path, *options: str) -> None:
    """A JVM that starts, says who it is, and ends."""
    java = find_java() / "bin" / "java"
    subprocess.run([str(java), LOG.format(log), *options, "-version"], check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("collector", ["G1", "Parallel", "Serial"])
def test_a_jvm_says_what_it_has(tmp_path: Path, collector: str) -> None:
    run_java(tmp_path / "gc.log", f"-XX:+Use{collector}GC", "-Xmx64m", "-XX:ActiveProcessorCount=3")
    found = read_jvm("driver", (tmp_path / "gc.log").read_text())
    assert found is not None
    assert (found.collector, found.heap, found.processors) == (collector, 64 * 1024**2, 3)
    assert found.version


def test_a_trial_has_its_drivers_and_its_executors(tmp_path: Path) -> None:
    (tmp_path / "executors" / "worker-1").mkdir(parents=True)
    run_java(tmp_path / "gc.log", "-XX:+UseG1GC", "-Xmx64m")
    run_java(tmp_path / "executors" / "worker-1" / "0.gc.log", "-XX:+UseG1GC", "-Xmx96m")
    found = jvms_of(tmp_path, "executors")
    assert [jvm.name for jvm in found] == ["driver", "worker-1/0"]
    assert [jvm.executor for jvm in found] == [None, "0"]
    assert [jvm.heap for jvm in found] == [64 * 1024**2, 96 * 1024**2]


def test_pauses_are_counted() -> None:
    log = """\
[0.002s][gc] Using G1
[0.005s][gc,init] CPUs: 2 total, 1 available
[0.005s][gc,init] Heap Max Capacity: 2G
[1.725s][gc     ] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 27M->20M(380M) 110.121ms
[1.9s][gc     ] GC(6) Concurrent Mark Cycle 702.446ms
[3.528s][gc     ] GC(1) Pause Remark 30M->30M(110M) 4.124ms
"""
    found = read_jvm("x", log)
    assert found is not None
    assert (found.heap, found.machine, found.processors, found.pauses) == (2 * 1024**3, 2, 1, 2)
    assert found.pause_seconds == pytest.approx(0.114245)


def test_another_programs_log_is_no_jvm() -> None:
    assert read_jvm("x", "hello\n") is None
