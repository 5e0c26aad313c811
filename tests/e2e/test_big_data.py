"""The Big Data Benchmark's suites end to end, at the size that any machine runs."""

from __future__ import annotations

import os

import pytest

from tests.e2e.conftest import Bed

pytestmark = pytest.mark.soak


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
