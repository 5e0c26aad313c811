"""Workloads in Scala: the sources of a folder make one jar, of which a workload runs one class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.home import ROOT, Home
from sparkbed.workloads.base import Program, Workload
from sparkbed.workloads.build import build_jar
from sparkbed.workloads.key_value import check_key_value
from sparkbed.workloads.mllib import check_mllib
from sparkbed.workloads.options import option_list
from sparkbed.workloads.streaming import check_streaming
from sparkbed.workloads.tera import check_tera

SHARED = ROOT / "workloads" / "scala" / "Application.scala"
"""What the programs of all folders are made of."""


@dataclass(frozen=True)
class ScalaProgram(Program):
    """The jar of a folder's workloads, and the class to run."""

    def arguments(
        self,
        parameters: Mapping[str, Any],
        samples_path: PurePosixPath | Path | str,
        iterations: int | None,
        expected_executors: int,
        folder: PurePosixPath | Path | str | None = None,
    ) -> list[str]:
        (jar,) = self.files
        path = jar if folder is None else PurePosixPath(folder) / jar.name
        options = option_list(parameters, samples_path, iterations, expected_executors)
        return ["--class", str(self.main_class), str(path), *options]


@dataclass(frozen=True)
class ScalaWorkload(Workload):
    """A Scala program of ours."""

    main_class: str
    folder: Path

    def check(self, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        check_key_value(self.name, resolved, given)
        check_mllib(self.name, resolved, given)
        check_tera(self.name, resolved, given)
        check_streaming(self.name, resolved, given)

    def prepare(
        # the contract's signature; noqa for what this kind has no use for
        self,
        home: Home,
        spark_home: Path,
        java_home: Path,
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Program:
        sources = sorted({SHARED, *self.folder.glob("*.scala")})
        jar = build_jar(sources, home.build, spark_home, java_home)
        return ScalaProgram((jar,), self.main_class)
