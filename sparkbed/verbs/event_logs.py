"""`inv report --event-log`."""

from __future__ import annotations

from pathlib import Path

from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.nearest import nearest
from sparkbed.replacing import write_whole

FORMATS = ("html", "md", "json")


def report(event_log: str, campaign: str, form: str, output: str) -> None:
    """What any application's event log says: the page, or printed.

    Raises:
        UsageError: for a format that there is not, or a campaign beside it.
        RunError: for a log that can't be read.
    """
    from analysis import application
    from sparkbed.event_log import read_event_log

    if campaign:
        raise UsageError("a report is of a campaign or of an event log", hint="Name one of the two.")
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=nearest(form, FORMATS, every="There are"))
    log = read_event_log(Path(event_log))
    data = application.describe(log)
    if form == "html":
        text = application.as_html(data, application.figures(data, log))
    else:
        text = application.as_markdown(data) if form == "md" else application.as_json(data)
    if form == "html" or output:
        name = f"event-log-{Path(event_log).name}.html"
        target = Path(output) if output else Home().folder() / name
        write_whole(target, text)
        print(f"Report of {event_log}: {target}")
    else:
        print(text)
