"""Whether a comparison depends on the size of the work: found where it was planted, and not where it was not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import made_up
import numpy as np
import pytest

from analysis import report
from sparkbed.model import Cell, HostsSpec, Sample, Trial
from sparkbed.store import Store

SIZES = (1, 10, 40)
BASELINE = {"bare": "standalone", "docker": "docker"}


def cells() -> dict[str, Cell]:
    return {
        f"{name}-{size}": Cell(
            id=f"{name}-{size}",
            factors={"work": f"{size}-shuffles", "platform": name},
            hosts=HostsSpec("local", {}),
            platform=platform,
            settings={"gc": "G1"},
            workload="python-shuffles",
            parameters={"num-shuffles": size, "num-passes": 40},
        )
        for size in SIZES
        for name, platform in BASELINE.items()
    }


def built(
    folder: Path,
    ratios: dict[int, float],
    *forms: str,
    blocks: int = 10,
    seed: int = 1,
    noise: float = 0.02,
    **plan: Any,
) -> list[Any]:
    """A campaign in which Docker takes `ratios` of the bare time, in blocks of which some are slow throughout."""
    made_cells = cells()
    pairs = [[f"bare-{size}", f"docker-{size}"] for size in SIZES]
    made = made_up.campaign(list(made_cells.values()), **{"comparisons": pairs, "growth": {"num-shuffles": []}, **plan})
    drawn = np.random.default_rng(seed)
    pace = np.exp(drawn.normal(0, 0.3, blocks + 1))
    with Store(folder / f"{seed}.db") as store:
        store.add_campaign(made)
        for place, (block, cell) in enumerate((b, c) for b in range(1, blocks + 1) for c in made_cells.values()):
            size = cell.parameters["num-shuffles"]
            seconds = (5 + size) * pace[block] * math.exp(drawn.normal(0, noise))
            seconds *= ratios.get(size, 1.0) if cell.platform == "docker" else 1.0
            moment = "2026-11-20T10:15:00.000+00:00"
            trial = Trial(
                f"{block}-{cell.id}", made.id, cell.id, block, block, place + 1, "ok", moment, moment, None, {}
            )
            store.add_trial(trial, [Sample("trial_seconds", seconds, "s")])
        return [report.build(store), *(report.render(store, None, form) for form in forms)]


def test_a_cost_that_grows_with_the_size_is_told(tmp_path: Path) -> None:
    data, markdown, page = built(tmp_path, {1: 1.0, 10: 1.05, 40: 1.2}, "md", "html")
    (found,) = data["depends"]
    assert (found["size"], found["first"], found["last"]) == ("num-shuffles", 1, 40)
    assert (found["baseline"], found["cell"], found["blocks"], found["verdict"]) == ("bare", "docker", 10, "larger")
    assert found["low"] < 1.2 < found["high"]
    assert found["ratios"][1] / found["ratios"][0] == pytest.approx(found["change"])
    said = "python-shuffles, docker against bare: the ratio grows with num-shuffles. trial_seconds is "
    assert data["answer"][-1].startswith(said)
    assert " at num-shuffles 1 and " in data["answer"][-1]
    assert " at num-shuffles 40; " in data["answer"][-1]
    assert said.replace("_", "\\_") in markdown or said in markdown
    assert "the ratio grows with num-shuffles" in page


def test_a_cost_that_is_the_same_at_every_size_is_not_said_to_depend_on_it(tmp_path: Path) -> None:
    """Of 20 campaigns whose ratio is the same throughout, one is told apart on average, and seldom more than three."""
    wrong = 0
    for seed in range(20):
        (data,) = built(tmp_path, dict.fromkeys(SIZES, 1.15), seed=seed, noise=0.1)
        (found,) = data["depends"]
        wrong += found["verdict"] != "not shown"
        assert (found["verdict"] == "not shown") == (found["low"] < 1 < found["high"])
    assert wrong <= 3
    (data,) = built(tmp_path, dict.fromkeys(SIZES, 1.15), seed=99)
    assert "the ratio is not shown to depend on num-shuffles" in data["answer"][-1]


@pytest.mark.parametrize(
    ("options", "why"),
    [({"blocks": 5}, "5 blocks in random order"), ({"order": "sequential"}, "no random order")],
    ids=["blocks", "order"],
)
def test_too_few_blocks_or_none_in_random_order_give_no_verdict(tmp_path: Path, options: Any, why: str) -> None:
    (data,) = built(tmp_path, {40: 2.0}, **options)
    (found,) = data["depends"]
    assert (found["verdict"], found["low"], found["high"]) == ("not shown", None, None)
    assert f"with {why} nothing is said" in data["answer"][-1]


def test_only_courses_that_the_suite_compares_are_asked_about(tmp_path: Path) -> None:
    (data,) = built(tmp_path, {}, comparisons=[])
    assert data["depends"] == []
    (data,) = built(tmp_path, {}, seed=2, growth={})
    assert data["depends"] == []


def test_without_trials_there_is_a_sentence_that_says_so(tmp_path: Path) -> None:
    data, markdown = built(tmp_path, {}, "md", blocks=0)
    (found,) = data["depends"]
    assert (found["change"], found["blocks"], found["verdict"]) == (None, 0, "not shown")
    assert "no block has trials of both at the smallest and the largest num-shuffles" in data["answer"][-1]
    assert "num-shuffles" in markdown
