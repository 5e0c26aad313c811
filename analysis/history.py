"""The history of nightly campaigns: each cell's metrics from night to night, and where they changed for good.

    found = courses(nights, known)       # nights: what report.nights gives
    open_regressions(found)

A point is a campaign's median over trials. Change points come from changepoints.py. A change is known by the cell, the
metric and the campaign that began the new level; since a few more nights may move that by a little, an acknowledgement
holds for every change of that cell and metric whose place is within LEAST_SEGMENT nights of where it was.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.changepoints import LEAST_POINTS, LEAST_SEGMENT, MAGNITUDE, Change, change_points, worse
from analysis.findings import higher_is_better
from analysis.words import TIME_UNITS, change, count, with_unit

Data = Mapping[str, Any]

BYTES = ("B", "bytes", "KiB", "MiB", "GiB")
DIRECTIONS = {"lower": -1, "higher": 1, "either": 0}
"""Which way is better, by the words of suites/nightly.yml."""


@dataclass(frozen=True)
class Known:
    """An acknowledged change, as `sparkbed.model.Acknowledgement` has it."""

    cell: str
    metric: str
    campaign: str
    reason: str
    made: str
    by: str


@dataclass(frozen=True)
class Point:
    """One night of a course: the campaign, and the median of its trials."""

    campaign: str
    started: str
    git_revision: str
    value: float
    n: int


@dataclass(frozen=True)
class Found:
    """A change in a course. `before` and `after` are the nights on either side of the step.

    id:         what `inv acknowledge` takes.
    worse:      whether it is a loss; None where no direction is the better one.
    made_good:  whether a later level is no longer worse than the one before this change.
    """

    id: str
    change: Change
    before: Point
    after: Point
    worse: bool | None
    made_good: bool
    known: Known | None = None

    @property
    def open(self) -> bool:
        """A regression that is neither acknowledged nor made good."""
        return bool(self.worse) and self.known is None and not self.made_good

    @property
    def kind(self) -> str:
        """In a word or two."""
        if self.worse is None:
            return "change"
        if not self.worse:
            return "improvement"
        if self.known:
            return "acknowledged"
        return "made good" if self.made_good else "regression"


@dataclass(frozen=True)
class Course:
    """One metric of one cell of one suite, oldest night first."""

    suite: str
    cell: str
    label: str
    metric: str
    unit: str
    points: Sequence[Point]
    changes: Sequence[Found] = field(default=())


def courses(
    nights: Sequence[Data],
    known: Sequence[Any] = (),
    directions: Mapping[str, str] | None = None,
    magnitude: float = MAGNITUDE,
) -> list[Course]:
    """Every course of the nights, in order of first appearance.

    Args:
        nights: oldest first, each with campaign, suite, started, git_revision, metric (the suite's own) and cells:
            id -> label and metrics: name -> (median, unit, n).
        known: acknowledgements (`Known`, or the store's).
        directions: metric -> lower, higher or either. Watched are the suite's own metric and those named here; without
            any, `submit_seconds` too.
    """
    wanted = dict(directions or {})
    others = set(wanted) or {"submit_seconds"}
    points: dict[tuple[str, str, str], list[Point]] = {}
    said: dict[tuple[str, str, str], tuple[str, str]] = {}
    for night in nights:
        for cell, one in night["cells"].items():
            for metric, (value, unit, n) in one["metrics"].items():
                if metric != night["metric"] and metric not in others:
                    continue
                key = (night["suite"], cell, metric)
                about = (night["campaign"], night["started"], night["git_revision"])
                points.setdefault(key, []).append(Point(*about, value, n))
                said[key] = (one["label"], unit)
    return [
        _course(Course(suite, cell, *_label_metric_unit(said[key], metric), of_key), known, wanted, magnitude)
        for key, of_key in points.items()
        for suite, cell, metric in [key]
    ]


def direction_of(metric: str, unit: str, directions: Mapping[str, str]) -> int:
    """-1 where lower is better, 1 where higher is, 0 where neither: as told, else by the unit."""
    if metric in directions:
        return DIRECTIONS[directions[metric]]
    if higher_is_better(unit):
        return 1
    return -1 if unit in TIME_UNITS or unit in BYTES else 0


def open_regressions(found: Sequence[Course]) -> list[tuple[Course, Found]]:
    """What has to be looked at, the latest first."""
    pairs = [(course, one) for course in found for one in course.changes if one.open]
    return sorted(pairs, key=lambda pair: pair[1].after.started, reverse=True)


def all_changes(found: Sequence[Course]) -> list[tuple[Course, Found]]:
    """The latest first."""
    pairs = [(course, one) for course in found for one in course.changes]
    return sorted(pairs, key=lambda pair: pair[1].after.started, reverse=True)


def revisions(one: Found) -> str:
    """The range of git revisions that holds the culprit, if the code is to blame."""
    first, last = (point.git_revision.removesuffix("-dirty") for point in (one.before, one.after))
    dirty = any(point.git_revision.endswith("-dirty") for point in (one.before, one.after))
    if "unknown" in (first, last) or not first or not last:
        return "revisions unknown"
    if first == last:
        return f"the same revision {first}{' with other changes in the checkout' if dirty else ': not the code'}"
    return f"{first}..{last}" + (" and what was not committed" if dirty else "")


def sentence(course: Course, one: Found) -> str:
    """A change in words, with where to look."""
    step = change(one.change.ratio, course.unit)
    levels = f"{with_unit(one.change.before, course.unit)} to {with_unit(one.change.after, course.unit)}"
    return (
        f"{course.suite}, {course.label}: {course.metric} is {step} ({levels}) since {one.after.campaign}; "
        f"revisions {revisions(one)}"
    )


def too_short(course: Course) -> str:
    """That there can be no change point yet, or nothing."""
    missing = LEAST_POINTS - len(course.points)
    return f"{count(missing, 'more night')} before changes can be told" if missing > 0 else ""


def _label_metric_unit(said: tuple[str, str], metric: str) -> tuple[str, str, str]:
    return said[0], metric, said[1]


def _course(course: Course, known: Sequence[Any], directions: Mapping[str, str], magnitude: float) -> Course:
    direction = direction_of(course.metric, course.unit, directions)
    found = change_points([point.value for point in course.points], magnitude=magnitude)
    changes = [
        Found(
            id=_identity(course, course.points[one.index].campaign),
            change=one,
            before=course.points[one.index - 1],
            after=course.points[one.index],
            worse=worse(one, direction),
            made_good=_made_good(one.before, [later.after for later in found[place:]], direction, magnitude),
            known=_known(course, one.index, known),
        )
        for place, one in enumerate(found)
    ]
    return Course(**{**vars(course), "changes": changes})


def _made_good(before: float, levels: Sequence[float], direction: int, magnitude: float) -> bool:
    """Whether a level since the change is better than, or within the magnitude of, the one before it."""
    losses = [math.log(level / before) * -direction for level in levels]
    return bool(direction) and min(losses) < math.log1p(magnitude)


def _known(course: Course, index: int, known: Sequence[Any]) -> Known | None:
    places = {point.campaign: place for place, point in enumerate(course.points)}
    for one in known:
        if (one.cell, one.metric) != (course.cell, course.metric) or one.campaign not in places:
            continue
        if abs(places[one.campaign] - index) <= LEAST_SEGMENT:
            return Known(one.cell, one.metric, one.campaign, one.reason, one.made, one.by)
    return None


def _identity(course: Course, campaign: str) -> str:
    return hashlib.sha256("\0".join([course.cell, course.metric, campaign]).encode("utf-8")).hexdigest()[:8]


def safe(text: str) -> str:
    """On one line, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)
