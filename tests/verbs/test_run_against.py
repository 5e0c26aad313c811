"""`run-suite --against`: refused before anything runs where it could tell nothing; else regressions in words."""

from __future__ import annotations

from pathlib import Path

import made_up
import pytest

from analysis.report import measured
from sparkbed.assembly import SuiteChoice, checked_suite
from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.store import Store
from sparkbed.verbs.against import Baseline
from tests.verbs.command import ID, inv


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of the suite quick, one of other cells, and one of a single trial."""
    folder = tmp_path_factory.mktemp("earlier")
    cells = checked_suite(SuiteChoice("quick")).cells
    with Store(folder / "sparkbed.db") as store:
        made_up.fill(store, made_up.campaign(cells), extras=False)
        made_up.fill(store, made_up.campaign(cells, "small-1"), extras=False, trials=1)
        made_up.fill(store, made_up.campaign(made_up.cells(), "other-1"), extras=False)
        made_up.fill(store, made_up.campaign(cells, "later-1"), extras=False, seed=9, slower={cells[1].id: 1.3})
        made_up.fill(store, made_up.campaign(cells, "later-2"), extras=False, seed=10)
    return folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--against", "nothing"], "there is no campaign 'nothing'"),
        (["--against", "other-1"], "no cell of this suite with trial_seconds"),
        (["--against", "small-1"], "It takes 39: --trials 39"),
        (["--against", ID, "--trials", "1"], "It takes 3: --trials 3"),
        (["--against", ID, "--margin", "much"], "--margin must be a share such as 5%"),
        (["--against", ID, "--margin", "0"], "--margin must be a share such as 5%"),
    ],
)
def test_what_could_tell_nothing_is_refused_before_it_runs(earlier: Path, words: list[str], says: str) -> None:
    done = inv(earlier, "run-suite", "quick", *words)
    assert done.returncode == 2
    assert says in done.stderr
    with Store(earlier / "sparkbed.db") as store:
        assert len(store.campaigns()) == 5


def test_a_regression_is_told_and_none_is_not(earlier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = checked_suite(SuiteChoice("quick"))
    baseline = Baseline.of(Home(earlier), suite, ID, "5%")
    with Store(earlier / "sparkbed.db") as store:
        told = baseline.told(measured(store, "later-1"))
        assert [one.partition(":")[0] for one in told] == [suite.cells[1].label]
        assert "allowed 5 %" in told[0]
        assert "not randomised against each other" in capsys.readouterr().out
        assert baseline.told(measured(store, "later-2")) == []


def test_a_margin_is_a_share(earlier: Path) -> None:
    suite = checked_suite(SuiteChoice("quick"))
    assert [Baseline.of(Home(earlier), suite, ID, text).margin for text in ("5%", "2.5 %", "0.1")] == [0.05, 0.025, 0.1]
    with pytest.raises(UsageError, match="share"):
        Baseline.of(Home(earlier), suite, ID, "100%")
