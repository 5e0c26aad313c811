"""How times grow, in a report: which cells are one course, what is said of them, and the paper's own tables beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_up
import pytest

from analysis import report
from sparkbed.model import Cell, HostsSpec, Sample, Trial
from sparkbed.store import Store

SIZES = (1000, 4000, 7000, 10000)
BLOCKS = 9


def cells() -> list[Cell]:
    return [
        Cell(
            id=f"{hosts}-{size}",
            factors={"hosts": hosts, "work": f"tasks-{size}"},
            hosts=HostsSpec(hosts, {}),
            platform="standalone",
            settings={"worker_cores": 1},
            workload="scheduling-throughput",
            parameters={"num-tasks": size, "closure-size": size // 1000, "random-seed": 5},
        )
        for hosts in ("plain", "netns")
        for size in SIZES
    ]


def seconds(cell: str, block: int) -> float:
    """A straight line on plain hosts, and one with a jump on the others; blocks differ, and a little else."""
    hosts, size = cell.split("-")
    line = 2 + int(size) / 1000 + (30 if hosts == "netns" and size == "10000" else 0)
    return line * (1 + 0.01 * block) * (1 + 0.002 * ((block * 7 + int(size) // 1000) % 5))


def built(folder: Path, *forms: str, blocks: int = BLOCKS, **plan: Any) -> list[Any]:
    made = made_up.campaign(cells(), comparisons=[], **plan)
    with Store(folder / "sparkbed.db") as store:
        store.add_campaign(made)
        for place, (block, cell) in enumerate((b, c) for b in range(1, blocks + 1) for c in cells()):
            moment = "2026-11-20T10:15:00.000+00:00"
            trial = Trial(
                f"{block}-{cell.id}", made.id, cell.id, block, block, place + 1, "ok", moment, moment, None, {}
            )
            store.add_trial(trial, [Sample("trial_seconds", seconds(cell.id, block), "s")])
        return [report.build(store), *(report.render(store, None, form) for form in forms)]


TABLE_III = {"table": "III", "metric": "trial_seconds", "cells": {"1000": ["plain-1000"]}, "compare": []}
PAPER = {
    "key": "002",
    "experiment": "scheduler",
    "state": "repeated",
    "substitute": "",
    "needs": "",
    "tables": [TABLE_III],
}
PREPARED = {**PAPER, "state": "prepared", "needs": "an OSv image", "tables": []}


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    plan = {"growth": {"num-tasks": ["closure-size"]}, "papers": [PAPER, PREPARED]}
    return built(tmp_path_factory.mktemp("growth"), "md", "html", **plan)


def test_cells_that_differ_in_the_size_alone_are_one_course(grown: Any) -> None:
    plain, netns = grown[0]["growth"]
    assert plain["cells"] == [f"plain-{size}" for size in SIZES]
    assert netns["cells"] == [f"netns-{size}" for size in SIZES]
    assert (plain["size"], plain["along"], plain["blocks"], plain["unit"]) == (
        "num-tasks",
        ["closure-size"],
        BLOCKS,
        "s",
    )
    assert (plain["verdict"], plain["jumps"]) == ("linear", [])
    assert plain["exponent_low"] < plain["exponent"] < plain["exponent_high"]
    assert netns["verdict"] in ("faster than linear", "exponential")
    assert netns["jumps"] == [10000.0]


def test_a_parameter_that_is_not_said_to_grow_along_keeps_cells_apart(tmp_path: Path) -> None:
    (data,) = built(tmp_path, growth={"num-tasks": []})
    assert len(data["growth"]) == 2 * len(SIZES)
    assert not any("exponent" in one for one in data["growth"])


def test_the_report_says_it_in_words_and_beside_the_papers_own_table(grown: Any) -> None:
    data, markdown, page = grown
    for text in (markdown, page):
        assert "the time grows in a straight line with num-tasks (exponent " in text
        assert "It jumps on the way to 10,000." in text
        assert "Paper 002, table III, as printed: exponent 0.541" in text
        assert "State: prepared; it needs an OSv image" in text
    (table,) = data["papers"][0]["tables"]
    assert table["growth"]["sizes"] == [float(1000 * k) for k in range(1, 11)]
    assert page.count('id="growth-1"') + page.count('aria-labelledby="growth-1-title') >= 1
    assert data["paper"] == data["papers"][0]


def test_two_blocks_are_too_few_for_a_verdict(tmp_path: Path) -> None:
    data, markdown = built(tmp_path, "md", blocks=2, growth={"num-tasks": ["closure-size"]})
    assert [one["verdict"] for one in data["growth"]] == ["undecided", "undecided"]
    assert "in a way that these trials do not decide" in markdown


def test_where_the_suite_does_not_ask_nothing_is_fitted(tmp_path: Path) -> None:
    data, markdown, page = built(tmp_path, "md", "html", papers=[PAPER])
    assert data["growth"] == []
    assert data["papers"][0]["tables"][0]["growth"] is None
    assert "How the time grows" not in markdown + page


def test_a_campaign_of_before_with_one_paper_opens(tmp_path: Path) -> None:
    (data,) = built(tmp_path, paper=PAPER)
    assert [one["experiment"] for one in data["papers"]] == ["spark-perf's scheduler throughput, Ubuntu against OSv"]
