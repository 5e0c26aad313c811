"""The Big Data Benchmark's suites end to end, at the size that any machine runs."""

from __future__ import annotations

import os

import pytest

from sparkbed.home import ROOT
from tests.e2e.conftest import Bed, until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2400)]  # a suite of 13 applications

BREAKS = ROOT / "tests" / "e2e" / "broken" / "throws.py"

SHARED_TABLES = f"""
suite: shared-tables
settings: {{worker_memory: 1g, executor_memory: 1g, driver_memory: 1g, spark.task.maxFailures: 1}}
count: {{workers: 1}}
cluster: shared
order: sequential
trials: 1
iterations: 1
deadline: 5m
factors:
  run:
    rankings: {{workload: big-data-benchmark-tables, parameters: {{table: rankings, <<: &small {{scale-factor: 0.0002, num-partitions: 2}}}}}}
    1A: {{workload: big-data-benchmark, parameters: {{query: 1A, missing-tables: refuse, <<: *small}}}}
    breaks: {{workload: submit, parameters: {{program: {BREAKS}}}}}
    1B: {{workload: big-data-benchmark, parameters: {{query: 1B, missing-tables: refuse, <<: *small}}}}
"""  # noqa: E501


def test_every_table_and_query_of_the_suite_runs(bed: Bed) -> None:
    output = bed.inv("run-suite", "big-data-benchmark", "--profile", "tiny")
    report = bed.report()
    assert report["campaign"]["status"] == "complete", output
    assert len(report["cells"]) == 13
    results = {cell["factors"]["run"]: cell["trials"][0]["facts"]["workload"]["result"] for cell in report["cells"]}
    assert {name: results[f"make {name}"]["rows"] for name in ("rankings", "uservisits", "documents")} == {
        "rankings": 3600, "uservisits": 31000, "documents": 200,
    }  # fmt: skip
    assert all(results[f"query 3{variant}"]["rows"] == 1 for variant in "ABC")
    assert results["query 1A"]["rows"] <= results["query 1B"]["rows"] <= results["query 1C"]["rows"] <= 3600
    assert results["query 2A"]["rows"] <= results["query 2B"]["rows"] <= results["query 2C"]["rows"] <= 31000
    for cell in report["cells"]:
        metric = "write_throughput" if cell["workload"] == "big-data-benchmark-tables" else "service_seconds"
        assert cell["metrics"][metric]["min"] > 0
        if metric == "service_seconds":  # the event log has the tasks of the whole application
            assert cell["metrics"][metric]["max"] <= sum(cell["tasks"]["parts"].values())


def test_tables_that_went_with_their_cluster_are_made_again(bed: Bed) -> None:
    """The campaign is killed in its second trial, and goes on; its third trial fails, and takes the cluster with it."""
    suite = bed.suite(1, SHARED_TABLES)
    process = bed.start("run-suite", suite)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[1/4]"):
            break
    until(lambda: list(bed.home.glob("campaigns/*/trials/0002/driver.log")), process)
    process.kill()
    process.communicate()
    output = bed.inv("run-suite", suite, code=1)
    assert "1 of them done already" in output
    assert output.count("run=rankings: making its data again, which went with their cluster") == 2
    cells = {cell["factors"]["run"]: cell["trials"] for cell in bed.report()["cells"]}
    assert {name: [trial["status"] for trial in trials] for name, trials in cells.items()} == {
        "rankings": ["ok"], "1A": ["ok"], "breaks": ["failed"], "1B": ["ok"],
    }  # fmt: skip
    assert [cells[name][0]["facts"]["workload"]["stored_data_made"] for name in ("1A", "1B")] == [False, False]
    bed.wait_until_nothing_is_alive()


@pytest.mark.alone("the whole machine's page cache is dropped")
def test_the_reference_runs_say_whether_the_cache_was_cold(bed: Bed) -> None:
    text = bed.inv("run-suite", "paper-003-reference", "--profile", "tiny")
    report = bed.report()
    assert report["campaign"]["status"] == "complete", text
    assert len(report["cells"]) == 11
    cold = os.getuid() == 0
    for cell in report["cells"]:
        [trial] = cell["trials"]
        assert bool(trial["facts"]["application"]["page_cache"]) == cold
        assert bool(trial["facts"]["faults"]) != cold
        if cell["workload"] == "big-data-benchmark":
            assert trial["facts"]["workload"]["stored_data_made"] is False
    assert "Queries by service time" in bed.inv("report", "--format", "md")
