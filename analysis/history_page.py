"""The history as one self-contained HTML page, and as text that cron can mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.figures import COLOURS, DARK, FAINT, INK, LIGHT, Figure, figure_of
from analysis.history import (
    Course,
    Found,
    all_changes,
    open_regressions,
    revisions,
    safe,
    sentence,
    too_short,
)
from analysis.page import drawn, environment, moment
from analysis.text import encodable
from analysis.words import change, count, with_unit

Data = Mapping[str, Any]

MOST_FIGURES = 40
"""Courses that are drawn, those with changes first: each takes a tenth of a second or two, and 25 kB."""


def history_html(found: Sequence[Course], runs: Sequence[Data] = (), title: str = "History") -> str:
    """The page.

    Args:
        runs: what the last nightly run did: suite, outcome, detail; none where the page is asked for by itself.
    """
    regressions = open_regressions(found)
    figures = set(sorted(range(len(found)), key=lambda number: not found[number].changes)[:MOST_FIGURES])
    view = {
        "title": title,
        "light": LIGHT,
        "dark": DARK,
        "runs": runs,
        "regressions": [
            {
                "id": one.id,
                "what": f"{course.suite}, {course.label}: {course.metric} is {change(one.change.ratio, course.unit)}",
                "because": f"{_levels(course, one)}, since {one.after.campaign} ({moment(one.after.started)}); "
                f"revisions {revisions(one)}",
            }
            for course, one in regressions
        ],
        "changes": _table(found),
        "courses": [_view(course, number, number in figures) for number, course in enumerate(found)],
        "nights": len({point.campaign for course in found for point in course.points}),
    }
    return encodable(environment().get_template("history.html.j2").render(**view))


def history_text(found: Sequence[Course], runs: Sequence[Data] = ()) -> str:
    """What a mail says: the runs, what got worse, and how much history there is."""
    lines = [safe(f"{one['suite']}: {one['outcome']}{_detail(one)}") for one in runs]
    regressions = open_regressions(found)
    lines += ["", f"{count(len(regressions), 'regression')}:" if regressions else "No regression."]
    for course, one in regressions:
        lines += [f"- {safe(sentence(course, one))}", f"  known? ./inv acknowledge {one.id} --reason WHY"]
    short = [course for course in found if too_short(course)]
    if short:
        lines += ["", f"{count(len(short), 'course')} of {len(found)} too short yet: {safe(too_short(short[0]))}."]
    return encodable("\n".join(lines).strip()) + "\n"


def figure_of_course(course: Course, name: str) -> Figure:
    """Every night's median as a point, the levels as lines, and a mark with its number at each change."""
    values = np.array([point.value for point in course.points])
    edges = [0, *(one.change.index for one in course.changes), values.size]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        nights = np.arange(1, values.size + 1)
        style = {"facecolor": COLOURS[0], "edgecolor": INK, "linewidth": 0.4}
        axes.scatter(nights, values, s=14, marker="o", zorder=3, **style)
        for start, end in pairwise(edges):
            level = float(np.median(values[start:end]))
            axes.plot([start + 0.6, end + 0.4], [level, level], color=INK, linewidth=1.4, zorder=4)
        for number, one in enumerate(course.changes, 1):
            axes.axvline(one.change.index + 0.5, color=COLOURS[3], linestyle=(0, (4, 2)), linewidth=1)
            axes.annotate(
                str(number),
                (one.change.index + 0.5, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, -10),
                textcoords="offset points",
                color=INK,
                fontsize=9,
            )
        axes.set_xlabel("night")
        axes.set_ylabel(f"{course.metric} [{course.unit}]" if course.unit else course.metric)
        axes.set_xlim(0.3, values.size + 0.7)
        axes.grid(True, axis="y", color=FAINT, linewidth=0.4, alpha=0.5)

    said = "; ".join(f"change {number}: {sentence(course, one)}" for number, one in enumerate(course.changes, 1))
    nights = count(len(course.points), "night")
    return figure_of(
        name, f"{course.label}: {course.metric}", f"{course.metric} over {nights}. {said or 'No change.'}", 2.4, draw
    )


def _view(course: Course, number: int, with_figure: bool) -> dict[str, Any]:
    last = course.points[-1]
    return {
        "title": f"{course.label}: {course.metric}",
        "last": f"{with_unit(last.value, course.unit)} in {last.campaign}, after {count(len(course.points), 'night')}",
        "suite": course.suite,
        "cell": course.cell,
        "drawn": drawn(figure_of_course(course, f"course-{number}")) if with_figure else None,
        "short": too_short(course),
        "changes": [f"{n}: {one.kind}. {sentence(course, one)}." for n, one in enumerate(course.changes, 1)],
    }


def _table(found: Sequence[Course]) -> tuple[list[str], list[list[str]]] | None:
    rows = [
        [
            f"{course.suite}, {course.label}",
            course.metric,
            one.kind,
            change(one.change.ratio, course.unit),
            _levels(course, one),
            one.after.campaign,
            revisions(one),
            f"{one.known.reason} ({one.known.by})" if one.known else "",
            one.id,
        ]
        for course, one in all_changes(found)
    ]
    heads = ["cell", "metric", "what", "how much", "levels", "since", "revisions", "known", "id"]
    return (heads, rows) if rows else None


def _levels(course: Course, one: Found) -> str:
    return f"{with_unit(one.change.before, course.unit)} → {with_unit(one.change.after, course.unit)}"


def _detail(one: Data) -> str:
    return f" ({one['detail']})" if one.get("detail") else ""
