"""The spark-perf suites run every test of spark-perf's, and at --profile paper with its very options."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from sparkbed.suite import load
from sparkbed.workloads import workload
from tests.workloads.spark_perf_tables import ENTRIES, TABLE, Entry

SUITES = {
    "spark-perf-core": ("core",),
    "spark-perf-pyspark": ("pyspark",),
    "spark-perf-mllib": ("mllib", "python-mllib"),
}
PROFILES = ("tiny", "small", "medium", "large", "paper")


def combinations(entry: Entry) -> list[dict[str, Any]]:
    """Every combination of an entry's options, at scale factor 1, as spark-perf runs them."""

    def values(option: str, value: Any) -> list[Any]:
        listed = value if isinstance(value, list) else [value]
        return [max(1, int(one * entry.scale)) for one in listed] if option in entry.scales else listed

    axes = [[(option, one) for one in values(option, value)] for option, value in entry.options.items()]
    return [dict(row) for row in itertools.product(*axes)]


def canonical(run: tuple[str, dict[str, Any]]) -> str:
    return json.dumps(run, sort_keys=True)


@pytest.mark.parametrize("name", SUITES)
def test_the_paper_profile_has_spark_perfs_runs_and_no_others(name: str) -> None:
    suite = load(name, profile="paper")
    entries = [entry for entry in ENTRIES if entry.suite in SUITES[name] and entry.test not in TABLE["absent"]]
    expected = [
        (entry.ours, {**one, **{key: TABLE["differs"][key] for key in one.keys() & TABLE["differs"].keys()}})
        for entry in entries
        for one in combinations(entry)
    ]
    ran = []
    for cell in suite.cells:
        resolved = workload(cell.workload).resolve(cell.parameters)
        options = next(one for test, one in expected if test == cell.workload)
        ran.append((cell.workload, {option: resolved[option] for option in options}))
    assert sorted(map(canonical, ran)) == sorted(map(canonical, expected))
    assert (suite.iterations, suite.warmup) == (TABLE["groups"]["common"]["num-trials"], 2)  # IGNORED_TRIALS


@pytest.mark.parametrize("profile", [None, *PROFILES])
@pytest.mark.parametrize("name", SUITES)
def test_every_profile_has_every_test_and_none_on_a_single_partition(name: str, profile: str | None) -> None:
    suite = load(name, profile=profile)
    assert {cell.workload for cell in suite.cells} == {
        entry.ours for entry in ENTRIES if entry.suite in SUITES[name] and entry.test not in TABLE["absent"]
    }
    for cell in suite.cells:
        one = workload(cell.workload)
        assert one.warnings(one.resolve(cell.parameters)) == []
