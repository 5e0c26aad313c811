"""`inv report` and `inv logs`."""

from __future__ import annotations

import os
from pathlib import Path

from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.nearest import nearest
from sparkbed.store import Store

FORMATS = ("html", "md", "json", "csv", "spark-perf", "spark-perf-json")
DRIVER = ("driver.out", "driver.log")


def report(campaign: str, form: str, output: str) -> None:
    """Write the page, or print the campaign in another form."""
    from analysis.report import render

    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=nearest(form, FORMATS, every="There are"))
    home = Home()
    with Store(home.database) as store:
        found = store.campaign(campaign or None)
        text = render(store, found.id, form)
    if form == "html" or output:
        target = Path(output) if output else home.campaign(found.id) / "report.html"
        write_whole(target, text)
        print(f"Report of {found.id}: {target}")
    else:
        print(text)


def write_whole(target: Path, text: str) -> None:
    """Write beside and rename, so that a full disk or a kill leaves the old file.

    Raises:
        UsageError: when it can't be written there.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(
            f"{target} can't be written: {error.strerror}", hint="Name another place with --output."
        ) from None


def logs(wanted: str) -> None:
    """What a trial's driver wrote, and where the rest lies."""
    with Store(Home().database) as store:
        if wanted:
            trial = store.trial(wanted)
        else:
            trials = store.trials(store.campaign().id)
            failed = [one for one in trials if one.status != "ok"]
            if not trials:
                raise UsageError("the last campaign has no trial yet", hint="Run it: ./inv run-suite")
            trial = (failed or trials)[-1]
        names = store.artifacts(trial.id)
        print(f"trial {trial.id}: {trial.status}, started {trial.started}, ended {trial.finished}")
        if trial.error:
            print(f"error: {trial.error}")
        for name in [*DRIVER, *sorted(set(names) - set(DRIVER))]:
            if name in names and not name.endswith(".gz"):
                print(f"\n==== {name}")
                print(store.artifact(trial.id, name).decode("utf-8", "replace").rstrip())
        packed = [name for name in names if name.endswith(".gz")]
        if packed:
            print(f"\nAlso kept, compressed: {', '.join(packed)}")
