"""`trials: {until: ...}`: what it may say, and what is told of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.assembly import SuiteChoice
from sparkbed.errors import DocumentError
from sparkbed.suite import Suite, load, schedule
from sparkbed.suite.until import Until
from sparkbed.verbs.suites import plan


def read(folder: Path, says: str, trials: int | None = None) -> Suite:
    (folder / "s.yml").write_text(f"suite: s\nworkload: scala-count\ntrials: {says}\n")
    return load(folder / "s.yml", trials=trials)


def test_it_says_when_enough_is_enough(tmp_path: Path) -> None:
    suite = read(tmp_path, "{until: 5%, max: 40, min: 8}")
    assert (suite.trials, suite.until) == (40, Until(0.05, 8))
    assert len(schedule(suite)) == 40
    assert suite.document()["until"] == {"share": 0.05, "least": 8}
    assert read(tmp_path, "{until: 2.5 %}").until == Until(0.025, 6)
    assert read(tmp_path, "{until: 5%, max: 4}").until == Until(0.05, 4)


@pytest.mark.parametrize(("says", "least"), [("max: 40", 20), ("max: 12", 12), ("max: 40, min: 7", 7)])
def test_cells_that_are_compared_have_twenty_trials_before_they_stop(tmp_path: Path, says: str, least: int) -> None:
    (tmp_path / "s.yml").write_text(
        f"suite: s\nworkload: scala-count\ntrials: {{until: 5%, {says}}}\nbaseline: {{who: base}}\n"
        "factors: {who: {base: {}, other: {alias: a}}}\n"
    )
    assert load(tmp_path / "s.yml").until == Until(0.05, least)
    assert load(tmp_path / "s.yml", only="who=base").until == Until(0.05, min(least, 7 if "min" in says else 6))


def test_a_number_means_so_many(tmp_path: Path) -> None:
    suite = read(tmp_path, "7")
    assert (suite.trials, suite.until) == (7, None)
    assert "until" not in suite.document()
    given = read(tmp_path, "{until: 5%, max: 40}", trials=3)
    assert (given.trials, given.until) == (3, None)


def test_a_plan_says_that_it_may_be_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPARKBED_HOME", str(tmp_path))
    plan(SuiteChoice("quick", sets=("trials={until: 5%, max: 40}",)))
    assert "\nat most 80 trials, randomized" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ("{max: 4}", "trials says no until"),
        ("{until: 5}", "until must be a percentage between 0 % and 100 %, not 5"),
        ("{until: 0%}", "until must be a percentage"),
        ("{until: 100%}", "until must be a percentage"),
        ("{until: [5%]}", "until must be a percentage between 0 % and 100 %, not a list"),
        ("{until: 5%, most: 4}", "trials has no key 'most'"),
        ("{until: 5%, max: 4, min: 5}", "min is 5 of at most 4 trials"),
        ("{until: 5%, min: 1}", "min must be a whole number from 2 on"),
        ("{until: 5%, max: many}", "max must be a whole number"),
        ("soon", "trials must be a whole number"),
    ],
)
def test_what_it_may_not_say_is_told_with_its_line(tmp_path: Path, trials: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, trials)
    assert words in str(caught.value)
    assert "s.yml:3" in str(caught.value)
