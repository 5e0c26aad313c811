"""A trial's parts add up to the whole, a planted difference is given to its part, and of nothing no cause is made."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from analysis import wall
from analysis.decompose import PARTS, Difference
from analysis.python_workers import Between, PythonWorkers
from analysis.wall import GROUPS, wall_differences, wall_sentence, wall_table

BEGAN = 1_790_000_000.0
"""When the timed part of `columns` began."""


def columns(**more: list[float]) -> dict[str, np.ndarray]:
    """Three tasks of 4 s: one before the timed part, and two in it. 1 s each on the CPU, 0.5 s GC, 0.2 s delay."""
    launch = np.array([BEGAN - 5, BEGAN + 1, BEGAN + 1]) * 1e3
    each = {
        "stage": [0.0, 1.0, 1.0], "launch_ms": launch, "finish_ms": launch + 4000, "run_ms": [3700.0] * 3,
        "deserialize_ms": [100.0] * 3, "gc_ms": [500.0] * 3, "cpu_ns": [1e9] * 3, "fetch_wait_ms": [200.0] * 3,
    }  # fmt: skip
    return {name: np.array(values, dtype=np.float64) for name, values in {**each, **more}.items()}


def facts(cores: int = 2, ended: float = BEGAN + 10, **application: object) -> dict[str, Any]:
    executors = [{"cores": 1, "added": BEGAN - 8, "removed": None} for _ in range(cores)]
    return {
        # Spark's default parallelism is at least 2, whatever the executors have.
        "workload": {"default_parallelism": max(cores, 2), "iterations_began": [BEGAN], "ended": ended},
        "application": {"executors": executors, **application},
    }


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds")


SUBMIT = {"submit_seconds": 24.0, "application_seconds": 20.0, "ready_seconds": 2.0}
TIMED = [
    {"metric": "trial_seconds", "value": 8.0, "iteration": 1, "kept": True},
    {"metric": "ready_seconds", "value": 2.0, "iteration": None, "kept": True},
]


# -- one trial ---------------------------------------------------------------------------------------------------------


def test_a_submits_parts_add_up_and_ending_is_no_start_up() -> None:
    parts = wall.submit_parts(SUBMIT, facts(ended=BEGAN + 10), at(BEGAN + 11.5), columns())
    assert parts is not None
    assert set(parts) == set(GROUPS)
    assert sum(parts.values()) == pytest.approx(24.0)
    assert parts["ending"] == pytest.approx(1.5)
    assert parts["start_up"] == pytest.approx(24.0 - 20.0 - 1.5 + 2.0)
    assert parts["cpu"] == pytest.approx(3 * 1.0 / 2)
    assert parts["serialization"] == pytest.approx(3 * 0.1 / 2)
    assert parts["waiting"] == pytest.approx(3 * (3.7 - 0.5 - 0.2 - 1.0) / 2)
    assert parts["gc"] == pytest.approx(0.75)
    assert parts["network"] == pytest.approx(0.3)
    assert parts["scheduling"] == pytest.approx(0.3)
    assert parts["stragglers"] == pytest.approx(4.0 / 2), "the first stage has one task, for two cores"


def test_a_trials_parts_are_those_of_its_timed_iterations() -> None:
    parts = wall.trial_parts(TIMED, facts(), columns())
    assert parts is not None
    assert sum(parts.values()) == pytest.approx(8.0)
    assert parts["gc"] == pytest.approx(0.5), "the task before the timed part is none of it"
    assert parts["outside"] == pytest.approx(8.0 - 4.0)
    assert not {"start_up", "ending"} & set(parts)


def test_times_of_python_workers_are_taken_out_of_waiting_as_much_as_was_waited() -> None:
    asked: list[tuple[float, float]] = []

    def some(start: float, end: float) -> float:
        asked.append((start, end))
        return 1.5

    def with_python(cpu: Between, ready: Between) -> dict[str, float]:
        parts = wall.trial_parts(TIMED, facts(), columns(), PythonWorkers(cpu, ready))
        assert parts is not None
        assert sum(parts.values()) == pytest.approx(8.0)
        return parts

    without, parts = wall.trial_parts(TIMED, facts(), columns()), with_python(some, lambda *_: 0.5)
    assert without is not None
    assert asked == [(BEGAN, BEGAN + 8.0)]
    assert without["python"] == without["python_ready"] == 0
    assert (parts["python"], parts["python_ready"]) == (pytest.approx(1.5 / 2), pytest.approx(0.5 / 2))
    assert parts["waiting"] == pytest.approx(without["waiting"] - 2.0 / 2)
    most = with_python(some, lambda *_: 1000.0)
    assert (most["python"], most["waiting"]) == (pytest.approx(1.5 / 2), 0), "on a CPU comes first"
    most = with_python(lambda *_: 1000.0, some)
    assert (most["python"], most["python_ready"]) == (pytest.approx(without["waiting"]), 0)


def test_a_stages_last_task_leaves_stragglers_and_tasks_given_out_late_scheduling() -> None:
    late = columns(launch_ms=[0, BEGAN * 1e3, BEGAN * 1e3 + 1000], finish_ms=[0, BEGAN * 1e3 + 500, BEGAN * 1e3 + 6000])
    before, after = wall.trial_parts(TIMED, facts(1), columns()), wall.trial_parts(TIMED, facts(1), late)
    assert before is not None
    assert after is not None
    parts = wall.trial_parts(TIMED, facts(2), late)
    assert parts is not None
    assert parts["stragglers"] == pytest.approx(5.0 / 2), "one of two cores, while the last task runs alone"
    assert after["stragglers"] == 0, "a single core waits for no other"
    assert sum(parts.values()) == pytest.approx(8.0)


def test_a_program_that_does_not_iterate_has_its_one_timed_part() -> None:
    once = [{**TIMED[0], "iteration": None}]
    assert wall.trial_parts(once, facts(), columns()) == wall.trial_parts(TIMED, facts(), columns())
    several, none = facts(), facts()
    several["workload"]["iterations_began"] = [BEGAN, BEGAN + 100]
    none["workload"]["iterations_began"] = []
    assert wall.trial_parts(once, several, columns()) is None
    assert wall.trial_parts(once, none, columns()) is None


def test_iterations_that_are_not_kept_take_no_part() -> None:
    again = {"metric": "trial_seconds", "value": 6.0, "iteration": 2, "kept": True}
    both = facts()
    both["workload"]["iterations_began"] = [BEGAN, BEGAN + 100]
    kept = wall.trial_parts([{**TIMED[0], "kept": False}, again], both, columns())
    assert kept is not None
    assert kept["gc"] == 0
    assert kept["outside"] == pytest.approx(6.0)


def test_a_task_that_seems_to_begin_within_the_same_millisecond_is_of_the_iteration() -> None:
    early = columns(launch_ms=[0, BEGAN * 1e3 - 0.9, BEGAN * 1e3])
    parts = wall.trial_parts(TIMED, facts(), early)
    assert parts is not None
    assert parts["gc"] == pytest.approx(0.5)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_tasks_run_side_by_side_on_the_executors_cores_not_on_the_default_parallelism(cores: int) -> None:
    parts = wall.trial_parts(TIMED, facts(cores), columns())
    assert parts is not None
    assert parts["gc"] == pytest.approx(1.0 / cores)


def test_an_executor_that_took_the_place_of_another_adds_no_cores() -> None:
    executors = [
        {"cores": 2, "added": 1.0, "removed": 5.0},
        {"cores": 2, "added": 5.0, "removed": None},
        {"cores": 1, "added": 6.0, "removed": None},
    ]
    assert wall.executor_cores({"application": {"executors": executors}}) == 3
    assert wall.executor_cores({}) == 0


def test_what_float_sums_leave_of_nothing_is_nothing() -> None:
    parts = wall.trial_parts(TIMED, facts(), columns(run_ms=[0.1, 0.2, 0.3], finish_ms=[BEGAN * 1e3 + 1000.1] * 3))
    assert parts is not None
    assert parts["disk"] == 0
    assert sum(parts.values()) == pytest.approx(8.0)


def test_every_part_of_tasks_is_in_one_group_but_computing_which_is_split() -> None:
    gathered = [name for _, members in GROUPS.values() for name in members]
    assert sorted([*gathered, "compute"]) == sorted(PARTS)


def test_a_trial_that_lacks_a_figure_has_no_parts() -> None:
    end = at(BEGAN + 11)
    assert wall.submit_parts({}, facts(), end, columns()) is None
    assert wall.submit_parts(SUBMIT, {}, end, columns()) is None
    assert wall.submit_parts(SUBMIT, facts(), None, columns()) is None
    assert wall.submit_parts(SUBMIT, facts(executors=[]), end, columns()) is None
    assert wall.trial_parts([], facts(), columns()) is None
    assert wall.trial_parts(TIMED, {"workload": {}}, columns()) is None


@pytest.mark.parametrize("away", [-3.0, 90.0])
def test_clocks_that_disagree_give_no_parts_of_a_submit(away: float) -> None:
    assert wall.submit_parts(SUBMIT, facts(ended=BEGAN), at(BEGAN + away), columns()) is None


def test_a_pause_while_a_tasks_code_is_deserialized_is_counted_once_as_gc() -> None:
    given = columns(run_ms=[300.0] * 3, gc_ms=[400.0] * 3, deserialize_ms=[300.0] * 3, fetch_wait_ms=[0.0] * 3)
    parts = wall.submit_parts(SUBMIT, facts(ended=BEGAN + 10), at(BEGAN + 11.5), given)
    assert parts is not None
    assert parts["gc"] == pytest.approx(3 * 0.4 / 2)
    assert parts["serialization"] == pytest.approx(3 * 0.2 / 2)
    assert parts["lost"] == pytest.approx(0.0)
    assert sum(parts.values()) == pytest.approx(24.0)


# -- two cells ---------------------------------------------------------------------------------------------------------


def cell(blocks: int = 6, seed: int = 1, noise: float = 0.05, **more: float) -> dict[str, Any]:
    """Trials with about the same parts, each with noise of its own, and with more of some."""
    generator = np.random.default_rng(seed)
    trials = []
    for block in range(1, blocks + 1):
        parts = {name: 1.0 + more.get(name, 0.0) + generator.normal(0, noise) for name in GROUPS}
        trials.append({"status": "ok", "block": block, "wall": {"trial_seconds": parts, "submit_seconds": None}})
    return {"trials": trials}


@pytest.mark.parametrize("planted", ["gc", "network", "scheduling", "start_up"])
def test_the_planted_part_comes_first_and_alone_is_named_with_its_interval(planted: str) -> None:
    parts = wall_differences(cell(), cell(seed=2, **{planted: 1.0}), "trial_seconds")
    assert parts[0].part == planted
    assert parts[0].difference == pytest.approx(1.0, abs=0.1)
    said = wall_sentence(parts, "trial_seconds")
    assert said is not None
    assert said.startswith("A trial differs by +")
    assert f"{GROUPS[planted][0]} +" in said
    assert sum(name in said for name, _ in GROUPS.values()) == 1
    assert parts[0].clear
    assert "to +" in said.split(GROUPS[planted][0])[1]


def test_below_six_blocks_there_is_no_interval_and_no_cause() -> None:
    parts = wall_differences(cell(5), cell(5, seed=2, gc=100.0), "trial_seconds")
    assert parts[0].part == "gc"
    assert all(part.low is None for part in parts)
    assert wall_sentence(parts, "trial_seconds") is None


def test_pairs_of_like_cells_rarely_have_a_part_that_clearly_differs() -> None:
    """400 pairs of one and the same cell, parts of many sizes, blocks that drift: at most one in twenty names any."""
    generator = np.random.default_rng(3)
    sizes = np.geomspace(0.01, 10, len(GROUPS))
    for blocks, spread in ((6, 0.1), (6, 0.6), (10, 0.3)):
        runs, named = 400, 0
        for _ in range(runs):
            drift = generator.lognormal(0, 0.3, (blocks, 1))
            pair = []
            for _ in range(2):
                made = sizes * drift * generator.lognormal(0, spread, (blocks, len(GROUPS)))
                parts = [dict(zip(GROUPS, row, strict=True)) for row in made.tolist()]
                trials = [
                    {"status": "ok", "block": block, "wall": {"trial_seconds": one}} for block, one in enumerate(parts)
                ]
                pair.append({"trials": trials})
            named += wall_sentence(wall_differences(pair[0], pair[1], "trial_seconds"), "trial_seconds") is not None
        assert named / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5, (blocks, spread)


def test_the_table_has_every_part_in_order_with_its_share_and_the_sum() -> None:
    parts = [Difference("gc", 1.0, 3.0, 2.0, 1.5, 2.5), Difference("cpu", 5.0, 4.5, -0.5, None, None)]
    heads, rows = wall_table([vars(part) for part in parts], ["bare", "docker"], "trial_seconds")
    assert heads[1:3] == ["bare", "docker"]
    assert rows == [
        [GROUPS["cpu"][0], "5.00", "4.50", "−0.50", "–", "20 %"],
        [GROUPS["gc"][0], "1.00", "3.00", "+2.0", "+1.5 to +2.5", "80 %"],
        ["the trial", "6.00", "7.50", "+1.5", "", ""],
    ]


def test_only_blocks_of_both_count_and_only_trials_that_succeeded() -> None:
    one, other = cell(7), cell(6)
    one["trials"][6]["wall"]["trial_seconds"]["gc"] = 99.0
    other["trials"][0]["status"] = "failed"
    other["trials"][0]["wall"]["trial_seconds"]["gc"] = 99.0
    assert all(part.difference == pytest.approx(0.0) for part in wall_differences(one, other, "trial_seconds"))
    assert wall_differences({"trials": []}, other, "trial_seconds") == []
    assert wall_differences(one, other, "submit_seconds") == []
