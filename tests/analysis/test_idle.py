"""Idle cores of a running stage are told apart by why they idle, and cores that idle between stages are neither."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.idle import idle_cores


def tasks(*rows: tuple[int, float, float]) -> dict[str, np.ndarray]:
    """Stage, launch and finish (seconds) of each."""
    stage, launch, finish = zip(*rows, strict=True) if rows else ((), (), ())
    return {
        "stage": np.array(stage),
        "launch_ms": np.array(launch, dtype=np.float64) * 1e3,
        "finish_ms": np.array(finish, dtype=np.float64) * 1e3,
    }


def test_cores_that_wait_while_tasks_are_to_be_launched_are_the_drivers_doing() -> None:
    found = idle_cores(tasks((1, 0, 1), (1, 3, 4)), cores=1)
    assert found == {"dispatch": pytest.approx(2.0), "stragglers": 0.0}


def test_cores_that_have_nothing_left_to_do_wait_for_the_last_task() -> None:
    found = idle_cores(tasks((1, 0, 1), (1, 0, 5)), cores=2)
    assert found == {"dispatch": 0.0, "stragglers": pytest.approx(4.0)}


def test_between_stages_no_core_waits_for_a_task() -> None:
    found = idle_cores(tasks((1, 0, 1), (2, 10, 11)), cores=1)
    assert found == {"dispatch": 0.0, "stragglers": 0.0}


def test_another_stages_tasks_that_wait_come_before_this_ones_stragglers() -> None:
    # Stage 1 has one long task; beside it stage 2 launches tasks with a gap of a second.
    found = idle_cores(tasks((1, 0, 10), (2, 2, 4), (2, 5, 6)), cores=2)
    assert found["dispatch"] == pytest.approx(1.0)
    assert found["stragglers"] == pytest.approx(2.0 + 4.0)


def test_attempts_of_a_stage_are_stages_of_their_own() -> None:
    again = {**tasks((1, 0, 1), (1, 5, 6)), "stage_attempt": np.array([0, 1])}
    assert idle_cores(again, cores=1) == {"dispatch": 0.0, "stragglers": 0.0}


def test_what_is_launched_again_was_not_waiting_before() -> None:
    failed = {**tasks((1, 0, 1), (1, 0, 3), (1, 3, 4)), "attempt": np.array([0, 0, 1])}
    assert idle_cores(failed, cores=2) == {"dispatch": 0.0, "stragglers": pytest.approx(2.0 + 1.0)}
    copied = {**failed, "attempt": np.zeros(3), "speculative": np.array([False, False, True])}
    assert idle_cores(copied, cores=2) == idle_cores(failed, cores=2)
    only = {**tasks((1, 0, 1), (1, 2, 3)), "attempt": np.array([1, 2])}
    assert idle_cores(only, cores=1) == {"dispatch": 0.0, "stragglers": pytest.approx(1.0)}


def test_no_tasks_leave_nothing() -> None:
    assert idle_cores(tasks(), cores=4) == {"dispatch": 0.0, "stragglers": 0.0}


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(1, 20)).map(lambda t: (t[0], t[1], t[1] + t[2])),
        min_size=1,
        max_size=12,
    )
)
def test_it_is_what_counting_core_by_core_gives(rows: list[tuple[int, int, int]]) -> None:
    """Second by second, for cores enough that no more tasks run than there are."""
    cores, dispatch, stragglers = len(rows), 0, 0
    for second in range(max(end for _, _, end in rows)):
        idle = cores - sum(start <= second < end for _, start, end in rows)
        of = {stage: [(start, end) for one, start, end in rows if one == stage] for stage, _, _ in rows}
        launching = any(min(s for s, _ in t) <= second < max(s for s, _ in t) for t in of.values())
        active = any(min(s for s, _ in t) <= second < max(e for _, e in t) for t in of.values())
        dispatch += idle * launching
        stragglers += idle * (active and not launching)
    found = idle_cores(tasks(*rows), cores)
    assert found == {"dispatch": pytest.approx(dispatch), "stragglers": pytest.approx(stragglers)}
