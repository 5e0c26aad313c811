"""Reports in spark-perf's own forms."""

from __future__ import annotations

import html
import json
import re
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


def record(
    store: Store, cells: list[tuple[Cell, str, list[str], int]], results: dict[str, dict[str, str]] | None = None
) -> None:
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
                    "workload": {
                        "spark_version": "3.5.3", "java_version": "17", "result": (results or {}).get(one.workload),
                    },
                },
            )  # fmt: skip
            samples = [
                Sample(metric, value * number * (1 + rank), "s", index, index > 1)
                for rank, metric in enumerate(metrics)
                for index, value in enumerate(TIMES, 1)
            ]
            store.add_trial(trial, samples if trials else [])


def numbers(values: list[float]) -> str:
    return f"{statistics.median(values)}, {statistics.pstdev(values):.3f}, {min(values)}, {values[0]}, {values[-1]}"


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


def test_a_streaming_test_has_its_batches_delays_or_its_verdict(empty_store: Store) -> None:
    source = "spark-perf, streaming suite"
    cells = [cell("state-by-key"), cell("basic"), cell("hdfs-recovery")]
    record(
        empty_store,
        [
            (cells[0], source, ["trial_seconds"], 1),
            (cells[1], source, ["trial_seconds"], 1),
            (cells[2], source, [], 0),
        ],
        results={"basic": {"verdict": "PASSED"}},
    )
    head = "[ --num-trials=4 --num-tasks=7 --hash-records ]"
    assert report.render(empty_store, None, "spark-perf").splitlines()[1:] == [
        f"state-by-key {head} - count: 4, avg: 3.000, stdev: 0.816, min: 2.000, 25%: 2.500, 50%: 3.000, 75%: 3.500, "
        "90%: 3.800, 95%: 3.900, 99%: 3.980, max: 4.000",
        f"basic {head} - PASSED",
        f"hdfs-recovery {head} - FAILED",
    ]


def test_the_json_has_the_name_that_its_runner_prints(empty_store: Store) -> None:
    test = {"short_name": "scala-count-w-fltr", "runner": "count-with-filter", "source": "spark-perf, core suite"}
    one = cell("scala-count-w-fltr")
    empty_store.add_campaign(made_up.campaign([one]))
    empty_store.add_trial(trial_of(one, {"test": test}), [Sample("trial_seconds", 1.0, "s", 1, True)])
    assert json.loads(report.render(empty_store, None, "spark-perf-json"))[0]["testName"] == "count-with-filter"
    assert report.render(empty_store, None, "spark-perf").splitlines()[1].startswith("scala-count-w-fltr, ")


EXACT = [1.0, 0.00012345, 12345.678901, 2.0]


def test_numbers_are_not_rounded_but_the_deviation(empty_store: Store) -> None:
    one = cell("glm-regression")
    empty_store.add_campaign(made_up.campaign([one]))
    empty_store.add_trial(trial_of(one, {}), [Sample("trial_seconds", value, "s", 1, True) for value in EXACT])
    line = report.render(empty_store, None, "spark-perf").splitlines()[-1]
    assert line == "glm-regression, , 1.5, 5345.403, 0.00012345, 1.0, 2.0"


def trial_of(one: Cell, facts: dict[str, Any], status: str = "ok") -> Trial:
    moment = "2026-11-20T10:15:00+00:00"
    return Trial("t-1", made_up.campaign([one]).id, one.id, 1, 1, 1, status, moment, moment, None, facts)


@pytest.mark.parametrize(
    ("metric", "samples", "lines", "results"),
    [
        (
            "throughput",
            [("throughput", 5.5), ("throughput", 6.5), ("other", 1.0)],
            ["# no time, but throughput [MB/s]", "mine, , 6.0, 0.500, 5.5, 5.5, 6.5"],
            [{"throughput": 5.5}, {"throughput": 6.5}],
        ),
        ("trial_seconds", [("other", 1.0)], ["mine, , NO TIME"], []),
        ("trial_seconds", [], ["mine, , NO TIME"], []),
    ],
)
def test_a_test_that_succeeds_without_a_time_has_not_failed(
    empty_store: Store, metric: str, samples: list[tuple[str, float]], lines: list[str], results: list[dict[str, float]]
) -> None:
    one = cell("mine")
    empty_store.add_campaign(made_up.campaign([one], metric=metric))
    empty_store.add_trial(trial_of(one, {}), [Sample(name, value, "MB/s", 1, True) for name, value in samples])
    assert report.render(empty_store, None, "spark-perf").splitlines()[1:] == lines
    assert json.loads(report.render(empty_store, None, "spark-perf-json"))[0]["results"] == results


def test_options_are_words(empty_store: Store) -> None:
    one = cell("submit")
    options = {
        "program": "p.py", "arguments": ["--size", 5, "a"], "environment": {"A": "1", "B": 2}, "py-files": [],
        "main-class": "", "files": {}, "supervise": False, "verbose": True,
    }  # fmt: skip
    empty_store.add_campaign(made_up.campaign([one]))
    empty_store.add_trial(trial_of(one, {"parameters": options}), [Sample("trial_seconds", 1.0, "s", 1, True)])
    head = "submit, --program=p.py --arguments=--size,5,a --environment=A=1,B=2 --verbose"
    assert report.render(empty_store, None, "spark-perf").splitlines()[1] == f"{head}, 1.0, 0.000, 1.0, 1.0, 1.0"
    assert json.loads(report.render(empty_store, None, "spark-perf-json"))[0]["options"] == {
        "program": "p.py", "arguments": "--size,5,a", "environment": "A=1,B=2", "verbose": "true",
    }  # fmt: skip


def test_the_markdown_report_and_the_page_have_the_same_lines(recorded: Store) -> None:
    lines = report.render(recorded, None, "spark-perf").splitlines()[1:]
    markdown = report.render(recorded, None, "md").split("## spark-perf\n")[1]
    assert [line.strip() for line in markdown.splitlines() if line.startswith("    ")] == lines
    page = html.unescape(report.render(recorded, None, "html"))
    shown = re.findall("<dt>spark-perf line</dt><dd>([^<]*)</dd>", page)
    assert "\n".join(shown).splitlines() == lines


def test_cells_with_the_same_name_and_options_are_told_apart(store: Store) -> None:
    lines = report.render(store, None, "spark-perf").splitlines()
    assert len(lines) == 1 + 2 * 4
    assert lines[1].startswith("# ")
    assert lines[2].startswith("scala-")
    assert len(set(lines[1::2])) == 4


def test_a_name_can_not_forge_a_line(empty_store: Store) -> None:
    record(empty_store, [(cell("bad\nscala-count, , 1, 1"), "spark-perf, core suite", ["trial_seconds"], 1)])
    assert len(report.render(empty_store, None, "spark-perf").splitlines()) == 2
