"""`inv nightly`, `inv acknowledge`, and the history page of `inv report --history`."""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbed.errors import SparkbedError, UsageError
from sparkbed.home import Home
from sparkbed.model import Acknowledgement
from sparkbed.replacing import write_whole
from sparkbed.run.progress import duration
from sparkbed.store import Store
from sparkbed.suite.nightly import DEFAULT, NightlyPlan, NightlySuite, load_plan
from sparkbed.table import table

if TYPE_CHECKING:
    from analysis.history import Course

TAG = "nightly"
GRACE = 120.0
"""Seconds that a suite has to end what it started, once its time is up."""

Ended = tuple[str, str]
"""Outcome of a suite and what there is to say of it."""
Launch = Callable[[NightlySuite, float | None], Ended]


def nightly(plan_path: str, quiet: bool) -> bool:
    """Run the plan's suites, then look at the history; whether all went well and nothing got worse.

    Raises:
        SparkbedError: when another nightly run is under way in this state folder.
    """
    plan = load_plan(Path(plan_path).expanduser() if plan_path else DEFAULT)
    home = Home()
    with locked(home):
        log = home.folder("logs") / "nightly.log"
        runs = run_plan(plan, lambda suite, seconds: run_one(suite, seconds, log))
        removed = clear_artifacts(home, plan.keep_artifacts)
        found = history_of(home, plan)
        page = write_page(home, found, runs, f"Nightly run of {datetime.now(timezone.utc):%d %B %Y}")
    good = all(one["outcome"] == "done" for one in runs) and not _open(found)
    if quiet and good:
        return True
    from analysis.history_page import history_text

    print(history_text(found, runs), end="")
    if removed:
        print(f"\nArtifacts of {removed} campaigns older than {duration(plan.keep_artifacts or 0)} were taken away.")
    print(f"\nPage: {page}\nWhat the suites said: {log}")
    return good


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """One nightly run at a time in a state folder; the lock goes with the process, however it ends."""
    path = home.folder() / "nightly.lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SparkbedError(
                f"a nightly run is under way: process {file.read().strip() or 'unknown'}",
                where=str(path),
                hint="Wait for it, or end it with kill; what it has measured is kept.",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}, since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}")
        file.flush()
        yield


def run_plan(plan: NightlyPlan, launch: Launch, clock: Callable[[], float] = time.monotonic) -> list[dict[str, str]]:
    """Each suite's outcome: done, failed, out of time, or not begun."""
    begun = clock()
    runs = []
    for suite in plan.suites:
        left = None if plan.budget is None else plan.budget - (clock() - begun)
        if left is not None and left <= 0:
            runs.append({"suite": suite.suite, "outcome": "not begun", "detail": "the night's time was up"})
            continue
        limits = [one for one in (left, suite.budget) if one is not None]
        outcome, detail = launch(suite, min(limits) if limits else None)
        runs.append({"suite": suite.suite, "outcome": outcome, "detail": detail})
    return runs


def run_one(suite: NightlySuite, seconds: float | None, log: Path) -> Ended:
    """`inv run-suite` in a process of its own, interrupted when its time is up so that it ends what it started."""
    words = ["run-suite", *suite.words, "--fresh", f"--tag={TAG}"]
    with log.open("ab") as file:
        file.write(f"\n==== {datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z} inv {' '.join(words)}\n".encode())
        file.flush()
        place = file.tell()
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "sparkbed", *words], stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return "out of time", f"it was ended after {duration(seconds or 0)}"
        except BaseException:
            _end(process)
            raise
    return ("done", "") if code == 0 else ("failed", _last_error(log, place))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()  # what it leaves is ended by the next run-suite, as after any kill
        process.wait()


def _last_error(log: Path, place: int) -> str:
    with log.open("rb") as file:
        file.seek(place)
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line.removeprefix("inv: ") for line in lines if line.startswith("inv: ")]
    return said[-1] if said else f"see {log}"


def clear_artifacts(home: Home, age: float | None, now: datetime | None = None) -> int:
    """Take away artifacts of nightly campaigns that began longer than `age` seconds ago; numbers stay. How many."""
    if age is None:
        return 0
    oldest = (now or datetime.now(timezone.utc)) - timedelta(seconds=age)
    cleared = 0
    with Store(home.database) as store:
        for campaign in store.campaigns():
            ended = campaign.status not in ("running", "interrupted")
            if campaign.facts.get("tag") != TAG or not ended or _moment(campaign.started) >= oldest:
                continue
            # The rows first: a name whose file is there but not in the database harms nobody.
            cleared += bool(store.remove_artifacts(campaign.id))
            shutil.rmtree(home.path / "campaigns" / campaign.id / "trials", ignore_errors=True)
    return cleared


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def history_of(home: Home, plan: NightlyPlan | None, tag: str = TAG) -> list[Course]:
    """Every course of the campaigns with that tag."""
    from analysis.changepoints import MAGNITUDE
    from analysis.history import courses
    from analysis.report import nights

    with Store(home.database) as store:
        found, known = nights(store, tag), store.acknowledgements()
    return courses(found, known, plan.metrics if plan else {}, plan.change if plan else MAGNITUDE)


def write_page(home: Home, found: Sequence[Course], runs: Sequence[dict[str, str]], title: str) -> Path:
    from analysis.history_page import history_html

    page = home.folder("nightly") / "history.html"
    write_whole(page, history_html(found, runs, title))
    return page


def history(tag: str, output: str, plan: str = "") -> None:
    """Write the history page.

    Raises:
        UsageError: when no campaign has the tag.
    """
    from analysis.history_page import history_html

    home = Home()
    tag = tag or TAG
    found = history_of(home, _plan(plan), tag)
    if not found:
        raise UsageError(
            f"no campaign with the tag {tag!r} has ended yet",
            hint=f"./inv nightly runs some; ./inv run-suite --tag {tag} makes one of any suite.",
        )
    page = Path(output).expanduser() if output else home.folder("nightly") / "history.html"
    write_whole(page, history_html(found, title=f"History of {tag} campaigns"))
    print(f"History: {page}")


def acknowledge(wanted: str, reason: str, remove: bool, tag: str, plan: str = "") -> None:
    """Keep that a change is known, take it back, or list all changes for an empty word."""
    from analysis.history import all_changes, sentence

    home = Home()
    changes = all_changes(history_of(home, _plan(plan), tag or TAG))
    if not wanted:
        if not changes:
            print("No change has been found in the history.")
            return
        rows = [
            [one.id, one.kind, sentence(course, one), one.known.reason if one.known else ""] for course, one in changes
        ]
        table(["change", "what", "where", "known"], rows)
        print("\nOne that you know of: ./inv acknowledge CHANGE --reason WHY")
        return
    matching = [(course, one) for course, one in changes if one.id.startswith(wanted)]
    if len(matching) != 1:
        what = f"{len(matching)} changes begin with {wanted!r}" if matching else f"there is no change {wanted!r}"
        raise UsageError(what, hint="./inv acknowledge lists them.")
    course, one = matching[0]
    with Store(home.database) as store:
        if remove:
            if not one.known:
                raise UsageError(f"change {one.id} is not acknowledged", hint="./inv acknowledge lists them.")
            store.forget(Acknowledgement(**vars(one.known)))
            print(f"No longer acknowledged: {sentence(course, one)}")
            return
        if not reason.strip():
            raise UsageError("an acknowledgement needs a reason", hint="For example: --reason 'JDK 21 since Monday'")
        made = datetime.now(timezone.utc).isoformat(timespec="seconds")
        store.acknowledge(
            Acknowledgement(course.cell, course.metric, one.after.campaign, reason.strip(), made, _user())
        )
    print(f"Acknowledged: {sentence(course, one)}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def _plan(path: str) -> NightlyPlan | None:
    """The plan that says which metrics and changes count: the one named, else ours if it is there."""
    if path:
        return load_plan(Path(path).expanduser())
    return load_plan() if DEFAULT.is_file() else None


def _open(found: Sequence[Course]) -> list[Any]:
    from analysis.history import open_regressions

    return open_regressions(found)
