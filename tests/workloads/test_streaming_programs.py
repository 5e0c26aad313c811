"""spark-perf's streaming tests and their counterparts on Structured Streaming, on real Spark, in one JVM.

Each program holds every batch's result against the records that were sent, and a wrong one fails its launch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spark_launch import Launch

from sparkbed.suite import load

CELLS = {cell.workload: dict(cell.parameters) for cell in load("spark-perf-streaming", profile="tiny").cells}


def run(launch_together: Callable[..., list[Launch]], folder: Path, runs: list[tuple[str, dict[str, Any]]]) -> None:
    runs = [(name, {**given, "hdfs-url": folder.as_uri()}) for name, given in runs]
    done = launch_together(runs, deadline=600)
    for (name, given), one in zip(runs, done, strict=True):
        assert one.reading.error is None, (name, one.reading.error)
        result = one.reading.facts["result"]
        assert isinstance(result, dict), one.output[-5000:]
        began, ended = one.reading.facts["iterations_began"], one.reading.facts["ended"]
        assert len(began) == len(one.iterations())
        # A batch begins when the one before is done; all by the same clock, in milliseconds.
        times = [sample.value for sample in one.reading.samples if sample.metric == "trial_seconds"]
        ends = [start + seconds for start, seconds in zip(began, times, strict=True)]
        assert all(end <= start + 0.0015 for end, start in zip(ends, [*began[1:], ended], strict=True)), (name, began)
        if name == "basic":
            assert result == {"verdict": "PASSED"}
            assert one.iterations() == [None]
        else:
            check_batches(name, given, one, result)
    assert done[0].code == 0, done[0].output[-5000:]
    assert not list(folder.iterdir())  # what a test stored ends with it


def check_batches(name: str, given: dict[str, Any], one: Launch, result: dict[str, Any]) -> None:
    """A sample for every batch, of which the first do not count."""
    ignored = given["ignored-batches"]
    batches = one.iterations()
    assert batches == list(range(1, len(batches) + 1))
    assert len(batches) > ignored
    kept = [sample.iteration for sample in one.reading.samples if sample.metric == "trial_seconds" and sample.kept]
    assert kept == batches[ignored:]
    records = sum(sample.value for sample in one.reading.samples if sample.metric == "records")
    if name.endswith("hdfs-recovery"):
        assert result["verdict"] == "PASSED"
        assert result["files"] > result["files_before_recovery"] > 0
        assert "recovery_seconds" in {sample.metric for sample in one.reading.samples}
    else:
        assert result["batches"] == len(batches)
        assert result["records"] == records > 0


@pytest.mark.full
def test_a_few_streaming_tests(launch_together: Callable[..., list[Launch]], tmp_path: Path) -> None:
    """One of each kind: a receiver, records made by tasks, a recovery, a query."""
    few = {"ignored-batches": 1}
    runs = [
        ("basic", CELLS["basic"]),
        ("state-by-key", {**CELLS["state-by-key"], **few}),
        ("reduce-by-key-and-window", {**CELLS["reduce-by-key-and-window"], **few, "use-receiver": False}),
        ("hdfs-recovery", CELLS["hdfs-recovery"]),
        ("structured-reduce-by-key-and-window", {**CELLS["structured-reduce-by-key-and-window"], **few}),
    ]
    run(launch_together, tmp_path / "streams", runs)


@pytest.mark.soak
def test_every_streaming_test(launch_together: Callable[..., list[Launch]], tmp_path: Path) -> None:
    run(launch_together, tmp_path / "streams", list(CELLS.items()))
