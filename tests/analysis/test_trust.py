"""Each check speaks up where what it looks for was planted, and keeps silent where it was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from analysis import stats
from analysis.trust import trust

Report = dict[str, Any]


def report_of(
    values: Sequence[Sequence[float]],
    *,
    places: Sequence[dict[str, float]] | None = None,
    failed: Sequence[Sequence[int]] | None = None,
    iterations: Sequence[Sequence[float]] | None = None,
) -> Report:
    """A report of one row of values a cell, which took turns; `places` are what disturbed the trials, by position."""
    cells = []
    for c, row in enumerate(values):
        trials = []
        for block, value in enumerate(row, start=1):
            position = (block - 1) * len(values) + c + 1
            inside = iterations[block - 1] if iterations else [value]
            trials.append(
                {
                    "id": f"t-{position}",
                    "status": "failed" if failed and block in failed[c] else "ok",
                    "block": block,
                    "position": position,
                    "samples": [
                        {"metric": "trial_seconds", "value": one, "unit": "s", "iteration": i, "kept": True}
                        for i, one in enumerate(inside, start=1)
                    ],
                    "values": {"trial_seconds": value},
                    "facts": {"application": {"host": {"here": places[position - 1]}}} if places else {},
                }
            )
        cells.append(
            {"id": f"c{c}", "label": f"cell {c}", "trials": trials, "metrics": {"trial_seconds": {"unit": "s"}}}
        )
    done = sum(trial["status"] == "ok" for cell in cells for trial in cell["trials"])
    planned = sum(map(len, values))
    return {
        "campaign": {
            "metric": "trial_seconds",
            "status": "complete",
            "facts": {},
            "trials_ok": done,
            "trials_failed": planned - done,
            "trials_planned": planned,
        },
        "cells": cells,
        "findings": [],
    }


def noise(seed: int, cells: int = 2, blocks: int = 20, spread: float = 0.03) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.exp(np.random.default_rng(seed).normal(0, spread, (cells, blocks)))


def said(report: Report) -> str:
    return "\n".join(f"{one['what']} {one['means']}" for one in trust(report))


def test_a_quiet_campaign_has_nothing_to_be_said() -> None:
    places = [{"steal": 0.001, "clock_step": 0.002}] * 40
    assert trust(report_of(noise(1), places=places, iterations=[[1.0, 0.99, 1.01, 1.0]] * 20)) == []


def test_trials_that_resemble_the_ones_before_them_are_noticed() -> None:
    generator = np.random.default_rng(4)
    slow = np.zeros(60)
    for place in range(1, 60):
        slow[place] = 0.85 * slow[place - 1] + generator.normal(0, 0.03)
    assert "A trial resembles the one before it" in said(report_of(np.exp(slow).reshape(30, 2).T))


@pytest.mark.parametrize(("goes_with", "words"), [(True, "trials with more of it were slower"), (False, "does not go")])
def test_time_that_was_stolen_is_said_with_what_it_did(goes_with: bool, words: str) -> None:
    values = noise(6)
    steal = np.random.default_rng(7).uniform(0.0, 0.3, values.size)
    if goes_with:
        values = values * (1 + steal.reshape(20, 2).T)
    text = said(report_of(values, places=[{"steal": float(one)} for one in steal]))
    assert "of 40 trials more than 2 % of the CPUs' time was stolen (at most 30 %)." in text
    assert words in text


def test_a_clock_that_was_set_is_named_with_its_trial() -> None:
    places: list[dict[str, float]] = [{"clock_step": 0.01}] * 40
    places[6] = {"clock_step": -3600.0}
    assert "In 1 trial a clock was set (by -3600.0 s on here in t-7)." in said(report_of(noise(8), places=places))


def test_a_first_iteration_that_is_longer_trial_after_trial_is_a_warm_up() -> None:
    warm = [[1.3, 1.0, 1.01, 0.99]] * 20
    assert "cell 0 (+30 %) and cell 1 (+30 %)" in said(report_of(noise(9), iterations=warm))
    now_and_then = [[1.3, 1.0, 1.01, 0.99], [0.9, 1.0, 1.01, 0.99]] * 10
    assert "iteration" not in said(report_of(noise(9), iterations=now_and_then))


def test_failures_of_one_cell_are_told_from_failures_here_and_there() -> None:
    one_sided = said(report_of(noise(10), failed=[[], [1, 3, 5, 8, 13, 15, 17, 20]]))
    assert "8 trials failed: 8 of cell 1." in one_sided
    assert "their trials that are left are a choice" in one_sided
    spread = said(report_of(noise(10), failed=[[2, 7, 9], [1, 3, 20]]))
    assert "6 trials failed" in spread
    assert "a choice" not in spread


@pytest.mark.parametrize(("status", "said_so"), [("complete", False), ("incomplete", False), ("interrupted", True)])
def test_only_a_campaign_that_did_not_come_to_its_end_is_unfinished(status: str, said_so: bool) -> None:
    report = report_of(noise(11), failed=[[], [3]])
    report["campaign"].update(status=status, trials_planned=80)  # the most that an `until` allows
    assert ("of 80 trials are done" in said(report)) == said_so


@pytest.mark.parametrize("check", ["autocorrelation", "rank_correlation", "spread_unevenly", "sign_test"])
def test_a_check_is_seldom_wrong(check: str) -> None:
    """Of 300 sets in which nothing is, at most 4 % reach p <= 0.01 (a binomial of 1 % does in one of 10,000 cases)."""
    wrong = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        if check == "autocorrelation":
            found = stats.autocorrelation(generator.normal(size=24), seed)
        elif check == "rank_correlation":
            found = stats.rank_correlation(generator.normal(size=24), generator.normal(size=24))
        elif check == "sign_test":
            found = (0.0, stats.sign_test(generator.normal(size=24)))
        else:
            p = stats.spread_unevenly(generator.multivariate_hypergeometric([12, 12, 12], 6).tolist(), [12] * 3, seed)
            found = (0.0, 1.0 if p is None else p)
        assert found is not None
        wrong += found[1] <= 0.01
    assert wrong <= 12


def test_p_values_are_those_of_the_books() -> None:
    assert stats.sign_test([1, 2, 3, 4, 5, -1]) == pytest.approx(2 * (1 + 6) / 64)
    assert stats.sign_test([]) == 1.0
    # 4 failures of 4 in one of two groups of 4: 2 of the 70 ways to choose them.
    assert stats.spread_unevenly([4, 0], [4, 4]) == pytest.approx(2 / 70, abs=0.006)
    assert stats.spread_unevenly([0, 0], [4, 4]) is None
    found = stats.autocorrelation(np.tile([1.0, -1.0], 10))
    assert found is not None
    assert found[0] == pytest.approx(-0.95)
    assert found[1] < 0.01
