"""Rows of tasks by attempt of a stage, whatever order they came in."""

from __future__ import annotations

import numpy as np

from analysis.attempts import rows_by_attempt


def test_attempts_are_told_apart_and_rows_keep_the_tables_order() -> None:
    columns = {"stage": np.array([2, 0, 2, 2, 0]), "stage_attempt": np.array([1, 0, 0, 1, 0])}
    found = {key: rows.tolist() for key, rows in rows_by_attempt(columns).items()}
    assert list(found.items()) == [((0, 0), [1, 4]), ((2, 0), [2]), ((2, 1), [0, 3])]


def test_a_table_without_stages_is_one_attempt_and_an_empty_one_none() -> None:
    found = rows_by_attempt({"launch_ms": np.array([3.0, 1.0])})
    assert {key: rows.tolist() for key, rows in found.items()} == {(0, 0): [0, 1]}
    assert rows_by_attempt({"stage": np.zeros(0, np.int64)}) == {}
