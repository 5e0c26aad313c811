"""Every suite of ours can decide what it compares, and one that can't says so before it runs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from analysis.findings import Design, Question, Side, findings
from sparkbed import documents
from sparkbed.assembly import SuiteChoice
from sparkbed.run.deciding import too_few_trials
from sparkbed.suite import compared, find, load, names
from sparkbed.suite.model import Suite
from sparkbed.verbs.suites import plan, warnings


def of_every_suite() -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for name in names():
        profiles = documents.load(find(name)).get("profiles") or {}
        # `tiny` asks whether everything works, not how cells compare.
        found += [(name, profile) for profile in (None, *profiles) if profile != "tiny"]
    return found


def verdicts(suite: Suite) -> set[str]:
    """Of the suite's comparisons, if every cell took four times as long as its baseline in every trial."""
    noise = np.random.default_rng(5).normal(0, 0.01, suite.trials)
    sides = [
        Side(str(i), str(i), (factor * np.exp(noise)).tolist(), range(suite.trials)) for i, factor in enumerate((1, 4))
    ]
    asked = [Question("trial_seconds", "s", *sides, Design("randomized")) for _ in compared(suite)]
    return {str(found["verdict"]) for found in findings(asked)}


@pytest.mark.parametrize(("name", "profile"), of_every_suite())
def test_a_fourfold_time_is_seen_in_every_suite_and_profile(name: str, profile: str | None) -> None:
    suite = load(name, profile=profile)
    assert too_few_trials(suite) is None
    if compared(suite):
        assert verdicts(suite) == {"slower"}


@pytest.mark.parametrize("levels", [2, 3, 9, 13, 57])
def test_the_number_that_is_named_is_the_fewest_that_can_decide(tmp_path: Path, levels: int) -> None:
    def suite(trials: int, order: str = "randomized") -> Suite:
        text = "suite: s\nworkload: scala-count\nbaseline: {parameters.num-partitions: 1}\n"
        text += f"order: {order}\nfactors: {{parameters.num-partitions: {list(range(1, levels + 1))}}}\n"
        (tmp_path / "s.yml").write_text(text)
        return load(tmp_path / "s.yml", trials=trials)

    said = too_few_trials(suite(1))
    assert said is not None
    needed = int(said.split("--trials ")[1].split(")")[0])
    assert too_few_trials(suite(needed - 1)) is not None
    assert verdicts(suite(needed - 1)) == {"undecided"}
    assert too_few_trials(suite(needed)) is None
    assert verdicts(suite(needed)) == {"slower"}
    assert needed == math.ceil(math.log2((levels - 1) / 0.025))
    assert too_few_trials(suite(1, order="sequential")) is None


def test_a_run_warns_before_it_begins() -> None:
    """`run-suite` prints these before anything is started."""
    assert any("can't decide 1 comparison" in said for said in warnings(load("quick", trials=5)))
    assert warnings(load("quick")) == []


def test_plan_warns(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKBED_HOME", str(tmp_path))
    plan(SuiteChoice("quick", trials=5))
    assert "warning: 5 trials of each cell can't decide 1 comparison" in capsys.readouterr().out
    plan(SuiteChoice("quick"))
    assert "warning" not in capsys.readouterr().out


def test_plan_ends_with_the_command_that_runs_what_it_showed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKBED_HOME", str(tmp_path))
    plan(SuiteChoice("quick", profile="tiny", trials=2, only="layout=*", sets=("seed=3",)))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Run it: ./inv run-suite quick --profile tiny --trials 2 --only 'layout=*' --set seed=3"
