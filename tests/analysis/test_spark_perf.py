"""Reports in spark-perf's own forms."""

from __future__ import annotations

import json
import statistics
from typing import Any

import made_up
import pytest

from analysis import report
from sparkbed.model import Cell, HostsSpec, Sample, Trial
from sparkbed.store import Store

TIMES = [9.0, 2.0, 4.0, 3.0]
"""Seconds of one trial's repetitions; the first is the warm-up."""
OPTIONS = {"scale-factor": 0.05, "num-trials": 10, "num-tasks": 7, "wait-for-exit": False, "hash-records": True}


def cell(name: str, settings: dict[str, Any] | None = None) -> Cell:
    return Cell(name, {"test": name}, HostsSpec("local", {}), "standalone", settings or {}, name, {})


def record(store: Store, cells: list[tuple[Cell, str, list[str], int]]) -> None:
    """A campaign of these cells: each one's suite of spark-perf's, metrics, and trials (0: one that fails)."""
    store.add_campaign(made_up.campaign([one for one, *_ in cells], iterations=len(TIMES)))
    position = 0
    for one, source, metrics, trials in cells:
        for number in range(1, max(1, trials) + 1):
            position += 1
            trial = Trial(
                f"t-{position:04}", made_up.campaign([one]).id, one.id, number, number, position,
                "ok" if trials else "failed", "2026-11-20T10:15:00+00:00", "2026-11-20T10:16:00+00:00",
                None if trials else "it broke",
                {
                    "parameters": OPTIONS,
                    "test": {"short_name": one.workload.removeprefix("our-"), "source": source},
                    "workload": {"spark_version": "3.5.3", "java_version": "17"},
                },
            )  # fmt: skip
            samples = [
                Sample(metric, value * number * (1 + rank), "s", index, index > 1)
                for rank, metric in enumerate(metrics)
                for index, value in enumerate(TIMES, 1)
            ]
            store.add_trial(trial, samples if trials else [])


def numbers(values: list[float]) -> str:
    five = [statistics.median(values), statistics.pstdev(values), min(values), values[0], values[-1]]
    return ", ".join(f"{one:.3f}" for one in five)


PROPERTY = {"spark.serializer": "Java", "gc": "G1"}
PREDICTION = ["trial_seconds", "test_seconds", "training_metric", "test_metric"]


@pytest.fixture
def recorded(empty_store: Store) -> Store:
    record(
        empty_store,
        [
            (cell("scala-count", PROPERTY), "spark-perf, core suite", ["trial_seconds"], 2),
            (cell("svd"), "spark-perf, MLlib suite", ["trial_seconds"], 1),
            (cell("our-kmeans"), "spark-perf, MLlib suite", PREDICTION, 1),
            (cell("python-count"), "spark-perf, PySpark suite", [], 0),
        ],
    )
    return empty_store


def test_the_text_is_spark_perfs(recorded: Store) -> None:
    options = "--num-trials=4 --num-tasks=7 --hash-records"
    kept = TIMES[1:]
    assert report.render(recorded, None, "spark-perf").splitlines() == [
        "# Test name, test options, median, std dev, min, first, last",
        f"scala-count, {options}, {numbers([*kept, *(2 * one for one in kept)])}",
        f"svd, {options}",
        f"Time: {numbers(kept)}",
        f"kmeans, {options}",
        f"Training time: {numbers(kept)}",
        f"Test time: {numbers([2 * one for one in kept])}",
        f"Training Set Metric: {numbers([3 * one for one in kept])}",
        f"Test Set Metric: {numbers([4 * one for one in kept])}",
        f"python-count, {options}, FAILED",
    ]


def test_the_json_has_what_its_runners_print(recorded: Store) -> None:
    count, _, kmeans, failed = json.loads(report.render(recorded, None, "spark-perf-json"))
    assert count == {
        "testName": "scala-count",
        "options": {"num-trials": "4", "num-tasks": "7", "hash-records": "true"},
        "sparkConf": {"spark.serializer": "Java"},
        "sparkVersion": "3.5.3",
        "systemProperties": {"java.version": "17"},
        "results": [{"time": one} for one in [*TIMES, *(2 * one for one in TIMES)]],
    }
    assert kmeans["testName"] == "kmeans"
    assert kmeans["results"][1] == {"trainingTime": 2.0, "testTime": 4.0, "trainingMetric": 6.0, "testMetric": 8.0}
    assert failed["results"] == []


def test_cells_with_the_same_name_and_options_are_told_apart(store: Store) -> None:
    lines = report.render(store, None, "spark-perf").splitlines()
    assert len(lines) == 1 + 2 * 4
    assert lines[1].startswith("# ")
    assert lines[2].startswith("scala-")
    assert len(set(lines[1::2])) == 4


def test_a_name_can_not_forge_a_line(empty_store: Store) -> None:
    record(empty_store, [(cell("bad\nscala-count, , 1, 1"), "spark-perf, core suite", ["trial_seconds"], 1)])
    assert len(report.render(empty_store, None, "spark-perf").splitlines()) == 2
