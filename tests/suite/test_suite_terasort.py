"""The suites terasort and logistic-regression: every profile loads, checks, and is what its comment says."""

from __future__ import annotations

import pytest

from sparkbed.assembly import SuiteChoice, checked_suite

PROFILES = ("", "tiny", "small", "medium", "large", "paper")


@pytest.mark.parametrize("profile", PROFILES)
def test_the_three_steps_have_the_same_records(profile: str) -> None:
    cells = checked_suite(SuiteChoice("terasort", profile=profile)).cells
    assert [cell.workload for cell in cells] == ["teragen", "terasort", "teravalidate"]
    assert len({(cell.parameters["num-records"], cell.parameters["num-partitions"]) for cell in cells}) == 1
    assert len({cell.parameters.get("reduce-tasks") for cell in cells}) == 2  # teragen has none
    if profile == "paper":
        assert cells[0].parameters["num-records"] * 100 == 10_000_000_000
        assert (cells[0].settings["worker_cores"], cells[0].settings["worker_memory"]) == (2, "4g")


@pytest.mark.parametrize("profile", PROFILES)
def test_data_shrink_while_steps_become_more(profile: str) -> None:
    cells = checked_suite(SuiteChoice("logistic-regression", profile=profile)).cells
    points = [cell.parameters["num-points"] for cell in cells]
    steps = [cell.parameters["num-iterations"] for cell in cells]
    assert points == sorted(points, reverse=True)
    assert steps == sorted(steps)
    assert len(set(points)) == len(points) > 1
    assert len({one * other for one, other in zip(points, steps, strict=True)}) == 1
