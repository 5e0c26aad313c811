"""The one place where the parts are put together: state folder, store, Spark, and a suite that has been checked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sparkbed import collectors, platforms, workloads
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import Home
from sparkbed.java import find_java
from sparkbed.model import Cell
from sparkbed.nearest import nearest
from sparkbed.position import Position
from sparkbed.run.campaign import Bed
from sparkbed.sparks import installed_spark
from sparkbed.store import Store
from sparkbed.suite import Suite, load


@dataclass(frozen=True)
class SuiteChoice:
    """A suite as the command line names it; empty means as the suite says."""

    suite: str
    inventory: str = ""
    profile: str = ""
    trials: int = 0
    only: str = ""
    sets: tuple[str, ...] = ()

    def words(self) -> str:
        """What stands behind `inv run-suite` for this choice, quoted for a shell."""
        flags = {"--inventory": self.inventory, "--profile": self.profile, "--trials": self.trials, "--only": self.only}
        given = [word for flag, value in flags.items() if value for word in (flag, str(value))]
        return shlex.join([self.suite, *given, *(word for one in self.sets for word in ("--set", one))])


def open_store(home: Home) -> Store:
    return Store(home.database)


def open_bed(home: Home) -> Bed:
    """What a campaign stands on.

    Raises:
        HostError: when this machine has no Java for Spark, or no Spark.
    """
    return Bed(home, open_store(home), installed_spark(), find_java())


def checked_suite(choice: SuiteChoice) -> Suite:
    """The suite with the command line's choices, every name in it known and every parameter and setting right.

    Raises:
        UsageError: for the first thing that is wrong; a DocumentError with its file and line where it has one.
    """
    if choice.trials < 0:
        raise UsageError(f"--trials must be 1 or more, not {choice.trials}")
    suite = load(
        choice.suite,
        profile=choice.profile or None,
        sets=choice.sets,
        only=choice.only or None,
        trials=choice.trials or None,
        inventory=choice.inventory or None,
    )
    for cell in suite.cells:
        _check(suite, cell)
    for name in suite.collectors:
        if name not in collectors.names():
            raise DocumentError(
                f"there is no collector {name!r}",
                where=suite.where("collectors"),
                hint=nearest(name, collectors.names(), every="There are"),
            )
    return suite


def _check(suite: Suite, cell: Cell) -> None:
    """What the suite's own reading leaves open: the workload and its parameters, and whether the platform runs it."""
    catalogue = workloads.catalogue()
    if cell.workload not in catalogue:
        raise DocumentError(
            f"there is no workload {cell.workload!r}",
            where=suite.position_of(cell, "workload"),
            hint=nearest(cell.workload, list(catalogue), every="There are"),
        )
    with _named(suite.position_of(cell, "parameters")):
        resolved = catalogue[cell.workload].resolve(cell.parameters)
    if catalogue[cell.workload].in_python(resolved) and not platforms.get(cell.platform).python_workers:
        raise DocumentError(
            f"platform {cell.platform} can't run {cell.workload}, which is a PySpark program",
            where=suite.position_of(cell, "workload"),
            hint="Its Python workers are processes, and executors there can start none. Take a jar, or a workload in "
            "Scala: ./inv list workloads has them.",
        )


@contextmanager
def _named(where: Position) -> Iterator[None]:
    """Usage errors inside get a place in the suite, unless they name a better one."""
    try:
        yield
    except UsageError as error:
        if error.where:
            raise
        raise DocumentError(error.what, where=where, hint=error.hint) from None
