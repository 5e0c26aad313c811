"""Where a history changes its level for good: one number a night, steps between stretches of nights.

The course of logarithms is split into segments of constant level by the least sum of squares with a penalty for each
split (optimal partitioning), after two things that nightly histories need: the scale comes from differences of
neighbours, so that steps don't count as scatter, and what stands out from the median of its neighbours is drawn in, so
that a night or two that were slow are no change. A split then has to pass a t test at 0.001 and a magnitude.
docs/decisions/change-points.md says why this and no library, benchmarks/README.md how it does beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEAST_POINTS = 10
"""A history of fewer points has no change points."""
LEAST_SEGMENT = 3
"""Points that a level must hold for: fewer are an outlier, or not yet known to be a level."""
MAGNITUDE = 0.05
"""The least change: 5 % up, or as much down (to 1 / 1.05)."""
P_VALUE = 0.001
PENALTY = 3.0
"""Of a split, in units of the scatter's variance and of the logarithm of the number of points; 2 would be BIC's."""
REACH = 3.0
"""Standard deviations from the neighbours' median beyond which a point is drawn in."""


@dataclass(frozen=True)
class Change:
    """A step: `index` is the first point of the new level; `before` and `after` are medians of the levels beside it."""

    index: int
    before: float
    after: float
    p: float
    points: tuple[int, int]

    @property
    def ratio(self) -> float:
        return self.after / self.before


def change_points(
    values: ArrayLike,
    least_segment: int = LEAST_SEGMENT,
    magnitude: float = MAGNITUDE,
    least_points: int = LEAST_POINTS,
) -> list[Change]:
    """The changes of a history, oldest first; none where it is short, or a value is not above zero.

    Args:
        values: in order of time, without gaps; NaN is not allowed.
    """
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    if array.size < max(least_points, 2 * least_segment) or not (array > 0).all() or not np.isfinite(array).all():
        return []
    logs = np.log(array)
    scale = max(_scale(logs), math.log1p(magnitude) / 20)
    drawn_in = _drawn_in(logs, scale, least_segment)
    penalty = PENALTY * math.log(array.size)
    first = _splits(drawn_in / scale, least_segment, penalty)
    inflation = _inflation(drawn_in, first, scale)
    splits = first if inflation == 1 else _splits(drawn_in / scale, least_segment, penalty * inflation)
    return _kept(array, drawn_in, splits, magnitude, inflation)


def worse(change: Change, direction: int) -> bool | None:
    """Whether it is a loss: `direction` is -1 where lower is better, 1 where higher is, 0 where neither (None)."""
    return None if not direction else (change.ratio > 1) == (direction < 0)


def _scale(logs: Floats) -> float:
    """The scatter's standard deviation, from differences of neighbours (of which steps are few)."""
    steps = np.diff(logs)
    return 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)


def _drawn_in(logs: Floats, scale: float, least_segment: int) -> Floats:
    """Each point drawn in to REACH scales around the median of its neighbours: so many that a level's own stay."""
    half = least_segment - 1
    middles = [float(np.median(logs[max(0, i - half) : i + half + 1])) for i in range(logs.size)]
    return np.clip(logs, np.array(middles) - REACH * scale, np.array(middles) + REACH * scale)


def _splits(points: Floats, least: int, penalty: float) -> list[int]:
    """The first index of each segment but the first, of the partition with the least cost."""
    n = points.size
    sums, squares = np.concatenate([[0.0], np.cumsum(points)]), np.concatenate([[0.0], np.cumsum(points**2)])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    last = np.zeros(n + 1, dtype=int)
    for end in range(least, n + 1):
        starts = np.arange(0, end - least + 1)
        sizes = end - starts
        costs = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / sizes
        totals = best[starts] + costs + penalty
        chosen = int(np.argmin(totals))
        best[end], last[end] = totals[chosen], starts[chosen]
    found, end = [], n
    while end:
        end = int(last[end])
        if end:
            found.append(end)
    return found[::-1]


def _inflation(points: Floats, splits: Sequence[int], scale: float) -> float:
    """How much more a mean of many points varies than `scale` says, since neighbours are alike; 1 at least.

    Of an autocorrelation r from one point to the next it is (1 + r) / (1 - r), in variances. It is taken from what is
    left of the points when the levels of a first, rather too fine, partition are taken away.
    """
    levels = np.concatenate([np.full(part.size, part.mean()) for part in np.split(points, splits)])
    left = points - levels
    variance = float((left**2).sum()) / max(1, left.size - len(splits) - 1)
    if variance <= 0:
        return 1.0
    r = float((left[1:] * left[:-1]).sum() / (left**2).sum()) + (len(splits) + 1) / left.size
    r = min(max(r, 0.0), 0.8)
    return float(max(1.0, variance / scale**2 * (1 + r) / (1 - r)))


def _kept(array: Floats, drawn_in: Floats, splits: Sequence[int], magnitude: float, inflation: float) -> list[Change]:
    """The splits that pass test and magnitude; the least certain of those that fail is taken away first."""
    left = list(splits)
    while True:
        edges = [0, *left, array.size]
        places = zip(edges, edges[1:], edges[2:], strict=False)
        changes = [_change(array, drawn_in, place, inflation) for place in places]
        failing = [c for c in changes if c.p > P_VALUE or abs(math.log(c.ratio)) < math.log1p(magnitude)]
        if not failing:
            return changes
        left.remove(max(failing, key=lambda change: change.p).index)


def _change(array: Floats, drawn_in: Floats, place: tuple[int, int, int], inflation: float) -> Change:
    from scipy.stats import t

    start, middle, end = place
    before, after = drawn_in[start:middle], drawn_in[middle:end]
    freedom = before.size + after.size - 2
    squares = float(((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum())
    error = math.sqrt(inflation * squares / freedom * (1 / before.size + 1 / after.size))
    difference = abs(float(after.mean() - before.mean()))
    p = 2 * float(t.sf(difference / error, freedom)) if error else 0.0
    medians = float(np.median(array[start:middle])), float(np.median(array[middle:end]))
    return Change(middle, *medians, p, (before.size, after.size))
