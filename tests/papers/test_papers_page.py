"""docs/papers.md says what the suites say, and every suite that names a paper can be read."""

from __future__ import annotations

import re

from analysis.published import papers
from sparkbed.suite import load, names
from tests.papers.page import FILE, declared, page


def test_the_page_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == page(declared()), "run: python -m tests.papers"


def test_each_experiment_has_its_row_with_the_state_of_its_suites() -> None:
    suites = {
        ("000", "spark"): [("one", "repeated"), ("two", "prepared (needs time)")],
        ("003", "modes"): [("three", "repeated by substitute (YARN for Mesos)")],
    }
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| ([^|]+) \| ([^|]*)\|$", page(suites), re.MULTILINE)
    assert [name for name, _, _ in rows] == [one.key for paper in papers() for one in paper.experiments]
    states = {name: (state, runs.strip()) for name, state, runs in rows}
    assert states.pop("spark") == ("repeated<br>prepared (needs time)", "`one`<br>`two`")
    assert states.pop("modes") == ("repeated by substitute (YARN for Mesos)", "`three`")
    assert set(states.values()) == {("not yet", "")}


def test_what_suites_declare_is_what_they_load_as() -> None:
    loaded: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in names():
        for repeats in load(name).repeats:
            state = repeats.words().partition(": ")[2]
            loaded.setdefault((repeats.key, repeats.experiment), []).append((name, state))
    assert declared() == loaded
