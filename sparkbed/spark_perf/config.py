"""A spark-perf configuration (config.py), read without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.position import Position
from sparkbed.spark_perf.expressions import Names, Unknown, is_scalar

SUITES = {
    "SPARK": "core",
    "PYSPARK": "pyspark",
    "STREAMING": "streaming",
    "MLLIB": "mllib",
    "PYTHON_MLLIB": "python-mllib",
}
"""How a suite's names begin in a configuration: RUN_SPARK_TESTS, SPARK_TESTS; and what it is called here."""


@dataclass(frozen=True)
class Option:
    """An option with the values that it is run with, one after another; a value may be Unknown.

    kind: `option` (--name=value), `flag` (--name or nothing), `java` (-Dname=value), `constant` (a bare word).
    given: the file's own list of values, which it may change after the option was made.
    """

    kind: str
    name: str
    values: tuple[Any, ...]
    scales: bool
    line: int
    given: Any = field(default=None, compare=False)

    def scaled(self, scale: float) -> tuple[Any, ...]:
        """The values as spark-perf runs them: max(1, int(value * scale)) where it scales."""
        if not self.scales:
            return self.values
        return tuple(max(1, int(one * scale)) if isinstance(one, (int, float)) else one for one in self.values)


@dataclass(frozen=True)
class Test:
    """One test: its name, the factor on what scales, Java's options and its own."""

    __test__ = False  # pytest would take the name for a test of its own

    suite: str
    name: str
    scale: float
    java: tuple[Option, ...]
    options: tuple[Option, ...]
    line: int


@dataclass(frozen=True)
class Config:
    """What a configuration chooses."""

    path: Path
    enabled: tuple[str, ...]
    tests: tuple[Test, ...]
    scale_factor: Any
    ignored_trials: Any
    driver_memory: Any
    notes: tuple[str, ...]


def read_config(path: Path) -> Config:
    """The configuration in `path`.

    Raises:
        UsageError: when it can't be read, is not Python, or names no tests.
    """
    names = Names({"OptionSet": _option, "JavaOptionSet": _java, "FlagSet": _flag, "ConstantOption": _constant})
    names.run(_statements(path))
    notes: list[str] = []
    enabled, tests = [], []
    for prefix, suite in SUITES.items():
        runs = names.values.get(f"RUN_{prefix}_TESTS", False)
        if isinstance(runs, Unknown):
            notes.append(f"line {runs.line}: whether RUN_{prefix}_TESTS can't be told without running it: taken as off")
            continue
        if not runs:
            continue
        enabled.append(suite)
        listed = names.values.get(f"{prefix}_TESTS", [])
        if isinstance(listed, Unknown):
            notes.append(f"line {listed.line}: {prefix}_TESTS can't be told without running it: left out")
            continue
        for entry in listed if isinstance(listed, list) else []:
            found = _test(suite, entry, names.lines.get(f"{prefix}_TESTS", 1))
            if isinstance(found, str):
                notes.append(found)
            else:
                tests.append(found)
    if not enabled:
        raise UsageError(
            "no tests are chosen",
            where=str(path),
            hint=f"A spark-perf configuration sets one of {', '.join(f'RUN_{one}_TESTS' for one in SUITES)} to True.",
        )
    return Config(
        path,
        tuple(enabled),
        tuple(tests),
        names.values.get("SCALE_FACTOR", 1.0),
        names.values.get("IGNORED_TRIALS", 0),
        names.values.get("SPARK_DRIVER_MEMORY"),
        tuple(notes),
    )


def _statements(path: Path) -> list[ast.stmt]:
    try:
        return ast.parse(path.read_bytes(), str(path)).body
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="Name a config.py of spark-perf.") from None
    except SyntaxError as error:
        hint = "spark-perf's configurations are plain assignments; print as a statement is Python 2's."
        raise UsageError(f"not Python 3: {error.msg}", where=Position(path, error.lineno or 1), hint=hint) from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError("not Python", where=str(path), hint="Name a config.py of spark-perf.") from None


def _test(suite: str, entry: Any, line: int) -> Test | str:
    """The test in a tuple of five, or what to say of one that can't be told."""
    if isinstance(entry, Unknown):
        return f"line {entry.line}: a test can't be told without running it: left out"
    if not isinstance(entry, tuple) or len(entry) != 5:
        return f"line {line}: a test is not a tuple of five: left out"
    name, _, scale, java, options = entry
    if not isinstance(name, str) or not isinstance(scale, (int, float)) or not scale > 0:
        return f"line {getattr(scale, 'line', line)}: the name or scale of a test can't be told: left out"
    if not isinstance(java, list) or not isinstance(options, list):
        broken = next((one.line for one in (java, options) if isinstance(one, Unknown)), line)
        return f"line {broken}: the options of {name} can't be told without running it: left out"
    settled = [_settled(one) for one in (*java, *options)]
    known = [one for one in settled if isinstance(one, Option)]
    if len(known) < len(settled):
        broken = next(getattr(one, "line", line) for one in settled if not isinstance(one, Option))
        return f"line {broken}: an option of {name} can't be told: the test is left out"
    own = known[len(java) :]
    return Test(
        suite, name, float(scale), tuple(known[: len(java)]), tuple(own), max((one.line for one in own), default=line)
    )


def _settled(one: Any) -> Any:
    """An option with the values that its list has by now."""
    if not isinstance(one, Option) or one.kind == "constant":
        return one
    return _made(one.kind, [one.name, one.given, one.scales], {}, one.line)


def _values(given: Any) -> tuple[Any, ...] | None:
    return tuple(given) if isinstance(given, (list, tuple)) and given else None


def _made(kind: str, arguments: list[Any], keywords: dict[str, Any], line: int) -> Option | Unknown:
    named = dict(zip(("name", "vals", "can_scale"), arguments, strict=False)) | keywords
    name, values, scales = named.get("name"), _values(named.get("vals")), named.get("can_scale", False)
    if not isinstance(name, str) or values is None or not isinstance(scales, bool):
        return Unknown(line)
    if not all(isinstance(one, Unknown) or (one is not None and is_scalar(one)) for one in values):
        return Unknown(line)
    return Option(kind, name, values, scales, line, named.get("vals"))


def _option(arguments: list[Any], keywords: dict[str, Any], line: int) -> Option | Unknown:
    return _made("option", arguments, keywords, line)


def _java(arguments: list[Any], keywords: dict[str, Any], line: int) -> Option | Unknown:
    return _made("java", arguments, keywords, line)


def _flag(arguments: list[Any], keywords: dict[str, Any], line: int) -> Option | Unknown:
    return _made("flag", arguments, keywords, line)


def _constant(arguments: list[Any], keywords: dict[str, Any], line: int) -> Option | Unknown:
    named = dict(zip(("to_string",), arguments, strict=False)) | keywords
    word = named.get("to_string")
    return Option("constant", word, (word,), False, line) if isinstance(word, str) else Unknown(line)
