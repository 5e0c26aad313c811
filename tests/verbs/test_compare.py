"""`inv compare`: the same cells of campaigns side by side, with a verdict only where the design allows one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import made_up
import numpy as np
import pytest

from sparkbed.store import Store
from tests.verbs.command import ID, inv

LATER = "quick-20261127-101500-cd"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two campaigns a week apart with two cells in common, one of which became 30 % slower, and a third campaign."""
    folder = tmp_path_factory.mktemp("two")
    cells = made_up.cells()
    with Store(folder / "sparkbed.db") as store:
        made_up.fill(store, made_up.campaign(cells[:3]), extras=False)
        later = made_up.campaign((*cells[1:3], cells[3]), LATER)
        later = replace(later, git_revision="c0ffee", started="2026-11-27T10:15:00.000+00:00")
        made_up.fill(store, later, extras=False, seed=4, slower={cells[2].id: 1.3})
        other = made_up.campaign(made_up.cells(workloads=("pagerank",)), "other-20261128-101500-ef")
        made_up.fill(store, other, extras=False)
    return folder


def values(folder: Path, campaign: str, cell: str, metric: str = "trial_seconds") -> list[float]:
    with Store(folder / "sparkbed.db") as store:
        samples = store.samples(campaign)
        ok = [t.id for t in store.trials(campaign) if t.cell == cell and t.status == "ok"]
        return [float(np.median([s.value for s in samples[t] if s.metric == metric and s.kept])) for t in ok]


def document(folder: Path, words: Sequence[str]) -> dict:
    done = inv(folder, "compare", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_cells_are_matched_and_nothing_is_called_slower(two: Path) -> None:
    found = document(two, [ID, LATER])
    cells = made_up.cells()
    assert [row["cell"] for row in found["rows"] if row["sides"][1]] == [cells[1].id, cells[2].id]
    for row in found["rows"]:
        first, second = row["sides"]
        if second is None:
            continue
        a, b = values(two, ID, row["cell"]), values(two, LATER, row["cell"])
        assert (first["n"], second["n"]) == (len(a), len(b))
        assert second["ratio"] == pytest.approx(math.exp(np.mean(np.log(b)) - np.mean(np.log(a))))
        assert second["ratio_low"] < second["ratio"] < second["ratio_high"]
        assert (second["verdict"], second["p_adjusted"]) == ("not randomised", None)
    slow = next(row["sides"][1] for row in found["rows"] if row["cell"] == cells[2].id)
    assert slow["ratio_low"] > 1.15
    assert {(one["campaign"], one["cell"]) for one in found["alone"]} == {(ID, cells[0].id), (LATER, cells[3].id)}
    assert {"what": "git revision", "values": ["b9ad7c6920bd", "c0ffee"]} in found["differs"]


def test_the_table_and_markdown_say_that_it_is_not_randomised(two: Path) -> None:
    for form in ("table", "md"):
        done = inv(two, "compare", ID, LATER, "--format", form)
        assert done.returncode == 0, done.stderr
        assert "not randomised" in done.stdout
        assert "The campaigns were not randomised against each other" in done.stdout
        assert "git revision differs: b9ad7c6920bd, c0ffee." in done.stdout


def test_two_cells_of_one_campaign_get_the_verdict_of_its_report(two: Path) -> None:
    cells = made_up.cells()
    found = document(two, [f"{LATER}:{cells[2].id}", f"{LATER}:{cells[3].id}"])
    done = inv(two, "report", LATER, "--format", "json")
    finding = next(one for one in json.loads(done.stdout)["findings"] if one["cell"] == cells[3].id)
    side = found["rows"][0]["sides"][1]
    assert side["verdict"] == finding["verdict"] != "not randomised"
    assert (side["ratio"], side["ratio_low"], side["ratio_high"]) == pytest.approx(
        (finding["ratio"], finding["ci_low"], finding["ci_high"])
    )


def test_three_campaigns_and_an_archive(two: Path, tmp_path: Path) -> None:
    assert inv(two, "export", LATER, "--archive", str(tmp_path / "later.zip")).returncode == 0
    found = document(two, [ID, LATER, str(tmp_path / "later.zip")])
    assert [side["campaign"] for side in found["sides"]] == [ID, LATER, LATER]
    for row in found["rows"]:
        assert row["sides"][1] == row["sides"][2]
    cell = made_up.cells()[2].id
    one = document(two, [f"{ID}:{cell}", f"{tmp_path}/later.zip:{cell}"])
    assert one["rows"][0]["sides"][1] == next(row for row in found["rows"] if row["cell"] == cell)["sides"][1]


def test_named_cells_are_compared_whatever_their_content(two: Path) -> None:
    found = document(two, [f"{ID}:layout=one-worker workload=agg*", "other:layout=two*", "--metric", "submit_seconds"])
    assert [len(row["sides"]) for row in found["rows"]] == [2]
    assert found["rows"][0]["sides"][1]["label"] == "layout=two-workers workload=pagerank"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([ID], "two campaigns or more"),
        ([ID, "other"], "no cell in common"),
        ([ID, "nothing"], "there is no campaign 'nothing'"),
        ([f"{ID}:layout=*", LATER], "3 cells match"),
        ([ID, LATER, "--metric", "trial_second"], "there is no metric 'trial_second'"),
        ([ID, LATER, "--format", "jsn"], "there is no format 'jsn'"),
        ([ID, "nowhere.zip"], "there is no file nowhere.zip"),
        ([ID, "x" * 5000], "there is no campaign 'xxx"),
    ],
)
def test_wrong_usage_is_told(two: Path, words: list[str], says: str) -> None:
    done = inv(two, "compare", *words)
    assert done.returncode == 2
    assert says in done.stderr
