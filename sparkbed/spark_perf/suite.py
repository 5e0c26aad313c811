"""A suite of ours from a spark-perf configuration."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from math import inf, nextafter, prod
from typing import Any

import yaml

from sparkbed.errors import UsageError
from sparkbed.spark_perf.config import Config, Option, Test
from sparkbed.spark_perf.expressions import Unknown
from sparkbed.suite.factors import MOST_CELLS
from sparkbed.workloads import Workload, catalogue

_OF_THE_SUITE = "num-trials"
"""An option that is the suite's `iterations` here."""
_TRIALS = 10
"""What every test of spark-perf's own configuration has there."""
_LOST = {
    "spark.storage.memoryFraction": "it does nothing since Spark 1.6",
    "spark.shuffle.manager": "every Spark since 2.0 sorts",
    "spark.eventLog.enabled": "the collector eventlog does that",
}
"""Properties that are left out, and why."""
_UNTOLD = "left out, as its value can't be told without running the file"
_GONE_FLAGS = ("-XX:+UseConcMarkSweepGC",)
"""Java's own options that current versions refuse."""


def suite_of(config: Config) -> tuple[str, list[str]]:
    """The suite as YAML, and what a person must know of it: what is left out, and why.

    Every combination of every test's options is a level of the factor `test`. Values are given as spark-perf would run
    them, scaled; each level's scale-factor scales our defaults of the options that it does not give.

    Raises:
        UsageError: when no test of ours is left.
    """
    notes = list(config.notes)
    by_name = {(one.short_name, _suite(one)): one for one in catalogue().values() if _suite(one)}
    levels: dict[str, dict[str, Any]] = {}
    trials: set[int] = set()
    repeated = False  # streaming tests repeat batch by batch
    for test in config.tests:
        workload = by_name.get((test.name, test.suite))
        if workload is None:
            notes.append(f"{test.name} ({test.suite}): there is no such test here")
            continue
        if _OF_THE_SUITE in workload.parameters:
            repeated = True
            trials |= _trials(test, notes)
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
    elif isinstance(config.driver_memory, Unknown):
        notes.append(f"SPARK_DRIVER_MEMORY (line {config.driver_memory.line}): left out, as its value can't be told")
    document = {
        "suite": "spark-perf-imported",
        "question": "How fast are spark-perf's tests with these choices?",
        "inventory": "local",
        **({"settings": settings} if settings else {}),
        "factors": {"test": levels},
        "trials": 1,
        **(_repeats(config, trials, notes) if repeated else {}),
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


def _trials(test: Test, notes: list[str]) -> set[int]:
    """How many repetitions the test has; several where its option has several values."""
    found = set()
    for option in test.options:
        if option.kind != "option" or option.name != _OF_THE_SUITE:
            continue
        for value in option.scaled(test.scale):
            number = _count(value, 1)
            if number is not None:
                found.add(number)
            elif isinstance(value, Unknown):
                _note(notes, option, _UNTOLD)
            else:
                _note(notes, option, f"left out, as {value!r} is no number of repetitions")
    return found


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
    scale = _scale_factor(test.scale, workload.scale)
    found = []
    for combination in itertools.product(*axes):
        words = [str(value) for option, value in combination if option.name in varied]
        parameters: dict[str, Any] = {"scale-factor": scale}
        settings = {}
        for option, value in combination:
            if option.kind == "java":
                settings.update(_setting(option.name, value))
            else:
                parameters[option.name] = value
        level = {"workload": workload.name, "parameters": parameters, **({"settings": settings} if settings else {})}
        found.append((" ".join([test.name, *words]), level))
    return found


def _scale_factor(scale: float, own: float) -> float:
    """What gives `scale` when it is multiplied by the test's own scale.

    Of its neighbours the one that gives just that: a rounding error below a whole number would cost a default one.
    """
    near = (scale / own, nextafter(scale / own, inf), nextafter(scale / own, 0))
    return min(near, key=lambda one: (abs(one * own - scale), len(repr(one))))


def _note(notes: list[str], option: Option, what: str) -> None:
    said = f"{option.name} (line {option.line}): {what}"
    if said not in notes:
        notes.append(said)


def _known(
    option: Option, values: tuple[Any, ...], test: Test, workload: Workload, notes: list[str]
) -> tuple[Any, ...]:
    """The values to run with; none, with a note, of an option that has no place here."""
    if option.kind == "java":
        if option.name in _LOST:
            _note(notes, option, f"left out, as {_LOST[option.name]}")
            return ()
    elif option.name not in workload.parameters:
        return ()
    elif option.name == "storage-location" and not _kept(test):
        return ()  # it means something with persistent-type hdfs only
    if any(isinstance(value, Unknown) for value in values):
        _note(notes, option, f"{_UNTOLD}{_instead(option, workload)}")
        return ()
    if option.kind == "java":
        return values
    if option.name == "persistent-type" and "hdfs" in values and not _has_place(test):
        values = tuple(value for value in values if value != "hdfs")
        instead = "" if values else _instead(option, workload)
        _note(notes, option, f"hdfs is left out, as storage-location is not there or can't be told{instead}")
    return tuple(_fitting(value, workload.parameters[option.name].type) for value in values)


def _instead(option: Option, workload: Workload) -> str:
    """What a test has in place of an option that is left out."""
    parameter = workload.parameters.get(option.name) if option.kind != "java" else None
    if parameter is None or parameter.default == "":
        return ""
    return "; it has our default, scaled" if parameter.scales else "; it has our default"


def _kept(test: Test) -> bool:
    return any(one.name == "persistent-type" and "hdfs" in one.values for one in test.options)


def _has_place(test: Test) -> bool:
    """Whether every place to keep data in is known, and there is one."""
    places = [value for one in test.options if one.name == "storage-location" for value in one.values]
    return bool(places) and all(isinstance(place, str) and place for place in places)


def _fitting(value: Any, kind: str) -> Any:
    """Numbers where we take numbers, texts where we take text; what is neither stays, and the suite's reader tells."""
    if kind in ("text", "choice"):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind not in ("integer", "number") or isinstance(value, bool):
        return value
    try:
        number = float(value)
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        return value
    if kind == "integer":
        return whole if whole == number else value
    return number if isinstance(value, str) else value


def _count(value: Any, least: int) -> int | None:
    """A whole number of at least `least`, also one that is given as text; None where it is none."""
    found = _fitting(value, "integer")
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= least else None


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


def _repeats(config: Config, trials: set[int], notes: list[str]) -> dict[str, int]:
    if len(trials) > 1:
        notes.append(f"num-trials: a suite has one number for all tests; the largest is taken ({max(trials)})")
    if not trials:
        notes.append(f"num-trials: no test has a number that can be told, so it is {_TRIALS}")
    iterations = max(trials, default=_TRIALS)
    ignored = _count(config.ignored_trials, 0)
    if ignored is None:
        line = f" (line {config.ignored_trials.line})" if isinstance(config.ignored_trials, Unknown) else ""
        notes.append(f"IGNORED_TRIALS{line} is no number that can be told: no repetition is left out")
    elif ignored >= iterations:
        notes.append(f"IGNORED_TRIALS is {ignored}, and num-trials {iterations}: no repetition is left out")
    return {"iterations": iterations, "warmup": ignored if ignored is not None and ignored < iterations else 0}


def _head(config: Config, notes: list[str]) -> str:
    scale = "unknown" if isinstance(config.scale_factor, Unknown) else config.scale_factor
    lines = [
        f"From a spark-perf configuration, {config.path.name}: suites {', '.join(config.enabled)}.",
        f"Its values are scaled already, by SCALE_FACTOR ({scale}) and the tests' own factors.",
        "Each test's scale-factor is for our defaults of what it does not give.",
        *notes,
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
