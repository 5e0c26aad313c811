"""Change points: real steps are found and nothing else, at least as well as a maintained peer does on them."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.changepoints import change_points, worse

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import changepoints as bench

# What Apache Otava 0.8.0, set to our magnitude, reached in
# `./inv bench changepoints --rounds 1 -- --histories 25 --seed 0`.
OTAVA = {"normal": (1.0, 1.0), "heavy": (0.893, 1.0), "spikes": (0.714, 0.769), "autocorrelated": (0.949, 0.974)}
OTAVA_ALL = (0.898, 0.943)


def night(n: int, seed: int = 0, size: float = 0.02) -> np.ndarray:
    return 2.0 * np.exp(np.random.default_rng(seed).normal(0, size, n))


def indices(values: np.ndarray, **options: float) -> list[int]:
    return [change.index for change in change_points(values, **options)]  # type: ignore[arg-type]


def test_precision_and_recall_are_at_least_a_maintained_peers() -> None:
    made = list(bench.histories(25, seed=0))
    scores = bench.scores(made, bench.ours(made)[0])
    for family, (precision, recall) in {**OTAVA, "all": OTAVA_ALL}.items():
        assert scores[family][0] >= precision - 5e-4, family
        assert scores[family][1] >= recall - 5e-4, family
    assert scores["all"][0] > 0.95
    assert scores["all"][1] > 0.95


def test_histories_without_a_step_have_a_false_one_in_at_most_one_of_fifty() -> None:
    found = [bool(change_points(night(n, seed))) for n in (10, 30, 100) for seed in range(60)]
    assert sum(found) <= len(found) / 50


@pytest.mark.parametrize("nights", [1, 2])
@pytest.mark.parametrize("place", [0, 1, 15, 27, 28])
def test_one_or_two_slow_nights_are_no_change(nights: int, place: int) -> None:
    values = night(30)
    values[place : place + nights] *= 2
    assert indices(values) == []


def test_a_new_level_is_told_after_three_nights() -> None:
    assert indices(np.concatenate([night(20), 1.3 * night(2, 1)])) == []
    found = change_points(np.concatenate([night(20), 1.3 * night(3, 1)]))
    assert [(one.index, one.points) for one in found] == [(20, (20, 3))]
    assert found[0].ratio == pytest.approx(1.3, rel=0.03)
    assert found[0].p <= 0.001


def test_a_step_below_the_magnitude_is_none() -> None:
    small = np.concatenate([night(60, size=0.005), 1.03 * night(60, 1, 0.005)])
    assert indices(small) == []
    assert indices(small, magnitude=0.02) == [60]


def test_steps_up_and_down_are_told_apart() -> None:
    values = np.concatenate([night(20), 1.2 * night(15, 1), 0.9 * night(20, 2)])
    found = change_points(values)
    assert [one.index for one in found] == [20, 35]
    assert [worse(one, -1) for one in found] == [True, False]
    assert [worse(one, 1) for one in found] == [False, True]
    assert [worse(one, 0) for one in found] == [None, None]


@pytest.mark.parametrize("values", [[], [1.0] * 9, [1.0] * 40, [0.0] * 20 + [1.0] * 20, [math.nan] * 20, [-1.0] * 20])
def test_short_still_or_impossible_histories_have_none(values: list[float]) -> None:
    assert change_points(values) == []


def test_a_history_that_does_not_scatter_has_its_step() -> None:
    assert indices(np.array([1.0] * 10 + [1.2] * 10)) == [10]


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-6, 1e9), st.integers(0, 1000))
def test_the_unit_does_not_matter(factor: float, seed: int) -> None:
    values = np.concatenate([night(15, seed), 1.3 * night(15, seed + 1)])
    assert indices(values * factor) == indices(values)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(1e-9, 1e9), max_size=60))
def test_any_history_ends_in_changes_that_keep_the_rules(values: list[float]) -> None:
    found = change_points(values)
    edges = [0, *(one.index for one in found), len(values)]
    if found:
        assert all(b - a >= 3 for a, b in pairwise(edges))
        assert all(max(one.ratio, 1 / one.ratio) >= 1.05 - 1e-9 and one.p <= 0.001 for one in found)
