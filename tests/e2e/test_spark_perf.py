"""The spark-perf suites by their verbs, on the installed Spark and on Spark 4."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Bed

SPARK_4 = "4.0.1"
PARTS = ("spark-perf-core", "spark-perf-pyspark", "spark-perf-streaming", "spark-perf-mllib")
SHORT = ("--profile", "tiny", "--set", "settings.spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1")

INVENTORY = """
all:
  children:
    spark:
      vars:
        provision: {provider: ec2, endpoint: local, node: process}
        java_home: JAVA_HOME
      children:
        master: {hosts: {here-m: {}}}
        workers: {hosts: {here-w: {}}}
"""

SIDE_BY_SIDE = f"""
suite: upgrade
question: Did the upgrade make it slower?
inventory: local
settings: {{worker_memory: 1g, executor_memory: 1g, driver_memory: 1g}}
parameters: {{inter-trial-wait: 0}}
factors:
  spark:
    old: {{}}
    new: {{settings: {{spark_version: {SPARK_4}}}}}
  test:
    scala: {{workload: scheduling-throughput, parameters: {{num-tasks: 50}}}}
    python: {{workload: python-scheduling-throughput, parameters: {{num-tasks: 20}}}}
trials: TRIALS
iterations: 2
warmup: 1
order: randomized
seed: 3
cluster: shared
collectors: [eventlog]
baseline: {{spark: old}}
deadline: 10m
"""


def versions(report: Any) -> dict[str, set[str]]:
    """By cell: the versions that its applications say they ran on."""
    return {
        cell["label"]: {trial["facts"]["workload"]["spark_version"] for trial in cell["trials"]}
        for cell in report["cells"]
    }


def run(bed: Bed, suite: str, *words: str) -> Any:
    """Run a suite whose every trial must succeed; its report."""
    bed.inv("run-suite", suite, *SHORT, *words, deadline=5400)
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    for cell in report["cells"]:
        assert [trial["status"] for trial in cell["trials"]] == ["ok"], cell["label"]
        assert cell["metrics"]["trial_seconds"]["n"] == 1
    return report


@pytest.mark.full
def test_some_of_the_core_suite(bed: Bed) -> None:
    report = run(bed, "spark-perf-core", "--only", "*-by-key-int")
    assert {cell["workload"] for cell in report["cells"]} == {"scala-agg-by-key-int", "scala-sort-by-key-int"}
    lines = bed.inv("report", "--format", "spark-perf").splitlines()
    rows = [line for line in lines if line and not line.startswith("#")]
    assert sorted(row.split(",")[0] for row in rows) == ["scala-agg-by-key-int", "scala-sort-by-key-int"]
    assert not any("FAILED" in row for row in rows)


@pytest.mark.soak
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("version", ["", SPARK_4])
@pytest.mark.parametrize("suite", PARTS)
def test_every_suite_on_both_versions_of_spark(bed: Bed, suite: str, version: str) -> None:
    report = run(bed, suite, *(("--set", f"settings.spark_version={version}") if version else ()))
    seen = {one for ones in versions(report).values() for one in ones}
    assert len(seen) == 1
    assert not version or seen == {version}


@pytest.mark.soak
@pytest.mark.timeout(2400)
def test_two_versions_side_by_side(bed: Bed) -> None:
    bed.inv("run-suite", bed.suite(2, SIDE_BY_SIDE), deadline=2000)
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    found = versions(report)
    new = {label for label, seen in found.items() if seen == {SPARK_4}}
    assert new == {label for label in found if "spark=new" in label}
    assert len(new) == 2
    assert len(found) == 4
    assert {finding["baseline"] for finding in report["findings"]} <= {
        cell["id"] for cell in report["cells"] if "spark=old" in cell["label"]
    }


@pytest.mark.soak
def test_a_java_that_does_not_run_the_version_is_told(bed: Bed) -> None:
    """A program that answers as an old Java does stands for one, as no distribution has both."""
    java = bed.folder / "old" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    inventory = bed.folder / "mine.yml"
    inventory.write_text(INVENTORY.replace("JAVA_HOME", str(java.parent.parent)))
    words = ["--inventory", inventory, "--set", f"settings.spark_version={SPARK_4}", "--only", "scala-count"]
    output = bed.inv("run-suite", "spark-perf-core", *SHORT, *words, code=1, deadline=1800)
    assert f"Spark {SPARK_4} needs Java 17 or later" in output
    assert "is Java 11: set java_home of here-m" in output
