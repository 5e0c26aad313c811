"""What a trial costs: rates over the median submit, and a table that shows what is known."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.costs import cost, costs_table


def cell(seconds: float | None, **rate: Any) -> dict[str, Any]:
    metrics = {} if seconds is None else {"submit_seconds": {"median": seconds}}
    return {"metrics": metrics, "cost": cost(rate or None, metrics)}


def test_cores_and_dollars_over_the_time_of_the_submit() -> None:
    found = cell(90.0, hosts=5, cores=8, usd_per_hour=0.4)["cost"]
    assert found["core_seconds"] == 720
    assert found["usd"] == pytest.approx(0.01)


def test_dollars_are_shown_where_somebody_pays() -> None:
    paid, free = cell(90.0, hosts=5, cores=8, usd_per_hour=0.4), cell(60.0, hosts=1, cores=2, usd_per_hour=None)
    assert costs_table([free], ["here"]) == (
        ["cell", "submit_seconds [s]", "cores", "core-seconds"],
        [["here", "60.0", "2", "120.0"]],
    )
    heads, rows = costs_table([paid, free], ["there", "here"]) or ([], [])
    assert heads[4:] == ["USD an hour", "USD a trial", "USD for 1,000"]
    assert rows == [
        ["there", "90.0", "8", "720.0", "0.4000", "0.0100", "10.0"],
        ["here", "60.0", "2", "120.0", "–", "–", "–"],
    ]


def test_nothing_known_is_no_table() -> None:
    assert (
        costs_table([cell(None, cores=2), cell(5.0), cell(5.0, cores=None, usd_per_hour=None)], ["a", "b", "c"]) is None
    )
