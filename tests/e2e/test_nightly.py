"""A night on real Spark, a regression that `--against` finds, and a campaign that opens elsewhere from one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.store import Store
from tests.e2e.conftest import Bed

pytestmark = pytest.mark.soak

SUITE = """
suite: mine
inventory: local
settings: {executor_memory: 512m, driver_memory: 512m}
count: {workers: 1}
workload: submit
parameters: {program: FOLDER/program.py}
metric: submit_seconds
trials: 4
collectors: [eventlog]
deadline: 2m
"""
PROGRAM = """
import time
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(1000).count()
time.sleep(REST)
spark.stop()
"""


def test_nights_regressions_and_archives(bed: Bed) -> None:
    suite = bed.folder / "mine.yml"
    suite.write_text(SUITE.replace("FOLDER", str(bed.folder)))
    program = bed.folder / "program.py"
    program.write_text(PROGRAM.replace("REST", "0"))
    plan = bed.folder / "plan.yml"
    plan.write_text(f"suites:\n  - {{suite: {suite}, budget: 10m}}\n")
    said = bed.inv("nightly", "--plan", plan)
    assert f"{suite}: done" in said
    assert "No regression." in said
    assert "9 more nights before changes can be told" in said
    with Store(bed.home / "sparkbed.db") as store:
        first = store.campaign()
        assert (first.status, first.facts["tag"]) == ("complete", "nightly")
    assert "<svg" in (bed.home / "nightly" / "history.html").read_text()
    bed.inv("export", "--archive", "first.zip")
    # The cell is the same, but what it runs takes eight seconds longer.
    program.write_text(PROGRAM.replace("REST", "8"))
    said = bed.inv("run-suite", suite, "--against", "first.zip", code=1)
    assert "1 regression against" in said
    assert "submit_seconds is" in said
    compared = bed.inv("compare", "first.zip", bed.report()["campaign"]["id"])
    assert "not randomised" in compared
    bed.inv("export", "--archive", "second.zip")
    bed.home = bed.folder / "elsewhere"
    bed.environment["SPARKBED_HOME"] = str(bed.home)
    bed.home.mkdir()
    bed.inv("report", "second.zip")
    assert "<svg" in Path(bed.folder, "second.html").read_text()


def test_a_suite_that_takes_longer_than_its_time_is_ended_and_leaves_nothing(bed: Bed) -> None:
    plan = bed.folder / "plan.yml"
    plan.write_text("suites:\n  - {suite: quick, budget: 20s}\n")
    said = bed.inv("nightly", "--plan", plan, code=1)
    assert "quick: out of time (it was ended after 20 s)" in said
    bed.wait_until_nothing_is_alive()
    with Store(bed.home / "sparkbed.db") as store:
        assert store.campaign().status == "interrupted"
