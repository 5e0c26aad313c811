"""The spark-perf suites run every test of spark-perf's, and at --profile paper with its very options."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from sparkbed.home import ROOT
from sparkbed.spark_perf.whole import PARTS, whole_suite
from sparkbed.suite import load
from sparkbed.workloads import workload
from tests.workloads.spark_perf_tables import ENTRIES, TABLE, Entry

SUITES = {
    "spark-perf-core": ("core",),
    "spark-perf-pyspark": ("pyspark",),
    "spark-perf-mllib": ("mllib", "python-mllib"),
    "spark-perf-streaming": ("streaming",),
}
COUNTERPART = "structured-"
"""How the names begin of workloads that do a streaming test's work on Structured Streaming."""
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
        if cell.workload.startswith(COUNTERPART):
            continue
        resolved = workload(cell.workload).resolve(cell.parameters)
        options = next(one for test, one in expected if test == cell.workload)
        ran.append((cell.workload, {option: resolved[option] for option in options}))
    assert sorted(map(canonical, ran)) == sorted(map(canonical, expected))
    if name == "spark-perf-streaming":  # its repetitions are batches
        assert {workload(cell.workload).resolve(cell.parameters)["ignored-batches"] for cell in suite.cells} == {10}
    else:
        assert (suite.iterations, suite.warmup) == (TABLE["groups"]["common"]["num-trials"], 2)  # IGNORED_TRIALS


@pytest.mark.parametrize("profile", [None, *PROFILES])
@pytest.mark.parametrize("name", SUITES)
def test_every_profile_has_every_test_and_none_on_a_single_partition(name: str, profile: str | None) -> None:
    suite = load(name, profile=profile)
    assert {cell.workload for cell in suite.cells if not cell.workload.startswith(COUNTERPART)} == {
        entry.ours for entry in ENTRIES if entry.suite in SUITES[name] and entry.test not in TABLE["absent"]
    }
    for cell in suite.cells:
        one = workload(cell.workload)
        assert one.warnings(one.resolve(cell.parameters)) == []


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_structured_streaming_does_the_same_work_as_dstreams(profile: str | None) -> None:
    """Every test but `basic`, which has no stream, with the same sizes; what only DStreams have is left out."""
    cells = {cell.workload: cell for cell in load("spark-perf-streaming", profile=profile).cells}
    streams = {name for name in cells if not name.startswith(COUNTERPART)} - {"basic"}
    assert cells.keys() == {*streams, "basic", *(COUNTERPART + name for name in streams)}
    for name in streams:
        one, other = (workload(each).resolve(cells[each].parameters) for each in (name, COUNTERPART + name))
        assert one.keys() - other.keys() <= {"memory-serialization", "use-receiver"}
        assert {key: one[key] for key in other} == other


def test_the_whole_suite_is_up_to_date() -> None:
    file = ROOT / "suites" / "spark-perf.yml"
    assert file.read_text(encoding="utf-8") == whole_suite(), "run python -m sparkbed.spark_perf"


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_the_whole_suite_runs_just_what_its_parts_run(profile: str | None) -> None:
    assert set(PARTS) == set(SUITES)
    whole = load("spark-perf", profile=profile)
    parts = [load(part, profile=profile) for part in PARTS]
    # A cell's id is of all that it is.
    assert sorted(cell.id for cell in whole.cells) == sorted(cell.id for part in parts for cell in part.cells)
    assert whole.deadline == max(part.deadline for part in parts)
    for part in parts:
        if part.name != "spark-perf-streaming":  # its repetitions are batches
            assert (part.iterations, part.warmup) == (whole.iterations, whole.warmup)
        assert part.trials == whole.trials
