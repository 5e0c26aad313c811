"""What an event log says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sparkbed.model import TaskTable


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
    """Times are Unix seconds; `finished` and `succeeded` are None when the log ends before the job.

    `stages` are the ids of those that it needs, run for it or not.
    """

    id: int
    submitted: float
    finished: float | None = None
    succeeded: bool | None = None
    stages: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One attempt of a stage. Times are Unix seconds; `failure` is the reason's first line, None when it succeeded.

    `parents` are the ids of the stages whose output it reads.
    """

    id: int
    attempt: int
    name: str
    tasks: int
    submitted: float | None
    finished: float | None
    failure: str | None = None
    parents: tuple[int, ...] = ()


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
