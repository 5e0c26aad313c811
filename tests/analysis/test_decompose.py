"""The parts of tasks' times: Spark's formulas on tasks worked out by hand, and sums that must hold."""

from __future__ import annotations

import made_up
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import decompose

ONE = {
    "launch_ms": [1_000],
    "finish_ms": [1_500],
    "getting_result_ms": [1_480],
    "failed": [False],
    "killed": [False],
    "deserialize_ms": [30],
    "run_ms": [400],
    "result_serialization_ms": [5],
    "gc_ms": [40],
    "fetch_wait_ms": [60],
    "shuffle_write_ns": [20_000_000],
}


def columns(**changes: list[object]) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in {**ONE, **changes}.items()}


def test_one_task_by_hand() -> None:
    parts = {name: float(values[0]) for name, values in decompose.per_task(columns()).items()}
    assert parts == pytest.approx(
        {
            "scheduler_delay": 0.045,  # 500 - 400 - 30 - 5 - 20
            "deserialize": 0.030,
            "shuffle_read": 0.060,
            "shuffle_write": 0.020,
            "gc": 0.040,
            "compute": 0.280,  # 400 - 60 - 20 - 40
            "result_serialization": 0.005,
            "getting_result": 0.020,
            "failed": 0.0,
            "rest": 0.0,
        }
    )
    assert list(parts) == list(decompose.PARTS)


def test_a_failed_task_is_one_part() -> None:
    parts = decompose.totals(columns(failed=[True]))
    assert parts["failed"] == pytest.approx(0.5)
    assert sum(abs(value) for value in parts.values()) == pytest.approx(0.5)


def test_rounding_that_exceeds_the_duration_goes_to_the_rest_and_never_below_zero() -> None:
    parts = decompose.totals(columns(run_ms=[600], gc_ms=[700]))
    assert parts["scheduler_delay"] == 0.0
    assert parts["compute"] == 0.0
    assert sum(parts.values()) == pytest.approx(0.5)


TIMES = st.integers(min_value=0, max_value=10**6)


@given(st.lists(st.tuples(TIMES, TIMES, TIMES, TIMES, TIMES, TIMES, TIMES, st.booleans()), min_size=1, max_size=20))
def test_parts_always_add_up_to_the_duration(rows: list[tuple[int, int, int, int, int, int, int, bool]]) -> None:
    duration, run, deserialize, serialize, collect, fetch, result, failed = (
        np.array(row) for row in zip(*rows, strict=True)
    )
    table = {
        "launch_ms": np.full(len(rows), 1_790_000_000_000),
        "finish_ms": 1_790_000_000_000 + duration,
        "getting_result_ms": np.where(result % 2, 1_790_000_000_000 + np.minimum(result, duration), 0),
        "failed": failed,
        "run_ms": run,
        "deserialize_ms": deserialize,
        "result_serialization_ms": serialize,
        "gc_ms": collect,
        "fetch_wait_ms": fetch,
    }
    parts = decompose.per_task(table)
    assert np.sum(list(parts.values()), axis=0) == pytest.approx(duration / 1e3, abs=1e-6)
    assert all((parts[name] >= 0).all() for name in parts if name != "rest")


def test_no_tasks_are_nothing() -> None:
    assert set(decompose.totals({}).values()) == {0.0}
    assert decompose.busy_seconds({}) == 0.0


def test_busy_seconds_is_the_length_of_the_union() -> None:
    table = columns(launch_ms=[0, 500, 3_000, 3_100], finish_ms=[1_000, 1_500, 4_000, 3_200])
    assert decompose.busy_seconds(table) == pytest.approx(2.5)


def test_differences_add_up_to_that_of_the_whole_and_the_planted_part_leads() -> None:
    generator = np.random.default_rng(1)
    before = [decompose.totals(made_up.tasks(generator, 1.0, 2).columns) for _ in range(8)]
    after = [{**trial, "gc": trial["gc"] + 1.0 + generator.normal(0, 0.05)} for trial in before]
    found = decompose.differences(before, after)
    assert found[0].part == "gc"
    assert found[0].difference == pytest.approx(1.0, abs=0.1)
    assert found[0].low is not None
    assert found[0].low > 0.9
    assert sum(part.difference for part in found) == pytest.approx(
        np.mean([sum(trial.values()) for trial in after]) - np.mean([sum(trial.values()) for trial in before])
    )
    assert decompose.differences([], after) == []
