"""A workload, its parameters, and the program that is made ready from it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.home import Home
from sparkbed.workloads.parameters import Parameter, resolve

__all__ = ["Parameter", "Program", "Workload"]


@dataclass(frozen=True)
class Program(ABC):
    """A workload's program, ready to be submitted.

    `files` are local paths that must be on the driver's host, in one folder: the main file first, then what goes with
    it. A main file that is a URL is not among them. `main_class` is set for a jar that needs one.
    """

    files: tuple[Path, ...]
    main_class: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the contents and names of the files: what was run, for the record."""
        whole = hashlib.sha256()
        for file in self.files:
            whole.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return whole.hexdigest()

    @abstractmethod
    def arguments(
        self,
        parameters: Mapping[str, Any],
        samples_path: PurePosixPath | Path | str,
        iterations: int | None,
        expected_executors: int,
        folder: PurePosixPath | Path | str | None = None,
    ) -> list[str]:
        """What comes after spark-submit's own options: --class, --py-files, the program, the program's options.

        `parameters` are resolved ones; `iterations` counts the warm-up ones too and None leaves it to the parameters;
        `samples_path` is a file on the driver's host. `folder` is where the files lie on that host, when not here.
        """


@dataclass(frozen=True)
class Workload(ABC):
    """One benchmark program as the catalogue has it: what it takes, and where that comes from.

    `scale` is the test's own factor on the defaults that scale, beside scale-factor. `short_name` is what the benchmark
    that it comes from calls it, where another workload has that name here; `runner` what that benchmark's own program
    calls it in its output, where that is yet another name. `leaves_data` says that what it makes stays where its
    parameters say, for workloads that come after it.
    """

    name: str
    title: str
    language: str
    source: str
    scale: float
    parameters: Mapping[str, Parameter]
    short_name: str
    runner: str
    leaves_data: bool

    @property
    def plain(self) -> bool:
        """Whether it is no Spark application: it runs beside a cluster's places, and needs no daemons there."""
        return False

    def in_python(self, resolved: Mapping[str, Any]) -> bool:  # noqa: ARG002  # they matter to `submit` only
        """Whether it is a PySpark program, whose executors start Python workers."""
        return self.language == "Python" and not self.plain

    def resolve(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters: those given, checked, and the defaults of the others, scaled. In the table's order.

        Values that are given are taken as they are; scale-factor and the test's own scale apply to defaults only.
        Resolving resolved parameters gives them again.

        Raises:
            UsageError: on an unknown name, a value of the wrong type or out of its range, or values that do not go
                together; a DocumentError with file and line when `parameters` comes from a YAML document.
        """
        resolved = resolve(self.name, self.parameters, self.scale, parameters)
        self.check(resolved, parameters)
        return resolved

    @abstractmethod
    def check(self, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Refuse resolved values that do not go together (UsageError). `given` knows places in a YAML document."""

    def warnings(self, resolved: Mapping[str, Any]) -> list[str]:
        """What would make the answer mean less than it seems to, in plain sentences."""
        if resolved.get("num-partitions") == 1 and resolved.get("scale-factor", 1) < 0.01:
            return [
                f"{self.name}: at scale-factor {resolved['scale-factor']} the input has a single partition, so one "
                "core does all the work; set num-partitions and reduce-tasks, or a scale-factor of 0.01 or more"
            ]
        return []

    @abstractmethod
    def prepare(
        self, home: Home, spark_home: Path, java_home: Path, parameters: Mapping[str, Any] | None = None
    ) -> Program:
        """The program, built if need be into the state folder. `parameters` (resolved) matter to `submit` only.

        Raises:
            RunError: when it does not build.
            UsageError: when a file that the user named is not there.
        """
