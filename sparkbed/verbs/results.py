"""`inv report` and `inv logs`."""

from __future__ import annotations

from pathlib import Path

from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.model import Campaign
from sparkbed.nearest import nearest
from sparkbed.replacing import write_whole
from sparkbed.store import Store
from sparkbed.verbs.campaigns import campaign_of, is_archive

FORMATS = ("html", "md", "json", "csv", "svg", "spark-perf", "spark-perf-json")
DRIVER = ("driver.out", "driver.log")


def report(campaign: str, form: str, output: str) -> None:
    """Write the page, or print the campaign in another form."""
    from analysis.report import render

    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=nearest(form, FORMATS, every="There are"))
    home = Home()
    if form == "svg":
        _figures(home, campaign, output)
        return
    with campaign_of(home, campaign) as (store, found):
        text = render(store, found.id, form)
    if form == "html" or output:
        target = Path(output) if output else _page(home, campaign, found)
        write_whole(target, text)
        print(f"Report of {found.id}: {target}")
    else:
        print(text)


def _figures(home: Home, campaign: str, output: str) -> None:
    """Each figure of the page as a file."""
    from analysis.report import build, figures

    with campaign_of(home, campaign) as (store, found):
        drawn = figures(store, build(store, found.id))
        folder = Path(output) if output else _page(home, campaign, found).with_suffix(".figures")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make {folder}: {error.strerror}", hint="Choose another --output.") from None
    for one in drawn:
        write_whole(folder / f"{one.name}.svg", one.standalone)
    print(f"{len(drawn)} figures of {found.id}: {folder}")


def _page(home: Home, wanted: str, found: Campaign) -> Path:
    """Where the page goes: with the campaign, or beside the archive that it came from."""
    if is_archive(wanted):
        archive = Path(wanted).expanduser()
        return archive.with_name(f"{archive.name.removesuffix('.zip')}.html")
    return home.campaign(found.id) / "report.html"


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
