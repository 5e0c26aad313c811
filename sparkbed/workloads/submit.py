"""`submit`: a jar or script of the user's own, taken as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.home import ROOT, Home
from sparkbed.workloads.base import Program, Workload
from sparkbed.workloads.numbers import check_numbers
from sparkbed.workloads.parameters import refusal

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PYTHON = (".py", ".zip", ".egg", ".whl")
_PLACES = re.compile(r"\{(samples|iterations|executors)\}")


def local_path(named: str) -> Path | None:
    """The file that `named` means: from the checkout if relative, ~ expanded; None for a URL, which Spark reads."""
    return None if _URL.match(named) else (ROOT / Path(named).expanduser()).absolute()


@dataclass(frozen=True)
class SubmittedProgram(Program):
    """A program of the user's own; `main` is its path or URL, the tuples what goes with it as the user named it."""

    main: str = ""
    jars: tuple[str, ...] = field(default=())
    with_files: tuple[str, ...] = field(default=())

    def arguments(
        self,
        parameters: Mapping[str, Any],
        samples_path: PurePosixPath | Path | str,
        iterations: int | None,
        expected_executors: int,
        folder: PurePosixPath | Path | str | None = None,
    ) -> list[str]:
        def there(named: str) -> str:
            local = local_path(named)
            if local is None:
                return named
            return str(local if folder is None else PurePosixPath(folder) / local.name)

        python = [one for one in self.with_files if one.lower().endswith(_PYTHON)]
        other = [one for one in self.with_files if one not in python]
        result = ["--class", self.main_class] if self.main_class else []
        for option, named in (("--jars", self.jars), ("--py-files", python), ("--files", other)):
            if named:
                result += [option, ",".join(there(one) for one in named)]
        values = {
            "samples": str(samples_path),
            "iterations": str(iterations or 1),
            "executors": str(expected_executors),
        }
        given = [_PLACES.sub(lambda found: values[found.group(1)], str(one)) for one in parameters["arguments"]]
        return [*result, there(self.main), *given]


@dataclass(frozen=True)
class SubmitWorkload(Workload):
    """Any jar or script."""

    def in_python(self, resolved: Mapping[str, Any]) -> bool:
        return str(resolved["program"]).lower().endswith(".py")

    def check(self, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        program = resolved["program"]
        if not program.lower().endswith((".py", ".jar")):
            raise refusal(
                f"submit: program must be a .py or a .jar file, not {program!r}",
                given,
                "program",
                "spark-submit tells them apart by their ending.",
            )
        if resolved["main-class"] and program.lower().endswith(".py"):
            raise refusal("submit: a .py file has no main-class", given, "main-class", "Leave main-class out.")
        check_numbers(resolved["numbers"], given)
        for key, named in self._named(resolved):
            local = local_path(named)
            if local is not None and not local.is_file():
                raise refusal(
                    f"submit: {key} names {named}, and there is no such file ({local})",
                    given,
                    key,
                    "Relative paths start at the checkout.",
                )

    @staticmethod
    def _named(resolved: Mapping[str, Any]) -> list[tuple[str, str]]:
        listed = [(key, str(one)) for key in ("jars", "files") for one in resolved[key]]
        return [("program", resolved["program"]), *listed]

    def prepare(
        # the contract's signature; noqa for what this kind has no use for
        self,
        home: Home,  # noqa: ARG002
        spark_home: Path,  # noqa: ARG002
        java_home: Path,  # noqa: ARG002
        parameters: Mapping[str, Any] | None = None,
    ) -> Program:
        if parameters is None:
            raise UsageError("submit can't be made ready without its parameters", hint="Name the program to run.")
        named = [one for _, one in self._named(parameters)]
        files = tuple(path for path in map(local_path, named) if path is not None)
        names = [file.name for file in files]
        for twice in sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(
                f"submit: two files are called {twice}", hint="They go to one folder of the driver's host: rename one."
            )
        return SubmittedProgram(
            files,
            parameters["main-class"] or None,
            main=parameters["program"],
            jars=tuple(map(str, parameters["jars"])),
            with_files=tuple(map(str, parameters["files"])),
        )
