"""The history: courses from nights, which changes are losses, acknowledged or made good, and where the culprit is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis import history_page
from analysis.history import Course, Known, courses, direction_of, open_regressions, revisions, sentence
from analysis.history_page import history_html, history_text
from analysis.words import with_unit


def nights(
    values: Sequence[float], unit: str = "s", metric: str = "trial_seconds", **extra: Any
) -> list[dict[str, Any]]:
    return [
        {
            "campaign": f"quick-{number:03}",
            "suite": "quick",
            "started": f"2026-11-{1 + number % 28:02}T02:17:00+00:00",
            "git_revision": f"rev{number:03}",
            "metric": metric,
            "cells": {"c1": {"label": "layout=one-worker", "metrics": {metric: (float(value), unit, 6), **extra}}},
        }
        for number, value in enumerate(values)
    ]


def level(*parts: tuple[float, int]) -> np.ndarray:
    generator = np.random.default_rng(5)
    return np.concatenate([height * np.exp(generator.normal(0, 0.01, n)) for height, n in parts])


def only(found: Sequence[Course]) -> Course:
    assert len(found) == 1
    return found[0]


def test_a_step_is_a_regression_with_its_range_of_revisions() -> None:
    course = only(courses(nights(level((2.0, 20), (2.4, 8)))))
    [(same, one)] = open_regressions([course])
    assert same is course
    assert (one.before.campaign, one.after.campaign) == ("quick-019", "quick-020")
    assert (one.kind, one.worse, one.open) == ("regression", True, True)
    assert revisions(one) == "rev019..rev020"
    assert "trial_seconds is 20 % longer" in sentence(course, one)


@pytest.mark.parametrize(
    ("metric", "unit", "told", "direction"),
    [
        ("trial_seconds", "s", {}, -1),
        ("gc_pause", "ms", {}, -1),
        ("heap", "bytes", {}, -1),
        ("throughput", "records/s", {}, 1),
        ("tasks", "", {}, 0),
        ("tasks", "", {"tasks": "higher"}, 1),
        ("trial_seconds", "s", {"trial_seconds": "either"}, 0),
    ],
)
def test_each_metric_has_its_direction(metric: str, unit: str, told: dict[str, str], direction: int) -> None:
    assert direction_of(metric, unit, told) == direction


@pytest.mark.parametrize(("unit", "kinds"), [("s", ["regression"]), ("records/s", ["improvement"]), ("", ["change"])])
def test_the_direction_decides_what_a_rise_is(unit: str, kinds: list[str]) -> None:
    course = only(courses(nights(level((2.0, 20), (2.4, 8)), unit, "m")))
    assert [one.kind for one in course.changes] == kinds
    assert bool(open_regressions([course])) == (kinds == ["regression"])


def test_a_regression_that_was_made_good_is_no_longer_open() -> None:
    course = only(courses(nights(level((2.0, 20), (2.4, 10), (2.01, 10)))))
    assert [one.kind for one in course.changes] == ["made good", "improvement"]
    anew = only(courses(nights(level((2.0, 20), (2.4, 10), (2.01, 10), (2.3, 10)))))
    assert [one.kind for one in anew.changes] == ["made good", "improvement", "regression"]
    half = only(courses(nights(level((2.0, 20), (2.8, 10), (2.4, 10)))))
    assert [one.kind for one in half.changes] == ["regression", "improvement"]


def test_an_acknowledgement_holds_also_when_the_place_moves_a_little() -> None:
    made = nights(level((2.0, 20), (2.4, 8)))
    for campaign, kind in (("quick-020", "acknowledged"), ("quick-018", "acknowledged"), ("quick-010", "regression")):
        known = Known("c1", "trial_seconds", campaign, "a new kernel", "t", "me")
        assert [one.kind for one in only(courses(made, [known])).changes] == [kind], campaign
    for other in (
        Known("c2", "trial_seconds", "quick-020", "x", "t", "me"),
        Known("c1", "y", "quick-020", "x", "t", "me"),
    ):
        assert [one.kind for one in only(courses(made, [other])).changes] == ["regression"]


def test_a_later_change_needs_an_acknowledgement_of_its_own() -> None:
    known = Known("c1", "trial_seconds", "quick-020", "a new kernel", "t", "me")
    course = only(courses(nights(level((2.0, 20), (2.4, 10), (3.0, 10))), [known]))
    assert [one.kind for one in course.changes] == ["acknowledged", "regression"]


def test_watched_are_the_suites_metric_and_those_that_are_named() -> None:
    made = nights([2.0] * 12, submit_seconds=(9.0, "s", 6), other=(1.0, "s", 6))
    assert [course.metric for course in courses(made)] == ["trial_seconds", "submit_seconds"]
    assert [course.metric for course in courses(made, directions={"other": "lower"})] == ["trial_seconds", "other"]


def test_ranges_of_revisions_say_what_they_know() -> None:
    course = only(courses(nights(level((2.0, 20), (2.4, 8)))))
    [one] = course.changes

    def said(before: str, after: str) -> str:
        return revisions(replace(one, before=replace(one.before, git_revision=before),
                                 after=replace(one.after, git_revision=after)))  # fmt: skip

    assert said("a", "a") == "the same revision a: not the code"
    assert said("a", "a-dirty") == "the same revision a with other changes in the checkout"
    assert said("a-dirty", "b") == "a..b and what was not committed"
    assert said("unknown", "b") == "revisions unknown"


def test_page_and_text_say_the_same_and_survive_hostile_names() -> None:
    made = nights(level((2.0, 20), (2.4, 8)))
    for night in made:
        night["suite"] = "<script>alert(1)</script>"
        night["cells"]["c1"]["label"] = 'a\nforged: line \x1b[31m "quotes" ümläut' + "x" * 300
    found = courses(made)
    [(_, one)] = open_regressions(found)
    page, text = history_html(found), history_text(found, [{"suite": "q\nx", "outcome": "done", "detail": ""}])
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert page.count("<figure") == page.count("<svg") == 1
    assert "<title" in page
    assert one.id in page
    assert f"./inv acknowledge {one.id}" in text
    assert "\x1b" not in text
    assert text.splitlines()[0] == "q x: done"
    assert "1 regression:" in text


def test_a_short_history_says_how_many_nights_are_missing() -> None:
    found = courses(nights([2.0] * 4))
    assert "1 course of 1 too short yet: 6 more nights before changes can be told." in history_text(found)
    assert "6 more nights" in history_html(found)


def test_courses_without_a_change_are_told_and_not_drawn_where_there_are_very_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history_page, "MOST_FIGURES", 3)
    still, risen = level((2.0, 12)), level((2.0, 9), (2.6, 3))
    made = nights(still)
    for place, night in enumerate(made):
        [one] = night["cells"].values()
        night["cells"] = {f"c{n}": {**one, "label": f"cell {n}"} for n in range(8)}
        night["cells"]["last"] = {"label": "cell last", "metrics": {"trial_seconds": (float(risen[place]), "s", 6)}}
    page = history_html(courses(made))
    assert page.count("<svg") == 3
    assert "cell last: trial_seconds</figcaption>" in page
    assert f"cell 7: trial_seconds: {with_unit(float(still[-1]), 's')} in quick-011, after 12 nights" in page
