"""Spark's event log: the times of tasks, stages, jobs and executors, as Spark's own interface shows them.

One JSON object a line, plain or gzipped, as Spark 3.5 writes it and 4.x does with the properties below. Units are
Spark's own (ms, ns, bytes): each column's name ends in its unit where it is a time. The formulas over these columns
stand in `analysis/decompose.py`.

Two traps in the numbers: Executor CPU Time is that of the JVM's task thread, so a Python worker's is not in it; and
times are whole milliseconds of two machines' clocks, so those of very short tasks are mostly rounding.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from sparkbed.collectors.base import Collected, Context
from sparkbed.errors import RunError
from sparkbed.model import TaskTable

FOLDER = "event-log"
"""The folder of the trial that the log is written to, or brought to."""
ARTIFACT = "event-log.gz"

_EVENT = b'{"Event":"SparkListener'
_SPARKS_OWN = (".zstd", ".lz4", ".lzf", ".snappy")
"""How the names of logs end that Spark compressed."""


def spark_properties(directory: Path | str) -> dict[str, str]:
    """For one plain file in `directory`, which must exist on the driver's host. 4.x would roll and compress."""
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": Path(directory).absolute().as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }


# -- what a log says ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Executor:
    """Times are Unix seconds; `removed` is None when it stayed to the end."""

    id: str
    host: str
    cores: int
    added: float
    removed: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Job:
    """Times are Unix seconds; `finished` and `succeeded` are None when the log ends before the job."""

    id: int
    submitted: float
    finished: float | None = None
    succeeded: bool | None = None


@dataclass(frozen=True)
class Stage:
    """One attempt of a stage. Times are Unix seconds; `failure` is the reason's first line, None when it succeeded."""

    id: int
    attempt: int
    name: str
    tasks: int
    submitted: float | None
    finished: float | None
    failure: str | None = None


@dataclass(frozen=True)
class EventLog:
    """A log as read. `complete` says whether it goes on to the application's end; `properties` are Spark's own."""

    application: str = ""
    name: str = ""
    spark_version: str = ""
    started: float | None = None
    finished: float | None = None
    complete: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    executors: tuple[Executor, ...] = ()
    jobs: tuple[Job, ...] = ()
    stages: tuple[Stage, ...] = ()
    tasks: TaskTable = field(default_factory=lambda: TaskTable({}))

    @property
    def facts(self) -> dict[str, Any]:
        """All but the tasks, as plain JSON."""
        rest = {
            name: value for name, value in vars(self).items() if name not in ("executors", "jobs", "stages", "tasks")
        }
        tables = {"executors": self.executors, "jobs": self.jobs, "stages": self.stages}
        return {**rest, **{name: [asdict(row) for row in rows] for name, rows in tables.items()}}  # type: ignore[call-overload]


# -- columns -----------------------------------------------------------------------------------------------------------

_COLUMNS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    # column: its type, and its place in a SparkListenerTaskEnd event
    "stage": (np.int64, ("Stage ID",)),
    "stage_attempt": (np.int64, ("Stage Attempt ID",)),
    "task": (np.int64, ("Task Info", "Task ID")),
    "attempt": (np.int64, ("Task Info", "Attempt")),
    "executor": (np.str_, ("Task Info", "Executor ID")),
    "host": (np.str_, ("Task Info", "Host")),
    "launch_ms": (np.int64, ("Task Info", "Launch Time")),
    "finish_ms": (np.int64, ("Task Info", "Finish Time")),
    "getting_result_ms": (np.int64, ("Task Info", "Getting Result Time")),
    "locality": (np.str_, ("Task Info", "Locality")),
    "failed": (np.bool_, ("Task Info", "Failed")),
    "killed": (np.bool_, ("Task Info", "Killed")),
    "speculative": (np.bool_, ("Task Info", "Speculative")),
    "deserialize_ms": (np.int64, ("Task Metrics", "Executor Deserialize Time")),
    "deserialize_cpu_ns": (np.int64, ("Task Metrics", "Executor Deserialize CPU Time")),
    "run_ms": (np.int64, ("Task Metrics", "Executor Run Time")),
    "cpu_ns": (np.int64, ("Task Metrics", "Executor CPU Time")),
    "result_serialization_ms": (np.int64, ("Task Metrics", "Result Serialization Time")),
    "gc_ms": (np.int64, ("Task Metrics", "JVM GC Time")),
    "fetch_wait_ms": (np.int64, ("Task Metrics", "Shuffle Read Metrics", "Fetch Wait Time")),
    "remote_bytes_read": (np.int64, ("Task Metrics", "Shuffle Read Metrics", "Remote Bytes Read")),
    "local_bytes_read": (np.int64, ("Task Metrics", "Shuffle Read Metrics", "Local Bytes Read")),
    "shuffle_write_ns": (np.int64, ("Task Metrics", "Shuffle Write Metrics", "Shuffle Write Time")),
    "shuffle_bytes_written": (np.int64, ("Task Metrics", "Shuffle Write Metrics", "Shuffle Bytes Written")),
    "memory_spilled": (np.int64, ("Task Metrics", "Memory Bytes Spilled")),
    "disk_spilled": (np.int64, ("Task Metrics", "Disk Bytes Spilled")),
    "result_size": (np.int64, ("Task Metrics", "Result Size")),
    "input_bytes": (np.int64, ("Task Metrics", "Input Metrics", "Bytes Read")),
    "output_bytes": (np.int64, ("Task Metrics", "Output Metrics", "Bytes Written")),
    "peak_memory": (np.int64, ("Task Metrics", "Peak Execution Memory")),
}

COLUMNS = tuple(_COLUMNS)
"""The columns of the task table. `getting_result_ms` is a moment (0: the result came with the task's end); the other
times of a task are durations. A task without metrics (one that failed early) has zeros."""


class _Reader:
    """What has been read so far of one log."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.properties: dict[str, str] = {}
        self.executors: dict[str, dict[str, Any]] = {}
        self.jobs: dict[int, dict[str, Any]] = {}
        self.stages: list[Stage] = []
        self.rows: list[list[Any]] = []
        self.handlers: dict[bytes, Callable[[dict[str, Any]], None]] = {
            b"LogStart": self.log_start,
            b"EnvironmentUpdate": self.environment_update,
            b"ApplicationStart": self.application_start,
            b"ApplicationEnd": self.application_end,
            b"ExecutorAdded": self.executor_added,
            b"ExecutorRemoved": self.executor_removed,
            b"JobStart": self.job_start,
            b"JobEnd": self.job_end,
            b"StageCompleted": self.stage_completed,
            b"TaskEnd": self.task_end,
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
        self.jobs[event["Job ID"]] = {"submitted": _seconds(event.get("Submission Time"))}

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
            )
        )

    def task_end(self, event: dict[str, Any]) -> None:
        row = []
        for kind, keys in _COLUMNS.values():
            value: Any = event
            for key in keys:
                value = value.get(key) if value else None
            row.append(value if value is not None else kind())
        self.rows.append(row)

    def log(self) -> EventLog:
        columns = list(zip(*self.rows, strict=True)) or [()] * len(_COLUMNS)
        return EventLog(
            **self.header,
            properties=self.properties,
            executors=tuple(Executor(id=id, **rest) for id, rest in self.executors.items()),
            jobs=tuple(Job(id=id, **rest) for id, rest in self.jobs.items()),
            stages=tuple(self.stages),
            tasks=TaskTable(
                {
                    name: np.array(column, dtype=kind)
                    for (name, (kind, _)), column in zip(_COLUMNS.items(), columns, strict=True)
                }
            ),
        )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


# -- reading -----------------------------------------------------------------------------------------------------------


def read_event_log(source: Path | IO[bytes]) -> EventLog:
    """The log in a file (plain or .gz) or binary stream of plain lines. Its tasks have the columns `COLUMNS`.

    A log that breaks off, as that of a killed driver does, is read as far as it goes.

    Raises:
        RunError: when it can't be read or is not an event log.
    """
    if not isinstance(source, Path):
        return _read(source, "the event log")
    try:
        with source.open("rb") as stream:
            return _read(_plain(stream, source), str(source))
    except OSError as error:
        raise _unreadable(source, error) from None


def _plain(stream: IO[bytes], path: Path) -> Iterable[bytes]:
    """The lines of a log that was opened at `path`, unpacked where its name says that it is packed."""
    if path.suffix in _SPARKS_OWN:
        raise _not_plain(path)
    return gzip.GzipFile(fileobj=stream) if path.suffix == ".gz" else stream


def _not_plain(path: Path) -> RunError:
    return RunError(
        "the event log is rolling or compressed by Spark, which is not read here",
        where=str(path),
        hint="Set spark.eventLog.rolling.enabled=false and spark.eventLog.compress=false.",
    )


def _unreadable(path: Path, error: OSError) -> RunError:
    if isinstance(error, IsADirectoryError):
        return _not_plain(path)
    return RunError(f"the event log can't be read: {error.strerror or error}", where=str(path))


def _read(lines: Iterable[bytes], where: str) -> EventLog:
    reader = _Reader()
    broken: int | None = None
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if broken is not None:
                raise RunError(
                    f"line {broken} is not an event", where=where, hint="Is it Spark's event log, and whole?"
                )
            if not line.startswith(_EVENT):
                # Events of libraries have names of their own; anything else must be the cut end of the log.
                broken = None if line.startswith(b'{"Event":"') else number
                continue
            handler = reader.handlers.get(line[len(_EVENT) : line.find(b'"', len(_EVENT))])
            if handler is None:
                continue
            try:
                handler(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                broken = number
    except EOFError:
        pass  # a gzip file that breaks off
    if not reader.header:
        raise RunError("there is no event of Spark's in it", where=where, hint="Is it Spark's event log?")
    return reader.log()


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


def open_log(directory: Path) -> tuple[Path, IO[bytes]]:
    """The log that one application wrote into `directory`, and its name when it was opened.

    Spark gives it its final name as the application ends. After a trial that was cut short, that may be at any moment:
    a second look finds the name that it has by then, and what is open stays open whatever its name becomes.

    Raises:
        RunError: when there is none, or several, or it can't be opened.
    """
    try:
        return _opened(directory)
    except RunError:
        return _opened(directory)


def _opened(directory: Path) -> tuple[Path, IO[bytes]]:
    found = find_log(directory)
    try:
        return found, found.open("rb")
    except OSError as error:
        raise _unreadable(found, error) from None


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
            name, raw = open_log(folder / FOLDER)
            with raw:
                log = _read(_plain(raw, name), str(name))
                raw.seek(0)
                kept = keep_log(raw, folder / ARTIFACT)
        except RunError as error:
            return Collected(faults=(str(error),))
        # A driver that still runs may rename in here; the next launch of the trial empties the folder as well.
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        return Collected(tasks=log.tasks, facts=log.facts, artifacts={ARTIFACT: kept})
