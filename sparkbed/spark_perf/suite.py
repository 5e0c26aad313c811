"""A suite of ours from a spark-perf configuration."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from math import prod
from typing import Any

import yaml

from sparkbed.errors import UsageError
from sparkbed.spark_perf.config import Config, Option, Test
from sparkbed.spark_perf.expressions import Unknown
from sparkbed.suite.factors import MOST_CELLS
from sparkbed.workloads import Workload, catalogue

_OF_THE_SUITE = "num-trials"
"""An option that is the suite's `iterations` here."""
_LOST = {
    "spark.storage.memoryFraction": "it does nothing since Spark 1.6",
    "spark.shuffle.manager": "every Spark since 2.0 sorts",
    "spark.eventLog.enabled": "the collector eventlog does that",
}
"""Properties that are left out, and why."""
_GONE_FLAGS = ("-XX:+UseConcMarkSweepGC",)
"""Java's own options that current versions refuse."""


def suite_of(config: Config) -> tuple[str, list[str]]:
    """The suite as YAML, and what a person must know of it: what is left out, and why.

    Every combination of every test's options is a level of the factor `test`. Values are given as spark-perf would run
    them, scaled.

    Raises:
        UsageError: when no test of ours is left.
    """
    notes = list(config.notes)
    by_name = {(one.short_name, _suite(one)): one for one in catalogue().values() if _suite(one)}
    levels: dict[str, dict[str, Any]] = {}
    trials: dict[Any, str] = {}
    for test in config.tests:
        workload = by_name.get((test.name, test.suite))
        if workload is None:
            notes.append(f"{test.name} ({test.suite}): there is no such test here")
            continue
        trials.update({value: test.name for one in test.options if one.name == _OF_THE_SUITE for value in one.values})
        strange = [
            f"{one.name} (line {one.line})"
            for one in test.options
            if one.kind in ("option", "flag") and one.name not in workload.parameters
        ]
        if strange:
            notes.append(f"{test.name}: left out, as it has no such parameter here: {', '.join(strange)}")
        for name, level in _levels(test, workload, notes):
            levels[_free(name, levels)] = level
    if not levels:
        said = "; ".join(notes) or "none of its lists has one"
        raise UsageError(
            f"no test is left of it: {said}", where=str(config.path), hint="./inv list workloads has ours."
        )
    settings = _shared([level.get("settings", {}) for level in levels.values()])
    for level in levels.values():
        own = {name: value for name, value in level.pop("settings", {}).items() if name not in settings}
        level.update({"settings": own} if own else {})
    if isinstance(config.driver_memory, str):
        settings = {"driver_memory": config.driver_memory, **settings}
    document = {
        "suite": "spark-perf-imported",
        "question": "How fast are spark-perf's tests with these choices?",
        "inventory": "local",
        **({"settings": settings} if settings else {}),
        "factors": {"test": levels},
        "trials": 1,
        **_repeats(config, trials, notes),
        "order": "sequential",
        "cluster": "shared",
        "collectors": ["eventlog", "host"],
        "deadline": "1h",
    }
    return _head(config, notes) + yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True), notes


def _suite(workload: Workload) -> str | None:
    """Which of spark-perf's suites a workload is from."""
    known = {
        "spark-perf, core suite": "core",
        "spark-perf, PySpark suite": "pyspark",
        "spark-perf, streaming suite": "streaming",
        "spark-perf, MLlib suite": "mllib",
        "spark-perf, Python MLlib suite": "python-mllib",
    }
    return known.get(workload.source)


def _levels(test: Test, workload: Workload, notes: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """A name and a level for every combination of the test's options."""
    axes = []
    for option in (*test.java, *test.options):
        if option.kind != "constant" and option.name != _OF_THE_SUITE:
            values = _known(option, option.scaled(test.scale), test, workload, notes)
            if values:
                axes.append([(option, value) for value in values])
    if prod(len(axis) for axis in axes) > MOST_CELLS:
        raise UsageError(
            f"{test.name} has more than {MOST_CELLS:,} combinations of options",
            where=f"line {test.line}",
            hint="spark-perf runs them all: take out some values.",
        )
    varied = [axis[0][0].name for axis in axes if len(axis) > 1]
    found = []
    for combination in itertools.product(*axes):
        words = [str(value) for option, value in combination if option.name in varied]
        level: dict[str, Any] = {"workload": workload.name}
        settings = {}
        for option, value in combination:
            if option.kind == "java":
                settings.update(_setting(option.name, value))
            else:
                level.setdefault("parameters", {})[option.name] = value
        found.append((" ".join([test.name, *words]), {**level, **({"settings": settings} if settings else {})}))
    return found


def _known(
    option: Option, values: tuple[Any, ...], test: Test, workload: Workload, notes: list[str]
) -> tuple[Any, ...]:
    """The values to run with; none, with a note, of an option that has no place here."""

    def note(what: str) -> None:
        said = f"{option.name} (line {option.line}): {what}"
        if said not in notes:
            notes.append(said)

    if option.kind == "java":
        if option.name in _LOST:
            note(f"left out, as {_LOST[option.name]}")
            return ()
    elif option.name not in workload.parameters:
        return ()
    elif option.name == "storage-location" and not _kept(test):
        return ()  # it means something with persistent-type hdfs only
    if any(isinstance(value, Unknown) for value in values):
        note("left out, as its value can't be told without running the file")
        return ()
    if option.kind == "java":
        return values
    return tuple(_fitting(value, workload.parameters[option.name].type) for value in values)


def _kept(test: Test) -> bool:
    return any(one.name == "persistent-type" and "hdfs" in one.values for one in test.options)


def _fitting(value: Any, kind: str) -> Any:
    """Numbers where we take numbers, texts where we take text; what is neither stays, and the suite's reader tells."""
    if kind in ("text", "choice"):
        return str(value)
    if kind not in ("integer", "number") or isinstance(value, bool):
        return value
    try:
        number = float(value)
        whole = int(number)
    except (ValueError, OverflowError):
        return value
    if kind == "integer":
        return whole if whole == number else value
    return number if isinstance(value, str) else value


def _setting(name: str, value: Any) -> dict[str, Any]:
    if name == "spark.executor.memory":
        return {"executor_memory": str(value), "worker_memory": str(value)}
    if name.endswith("extraJavaOptions"):
        words = [word for word in str(value).split() if word not in _GONE_FLAGS]
        return {name: " ".join(words)} if words else {}
    if name == "spark.locality.wait" and str(value).isdecimal():
        return {name: f"{value}ms"}  # without a unit, it was milliseconds until Spark 1.4 and is so still
    return {name: value}


def _free(name: str, levels: Mapping[str, Any]) -> str:
    """The name, with a number behind it where another level has it."""
    names = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
    return next(one for one in names if one not in levels)


def _shared(all_settings: list[dict[str, Any]]) -> dict[str, Any]:
    """What all levels set to the same."""
    first = all_settings[0]
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in all_settings)}


def _repeats(config: Config, trials: Mapping[Any, str], notes: list[str]) -> dict[str, int]:
    counts = sorted(value for value in trials if isinstance(value, int))
    if len(trials) > 1:
        notes.append(f"num-trials: a suite has one number for all tests; the largest is taken ({counts[-1]})")
    iterations = counts[-1] if counts else 1
    ignored = config.ignored_trials if isinstance(config.ignored_trials, int) else 0
    if ignored >= iterations:
        notes.append(f"IGNORED_TRIALS is {ignored}, and num-trials {iterations}: no repetition is left out")
        ignored = 0
    return {"iterations": iterations, "warmup": ignored}


def _head(config: Config, notes: list[str]) -> str:
    scale = "unknown" if isinstance(config.scale_factor, Unknown) else config.scale_factor
    lines = [
        f"From a spark-perf configuration, {config.path.name}: suites {', '.join(config.enabled)}.",
        f"Its values are scaled already, by SCALE_FACTOR ({scale}) and the tests' own factors.",
        *notes,
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
