"""What Python workers took between two moments, over all hosts; what was not measured is not zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.python_workers import python_workers
from sparkbed.model import Series


def series(host: str, *taken: float, application: str = "app-1", source: str = "python") -> Series:
    name = f"cpu_seconds.{application}"
    return Series(host, source, np.arange(len(taken)) + 100.0, {name: np.array(taken)}, {name: "s"})


def test_seconds_of_all_hosts_add_up_and_moments_between_two_looks_are_interpolated() -> None:
    found = python_workers([series("a", 0, 2, 4), series("b", 1, 1, 2)], "app-1")
    assert found is not None
    between = found.cpu
    assert between(100, 102) == pytest.approx(5.0)
    assert between(100.5, 101) == pytest.approx(1.0)
    assert between(-np.inf, np.inf) == pytest.approx(5.0)


def test_another_applications_workers_do_not_count() -> None:
    found = python_workers([series("a", 0, 9, application="app-2")], "app-1")
    assert found is not None
    assert found.cpu(100, 101) == 0


def test_time_in_which_they_were_ready_is_told_apart_and_none_where_no_kernel_counts_it() -> None:
    one, other = series("a", 0, 2), series("b", 0, 3)
    both = {**one.columns, "ready_seconds.app-1": np.array([0.5, 4.5])}
    found = python_workers([replace(one, columns=both), other], "app-1")
    assert found is not None
    assert (found.cpu(100, 101), found.ready(100, 101)) == (5.0, 4.0)


def test_where_nobody_looked_it_is_unknown() -> None:
    assert python_workers([], "app-1") is None
    assert python_workers([series("a", 0, 1, source="proc")], "app-1") is None
    assert python_workers([series("a", 0, 1)], None) is None
