"""`run-suite --against`: false alarms as seldom as said, real regressions found, and words for each outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from analysis.against import against, fewest_trials, rows_in_words, sentence


def measured(cells: Mapping[str, Sequence[float]], unit: str = "s") -> dict[str, Any]:
    return {
        "cells": [
            {
                "id": name,
                "label": f"cell {name}",
                "trials": [{"status": "ok", "values": {"m": value}} for value in values],
                "metrics": {"m": {"unit": unit, "n": len(values)}},
            }
            for name, values in cells.items()
        ]
    }


def made(generator: np.random.Generator, ratios: Sequence[float], n: int = 6, noise: float = 0.03) -> dict[str, Any]:
    return measured({str(i): r * np.exp(generator.normal(0, noise, n)) for i, r in enumerate(ratios)})


def verdicts(before: dict[str, Any], after: dict[str, Any], margin: float = 0.05) -> list[str]:
    return [row["verdict"] for row in against(before, after, "m", margin)]


def test_false_alarms_are_at_most_one_pair_of_campaigns_in_twenty() -> None:
    """Also where each cell is slower by all of what is allowed."""
    generator = np.random.default_rng(1)
    pairs = 150
    alarms = sum(
        "regression" in verdicts(made(generator, [1.0] * 2, n=5), made(generator, [1.05] * 2, n=5))
        for _ in range(pairs)
    )
    assert alarms <= 0.05 * pairs + 2.5 * math.sqrt(0.05 * 0.95 * pairs)


def test_a_regression_well_beyond_the_margin_is_found() -> None:
    generator = np.random.default_rng(2)
    found = [verdicts(made(generator, [1.0] * 4), made(generator, [1.0, 1.0, 1.2, 1.0])) for _ in range(30)]
    assert sum(one[2] == "regression" for one in found) >= 28
    assert sum("regression" in (one[0], one[1], one[3]) for one in found) <= 1


@pytest.mark.parametrize(
    ("unit", "ratio", "verdict"),
    [
        ("s", 1.3, "regression"),
        ("s", 0.7, "none shown"),
        ("records/s", 0.7, "regression"),
        ("records/s", 1.3, "none shown"),
        ("s", 1.04, "worse"),
        ("s", 1.0, "none shown"),
    ],
)
def test_the_worse_side_is_the_units(unit: str, ratio: float, verdict: str) -> None:
    steps = np.exp(np.linspace(-0.005, 0.005, 8))
    rows = against(measured({"c": steps}, unit), measured({"c": ratio * steps}, unit), "m")
    assert [row["verdict"] for row in rows] == [verdict]
    assert rows[0]["ratio"] == pytest.approx(ratio)


def test_too_few_trials_are_said_to_tell_nothing() -> None:
    rows = against(measured({"c": [1.0, 1.1]}), measured({"c": [9.0, 9.1]}), "m")
    assert [row["verdict"] for row in rows] == ["can't tell"]
    assert rows_in_words(rows) == [["cell c", "2 and 2", "8.629", "open to open", "can't tell"]]


def test_the_fewest_trials_are_those_that_can_alarm() -> None:
    for before, cells in ((4, 1), (6, 1), (6, 10), (8, 30), (3, 1), (20, 5)):
        needed = fewest_trials(before, cells)
        assert needed is not None
        for after, able in ((needed, True), (needed - 1, False)):
            same = {str(i): [1.0 + 0.001 * j for j in range(before)] for i in range(cells)}
            slow = {str(i): [50.0 + 0.001 * j for j in range(after)] for i in range(cells)}
            if after:
                assert (verdicts(measured(same), measured(slow))[0] == "regression") is able, (before, cells, after)


def test_only_cells_of_both_take_part_and_a_regression_is_put_in_words() -> None:
    steps = np.exp(np.linspace(-0.005, 0.005, 8))
    rows = against(measured({"a": steps, "x": steps}), measured({"a": 1.5 * steps, "y": steps}), "m")
    assert [row["cell"] for row in rows] == ["a"]
    assert sentence(rows[0], 0.05).startswith("cell a: m is 50 % longer (at least 4")
