"""What the store must keep: every value as it went in, whole trials or none, and clear words when it can't."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparkbed.errors import StoreError, UsageError
from sparkbed.model import Acknowledgement, Campaign, Cell, HostsSpec, PlannedTrial, Sample, Series, TaskTable, Trial
from sparkbed.store import Store

CELLS = tuple(
    Cell(
        id=f"cell-{level}",
        factors={"layout": level},
        hosts=HostsSpec("inventories/local.yml", {"workers": count}),
        platform="standalone",
        settings={"spark.executor.memory": "512m", "nested": {"a": [1, 2.5, None, True]}},
        workload="agg-by-key",
        parameters={"num-records": 1000, "größe": "ä"},
    )
    for level, count in (("one-worker", 1), ("two-workers", 2))
)


def a_campaign(identity: str = "20260101-aaaa", **changes: object) -> Campaign:
    campaign = Campaign(
        id=identity,
        suite="quick",
        status="running",
        started="2026-01-01T00:00:00Z",
        fingerprint="f" * 64,
        git_revision="abc",
        plan={"seed": 7, "order": "randomized", "cells": {"deep": [1, {"b": None}]}},
        cells=CELLS,
        facts={"cores": 2},
    )
    return replace(campaign, **changes)  # type: ignore[arg-type]  # the names are the tests' own


def a_trial(number: int = 1, cell: str = "cell-one-worker", position: int = 1, **changes: object) -> Trial:
    trial = Trial(
        id=f"20260101-aaaa-{cell}-{number}",
        campaign="20260101-aaaa",
        cell=cell,
        number=number,
        block=number,
        position=position,
        status="ok",
        started="2026-01-01T00:00:01Z",
        finished="2026-01-01T00:00:02Z",
        facts={"command": ["spark-submit", "--master", "spark://127.0.0.1:7077"]},
    )
    return replace(trial, **changes)  # type: ignore[arg-type]  # the names are the tests' own


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "sparkbed.db") as opened:
        opened.add_campaign(a_campaign())
        yield opened


def test_a_campaign_comes_back_as_it_went_in(store: Store) -> None:
    assert store.campaign() == a_campaign()
    assert store.campaigns() == [a_campaign()]


def test_campaigns_are_newest_first_and_by_suite(store: Store) -> None:
    store.add_campaign(a_campaign("20260103-cccc", started="2026-01-03T00:00:00Z", status="complete"))
    store.add_campaign(a_campaign("20260102-bbbb", started="2026-01-02T00:00:00Z", suite="other", status="complete"))
    assert [campaign.id[-4:] for campaign in store.campaigns()] == ["cccc", "bbbb", "aaaa"]
    assert [campaign.id[-4:] for campaign in store.campaigns("other")] == ["bbbb"]
    assert store.campaign().id == "20260103-cccc"
    assert store.campaign("20260102").cells == CELLS


@pytest.mark.parametrize(
    ("wanted", "says"), [("nope", "no campaign 'nope'"), ("2026", "2 campaigns begin"), ("", "''")]
)
def test_an_unknown_or_ambiguous_campaign_names_the_newest(store: Store, wanted: str, says: str) -> None:
    store.add_campaign(a_campaign("20260103-cccc", status="complete"))
    with pytest.raises(UsageError, match=says) as caught:
        store.campaign(wanted)
    assert "20260103-cccc" in str(caught.value)
    assert "20260101-aaaa" in str(caught.value)


def test_an_id_that_begins_another_is_found(store: Store) -> None:
    store.add_campaign(a_campaign("20260101-aaaa-2"))
    assert store.campaign("20260101-aaaa").id == "20260101-aaaa"


def test_an_empty_store_says_what_to_run(tmp_path: Path) -> None:
    with Store(tmp_path / "new.db") as store, pytest.raises(UsageError, match="run-suite"):
        store.campaign()


def test_the_same_campaign_twice_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="already recorded"):
        store.add_campaign(a_campaign())


def test_status_finished_and_facts_are_updated(store: Store) -> None:
    store.set_status("20260101-aaaa", "complete", finished="2026-01-01T01:00:00Z", facts={"seconds": 9, "cores": 4})
    campaign = store.campaign()
    assert (campaign.status, campaign.finished) == ("complete", "2026-01-01T01:00:00Z")
    assert campaign.facts == {"cores": 4, "seconds": 9}
    store.set_status("20260101-aaaa", "running")
    assert store.campaign().finished is None
    with pytest.raises(StoreError, match="not recorded"):
        store.set_status("nope", "complete")


def test_a_trial_comes_back_with_all_that_belongs_to_it(store: Store, tmp_path: Path) -> None:
    samples = [
        Sample("trial_seconds", 1.25, "s"),
        Sample("iteration_seconds", math.inf, "s", iteration=1, kept=False),
        Sample("iteration_seconds", 0.1 + 0.2, "s", iteration=2),
    ]
    times = np.array([1.7e9, 1.7e9 + 0.5, 1.7e9 + 1])
    series = [
        Series("wörker-1", "proc", times, {"cpu.user": np.array([0.1, math.nan, 1.0])}, {"cpu.user": "share"}),
        Series("wörker-1", "sar", times, {"net.br-0.rx_packets": times, "file": times}, {}),
        Series("idle", "proc", np.empty(0), {}, {}),
    ]
    tasks = TaskTable(
        {
            "executor": np.array(["0", "driver", "ü"]),
            "run_ms": np.array([1, 2, 2**53 + 1]),
            "failed": np.array([True, False, False]),
        }
    )
    log = tmp_path / "driver.log"
    log.write_bytes(b"\x00line\n")
    store.add_trial(a_trial(), samples, series, tasks, {"driver.log": log, "note": b"\xff\x00"})

    assert store.trials("20260101-aaaa") == [a_trial()]
    assert store.trial("20260101-aaaa-cell-one") == a_trial()
    assert store.samples("20260101-aaaa") == {a_trial().id: samples}
    back = store.series(a_trial().id)
    assert [(one.host, one.source) for one in back] == [(one.host, one.source) for one in series]
    for one, other in zip(back, series, strict=True):
        np.testing.assert_array_equal(one.times, other.times)
        assert list(one.columns) == list(other.columns)
        for name, column in other.columns.items():
            np.testing.assert_array_equal(one.columns[name], column)
    assert back[0].units == {"cpu.user": "share"}
    table = store.tasks(a_trial().id)
    assert table is not None
    for name, column in tasks.columns.items():
        np.testing.assert_array_equal(table.columns[name], column)
        assert table.columns[name].dtype == column.dtype
    assert store.artifacts(a_trial().id) == ["driver.log", "note"]
    assert store.artifact(a_trial().id, "driver.log") == b"\x00line\n"
    assert store.artifact(a_trial().id, "note") == b"\xff\x00"


def test_nan_samples_undecodable_errors_and_numpy_facts_are_kept(store: Store) -> None:
    bad = a_trial(status="failed", error="name \udcff", facts={"n": np.int64(3), "path": Path("a/b")})
    store.add_trial(bad, [Sample("m", math.nan, "s")])
    (sample,) = store.samples("20260101-aaaa")[bad.id]
    assert math.isnan(sample.value)
    (trial,) = store.trials("20260101-aaaa")
    assert trial.error == "name ?"
    assert trial.facts == {"n": 3, "path": "a/b"}


def test_a_trial_without_samples_has_an_empty_list(store: Store) -> None:
    store.add_trial(a_trial(status="failed", error="it broke"), [])
    assert store.samples("20260101-aaaa") == {a_trial().id: []}
    assert store.tasks(a_trial().id) is None
    assert store.series(a_trial().id) == []


def test_trials_come_in_the_order_of_their_position(store: Store) -> None:
    for number, position in ((1, 3), (2, 1), (3, 2)):
        store.add_trial(a_trial(number, position=position), [])
    assert [trial.position for trial in store.trials("20260101-aaaa")] == [1, 2, 3]
    assert [trial.number for trial in store.trials("20260101-aaaa")] == [2, 3, 1]


def test_a_trial_that_is_recorded_is_refused_and_the_first_stays(store: Store) -> None:
    store.add_trial(a_trial(), [Sample("m", 1.0, "s")])
    with pytest.raises(StoreError, match="already recorded"):
        store.add_trial(a_trial(id="another", position=9), [Sample("m", 2.0, "s")])
    assert [sample.value for sample in store.samples("20260101-aaaa")[a_trial().id]] == [1.0]


def test_a_trial_of_an_unknown_cell_or_campaign_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no cell elsewhere"):
        store.add_trial(a_trial(cell="elsewhere"), [])
    with pytest.raises(StoreError, match="not recorded"):
        store.add_trial(a_trial(campaign="nope"), [])


def test_nothing_of_a_trial_stays_when_a_part_is_refused(store: Store, tmp_path: Path) -> None:
    uneven = Series("h", "proc", np.zeros(3), {"cpu.user": np.zeros(2)}, {})
    with pytest.raises(StoreError, match="not as long"):
        store.add_trial(a_trial(), [Sample("m", 1.0, "s")], [uneven])
    with pytest.raises(StoreError, match="Python objects"):
        store.add_trial(a_trial(), [], tasks=TaskTable({"host": np.array(["a", None], dtype=object)}))
    with pytest.raises(StoreError, match="can't be read"):
        store.add_trial(a_trial(), [], artifacts={"log": tmp_path / "absent"})
    assert store.trials("20260101-aaaa") == []
    store.add_trial(a_trial(), [])


def test_an_artifact_that_is_gone_changed_or_unknown_is_named(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one")
    store.add_trial(a_trial(), [], artifacts={"log": log})
    with pytest.raises(UsageError, match="It has: log"):
        store.artifact(a_trial().id, "logg")
    log.write_text("two")
    with pytest.raises(StoreError, match="changed"):
        store.artifact(a_trial().id, "log")
    log.unlink()
    with pytest.raises(StoreError, match=r"gone.*\n?") as caught:
        store.artifact(a_trial().id, "log")
    assert str(log) in str(caught.value)


def test_artifacts_are_found_after_the_state_folder_has_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "log").write_text("text")
    with Store(old / "s.db") as store:
        store.add_campaign(a_campaign())
        store.add_trial(a_trial(), [], artifacts={"log": old / "log"})
    old.rename(new)
    with Store(new / "s.db") as store:
        assert store.artifact(a_trial().id, "log") == b"text"


def test_documents_are_kept_and_replaced_by_name(store: Store) -> None:
    store.add_document("20260101-aaaa", "spark-env.sh", "one")
    store.add_document("20260101-aaaa", "spark-env.sh", "two\n€")
    store.add_document("20260101-aaaa", "suite.yml", "x: 1\n")
    assert store.documents("20260101-aaaa") == {"spark-env.sh": "two\n€", "suite.yml": "x: 1\n"}


def test_resumable_is_the_newest_unfinished_campaign_of_the_same_fingerprint(store: Store) -> None:
    assert store.resumable("quick", "f" * 64) == a_campaign()
    assert store.resumable("quick", "0" * 64) is None
    assert store.resumable("other", "f" * 64) is None
    store.set_status("20260101-aaaa", "interrupted")
    found = store.resumable("quick", "f" * 64)
    assert found is not None
    assert found.status == "interrupted"
    store.set_status("20260101-aaaa", "incomplete")
    assert store.resumable("quick", "f" * 64) is None


def test_missing_is_what_of_the_schedule_has_no_row(store: Store) -> None:
    schedule = [PlannedTrial("cell-one-worker", number, number, number) for number in (3, 1, 2)]
    store.add_trial(a_trial(1, status="failed"), [])
    assert [planned.number for planned in store.missing("20260101-aaaa", schedule)] == [3, 2]


def test_ten_thousand_trials_are_one_query_each(tmp_path: Path) -> None:
    """Reading must not grow a query per trial: counted, since a time limit would depend on the machine."""
    from sqlalchemy import event

    with Store(tmp_path / "s.db") as store:
        store.add_campaign(a_campaign())
        statements: list[str] = []
        for number in range(50):
            store.add_trial(a_trial(number, position=number), [Sample("m", float(i), "s", i) for i in range(5)])
        event.listen(
            store._engine, "before_cursor_execute", lambda conn, cursor, statement, *rest: statements.append(statement)
        )
        assert sum(len(samples) for samples in store.samples("20260101-aaaa").values()) == 250
        assert len(store.trials("20260101-aaaa")) == 50
        assert len([statement for statement in statements if statement.startswith("SELECT")]) == 4


def test_acknowledgements_are_kept_replaced_and_taken_back(tmp_path: Path) -> None:
    first = Acknowledgement("c", "trial_seconds", "night-7", "a new kernel", "t1", "me")
    second = replace(first, reason="no, a new JDK", made="t2")
    other = replace(first, metric="submit_seconds")
    with Store(tmp_path / "s.db") as store:
        for one in (first, other, second):
            store.acknowledge(one)
        assert store.acknowledgements() == [second, other]
    with Store(tmp_path / "s.db") as store:
        store.forget(second)
        assert store.acknowledgements() == [other]
