"""Workloads in Python: a script, submitted with the modules that our scripts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.errors import RunError
from sparkbed.home import Home
from sparkbed.workloads.base import Program, Workload
from sparkbed.workloads.big_data import check_big_data
from sparkbed.workloads.key_value import check_key_value
from sparkbed.workloads.mllib import check_mllib
from sparkbed.workloads.options import option_list
from sparkbed.workloads.parameters import refusal

SHARED = (
    "sparkbed_program.py",
    "sparkbed_application.py",
    "sparkbed_stored_data.py",
    "sparkbed_key_value.py",
    "sparkbed_broadcast.py",
    "sparkbed_mllib.py",
    "sparkbed_correlation.py",
    "sparkbed_big_data.py",
)
"""Modules beside the scripts that several of them import, on the driver and in the executors."""


@dataclass(frozen=True)
class PythonProgram(Program):
    """A script (the first file) and the modules that it imports."""

    def arguments(
        self,
        parameters: Mapping[str, Any],
        samples_path: PurePosixPath | Path | str,
        iterations: int | None,
        expected_executors: int,
        folder: PurePosixPath | Path | str | None = None,
    ) -> list[str]:
        script, *modules = [
            str(file) if folder is None else str(PurePosixPath(folder) / file.name) for file in self.files
        ]
        options = option_list(parameters, samples_path, iterations, expected_executors)
        return ["--py-files", ",".join(modules), script, *options]


@dataclass(frozen=True)
class PythonWorkload(Workload):
    """A PySpark script of ours."""

    script: Path

    def check(self, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        check_key_value(self.name, resolved, given)
        check_kmeans(self.name, resolved, given)
        check_shuffles(self.name, resolved, given)
        check_mllib(self.name, resolved, given)
        check_naive_bayes(self.name, resolved, given)
        check_big_data(self.name, resolved, given)

    def prepare(
        # the contract's signature; noqa for what this kind has no use for
        self,
        home: Home,  # noqa: ARG002
        spark_home: Path,  # noqa: ARG002
        java_home: Path,  # noqa: ARG002
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Program:
        files = (self.script, *(self.script.parent / name for name in SHARED))
        for file in files:
            if not file.is_file():
                raise RunError(f"the program of workload {self.name} is not there", where=str(file))
        return PythonProgram(files)


def check_naive_bayes(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse the model that Python's API can't train (UsageError)."""
    if resolved.get("model-type") == "bernoulli":
        raise refusal(
            f"{workload}: model-type bernoulli can't be trained in Python, whose API has multinomial models only",
            given,
            "model-type",
            "Leave it out, or take the workload naive-bayes, which is in Scala.",
        )


def check_shuffles(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse more shuffles than passes (UsageError)."""
    if resolved.get("num-shuffles", 0) > resolved.get("num-passes", 0):
        raise refusal(
            f"{workload}: {resolved['num-shuffles']} of {resolved['num-passes']} passes can't end in a shuffle",
            given,
            "num-shuffles" if "num-shuffles" in given else "num-passes",
            "Set num-shuffles to at most num-passes.",
        )


def check_kmeans(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse more centres than points (UsageError)."""
    if resolved.get("num-clusters", 0) > resolved.get("num-points", 0):
        raise refusal(
            f"{workload}: {resolved['num-clusters']} centres can't be drawn from {resolved['num-points']} points",
            given,
            "num-clusters" if "num-clusters" in given else "num-points",
            "Set num-clusters to at most num-points.",
        )
