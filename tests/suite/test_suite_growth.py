"""A suite's key `growth`, and several experiments under `paper`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import DocumentError
from sparkbed.suite import Suite, load

SUITE = """\
suite: demo
workload: scala-agg-by-key
factors:
  size:
    one: {parameters: {num-records: 1000, unique-keys: 10}}
    two: {parameters: {num-records: 2000, unique-keys: 20}}
growth:
  num-records: [unique-keys]
paper:
  - key: "002"
    experiment: aggregation
    state: repeated
    tables:
      - table: VI
        cells: {"10000000": {parameters: {num-records: 1000}}}
  - {key: "002", experiment: aggregation, state: prepared, needs: an OSv image}
"""


def read(folder: Path, text: str = SUITE) -> Suite:
    (folder / "demo.yml").write_text(text)
    return load(folder / "demo.yml")


def test_sizes_and_what_grows_along(tmp_path: Path) -> None:
    suite = read(tmp_path)
    assert suite.growth == {"num-records": ("unique-keys",)}
    assert read(tmp_path, SUITE.replace(" [unique-keys]", "")).growth == {"num-records": ()}
    without = SUITE.replace("growth:\n  num-records: [unique-keys]\n", "")
    assert read(tmp_path, without).growth == {}
    assert read(tmp_path, without).document() == suite.document()  # it changes nothing that is measured


def test_one_experiment_in_two_states(tmp_path: Path) -> None:
    assert [one.words() for one in read(tmp_path).repeats] == ["002: repeated", "002: prepared (needs an OSv image)"]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("num-records: [unique-keys]", "num-record: []", 8, "no cell of the suite has the parameter 'num-record'"),
        ("[unique-keys]", "[unique-key]", 8, "no cell of the suite has the parameter 'unique-key'"),
        ("[unique-keys]", "unique-keys", 8, "growth.num-records must be a list"),
        ("growth:\n  num-records: [unique-keys]", "growth: num-records", 7, "growth must be a mapping"),
        (
            '{key: "002", experiment: aggregation, state: prepared, needs: an OSv image}',
            "prepared",
            9,
            "list of mappings",
        ),
        ("state: prepared, needs", "state: prepared, need", 16, "paper has no key 'need'"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, SUITE.replace(old, new))
    assert said in str(caught.value)
    assert f"demo.yml:{line}" in str(caught.value)
