"""The values that cross the borders between rooms: small, frozen, without behaviour of their own.

The words are the glossary's (docs/glossary.md). Times are seconds, sizes are bytes, moments are UTC
(ISO 8601 text in records, Unix seconds in arrays), unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # loading NumPy takes longer than all else that most verbs need
    import numpy as np
    from numpy.typing import NDArray

# -- hosts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """A host that is up and answers: what provisioning learned about it.

    `asked` is the moment of the API call that asked for the host (Unix seconds; None when adopted), and `timings` holds
    seconds since then: `api`, `running`, and `ssh` or `osv`, whichever the host answers by.
    `variables` are host variables that provisioning adds (spark_home, java_home, ... on process nodes).
    `price_per_hour` is US dollars as estimated when it was launched; None where it costs nothing, or nobody knows.
    """

    name: str
    address: str
    port: int
    user: str
    private_key: Path
    known_hosts: Path
    instance_id: str | None = None
    adopted: bool = False
    asked: float | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    price_per_hour: float | None = None
    image: str | None = None


@dataclass(frozen=True)
class Deployment:
    """The hosts of one inventory, made or adopted, and the generated inventory that names them."""

    name: str
    inventory: Path
    machines: tuple[Machine, ...]


# -- what is run ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HostsSpec:
    """Which hosts a cell runs on: an inventory, and how many hosts of each group (the first ones; all if absent)."""

    inventory: str
    count: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One combination of a suite's factors. `id` is a digest of everything below except `factors`."""

    id: str
    factors: Mapping[str, str]
    hosts: HostsSpec
    platform: str
    settings: Mapping[str, Any]
    workload: str
    parameters: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The levels of the factors, as people read them: `layout=one-worker workload=agg-by-key`."""
        return " ".join(f"{name}={level}" for name, level in self.factors.items()) or self.workload


@dataclass(frozen=True)
class PlannedTrial:
    """A trial that a campaign will run. `number` counts a cell's trials from 1, `position` the campaign's from 1."""

    cell: str
    number: int
    block: int
    position: int


# -- what was measured ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One number. `iteration` counts from 1 inside the trial, and is None for a figure of the whole trial."""

    metric: str
    value: float
    unit: str
    iteration: int | None = None
    kept: bool = True


@dataclass(frozen=True)
class Series:
    """Numbers over time from one host (or network namespace) during one trial.

    `times` are Unix seconds, shape (n,); every column has shape (n,), and `units` names each column's unit.
    Columns: cpu.user|nice|system|iowait|steal|idle|irq (share of all CPUs, 0..1), memory.used|available (bytes),
    disk.read_bytes|write_bytes (per second), net.IFACE.rx_packets|tx_packets|rx_bytes|tx_bytes (per second),
    load.1m. A value that could not be read is NaN.
    """

    host: str
    source: str
    times: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]
    units: Mapping[str, str]


@dataclass(frozen=True)
class TaskTable:
    """One row a finished Spark task of one trial, as columns of equal length (see sparkbed/collectors/eventlog.py)."""

    columns: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Trial:
    """One launch of a workload's application, from submit to exit: the unit of replication, and the checkpoint."""

    id: str
    campaign: str
    cell: str
    number: int
    block: int
    position: int
    status: str  # ok | failed
    started: str
    finished: str
    error: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Acknowledgement:
    """A change in a history that somebody knows of. `campaign` is the id of the first one of the new level."""

    cell: str
    metric: str
    campaign: str
    reason: str
    made: str
    by: str


@dataclass(frozen=True)
class Campaign:
    """One execution of a suite. `fingerprint` is what must be the same for it to be resumed.

    `plan` is the suite as resolved (labels, order, seed, trials, baseline, cluster, collectors ...), plain JSON.
    `facts` is provenance of the whole: machine, versions, preflight findings.
    """

    id: str
    suite: str
    status: str  # running | interrupted | complete | incomplete
    started: str
    fingerprint: str
    git_revision: str
    plan: Mapping[str, Any]
    cells: tuple[Cell, ...]
    finished: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
