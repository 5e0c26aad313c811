"""The nightly plan: which suites run in what time, and how their history is read. suites/nightly.yml is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sparkbed import documents, durations
from sparkbed.documents import Map, Seq, expect_keys
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT
from sparkbed.position import Position
from sparkbed.suite import fields

DEFAULT = ROOT / "suites" / "nightly.yml"
KEYS = ("budget", "keep_artifacts", "change", "metrics", "suites")
SUITE_KEYS = ("suite", "budget", "profile", "inventory", "only", "trials", "set")
DIRECTIONS = ("lower", "higher", "either")


@dataclass(frozen=True)
class NightlySuite:
    """One suite of a night; `budget` in seconds, None for the night's. `words` are run-suite's."""

    suite: str
    budget: float | None
    words: tuple[str, ...]


@dataclass(frozen=True)
class NightlyPlan:
    """Seconds, a share, and which way is better for metrics that the unit does not say it of."""

    path: Path
    suites: tuple[NightlySuite, ...]
    budget: float | None
    keep_artifacts: float | None
    change: float
    metrics: Mapping[str, str]


def load_plan(path: Path = DEFAULT) -> NightlyPlan:
    """Read and check the plan.

    Raises:
        UsageError: when there is no such file; a DocumentError, with its line, for what is wrong in it.
    """
    if not path.is_file():
        raise UsageError(f"there is no nightly plan {path}", hint="suites/nightly.yml is one; --plan names another.")
    document = documents.load(path)
    if not isinstance(document, Map):
        raise DocumentError(
            "a nightly plan is a mapping", where=Position(path, 1), hint="suites/nightly.yml is an example."
        )
    expect_keys(document, KEYS, what="a nightly plan")
    suites = document.get("suites")
    if not isinstance(suites, Seq) or not suites:
        raise DocumentError(
            "the plan has no suites", where=document.where("suites"), hint="Write '- suite: quick' below 'suites:'."
        )
    return NightlyPlan(
        path=path,
        suites=tuple(_suite(one, suites.where(index)) for index, one in enumerate(suites)),
        budget=_seconds(document, "budget"),
        keep_artifacts=_seconds(document, "keep_artifacts"),
        change=_share(document, "change", 0.05),
        metrics=_metrics(fields.section(document, "metrics")),
    )


def _metrics(section: Map) -> dict[str, str]:
    return {name: fields.one_of(section, name, DIRECTIONS, "either") for name in section}


def _suite(one: object, where: Position) -> NightlySuite:
    if isinstance(one, str):
        return NightlySuite(one, None, (one,))
    if not isinstance(one, Map):
        raise DocumentError("a suite of a plan is a mapping", where=where, hint="Write '- suite: quick'.")
    expect_keys(one, SUITE_KEYS, what="a suite of a plan")
    name = fields.text(one, "suite")
    if not name:
        raise DocumentError("it names no suite", where=where, hint="Write 'suite: NAME'; ./inv list suites has all.")
    words = [name]
    for key in ("profile", "inventory", "only"):
        value = fields.text(one, key)
        words += [f"--{key}={value}"] if value else []
    trials = fields.whole(one, "trials", 0, least=1)
    words += [f"--trials={trials}"] if trials else []
    laid_over = fields.section(one, "set")
    words += [f"--set={key}={fields.level_text(value)}" for key, value in laid_over.items()]
    return NightlySuite(name, _seconds(one, "budget"), tuple(words))


def _seconds(mapping: Map, key: str) -> float | None:
    value = mapping.get(key)
    return None if value is None else durations.seconds(value, where=mapping.where(key), what=key)


def _share(mapping: Map, key: str, default: float) -> float:
    value = mapping.get(key)
    if value is None:
        return default
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", value.strip()) if isinstance(value, str) else None
    share = float(found[1]) / 100 if found else float("nan")
    if not 0 < share < 1:
        raise DocumentError(
            f"{key} must be a share such as 5%, not {value!r}", where=mapping.where(key), hint="5% is the default."
        )
    return share
