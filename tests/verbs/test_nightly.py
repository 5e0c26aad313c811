"""`inv nightly`, the history page and acknowledgements, on a real store with made-up nights, by the real command."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import made_up
import pytest

from sparkbed.errors import SparkbedError, StoreError, UsageError
from sparkbed.home import Home
from sparkbed.store import Store
from sparkbed.suite.nightly import DEFAULT, NightlyPlan, NightlySuite, load_plan
from sparkbed.verbs.nightly import Ended, clear_artifacts, locked, run_one, run_plan
from tests.verbs.command import inv

FIRST = datetime(2026, 9, 1, 2, 17, tzinfo=timezone.utc)


def fill(home: Path, factors: list[float], tag: str = "nightly", since: datetime = FIRST) -> None:
    """One campaign of one cell a night, whose times are as many times the usual."""
    cell = made_up.cells(workloads=("agg-by-key",))[:1]
    with Store(home / "sparkbed.db") as store:
        for number, factor in enumerate(factors):
            started = (since + timedelta(days=number)).isoformat()
            made = made_up.campaign(cell, f"{tag}-{since:%m}-{number:03}")
            made = replace(made, started=started, git_revision=f"rev{number:03}", facts={**made.facts, "tag": tag})
            made_up.fill(store, made, trials=3, extras=False, seed=number, slower={cell[0].id: factor})


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """Eighteen usual nights and five that are 30 % slower."""
    fill(tmp_path, [1.0] * 18 + [1.3] * 5)
    return tmp_path


@pytest.fixture
def broken_plan(tmp_path: Path) -> Path:
    """A plan whose suite can't run."""
    path = tmp_path / "plan.yml"
    path.write_text("suites: [nothing-of-that-name]\n")
    return path


def test_the_history_page_is_written_and_a_change_is_acknowledged_by_its_id(nights: Path) -> None:
    done = inv(nights, "report", "--history")
    assert done.returncode == 0, done.stderr
    page = (nights / "nightly" / "history.html").read_text()
    assert "rev017..rev018" in page
    assert "regression" in page
    listed = inv(nights, "acknowledge").stdout
    row = next(line for line in listed.splitlines() if "trial_seconds" in line)
    identity = row.split()[0]
    assert "regression" in row
    plan = nights / "plan.yml"
    plan.write_text("suites: [quick]\nchange: 50%\n")
    assert "No change has been found" in inv(nights, "acknowledge", "--plan", str(plan)).stdout
    refused = inv(nights, "acknowledge", identity)
    assert (refused.returncode, "needs a reason" in refused.stderr) == (2, True)
    assert inv(nights, "acknowledge", identity, "--reason", "JDK 21 since Monday").returncode == 0
    again = inv(nights, "acknowledge").stdout
    assert "JDK 21 since Monday" in next(line for line in again.splitlines() if identity in line)
    assert inv(nights, "acknowledge", identity, "--remove").returncode == 0
    assert "JDK 21" not in inv(nights, "acknowledge").stdout
    wrong = inv(nights, "acknowledge", "zzz", "--reason", "x")
    assert (wrong.returncode, "there is no change 'zzz'" in wrong.stderr) == (2, True)


def test_only_campaigns_with_the_tag_are_history(nights: Path) -> None:
    fill(nights, [1.0, 1.0], tag="mine")
    assert inv(nights, "report", "--history", "--tag", "mine", "--output", "mine.html").returncode == 0
    assert "8 more nights before changes can be told" in (nights / "mine.html").read_text()
    done = inv(nights, "report", "--history", "--tag", "nobodys")
    assert (done.returncode, "no campaign with the tag 'nobodys'" in done.stderr) == (2, True)


def test_a_night_ends_with_a_summary_a_page_and_its_exit_code(nights: Path, broken_plan: Path) -> None:
    """The suite can't run, and the history got worse: both are told."""
    done = inv(nights, "nightly", "--plan", str(broken_plan), "--quiet")
    assert done.returncode == 1, done.stderr
    assert "nothing-of-that-name: failed (there is no suite 'nothing-of-that-name'" in done.stdout
    assert "regression" in done.stdout
    assert "revisions rev017..rev018" in done.stdout
    page = (nights / "nightly" / "history.html").read_text()
    assert "This run" in page
    assert "nothing-of-that-name: failed" in page


def test_two_nights_at_once_are_one(nights: Path, broken_plan: Path) -> None:
    with locked(Home(nights)):
        done = inv(nights, "nightly", "--plan", str(broken_plan))
        assert done.returncode == 1
        assert "a nightly run is under way: process" in done.stderr
        assert done.stdout == ""
    with locked(Home(nights)):
        pass


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from sparkbed.home import Home\n"
        "from sparkbed.verbs.nightly import locked\n"
        "with locked(Home(Path(sys.argv[1]))):\n    print('have it', flush=True); time.sleep(300)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "have it\n"
        with pytest.raises(SparkbedError, match=f"process {holder.pid}"), locked(Home(tmp_path)):
            pass
    finally:
        holder.kill()
        holder.wait()
    with locked(Home(tmp_path)):
        pass


def plan_of(*suites: NightlySuite, budget: float | None = None) -> NightlyPlan:
    return NightlyPlan(Path("plan.yml"), suites, budget, None, 0.05, {})


def test_the_nights_time_and_each_suites_own_bound_what_runs() -> None:
    now = [0.0]
    given: list[tuple[str, float | None]] = []

    def launch(suite: NightlySuite, seconds: float | None) -> Ended:
        given.append((suite.suite, seconds))
        now[0] += 50
        return "done", ""

    suites = [
        NightlySuite(name, budget, (name,)) for name, budget in (("a", 60.0), ("b", None), ("c", 5.0), ("d", 5.0))
    ]
    runs = run_plan(plan_of(*suites, budget=150.0), launch, lambda: now[0])
    assert given == [("a", 60.0), ("b", 100.0), ("c", 5.0)]
    assert [run["outcome"] for run in runs] == ["done", "done", "done", "not begun"]


def test_a_suite_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKBED_HOME", str(tmp_path))
    outcome, detail = run_one(NightlySuite("quick", 0.05, ("quick",)), 0.05, tmp_path / "nightly.log")
    assert outcome == "out of time"
    assert detail.startswith("it was ended after")
    assert b"inv run-suite quick --fresh --tag=nightly" in (tmp_path / "nightly.log").read_bytes()


def test_old_artifacts_go_and_every_number_stays(nights: Path) -> None:
    fill(nights, [1.0], tag="mine")
    with Store(nights / "sparkbed.db") as store:
        old, new, mine = "nightly-09-000", "nightly-09-020", "mine-09-000"
        for campaign in (old, new, mine):
            log = nights / "campaigns" / campaign / "trials" / "0001" / "eventlog.gz"
            log.parent.mkdir(parents=True)
            log.write_bytes(b"tasks")
            made_up.give_artifacts(store, f"{campaign}-0001", {"eventlog.gz": log, "driver.log": b"words"})
        numbers = {campaign: store.samples(campaign) for campaign in (old, new, mine)}
    now = FIRST + timedelta(days=22)
    assert clear_artifacts(Home(nights), 14 * 86400.0, now) == 1
    assert clear_artifacts(Home(nights), 14 * 86400.0, now) == 0
    assert clear_artifacts(Home(nights), None, now) == 0
    with Store(nights / "sparkbed.db") as store:
        assert store.artifacts(f"{old}-0001") == []
        assert store.artifacts(f"{new}-0001") == store.artifacts(f"{mine}-0001") == ["driver.log", "eventlog.gz"]
        with pytest.raises(StoreError, match="taken away when it was old"):
            store.artifact(f"{old}-0001", "eventlog.gz")
        assert {campaign: store.samples(campaign) for campaign in (old, new, mine)} == numbers
    assert not (nights / "campaigns" / old / "trials").exists()
    assert (nights / "campaigns" / new / "trials" / "0001" / "eventlog.gz").exists()
    assert inv(nights, "logs", f"{old}-0001").returncode == 0
    assert inv(nights, "export", old, "--archive", "old.zip").returncode == 0


def test_our_own_plan_is_read() -> None:
    plan = load_plan(DEFAULT)
    assert [suite.suite for suite in plan.suites] == ["quick"]
    assert (plan.budget, plan.keep_artifacts, plan.change) == (7200.0, 14 * 86400.0, 0.05)


def test_a_plans_choices_become_words_of_run_suite(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    path.write_text(
        "suites:\n  - {suite: quick, budget: 1h30m, profile: small, trials: 8, only: 'layout=*', inventory: local,"
        " set: {settings.executor_memory: 1g}}\nmetrics: {records: higher}\n"
    )
    plan = load_plan(path)
    assert plan.suites[0].budget == 5400.0
    assert plan.suites[0].words == (
        *("quick", "--profile=small", "--inventory=local", "--only=layout=*", "--trials=8"),
        "--set=settings.executor_memory=1g",
    )
    assert plan.metrics == {"records": "higher"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[]", 1, "a nightly plan is a mapping"),
        ("budget: 2h\n", 1, "the plan has no suites"),
        ("suites: []\n", 1, "the plan has no suites"),
        ("suites: [quick]\nbudgets: 2h\n", 2, "no key 'budgets'"),
        ("suites: [quick]\nbudget: soon\n", 2, "must be a length of time"),
        ("suites: [quick]\nchange: 5\n", 2, "must be a share such as 5%"),
        ("suites: [quick]\nmetrics:\n  a: down\n", 3, "a can't be 'down'"),
        ("suites:\n  - suite: quick\n    trials: 0\n", 3, "from 1 on"),
        ("suites:\n  - profile: tiny\n", 2, "it names no suite"),
        ("suites:\n  - 7\n", 2, "a suite of a plan is a mapping"),
    ],
)
def test_a_wrong_plan_is_told_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "plan.yml"
    path.write_text(text)
    with pytest.raises(UsageError, match=f":{line}:?.*{says}"):
        load_plan(path)
