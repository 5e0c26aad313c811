"""Programs that fail in every way cost a trial each, with its log; the suite goes on, and hosts that were up stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Bed

pytestmark = pytest.mark.full

PROGRAMS = Path(__file__).parent / "broken"
DEADLINE = 10
"""Seconds, for what hangs. However far a slow machine gets in them, it ends by being stopped."""

SUITE = f"""
suite: broken
workload: submit
settings:
  worker_memory: 512m
  executor_memory: 512m
  driver_memory: 512m
  spark.task.maxFailures: 1
  spark.locality.wait: 1s
cluster: shared
order: sequential
trials: 1
count: {{workers: 1}}
parameters: {{numbers: {{answer: 'answer ([0-9]+)'}}}}
metric: answer
deadline: 5m
collectors: [eventlog]
factors:
  program:
    throws: {{parameters: {{program: {PROGRAMS}/throws.py, numbers-file: {PROGRAMS}/never-written.csv}}}}
    hangs: {{parameters: {{program: {PROGRAMS}/hangs.py}}, deadline: {DEADLINE}s}}
    prints-rubbish: {{parameters: {{program: {PROGRAMS}/prints_rubbish.py, arguments: ["{{samples}}"]}}}}
    eats-memory: {{parameters: {{program: {PROGRAMS}/eats_memory.py}}}}
    exits: {{parameters: {{program: {PROGRAMS}/exits.py}}}}
    own-settings: {{parameters: {{program: {PROGRAMS}/own_settings.py}}}}
    works: {{parameters: {{program: {PROGRAMS}/works.py}}}}
"""

SAID = {
    "throws": "ZeroDivisionError",
    "hangs": f"did not end within its deadline of {DEADLINE} s and was stopped",
    "prints-rubbish": "line 1 of the samples is not a sample",
    "eats-memory": "OutOfMemoryError: Java heap space",
    "exits": "no luck today",
    # It went well, but on other terms than the suite's.
    "own-settings": "Spark ran with spark.locality.wait=9s where the cell has spark.locality.wait=1s",
}
LOGGED = {
    "throws": "ZeroDivisionError",
    "prints-rubbish": "answer",
    "eats-memory": "OutOfMemoryError",
    "exits": "no luck today",
}


def test_each_costs_one_trial_with_its_log(bed: Bed) -> None:
    bed.inv("provision", "local")
    output = bed.inv("run-suite", bed.suite(1, SUITE), code=1)
    assert f"{len(SAID)} trials failed" in output
    assert "no luck today" in output
    assert not set(output) & {chr(code) for code in range(32) if chr(code) not in "\n\t"}
    report = bed.report()
    assert report["campaign"]["status"] == "incomplete"
    cells = {Path(cell["parameters"]["program"]).stem.replace("_", "-"): cell for cell in report["cells"]}
    trials: dict[str, Any] = {}
    for name, cell in cells.items():
        [trials[name]] = cell["trials"]
    works = trials.pop("works")
    assert (works["status"], works["error"]) == ("ok", None)
    assert [sample["value"] for sample in works["samples"] if sample["metric"] == "answer"] == [45.0]
    assert works["position"] == len(SAID) + 1
    for name, trial in trials.items():
        assert trial["status"] == "failed", name
        assert SAID[name] in trial["error"], name
    for name, words in LOGGED.items():
        assert words in bed.inv("logs", trials[name]["id"]), name
    # What a program printed before it failed is no result.
    assert [name for name, cell in cells.items() if "answer" in cell["metrics"]] == ["works"]
    page = Path(next(line for line in output.splitlines() if line.startswith("Report: ")).removeprefix("Report: "))
    assert "<script>alert(1)" not in page.read_text()
    assert bed.inv("status").count("  running  ") == 3
    assert not [line for line in bed.alive() if "org.apache.spark" in line]
    assert "master-1" in bed.inv("teardown", "local")
    bed.wait_until_nothing_is_alive()
