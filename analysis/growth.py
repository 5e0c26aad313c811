"""How a time grows with the size of the work: its exponent, whether a straight line does, where it jumps.

What is replicated is the block: each block in which every size was run gives one value of every figure here, and the
intervals are of those values over blocks. A published table has one time a size: its figures have no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats import LEVEL, Interval, intervals_together

Floats = NDArray[np.float64]

FEWEST_SIZES = 4
"""With three, a curve with a bend leaves nothing over to be wrong about."""

FEWEST_BLOCKS = 3
"""Student's t of fewer values says nothing of use."""

BEND_MARGIN = 0.2
"""A bend within this share of the growth is called a straight line."""

JUMP = 2.0
"""A step this many times as steep as the median of the others is a jump."""


@dataclass(frozen=True)
class Course:
    """One course of times over sizes.

    exponent:    c of time ~ size^c, by least squares on logarithms. A fixed cost beside the work lowers it below 1.
    bend:        d / (b + d) of time = a + b x + d x², where x is 0 at the smallest size and 1 at the largest: which
                 share of the growth is not a straight line's. 0 is a straight line with any fixed cost, positive is
                 growth that grows.
    exponential: mean squared residual of a power less that of an exponential, both fitted to the logarithms of the
                 times, as a share of their sum: positive where the exponential is nearer.
    steepest:    the steepest step between neighbouring sizes, as a multiple of the median of the others (NaN where that
                 is not above zero); `steepest_to` is the size at its end.
    """

    exponent: float
    bend: float
    exponential: float
    steepest: float
    steepest_to: float


@dataclass(frozen=True)
class Growth:
    """`Course` with its intervals over blocks; with fewer than three blocks the intervals are open.

    jumps: sizes at the end of a step that is more than twice as steep as the median of the others, beyond chance.
    """

    sizes: tuple[float, ...]
    times: tuple[float, ...]
    course: Course
    intervals: Mapping[str, Interval]
    jumps: tuple[float, ...]
    blocks: int


def course(sizes: Sequence[float], times: Sequence[float]) -> Course | None:
    """The figures of one course; None with fewer than four sizes, or where a size or time is not above zero."""
    x, t = np.asarray(sizes, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if x.size < FEWEST_SIZES or np.unique(x).size != x.size or (x <= 0).any() or not (t > 0).all():
        return None
    order = np.argsort(x)
    x, t = x[order], t[order]
    place = (x - x[0]) / (x[-1] - x[0])
    exponent, power_off = _fit(np.log(x), np.log(t))
    _, exponential_off = _fit(place, np.log(t))
    curve, straight, _ = np.polyfit(place, t, 2)
    slopes = np.diff(t) / np.diff(x)
    steepest = int(np.argmax(slopes))
    middle = float(_others(slopes)[steepest])
    off = power_off + exponential_off
    return Course(
        exponent=exponent,
        bend=float(curve / (straight + curve)) if straight + curve > 0 else math.nan,
        exponential=(power_off - exponential_off) / off if off > 0 else 0.0,
        steepest=float(slopes[steepest]) / middle if middle > 0 else math.nan,
        steepest_to=float(x[steepest + 1]),
    )


def growth(times: Mapping[float, Mapping[int, float]], level: float = LEVEL) -> Growth | None:
    """The growth of a time over sizes.

    Args:
        times: by size, then by block: the trial's value, or the median of a block's trials.
        level: of the figures' intervals together, and of the jumps together.

    Returns:
        The figures of the geometric means over blocks, and intervals of the blocks' own figures, which hold all at
        once (see `stats.intervals_together`). Blocks that lack a size take no part. None where there is nothing to
        fit: fewer than four sizes, no whole block, a time that is not above zero.
    """
    sizes = sorted(times)
    if len(sizes) < FEWEST_SIZES:
        return None
    blocks = sorted(set.intersection(*(set(times[size]) for size in sizes)))
    each = [[times[size][block] for size in sizes] for block in blocks]
    if not each or any(value <= 0 for row in each for value in row):
        return None
    middle = np.exp(np.log(np.asarray(each)).mean(axis=0))
    whole = course(sizes, middle.tolist())
    if whole is None:
        return None
    found = [one for row in each if (one := course(sizes, row)) is not None]
    return Growth(
        sizes=tuple(sizes),
        times=tuple(middle.tolist()),
        course=whole,
        intervals=_intervals(found, level),
        jumps=_jumps(sizes, np.asarray(each), level),
        blocks=len(blocks),
    )


def _others(slopes: Floats) -> Floats:
    """For each step the median of the other steps."""
    return np.array([np.median(np.delete(slopes, index)) for index in range(slopes.size)])


def _jumps(sizes: Sequence[float], each: Floats, level: float) -> tuple[float, ...]:
    """Ends of the steps whose slope is above `JUMP` times the others' median in an interval over blocks."""
    slopes = np.diff(each, axis=1) / np.diff(np.asarray(sizes))
    above = slopes - JUMP * np.array([_others(row) for row in slopes])
    found = intervals_together({str(step): above[:, step] for step in range(above.shape[1])}, level, FEWEST_BLOCKS)
    return tuple(sizes[step + 1] for step in range(above.shape[1]) if (found[str(step)].low or 0.0) > 0)


def _intervals(found: Sequence[Course], level: float) -> dict[str, Interval]:
    names = ("exponent", "bend", "exponential")
    values = {name: [getattr(one, name) for one in found] for name in names}
    usable = {name: row for name, row in values.items() if all(map(math.isfinite, row))}
    given = intervals_together(usable, level, FEWEST_BLOCKS)
    return {name: given.get(name, Interval(None, None, "none: the time does not grow")) for name in names}


def _fit(x: Floats, y: Floats) -> tuple[float, float]:
    """The slope of the least-squares line, and the mean of its squared residuals."""
    slope, start = np.polyfit(x, y, 1)
    return float(slope), float(np.mean((y - start - slope * x) ** 2))


def verdict(found: Growth) -> str:
    """`linear`, `faster than linear`, `exponential`, `slower than linear`, or `undecided`.

    By the interval of the bend: above 0, below 0, or within a fifth of the growth around 0. What grows faster than a
    straight line is called exponential only where the interval of that figure is above 0 too.
    """
    bend, exponential = found.intervals["bend"], found.intervals["exponential"]
    if bend.low is None or bend.high is None:
        return "undecided"
    if bend.low > -BEND_MARGIN and bend.high < BEND_MARGIN:
        return "linear"
    if bend.low > 0:
        nearer = exponential.low is not None and exponential.low > 0
        return "exponential" if nearer else "faster than linear"
    return "slower than linear" if bend.high < 0 else "undecided"
