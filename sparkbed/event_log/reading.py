"""Reading an event log: line by line, so that memory grows with its tasks and not with its size."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import msgspec

from sparkbed.errors import RunError
from sparkbed.event_log.columns import TaskRows
from sparkbed.event_log.files import lines_in, lines_of
from sparkbed.event_log.model import EventLog, Executor, Job, Stage

_EVENT = b'{"Event":"SparkListener'


class _Reader:
    """What has been read so far of one log."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.properties: dict[str, str] = {}
        self.executors: dict[str, dict[str, Any]] = {}
        self.jobs: dict[int, dict[str, Any]] = {}
        self.stages: list[Stage] = []
        self.tasks = TaskRows()
        self.handlers: dict[bytes, Callable[[bytes], None]] = {
            b"TaskEnd": self.tasks.add,
            b"LogStart": _of(self.log_start),
            b"EnvironmentUpdate": _of(self.environment_update),
            b"ApplicationStart": _of(self.application_start),
            b"ApplicationEnd": _of(self.application_end),
            b"ExecutorAdded": _of(self.executor_added),
            b"ExecutorRemoved": _of(self.executor_removed),
            b"JobStart": _of(self.job_start),
            b"JobEnd": _of(self.job_end),
            b"StageCompleted": _of(self.stage_completed),
        }

    def log_start(self, event: dict[str, Any]) -> None:
        self.header["spark_version"] = event.get("Spark Version", "")

    def environment_update(self, event: dict[str, Any]) -> None:
        self.properties.update(event.get("Spark Properties") or {})

    def application_start(self, event: dict[str, Any]) -> None:
        self.header.update(
            application=event.get("App ID") or "",
            name=event.get("App Name", ""),
            started=_seconds(event.get("Timestamp")),
        )

    def application_end(self, event: dict[str, Any]) -> None:
        self.header.update(finished=_seconds(event.get("Timestamp")), complete=True)

    def executor_added(self, event: dict[str, Any]) -> None:
        info = event.get("Executor Info", {})
        self.executors[event["Executor ID"]] = {
            "host": info.get("Host", ""),
            "cores": info.get("Total Cores", 0),
            "added": _seconds(event.get("Timestamp")),
        }

    def executor_removed(self, event: dict[str, Any]) -> None:
        if event["Executor ID"] in self.executors:
            self.executors[event["Executor ID"]].update(
                removed=_seconds(event.get("Timestamp")), reason=event.get("Removed Reason")
            )

    def job_start(self, event: dict[str, Any]) -> None:
        stages = tuple(map(int, event.get("Stage IDs") or ()))
        self.jobs[event["Job ID"]] = {"submitted": _seconds(event.get("Submission Time")), "stages": stages}

    def job_end(self, event: dict[str, Any]) -> None:
        if event["Job ID"] in self.jobs:
            succeeded = event.get("Job Result", {}).get("Result") == "JobSucceeded"
            self.jobs[event["Job ID"]].update(finished=_seconds(event.get("Completion Time")), succeeded=succeeded)

    def stage_completed(self, event: dict[str, Any]) -> None:
        info = event["Stage Info"]
        self.stages.append(
            Stage(
                id=info["Stage ID"],
                attempt=info.get("Stage Attempt ID", 0),
                name=info.get("Stage Name", ""),
                tasks=info.get("Number of Tasks", 0),
                submitted=_seconds(info.get("Submission Time")),
                finished=_seconds(info.get("Completion Time")),
                failure=(info.get("Failure Reason") or "").partition("\n")[0] or None,
                parents=tuple(map(int, info.get("Parent IDs") or ())),
            )
        )

    def log(self) -> EventLog:
        return EventLog(
            **self.header,
            properties=self.properties,
            executors=tuple(Executor(id=id, **rest) for id, rest in self.executors.items()),
            jobs=tuple(Job(id=id, **rest) for id, rest in self.jobs.items()),
            stages=tuple(self.stages),
            tasks=self.tasks.table(),
        )


def _of(handler: Callable[[dict[str, Any]], None]) -> Callable[[bytes], None]:
    return lambda line: handler(msgspec.json.decode(line))


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def read_event_log(source: Path | IO[bytes]) -> EventLog:
    """The log in a file or a rolling log's folder, plain or packed (see files.py), or in an open binary stream.

    A log that breaks off, as that of a killed driver does, is read as far as it goes. Its tasks have the columns
    `COLUMNS`.

    Raises:
        RunError: when it can't be read or is not an event log.
    """
    if isinstance(source, Path):
        return _read(lines_of(source), str(source))
    where = str(getattr(source, "name", "the event log"))
    return _read(lines_in(source, where), where)


def _read(lines: Iterable[bytes], where: str) -> EventLog:
    reader = _Reader()
    broken: int | None = None
    for number, line in enumerate(lines, start=1):
        if broken is not None:
            raise RunError(f"line {broken} is not an event", where=where, hint="Is it Spark's event log, and whole?")
        if not line.startswith(_EVENT):
            # Events of libraries have names of their own; anything else must be the cut end of the log.
            broken = None if line.startswith(b'{"Event":"') else number
            continue
        handler = reader.handlers.get(line[len(_EVENT) : line.find(b'"', len(_EVENT))])
        if handler is None:
            continue
        try:
            handler(line)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, msgspec.MsgspecError):
            broken = number
    if not reader.header:
        raise RunError("there is no event of Spark's in it", where=where, hint="Is it Spark's event log?")
    return reader.log()
