"""Parts that were recorded with a trial are what its task table gives, and stand in for reading it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from analysis import report
from analysis.parts import KEY, VERSION, known_parts, task_parts
from analysis.values import trial_values
from sparkbed.model import Trial
from sparkbed.store import Store


def again(old: Store, path: Path, version: int = VERSION) -> Store:
    """The same campaign in a new store, its trials' parts recorded with them."""
    campaign = old.campaign()
    samples = old.samples(campaign.id)
    store = Store(path)
    store.add_campaign(campaign)
    for trial in old.trials(campaign.id):
        table = old.tasks(trial.id)
        facts = dict(trial.facts)
        if table is not None:
            each = list(map(vars, samples[trial.id]))
            parts = task_parts(each, trial_values(samples[trial.id]), facts, trial.finished, table.columns)
            facts[KEY] = {**parts.recorded(), "version": version}
        store.add_trial(
            dataclasses.replace(trial, facts=facts), samples[trial.id], old.series(trial.id), None if version else table
        )
    for name, text in old.documents(campaign.id).items():
        store.add_document(campaign.id, name, text)
    return store


def test_a_report_by_recorded_parts_is_the_report_by_tables(store: Store, tmp_path: Path) -> None:
    before = report.build(store)
    with again(store, tmp_path / "sparkbed.db") as recorded:
        assert recorded.tasks(recorded.trials(before["campaign"]["id"])[0].id) is None
        assert report.build(recorded) == before


def test_parts_of_other_formulas_are_worked_out_anew(store: Store, tmp_path: Path) -> None:
    before = report.build(store)
    with again(store, tmp_path / "sparkbed.db", version=0) as recorded:
        assert report.build(recorded) == before


@pytest.mark.parametrize("facts", [{}, {KEY: None}, {KEY: {"version": VERSION + 1}}])
def test_without_recorded_parts_the_table_is_read(facts: dict[str, Any]) -> None:
    assert known_parts(facts, lambda: None) is None


def test_what_is_recorded_is_plain_json_and_no_fact_of_the_report(store: Store) -> None:
    trial: Trial = next(one for one in store.trials(store.campaign().id) if one.status == "ok")
    table = store.tasks(trial.id)
    assert table is not None
    parts = task_parts([], {}, trial.facts, trial.finished, table.columns)
    assert known_parts({KEY: parts.recorded()}, lambda: None) == parts
    assert all(KEY not in one["facts"] for cell in report.build(store)["cells"] for one in cell["trials"])
