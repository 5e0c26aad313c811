"""What a trial costs: rates over the median submit, and a table that shows what is known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import made_up
import pytest

from analysis.costs import TITLE, cost, costs_table
from analysis.report import as_html, as_json, as_markdown, build
from sparkbed.store import Store


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


def test_the_report_shows_costs_in_every_form(empty_store: Store) -> None:
    made = made_up.campaign(made_up.cells())
    rate = {"hosts": 3, "cores": 4, "usd_per_hour": 0.36}
    made = replace(made, facts={**made.facts, "rates": {one.id: rate for one in made.cells}})
    made_up.fill(empty_store, made, trials=2, extras=False)
    report = build(empty_store, made.id)
    first = report["cells"][0]
    seconds = first["metrics"]["submit_seconds"]["median"]
    assert first["cost"]["core_seconds"] == pytest.approx(4 * seconds)
    assert first["cost"]["usd"] == pytest.approx(seconds / 10_000)
    assert json.loads(as_json(report))["cells"][0]["cost"]["usd_per_hour"] == 0.36
    assert f"## {TITLE}" in as_markdown(report)
    page = as_html(report)
    assert TITLE in page
    assert "USD a trial" in page
