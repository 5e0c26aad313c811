"""A submit's parts add up to the whole, and a planted difference is given to the part that it was planted in."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.decompose import PARTS
from analysis.wall import GROUPS, wall_differences, wall_parts, wall_sentence, wall_table


def trial(block: int = 1, launch: float = 3.0, ready: float = 2.0, slots: int = 2, **tasks: float) -> dict[str, Any]:
    """A trial whose application takes 20 s, 2 slots wide; tasks' parts in task-seconds."""
    return {
        "block": block,
        "values": {"submit_seconds": 20.0 + launch, "application_seconds": 20.0, "ready_seconds": ready},
        "facts": {"workload": {"default_parallelism": slots}},
        "tasks": {**dict.fromkeys(PARTS, 0.0), **tasks},
    }


def test_parts_add_up_to_the_submit() -> None:
    parts = wall_parts(trial(compute=10.0, gc=2.0, shuffle_read=1.0, getting_result=0.5, scheduler_delay=3.0, rest=0.1))
    assert parts is not None
    assert set(parts) == set(GROUPS)
    assert sum(parts.values()) == pytest.approx(23.0)
    assert parts["start_up"] == pytest.approx(5.0)
    assert parts["cpu"] == pytest.approx(5.0)
    assert parts["gc"] == pytest.approx(1.0)
    assert parts["network"] == pytest.approx(0.75)
    assert parts["scheduling"] == pytest.approx(1.5)
    assert parts["outside"] == pytest.approx(23.0 - 5.0 - 5.0 - 1.0 - 0.75 - 1.5 - 0.05)


def test_what_float_sums_leave_of_nothing_is_nothing() -> None:
    left = 0.1 + 0.2 - 0.3
    assert left != 0
    parts = wall_parts(trial(compute=10.0, rest=left))
    assert parts is not None
    assert parts["lost"] == 0
    assert sum(parts.values()) == pytest.approx(23.0)


def test_every_part_of_tasks_is_in_one_group() -> None:
    gathered = [name for _, members in GROUPS.values() for name in members]
    assert sorted(gathered) == sorted(PARTS)


@pytest.mark.parametrize("lacks", ["values", "facts", "tasks"])
def test_a_trial_that_lacks_a_figure_has_no_parts(lacks: str) -> None:
    assert wall_parts({**trial(compute=1.0), lacks: {}}) is None


@pytest.mark.parametrize(
    ("planted", "changed"),
    [("gc", {"gc": 4.0}), ("network", {"shuffle_read": 4.0}), ("scheduling", {"scheduler_delay": 4.0})],
)
def test_the_planted_part_comes_first(planted: str, changed: dict[str, float]) -> None:
    def cell(**more: float) -> dict[str, Any]:
        trials = []
        for block in (1, 2, 3):
            one = trial(block, compute=10.0, **more)
            grown = sum(more.values()) / 2
            one["values"]["submit_seconds"] += grown
            one["values"]["application_seconds"] += grown
            trials.append(one)
        return {"trials": trials}

    parts = wall_differences(cell(), cell(**changed))
    assert parts[0].part == planted
    assert parts[0].difference == pytest.approx(2.0)
    assert sum(part.difference for part in parts) == pytest.approx(2.0)
    said = wall_sentence(parts)
    assert said is not None
    assert said.startswith(f"A whole submit differs by +2.0 s: {GROUPS[planted][0]} +2.0 s (100 %)")


def test_start_up_is_told_from_the_work() -> None:
    slow = {"trials": [trial(block, launch=4.5, compute=10.0) for block in (1, 2)]}
    quick = {"trials": [trial(block, launch=3.0, compute=10.0) for block in (1, 2)]}
    parts = wall_differences(quick, slow)
    assert (parts[0].part, parts[0].difference) == ("start_up", pytest.approx(1.5))
    heads, rows = wall_table([vars(part) for part in parts], ["bare", "docker"])
    assert heads[1:3] == ["bare", "docker"]
    assert [row[0] for row in rows] == [name for name, _ in GROUPS.values()] + ["the whole submit"]
    assert rows[0][3] == "+1.5"
    assert rows[-1][1:4] == ["23.0", "24.5", "+1.5"]


def test_only_blocks_of_both_count() -> None:
    one = {"trials": [trial(1, compute=10.0), trial(2, compute=99.0)]}
    other = {"trials": [trial(1, compute=10.0)]}
    assert all(part.difference == pytest.approx(0.0) for part in wall_differences(one, other))
    assert wall_sentence(wall_differences(one, other)) is None
    assert wall_differences({"trials": []}, other) == []
