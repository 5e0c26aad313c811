"""Plain workloads: programs that are no Spark applications, started on the driver's host beside a cluster's places."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.errors import RunError
from sparkbed.home import Home
from sparkbed.workloads.base import Program, Workload
from sparkbed.workloads.options import option_list

SHARED = "sparkbed_program.py"
"""The module in workloads/pyspark/ that our programs take their options and samples file from."""


@dataclass(frozen=True)
class Side:
    """A place where part of a plain program runs: the words that start Python there, and the address to listen on.

    An empty address: that side finds out its own.
    """

    words: tuple[str, ...]
    address: str = ""


@dataclass(frozen=True)
class PlainProgram(Program):
    """A script (the first file) and the modules beside it. `shared` is a folder that every side sees at this path."""

    shared: str = ""
    sides: tuple[Side, ...] = ()

    def placed(self, shared: PurePosixPath | str, sides: Sequence[Side]) -> PlainProgram:
        """The program for one cluster; `sides` holds one side a worker. The first one sends, the last one receives."""
        return replace(self, shared=str(shared), sides=tuple(sides))

    def arguments(
        self,
        parameters: Mapping[str, Any],
        samples_path: PurePosixPath | Path | str,
        iterations: int | None,
        expected_executors: int,
        folder: PurePosixPath | Path | str | None = None,
    ) -> list[str]:
        """What comes after the platform's Python: the script and its options."""
        script = self.files[0] if folder is None else PurePosixPath(folder) / self.files[0].name
        sender, receiver = self.sides[0], self.sides[-1]
        options = option_list(parameters, samples_path, iterations, expected_executors)
        return [
            str(script),
            f"--shared={self.shared}",
            f"--sender={json.dumps(list(sender.words))}",
            f"--receiver={json.dumps(list(receiver.words))}",
            f"--address={receiver.address}",
            *(option for option in options if not option.startswith("--expected-executors=")),
        ]


@dataclass(frozen=True)
class PlainWorkload(Workload):
    """A Python program of ours that runs without Spark."""

    script: Path

    @property
    def plain(self) -> bool:
        return True

    def check(self, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Every value in its range goes with every other."""

    def prepare(
        # the contract's signature; noqa for what this kind has no use for
        self,
        home: Home,  # noqa: ARG002
        spark_home: Path,  # noqa: ARG002
        java_home: Path,  # noqa: ARG002
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Program:
        folder = self.script.parent
        beside = sorted(file for file in folder.glob("*.py") if file != self.script)
        files = (self.script, *beside, folder.parent / "pyspark" / SHARED)
        for file in files:
            if not file.is_file():
                raise RunError(f"the program of workload {self.name} is not there", where=str(file))
        return PlainProgram(files)
