"""suites/spark-perf.yml: the suites for spark-perf's parts as one, which would be too long to keep by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from sparkbed.documents import plain
from sparkbed.suite import Suite, load

PARTS = ("spark-perf-core", "spark-perf-pyspark", "spark-perf-streaming", "spark-perf-mllib")
PROFILES = ("tiny", "small", "medium", "large", "paper")

_HEAD = """# All of spark-perf's tests: what the suites spark-perf-core, spark-perf-pyspark, spark-perf-streaming and
# spark-perf-mllib have, in each of their profiles. This file is written by `python -m sparkbed.spark_perf`; a test
# holds it true.
"""

Levels = dict[str, dict[str, Any]]


def whole_suite() -> str:
    """The file's text. What is run how often is the core suite's; the deadline is the longest."""
    base = _levels([load(part) for part in PARTS])
    shared = _shared(base)
    document = {
        "suite": "spark-perf",
        "question": "How fast are all of spark-perf's tests on this cluster?",
        "inventory": "local",
        "settings": shared,
        "factors": {"test": {name: _without(level, shared) for name, level in base.items()}},
        **_run([load(part) for part in PARTS]),
        "order": "randomized",
        "seed": 5,
        "cluster": "per-block",
        "collectors": ["eventlog", "host"],
        "metric": "trial_seconds",
        "profiles": {profile: _profile(profile, base, shared) for profile in PROFILES},
    }
    return _HEAD + yaml.safe_dump(document, sort_keys=False, width=120, default_flow_style=None)


def _levels(suites: Sequence[Suite]) -> Levels:
    """By the name of the test: its workload, parameters and settings."""
    return {
        str(cell.factors["test"]): {
            "workload": cell.workload,
            "parameters": plain(cell.parameters),
            "settings": plain(cell.settings),
        }
        for suite in suites
        for cell in suite.cells
    }


def _run(suites: Sequence[Suite]) -> dict[str, Any]:
    core = suites[0]
    longest = max(suite.deadline for suite in suites)
    return {
        "trials": core.trials,
        "iterations": core.iterations,
        "warmup": core.warmup,
        "deadline": f"{longest:.0f}s",
    }


def _shared(levels: Levels) -> dict[str, Any]:
    """The settings that all levels have alike."""
    first = next(iter(levels.values()))["settings"]
    return {
        name: value
        for name, value in first.items()
        if all(level["settings"].get(name) == value for level in levels.values())
    }


def _without(level: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in level["settings"].items() if name not in shared}
    kept = {key: value for key, value in level.items() if key != "settings" and value}
    return {**kept, **({"settings": own} if own else {})}


def _profile(profile: str, base: Levels, shared: Mapping[str, Any]) -> dict[str, Any]:
    suites = [load(part, profile=profile) for part in PARTS]
    levels = _levels(suites)
    settings = {name: value for name, value in _shared(levels).items() if shared.get(name) != value}
    known = {**shared, **settings}
    changed: Levels = {}
    for name, level in levels.items():
        was = {**known, **{key: value for key, value in base[name]["settings"].items() if key not in shared}}
        own = {
            "parameters": _changes(base[name]["parameters"], level["parameters"]),
            "settings": _changes(was, level["settings"]),
        }
        if any(own.values()):
            changed[name] = {key: value for key, value in own.items() if value}
    gone = [{"test": name} for name in base if name not in levels]
    return {
        **_run(suites),
        **({"settings": settings} if settings else {}),
        **({"factors": {"test": changed}} if changed else {}),
        **({"exclude": gone} if gone else {}),
    }


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if name not in before or before[name] != value}
