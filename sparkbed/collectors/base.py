"""What a collector is: something that gathers series, tasks or samples beside a trial.

`start` runs on this machine just before the application is submitted, `stop` just after it has ended; `stop` is called
whatever became of the trial. A collector watches places, and a place is a machine with one network namespace: process
nodes of one machine share both, so they are one place and are watched once.

A collector that can't do its work does not fail the trial: it says so in `Collected.faults`, which is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sparkbed.model import Sample, Series, TaskTable


class Watch(Protocol):
    """A program that is running at a place."""

    def stop(self) -> bytes:
        """Close its standard input, wait for its end, and give all that it wrote to its standard output.

        Raises:
            HostError: when it had failed, did not end in time, or the host is gone. Nothing is left running then.
        """
        ...

    def wait(self) -> bytes:
        """As `stop`, for a program that ends by itself: it is given ten minutes for its work."""
        ...


class Launch(Protocol):
    """A way to start a program at a place."""

    def __call__(self, argv: Sequence[str]) -> Watch:
        """Start `argv` with its standard input kept open: the program ends when that closes, so also when we are gone.

        Raises:
            HostError: when it can't be started.
        """
        ...


@dataclass(frozen=True)
class Place:
    """A machine and network namespace to watch. Series carry `name` as their host."""

    name: str
    launch: Launch


@dataclass(frozen=True)
class Context:
    """What a collector may know of the trial. `folder` exists, is the trial's own and is kept.

    `containers` is the label that the cluster's containers carry, as NAME=VALUE; empty where there are none.
    """

    folder: Path
    places: Sequence[Place]
    interval: float = 0.5
    containers: str = ""


@dataclass(frozen=True)
class Collected:
    """What a collector gathered. `facts` are plain JSON; `faults` are sentences for people."""

    series: tuple[Series, ...] = ()
    tasks: TaskTable | None = None
    samples: tuple[Sample, ...] = ()
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


class Collector(Protocol):
    """One collector, used for one trial after another; `start` and `stop` come in pairs.

    One that `needs_spark` has nothing to gather beside a plain program, and is left out there.
    """

    name: str
    needs_spark: bool

    def spark_properties(self, context: Context) -> Mapping[str, str]:
        """Properties that the trial's application must be submitted with; mostly none."""
        ...

    def start(self, context: Context) -> None: ...

    def stop(self) -> Collected: ...
