"""A suite's key `paper`: which cells stand for the paper's, and every kind of mistake with file and line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import DocumentError, UsageError
from sparkbed.model import Cell, HostsSpec
from sparkbed.suite import Suite, load
from sparkbed.suite.paper import Selection
from sparkbed.verbs import listing
from sparkbed.workloads import workload

TABLE_1 = """\
suite: demo
parameters: {num-iterations: 20}
settings: {spark: {spark.shuffle.compress: false}}
factors:
  workload: [pagerank, kmeans]
  layout:
    one: {settings: {worker_cores: 1}}
    two: {settings: {worker_cores: 2}}
profiles:
  tiny: {parameters: {num-iterations: 2}}
paper:
  key: "000"
  experiment: spark
  state: repeated
  tables:
    - table: "1"
      metric: submit_seconds
      cells:
        kmeans (no Docker): {workload: kmeans, factors: {layout: one}, parameters: {num-iterations: 20}}
        kmeans (with Docker): {workload: kmeans, settings: {worker_cores: 2, spark: {spark.shuffle.compress: false}}}
        pagerank (no Docker): {workload: pagerank, inventory: local}
      compare:
        - {cell: kmeans (with Docker), against: kmeans (no Docker)}
"""


def read(tmp_path: Path, text: str, **choices: Any) -> Suite:
    (tmp_path / "demo.yml").write_text(text)
    return load(tmp_path / "demo.yml", **choices)


def test_published_cells_are_those_of_ours_that_have_what_is_named(tmp_path: Path) -> None:
    suite = read(tmp_path, TABLE_1)
    (repeated,) = suite.repeats
    document = repeated.document(suite.cells)
    (table,) = document.pop("tables")
    labels = {cell.id: cell.label for cell in suite.cells}
    assert document == {"key": "000", "experiment": "spark", "state": "repeated", "substitute": "", "needs": ""}
    assert (table["table"], table["metric"]) == ("1", "submit_seconds")
    assert {name: [labels[one] for one in ids] for name, ids in table["cells"].items()} == {
        "kmeans (no Docker)": ["workload=kmeans layout=one"],
        "kmeans (with Docker)": ["workload=kmeans layout=two"],
        "pagerank (no Docker)": ["workload=pagerank layout=one", "workload=pagerank layout=two"],
    }
    assert table["compare"] == [["kmeans (with Docker)", "kmeans (no Docker)"]]


def test_the_way_of_a_prototype_and_the_platform_choose_the_cells_of_table_2() -> None:
    """As a suite over `workload: ipc-exchange` with `parameters.way`, `parameters.size` and `platform` has them."""
    ways, platforms, sizes = ("shared-file", "tcp", "tcp-pickle"), ("standalone", "docker"), (4096, "6.5MB")
    cells = [
        Cell(f"{w} {p} {s}", {}, HostsSpec("local", {}), p, {}, "ipc-exchange", {"way": w, "size": s})
        for w in ways
        for p in platforms
        for s in sizes
    ]
    chosen = Selection(
        {"workload": "ipc-exchange", "platform": "docker"}, {"parameters": {"way": "tcp", "size": "6.5MB"}}
    )
    assert [cell.id for cell in cells if chosen.matches(cell)] == ["tcp docker 6.5MB"]
    assert [cell.id for cell in cells if Selection({}, {"parameters": {"size": "4096"}}).matches(cell)] == [
        f"{w} {p} 4096" for w in ways for p in platforms
    ]
    assert not any(Selection({}, {"parameters": {"absent": "1"}}).matches(cell) for cell in cells)


@pytest.mark.parametrize("profile", [None, "tiny", "small"])
def test_only_cells_of_the_papers_sizes_stand_beside_table_1(profile: str | None) -> None:
    suite = load("paper-000-spark", profile=profile)
    (repeated,) = suite.repeats
    tables = repeated.document(suite.cells)["tables"]
    # The paper times from when the command is executed; beside it stands the work alone.
    assert [table["metric"] for table in tables] == ["submit_seconds", "trial_seconds"]
    for table in tables:
        assert len(table["cells"]) == 4
        assert {len(ids) for ids in table["cells"].values()} == {1 if profile is None else 0}


@pytest.mark.parametrize(
    "change", ["parameters.num-points=10", "parameters.num-edges=10", "parameters.num-iterations=1"]
)
def test_the_papers_sizes_are_not_changed_unseen(change: str) -> None:
    with pytest.raises(UsageError, match="factor 'work' varies"):
        load("paper-000-spark", sets=[change])


def test_a_scale_changes_no_size_that_stands_beside_table_1() -> None:
    """What is given is taken as it is; only defaults are scaled."""
    scaled = load("paper-000-spark", sets=["parameters.scale-factor=0.1"])
    own = load("paper-000-spark")
    sizes = {"num-edges", "num-vertices", "num-points", "num-iterations", "num-dimensions"}

    def resolved(suite: Suite) -> list[dict[str, object]]:
        parameters = [workload(cell.workload).resolve(cell.parameters) for cell in suite.cells]
        return [{name: value for name, value in one.items() if name in sizes} for one in parameters]

    assert resolved(scaled) == resolved(own)


def test_the_suite_s_metric_stands_in_where_a_table_names_none(tmp_path: Path) -> None:
    text = TABLE_1.replace("      metric: submit_seconds\n", "").replace(
        "suite: demo\n", "suite: demo\nmetric: gc_seconds\n"
    )
    suite = read(tmp_path, text)
    (repeated,) = suite.repeats
    assert [table.metric for table in repeated.tables] == ["gc_seconds"]


def test_a_profile_a_change_or_a_choice_may_leave_out_what_the_paper_had(tmp_path: Path) -> None:
    for choices in ({"profile": "tiny"}, {"sets": ["parameters.num-iterations=2"]}, {"only": "workload=pagerank"}):
        suite = read(tmp_path, TABLE_1, **choices)
        (repeated,) = suite.repeats
        (table,) = repeated.document(suite.cells)["tables"]
        assert table["cells"]["kmeans (no Docker)"] == []
        assert len(table["cells"]["pagerank (no Docker)"]) == 2


def test_what_it_says_changes_nothing_that_is_measured(tmp_path: Path) -> None:
    """So that an interrupted campaign can still be resumed when a table's cells are named anew."""
    without = TABLE_1.split("paper:\n")[0]
    assert read(tmp_path, TABLE_1).document() == read(tmp_path, without).document()
    assert read(tmp_path, without).repeats == ()


def test_states_in_words(tmp_path: Path) -> None:
    def words(*lines: str) -> str:
        suite = read(tmp_path, TABLE_1.replace("  state: repeated\n", "".join(f"  {line}\n" for line in lines)))
        (repeated,) = suite.repeats
        return repeated.words()

    assert words("state: repeated") == "000: repeated"
    assert words("state: repeated by substitute", "substitute: YARN for Mesos") == (
        "000: repeated by substitute (YARN for Mesos)"
    )
    assert words("state: prepared", "needs: a Mesos build") == "000: prepared (needs a Mesos build)"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('key: "000"', "key: 000", 12, "analysis/published has no paper 0"),
        ('key: "000"', 'key: "005"', 12, "analysis/published has no paper '005'"),
        ('  key: "000"\n', "", 12, "paper has no key"),
        ("experiment: spark", "experiment: sparks", 13, "paper 000 has no experiment 'sparks'"),
        ("state: repeated", "state: done", 14, "paper has no state 'done'"),
        ("  state: repeated\n", "", 12, "paper has no state"),
        ("state: repeated", "state: repeated by substitute", 14, "asks for substitute"),
        ("state: repeated", "state: prepared", 14, "asks for needs"),
        ("state: repeated", "state: repeated\n  needs: luck", 15, "goes with the state 'prepared' only"),
        ("state: repeated", "state: repeated\n  substitute: a for b", 15, "goes with the state 'repeated by subst"),
        ("state: repeated", "stat: repeated", 14, "paper has no key 'stat'"),
        ('table: "1"', 'table: "3"', 16, "paper 000 has no table '3'"),
        ('table: "1"', "table: 1", 16, "paper 000 has no table 1"),
        ("metric: submit_seconds", "metrik: submit_seconds", 17, "a table of paper has no key 'metrik'"),
        ("kmeans (with Docker): {", "kmeans with Docker: {", 20, "table 1 has no cell 'kmeans with Docker'"),
        ("{workload: pagerank, inventory: local}", "{}", 21, "cells are chosen by a mapping"),
        ("{workload: pagerank, inventory: local}", "pagerank", 21, "cells are chosen by a mapping"),
        ("workload: pagerank, inventory", "worklod: pagerank, inventory", 21, "a choice of cells has no key 'worklod'"),
        ("{layout: one}", "{layout: three}", 19, "'three'"),
        ("{num-iterations: 20}}", "{num-iterations: [20]}}", 19, "parameters.num-iterations must be one value"),
        ("{workload: pagerank, inventory: local}", "{workload: pagerenk}", 21, "stands for 'pagerank (no Docker)'"),
        ("{workload: pagerank, inventory: local}", "{inventory: local}", 21, "stands for 'kmeans (no Docker)' and for"),
        (
            "against: kmeans (no Docker)",
            "against: pagerank (with Docker)",
            23,
            "has no cell 'pagerank (with Docker)'",
        ),
        ("  tables:\n", "  tables: {}\n  other:\n", 16, "paper has no key 'other'"),
        ("compare:\n        - {cell", "compare:\n        {cell", 22, "compare must be a list of mappings"),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in TABLE_1
    with pytest.raises(DocumentError, match=re.escape(said)) as caught:
        read(tmp_path, TABLE_1.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'demo.yml'}:{line}: ")


def test_the_list_of_suites_has_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "with.yml").write_text(TABLE_1.replace("state: repeated", "state: prepared\n  needs: a Mesos build"))
    (tmp_path / "without.yml").write_text("suite: without\nquestion: Why?\nworkload: kmeans\n")
    monkeypatch.setattr(sys.modules["sparkbed.suite.load"], "SUITES", tmp_path)  # `load` is its function, too
    listing.show("suites")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("with ") and "000: prepared (needs a Mesos build)" in line]
    assert next(line.rstrip() for line in lines if line.startswith("without ")).endswith("Why?")
