"""The event log that a trial's driver writes: asked for, found, read and kept. What it says: sparkbed/event_log/."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from sparkbed.collectors.base import Collected, Context
from sparkbed.errors import RunError
from sparkbed.event_log import read_event_log

FOLDER = "event-log"
"""The folder of the trial that the log is written to, or brought to."""
ARTIFACT = "event-log.gz"


def spark_properties(directory: Path | str) -> dict[str, str]:
    """For one plain file in `directory`, which must exist on the driver's host. 4.x would roll and compress."""
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": Path(directory).absolute().as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }


def find_log(directory: Path) -> Path:
    """The log that one application wrote into `directory`, finished or not.

    Raises:
        RunError: when there is none, or several.
    """
    found = [path for path in directory.iterdir() if path.is_file() and not path.name.startswith(".")]
    if len(found) != 1:
        raise RunError(
            f"there are {len(found)} event logs, not one",
            where=str(directory),
            hint="The driver writes it: its own log says why it could not.",
        )
    return found[0]


def open_log(directory: Path) -> IO[bytes]:
    """The log that one application wrote into `directory`, open.

    Spark gives it its final name as the application ends. After a trial that was cut short, that may be at any moment:
    a second look finds the name that it has by then, and what is open stays open whatever its name becomes.

    Raises:
        RunError: when there is none, or several, or it can't be opened.
    """
    try:
        return _opened(directory)
    except RunError:
        return _opened(directory)


def _opened(directory: Path) -> IO[bytes]:
    found = find_log(directory)
    try:
        return found.open("rb")
    except OSError as error:
        raise RunError(f"the event log can't be read: {error.strerror or error}", where=str(found)) from None


def keep_log(log: IO[bytes], destination: Path) -> Path:
    """Keep an open log gzipped at `destination`, readable as other files are (Spark makes it 0660)."""
    with gzip.open(destination, "wb", compresslevel=6) as target:
        shutil.copyfileobj(log, target, 1 << 20)
    destination.chmod(0o644)
    return destination


class EventLogCollector:
    """The log of a driver that writes to the trial's folder; from another host, bring it there before `stop`."""

    name = "eventlog"
    needs_spark = True

    def __init__(self) -> None:
        self._context: Context | None = None

    def spark_properties(self, context: Context) -> Mapping[str, str]:
        return spark_properties(context.folder / FOLDER)

    def start(self, context: Context) -> None:
        self._context = context
        folder = context.folder / FOLDER
        if folder.exists():
            shutil.rmtree(folder)  # of a launch of the same trial that was cut short
        folder.mkdir()

    def stop(self) -> Collected:
        if self._context is None:
            return Collected()
        folder, self._context = self._context.folder, None
        try:
            with open_log(folder / FOLDER) as raw:
                log = read_event_log(raw)
                raw.seek(0)
                kept = keep_log(raw, folder / ARTIFACT)
        except RunError as error:
            return Collected(faults=(str(error),))
        # A driver that still runs may rename in here; the next launch of the trial empties the folder as well.
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        return Collected(tasks=log.tasks, facts=log.facts, artifacts={ARTIFACT: kept})
