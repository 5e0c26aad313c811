"""The order of trials: complete blocks, the same order from the same seed, cells of one cluster together."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparkbed.suite import Suite, cluster_key, load, schedule

calm = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(tmp_path: Path, clusters: int, sizes: int, **keys: object) -> Suite:
    lines = ["suite: s", "workload: w", *(f"{key}: {value}" for key, value in keys.items()), "factors:"]
    # The factor that needs a restart varies fastest, so that the file's order alone would restart at every trial.
    lines.append(f"  parameters.n: {list(range(1, sizes + 1))}")
    lines.append(f"  settings.worker_cores: {list(range(1, clusters + 1))}")
    (tmp_path / "s.yml").write_text("\n".join(lines) + "\n")
    return load(tmp_path / "s.yml")


small = st.integers(1, 4)


@calm
@given(
    small, small, small, st.integers(0, 2**40), st.sampled_from(["sequential", "blocked", "randomized"]),
    st.sampled_from(["per-trial", "per-block", "shared"]),
)  # fmt: skip
def test_every_cell_has_its_trials_and_blocks_are_complete(
    tmp_path: Path, clusters: int, sizes: int, trials: int, seed: int, order: str, cluster: str
) -> None:
    suite = read(tmp_path, clusters, sizes, trials=trials, seed=seed, order=order, cluster=cluster)
    plan = schedule(suite)
    ids = {cell.id for cell in suite.cells}
    assert [trial.position for trial in plan] == list(range(1, len(plan) + 1))
    assert Counter(trial.cell for trial in plan) == dict.fromkeys(ids, trials)
    assert {(trial.cell, trial.number) for trial in plan} == {(i, n) for i in ids for n in range(1, trials + 1)}
    for block in range(1, trials + 1):
        assert {trial.cell for trial in plan if trial.block == block} == ids
    if order != "sequential":
        assert [trial.block for trial in plan] == sorted(trial.block for trial in plan)
    assert schedule(suite) == plan


@calm
@given(st.integers(2, 4), st.integers(2, 4), st.integers(0, 2**40), st.sampled_from(["blocked", "randomized"]))
def test_cells_of_one_cluster_stay_together_in_a_block(
    tmp_path: Path, clusters: int, sizes: int, seed: int, order: str
) -> None:
    suite = read(tmp_path, clusters, sizes, trials=3, seed=seed, order=order, cluster="per-block")
    for _, block in groupby(schedule(suite), key=lambda trial: trial.block):
        runs = [key for key, _ in groupby(cluster_key(suite.cell(trial.cell)) for trial in block)]
        assert len(runs) == clusters


def test_sequential_runs_cell_after_cell(tmp_path: Path) -> None:
    suite = read(tmp_path, 2, 1, trials=2, order="sequential")
    a, b = (cell.id for cell in suite.cells)
    assert [(trial.cell, trial.number) for trial in schedule(suite)] == [(a, 1), (a, 2), (b, 1), (b, 2)]


def test_blocked_has_the_same_order_in_every_block(tmp_path: Path) -> None:
    suite = read(tmp_path, 2, 3, trials=3, order="blocked", cluster="per-trial")
    ids = [cell.id for cell in suite.cells]
    assert [trial.cell for trial in schedule(suite)] == ids * 3


def test_randomized_draws_every_order_about_equally_often(tmp_path: Path) -> None:
    suite = read(tmp_path, 1, 3, trials=6000, order="randomized", cluster="per-trial")
    plan = [trial.cell for trial in schedule(suite)]
    orders = Counter(tuple(plan[start : start + 3]) for start in range(0, len(plan), 3))
    assert len(orders) == 6
    # 1000 of each are expected, with a standard deviation of 29; the seed is fixed, so this passes always or never.
    assert all(850 < times < 1150 for times in orders.values())


def test_another_seed_gives_another_order(tmp_path: Path) -> None:
    first = schedule(read(tmp_path, 2, 4, trials=4, seed=1))
    second = schedule(read(tmp_path, 2, 4, trials=4, seed=2))
    assert first != second


def test_the_order_from_a_seed_never_changes(tmp_path: Path) -> None:
    # A campaign interrupted under one version of Python is resumed under another: the order must be the same.
    suite = read(tmp_path, 2, 2, trials=3, seed=7)
    place = {cell.id: index for index, cell in enumerate(suite.cells)}
    assert [place[trial.cell] for trial in schedule(suite)] == [2, 0, 3, 1, 1, 3, 2, 0, 1, 3, 2, 0]


@pytest.mark.parametrize("order", ["blocked", "randomized"])
def test_only_does_not_need_all_cells(tmp_path: Path, order: str) -> None:
    read(tmp_path, 2, 2, trials=2, order=order)
    suite = load(tmp_path / "s.yml", only="settings.worker_cores=2")
    assert len(schedule(suite)) == 4
