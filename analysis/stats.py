"""Statistics as pure functions over arrays: no store, no plots, nothing of sparkbed.

What is compared are trials: one number each, and independent by the way they were run. A comparison is made inside
blocks (rounds in which every cell runs once, in an order drawn at random), on logarithms, so that an effect is a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Coverage of every interval, and 1 - the level of every test."""

EXACT_UP_TO = 20_000
"""Arrangements of a permutation test that are enumerated; beyond it, this many are drawn."""

CLEAR_DRIFT = 6.63
"""The 99 % quantile of chi-square with one degree of freedom."""

TINY = 1e-9
"""Below this an effect is none: what rounding leaves of it."""


# -- one cell --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """`low` and `high` are None when there are too few values for any interval; `method` says how it was found."""

    low: float | None
    high: float | None
    method: str


def median(values: ArrayLike) -> float:
    """The median; NaN of nothing."""
    array = _floats(values)
    return float(np.median(array)) if array.size else math.nan


def median_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """An interval that holds the median of the distribution in at least `level` of all samples.

    From 6 values on: the innermost pair of order statistics x(k), x(n+1-k) whose binomial coverage
    1 - 2 P(Bin(n, 1/2) < k) is at least `level`, whatever the distribution. At n = 6 that is [min, max], 96.9 %. The
    percentile bootstrap of a median ends at order statistics too, but at inner ones where n is small: at n = 7 at x(2)
    and x(6), which cover 87.5 %. So it isn't used for medians (see docs/decisions/intervals-of-medians.md).

    From 2 to 5 values no pair of order statistics reaches 95 %, and Student's interval of the mean logarithm stands
    in (of the mean, if some value is not positive): it assumes a (log-)normal distribution, and always holds the
    sample's median.
    """
    array = np.sort(_floats(values))
    k = _order_rank(array.size, level)
    if k:
        return Interval(float(array[k - 1]), float(array[-k]), "order statistics")
    if array.size < 2:
        return Interval(None, None, "none: one value or less")
    if array[0] > 0:
        low, high = _student(np.log(array), level)
        return Interval(math.exp(low), math.exp(high), "Student's t on logarithms")
    low, high = _student(array, level)
    return Interval(low, high, "Student's t")


def sample_std(values: ArrayLike) -> float | None:
    """The standard deviation with n - 1; None for fewer than two values."""
    array = _floats(values)
    return float(array.std(ddof=1)) if array.size > 1 else None


@dataclass(frozen=True)
class FiveNumbers:
    """What spark-perf prints of a test: `std` is the population's (divided by n), first and last in order of time."""

    median: float
    std: float
    min: float
    first: float
    last: float


def five_numbers(values: ArrayLike) -> FiveNumbers | None:
    """spark-perf's five numbers of values in order of time; None of nothing."""
    array = _floats(values)
    if not array.size:
        return None
    return FiveNumbers(median(array), float(array.std()), float(array.min()), float(array[0]), float(array[-1]))


def far_outliers(values: ArrayLike) -> list[int]:
    """Indices of values more than three interquartile ranges outside the quartiles (Tukey's far out), on logarithms."""
    array = _floats(values)
    if array.size < 5 or array.min() <= 0:
        return []
    logs = np.log(array)
    lower, upper = np.quantile(logs, [0.25, 0.75])
    reach = 3 * (upper - lower)
    return [int(i) for i in np.flatnonzero((logs < lower - reach) | (logs > upper + reach))]


# -- two cells -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Cell against baseline, as a ratio.

    ratio:          cell / baseline: the geometric mean of the ratios inside blocks. It is the estimate that belongs to
                    the test: the shift that leaves the data most in balance.
    low, high:      the ratios that the test does not reject; None where no ratio would be rejected (too few blocks).
    p:              two-sided.
    exact:          whether all arrangements were looked at, or `arrangements` random ones.
    blocks, trials: what took part: blocks with trials of both; trials of baseline and cell in them.
    smallest_p:     what p can't go below, however large the effect.
    rise:           the drift inside blocks that was taken out, in logarithms a place; None where none was clear.
    """

    ratio: float
    low: float | None
    high: float | None
    p: float
    exact: bool
    arrangements: int
    blocks: int
    trials: tuple[int, int]
    smallest_p: float
    rise: float | None = None


@dataclass(frozen=True)
class _Block:
    """One block's logarithms, the baseline's before the cell's (the last `cells`).

    `effect` is how much of an effect each of them shows: 0 and 1, until a drift is taken out of both.
    """

    values: Floats
    effect: Floats
    cells: int

    @property
    def even(self) -> bool:
        return self.values.size == 2 * self.cells


def compare(
    baseline: ArrayLike,
    baseline_blocks: ArrayLike,
    cell: ArrayLike,
    cell_blocks: ArrayLike,
    level: float = LEVEL,
    seed: int = 0,
    limit: int = EXACT_UP_TO,
    places: tuple[ArrayLike, ArrayLike] | None = None,
) -> Comparison | None:
    """Permutation test on logarithms that exchanges trials inside blocks, and its interval by inversion.

    The statistic is the difference of mean logarithms inside each block, averaged over blocks (weighted by
    n0 n1 / (n0 + n1), so equally when every block has one trial of each). Under the hypothesis of a ratio r the cell's
    values divided by r could have been drawn for the baseline just as well, inside their block: p is the share of
    such arrangements that are at least as far from balance. The arrangement that was run is always among those counted,
    so p is valid also when they are drawn at random. The interval holds every r with p > 1 - level; each
    arrangement's distance is linear in log r, so its ends are found exactly, without a search.

    A clear drift inside blocks is taken out first (see `_levelled`). That looks at times and places only, which no
    exchange of cells changes, so the arrangements stay as likely as they were.

    Args:
        baseline, cell: the trials' values, all above zero.
        baseline_blocks, cell_blocks: the block of each trial. Trials in blocks that lack the other take no part.
        places: when each trial of the baseline and of the cell ran (its place in the campaign's order), if known.

    Returns:
        None when no block has trials of both, or a value is not positive.
    """
    pairs = _by_block(baseline, baseline_blocks, cell, cell_blocks)
    if pairs is None or not pairs:
        return None
    blocks = [_block(a, b) for a, b in pairs]
    ran = _places(baseline_blocks, cell_blocks, places)
    blocks, rise = _levelled(blocks, ran) if ran else (blocks, None)
    weights = np.array([len(a) * len(b) / (len(a) + len(b)) for a, b in pairs])
    found = _tested(blocks, weights / weights.sum(), level, seed, limit, rise)
    if math.isnan(found.ratio):  # the cell ran as much later in every block: its effect can't be told from the drift
        plain = weights @ [b.mean() - a.mean() for a, b in pairs] / weights.sum()
        return replace(found, ratio=math.exp(plain))
    return found


def turn_signs(
    differences: ArrayLike,
    weights: ArrayLike | None = None,
    level: float = LEVEL,
    seed: int = 0,
    limit: int = EXACT_UP_TO,
) -> Comparison | None:
    """The test of `compare` on differences of logarithms, whose signs an exchange turns; None of nothing.

    Args:
        differences: one a unit of exchange; symmetric about 0 if there is no effect.
        weights: of each unit in the mean (equal by default).
    """
    array = _floats(differences)
    if not array.size:
        return None
    weight = np.ones(array.size) if weights is None else _floats(weights)
    blocks = [_block(np.zeros(1), np.array([value])) for value in array]
    return _tested(blocks, weight / weight.sum(), level, seed, limit)


def _tested(
    blocks: list[_Block], weights: Floats, level: float, seed: int, limit: int, rise: float | None = None
) -> Comparison:
    """The test and its interval; `weights` of the blocks sum to 1."""
    count = math.prod(math.comb(one.values.size, one.cells) for one in blocks)
    exact = count <= limit
    as_run = weights[:, None] * _as_run(blocks)
    observed, shown = as_run.sum(axis=0).tolist()
    arranged = (
        _all_arrangements(blocks, weights) if exact else _drawn_arrangements(blocks, weights, as_run, limit, seed)
    )
    differences, overlaps = arranged
    distance = abs(observed) - 1e-12 * max(1.0, abs(observed))
    p = float(np.count_nonzero(np.abs(differences) >= distance)) / differences.size
    low, high = _inverted(observed, shown, differences, overlaps, level)
    swaps = 2 if all(one.even for one in blocks) else 1
    return Comparison(
        ratio=math.exp(observed / shown) if shown > TINY else math.nan,
        low=math.exp(low) if low is not None else None,
        high=math.exp(high) if high is not None else None,
        p=p,
        exact=exact,
        arrangements=int(differences.size),
        blocks=len(blocks),
        trials=(sum(one.values.size - one.cells for one in blocks), sum(one.cells for one in blocks)),
        smallest_p=max(swaps / count, 1 / differences.size),
        rise=rise,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the order given, none above 1."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def minimum_detectable_ratio(differences: ArrayLike, level: float = LEVEL, power: float = 0.8) -> float | None:
    """The slowdown (as a ratio above 1) that a comparison like this one finds with probability `power`.

    A normal approximation from the scatter of the log differences between cell and baseline inside blocks; None with
    fewer than 6 blocks, where exchanging trials inside blocks can't reject at 95 %.
    """
    array = _floats(differences)
    if array.size < blocks_needed(level):
        return None
    reach = _student_quantile((1 + level) / 2, array.size - 1) + _student_quantile(power, array.size - 1)
    return math.exp(reach * float(array.std(ddof=1)) / math.sqrt(array.size))


def trials_needed(differences: ArrayLike, ratio: float, level: float = LEVEL, power: float = 0.8) -> int | None:
    """How many blocks it would take to find `ratio` with probability `power`, given this scatter (None below 2)."""
    from scipy.special import ndtri

    array = _floats(differences)
    if array.size < 2 or ratio <= 0 or ratio == 1:
        return None
    reach = (ndtri((1 + level) / 2) + ndtri(power)) * float(array.std(ddof=1)) / abs(math.log(ratio))
    return max(blocks_needed(level), math.ceil(float(reach) ** 2) + 1)


def blocks_needed(level: float = LEVEL, comparisons: int = 1) -> int:
    """The fewest blocks of one trial each at which the smallest possible p passes the test, after Holm's correction."""
    return math.ceil(math.log2(2 * comparisons / (1 - level)) - 1e-9)


def block_differences(
    baseline: ArrayLike,
    baseline_blocks: ArrayLike,
    cell: ArrayLike,
    cell_blocks: ArrayLike,
    places: tuple[ArrayLike, ArrayLike] | None = None,
) -> Floats:
    """Mean log of the cell minus mean log of the baseline, per block with both; empty if a value isn't positive.

    Without a drift inside blocks, where `compare` takes one out.
    """
    blocks = [_block(a, b) for a, b in _by_block(baseline, baseline_blocks, cell, cell_blocks) or []]
    ran = _places(baseline_blocks, cell_blocks, places)
    if blocks and ran:
        blocks, _ = _levelled(blocks, ran)
    return _as_run(blocks)[:, 0] if blocks else np.array([], dtype=np.float64)


def intervals_together(
    differences: Mapping[str, ArrayLike], level: float = LEVEL, least: int | None = None
) -> dict[str, Interval]:
    """Intervals of several means that hold all at once in at least `level` of all samples.

    Student's t of the differences inside blocks, at Bonferroni's level: of k names each has the level
    1 - (1 - level) / k. If cell and baseline are alike, differences inside blocks are symmetric about 0, where t keeps
    its level from few values on; the percentile bootstrap of a mean does not (87 % instead of 95 % at n = 6). Names
    whose differences are 0 throughout are not counted among the k.

    Args:
        differences: cell minus baseline by name, one value a block.
        least: below so many blocks there are no intervals; `blocks_needed` by default, as for the verdicts.
    """
    arrays = {name: _floats(values) for name, values in differences.items()}
    asked = sum(bool(array.any()) for array in arrays.values())
    fewest = blocks_needed(level) if least is None else least
    return {name: _interval_of_mean(array, 1 - (1 - level) / max(asked, 1), fewest) for name, array in arrays.items()}


def _interval_of_mean(values: Floats, level: float, fewest: int) -> Interval:
    if values.size < max(fewest, 2):
        return Interval(None, None, f"none: fewer than {fewest} blocks")
    return Interval(*_student(values, level), "Student's t, all parts together")


def drift(values: ArrayLike) -> tuple[float, float] | None:
    """Whether values rise or fall in the order given: as `rank_correlation` with their places; None below 6 values."""
    array = _floats(values)
    return _ranked(np.arange(array.size, dtype=np.float64), array) if array.size >= 6 else None


def autocorrelation(values: ArrayLike, seed: int = 0) -> tuple[float, float] | None:
    """Lag-1 correlation of values in order of time, and its two-sided p by permutation; None below 8 values."""
    array = _floats(values)
    if array.size < 8 or np.all(array == array[0]):
        return None
    array = array - array.mean()
    generator = np.random.default_rng(seed)
    draws = 1999 if array.size <= 1000 else 499
    shuffled = np.stack([array, *(generator.permutation(array) for _ in range(draws))])
    found = (shuffled[:, 1:] * shuffled[:, :-1]).sum(axis=1) / (array**2).sum()
    far = np.abs(found - found[1:].mean())
    return float(found[0]), float(np.count_nonzero(far >= far[0] - 1e-12)) / far.size


def rank_correlation(first: ArrayLike, second: ArrayLike) -> tuple[float, float] | None:
    """Spearman's rho of pairs, and its two-sided p by permutation; None below 8 pairs, or where one does not vary."""
    a, b = _floats(first), _floats(second)
    return _ranked(a, b) if a.size >= 8 else None


def _ranked(first: Floats, second: Floats, seed: int = 0) -> tuple[float, float] | None:
    """Not by scipy.stats, whose import alone takes a second of a report's time."""
    a, b = (ranks - ranks.mean() for ranks in (_ranks(first), _ranks(second)))
    scale = math.sqrt(float((a**2).sum() * (b**2).sum()))
    if not scale:
        return None
    draws = 1999 if a.size <= 1000 else 499
    shuffled = np.random.default_rng(seed).permuted(np.tile(b, (draws, 1)), axis=1)
    found = np.concatenate([[a @ b], shuffled @ a]) / scale
    return float(found[0]), float(np.count_nonzero(np.abs(found) >= abs(found[0]) - 1e-12)) / found.size


def _ranks(values: Floats) -> Floats:
    """Each value's rank from 1; those that are equal share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[place]
    return ranks


def sign_test(values: ArrayLike) -> float:
    """Two-sided p of the hypothesis that values are as often above 0 as below; 1 of nothing."""
    array = _floats(values)
    above, n = int(np.count_nonzero(array > 0)), int(np.count_nonzero(array))
    fewer = min(above, n - above)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n) if n else 1.0


def spread_unevenly(failed: Sequence[int], of: Sequence[int], seed: int = 0) -> float | None:
    """p of the hypothesis that failures fall on all trials alike; None with one group, or none or all failed.

    The chi-squared statistic of failures by group, over random arrangements of as many failures among all trials.
    """
    counts, sizes = np.asarray(failed, dtype=np.int64), np.asarray(of, dtype=np.int64)
    counts, sizes = counts[sizes > 0], sizes[sizes > 0]
    total, trials = int(counts.sum()), int(sizes.sum())
    if counts.size < 2 or not 0 < total < trials:
        return None
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(sizes, total, 9_999)
    expected = total * sizes / trials
    statistic: Floats = (((np.vstack([counts, drawn]) - expected) ** 2) / expected).sum(axis=1)
    return float(np.count_nonzero(statistic >= statistic[0] - 1e-9)) / statistic.size


# -- how -------------------------------------------------------------------------------------------------------------


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _order_rank(n: int, level: float) -> int:
    """The largest k whose order statistics x(k), x(n+1-k) cover the median with at least `level`; 0 if none does."""
    below, k = 0, 0
    while k < n // 2:
        below += math.comb(n, k)
        if 2 * below / 2**n > 1 - level:
            break
        k += 1
    return k


def _student(values: Floats, level: float) -> tuple[float, float]:
    half = _student_quantile((1 + level) / 2, values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
    centre = float(values.mean())
    return centre - half, centre + half


def _student_quantile(share: float, degrees: int) -> float:
    from scipy.special import stdtrit  # scipy.stats.t.ppf gives the same after a hundred times as long

    return float(stdtrit(degrees, share))


def _by_block(
    baseline: ArrayLike, baseline_blocks: ArrayLike, cell: ArrayLike, cell_blocks: ArrayLike
) -> list[tuple[Floats, Floats]] | None:
    """Logarithms of baseline and cell for each block that has both; None if a value is not positive."""
    first, second = _floats(baseline), _floats(cell)
    first_blocks, second_blocks = np.asarray(baseline_blocks), np.asarray(cell_blocks)
    if (first <= 0).any() or (second <= 0).any():
        return None
    shared = np.intersect1d(first_blocks, second_blocks)
    return [(np.log(first[first_blocks == b]), np.log(second[second_blocks == b])) for b in shared]


def _block(baseline: Floats, cell: Floats) -> _Block:
    return _Block(
        np.concatenate([baseline, cell]), np.concatenate([np.zeros(baseline.size), np.ones(cell.size)]), cell.size
    )


def _places(
    baseline_blocks: ArrayLike, cell_blocks: ArrayLike, places: tuple[ArrayLike, ArrayLike] | None
) -> list[Floats]:
    """When the trials of each block that has both ran, in the order of `_Block.values`; nothing if it isn't known."""
    if places is None:
        return []
    first, second = (_floats(one) for one in places)
    first_blocks, second_blocks = np.asarray(baseline_blocks), np.asarray(cell_blocks)
    shared = np.intersect1d(first_blocks, second_blocks)
    return [np.concatenate([first[first_blocks == b], second[second_blocks == b]]) for b in shared]


def _levelled(blocks: list[_Block], places: list[Floats]) -> tuple[list[_Block], float | None]:
    """The blocks without the drift inside them, if it is clear: what a place later costs, the same in every block.

    The drift is the slope of least squares of logarithms on places, both less their block's mean. It is clear where it
    explains so much of the scatter that chance would in one of a hundred comparisons (r^2 times the degrees of freedom
    at least 6.6, the chi-square's quantile). Neither slope nor scatter depend on which trials are the cell's. What it
    takes out of an effect, because the cell ran later more often than not, is taken out of `_Block.effect`.
    """
    ran, times = _centred(places), _centred([one.values for one in blocks])
    spread, scatter, together = float(ran @ ran), float(times @ times), float(ran @ times)
    freedom = ran.size - len(blocks)
    if spread * scatter <= 0 or together**2 / (spread * scatter) * freedom < CLEAR_DRIFT:
        return blocks, None
    rise = together / spread
    taken = float(ran @ _centred([one.effect for one in blocks])) / spread
    by_block = np.split(ran, np.cumsum([one.values.size for one in blocks])[:-1])
    return [
        _Block(one.values - rise * place, one.effect - taken * place, one.cells)
        for one, place in zip(blocks, by_block, strict=True)
    ], rise


def _centred(parts: Sequence[Floats]) -> Floats:
    """All parts in one row, each less its mean; none is empty."""
    sizes, row = np.array([one.size for one in parts]), np.concatenate(parts)
    means = np.add.reduceat(row, np.cumsum(sizes) - sizes) / sizes
    return np.asarray(row - np.repeat(means, sizes))


def _as_run(blocks: Sequence[_Block]) -> Floats:
    """`_contribution` of each block with the cell's trials as the cell's, shape (blocks, 2)."""
    sizes = np.array([(one.values.size - one.cells, one.cells) for one in blocks]).reshape(-1)
    starts = np.cumsum(sizes) - sizes
    rows = [np.concatenate([getattr(one, name) for one in blocks]) for name in ("values", "effect")]
    means = [(np.add.reduceat(row, starts) / sizes).reshape(-1, 2) for row in rows]
    return np.stack([each[:, 1] - each[:, 0] for each in means], axis=1)


def _contribution(block: _Block, chosen: Sequence[int]) -> tuple[float, float]:
    """Of one block under one arrangement: its difference of means, and that of the effects (1 as run, if no drift was
    taken out).

    `chosen` are taken as the cell's.
    """
    mine = np.zeros(block.values.size, dtype=bool)
    mine[list(chosen)] = True
    return (
        float(block.values[mine].mean() - block.values[~mine].mean()),
        float(block.effect[mine].mean() - block.effect[~mine].mean()),
    )


def _all_arrangements(blocks: list[_Block], weights: Floats) -> tuple[Floats, Floats]:
    """Statistic and overlap (see `_contribution`) of every arrangement: the sums over blocks of every choice."""
    differences, overlaps = np.zeros(1), np.zeros(1)
    for weight, one in zip(weights, blocks, strict=True):
        each = [_contribution(one, chosen) for chosen in combinations(range(one.values.size), one.cells)]
        found = np.array(each) * weight
        differences = np.add.outer(differences, found[:, 0]).reshape(-1)
        overlaps = np.add.outer(overlaps, found[:, 1]).reshape(-1)
    return differences, overlaps


def _drawn_arrangements(
    blocks: list[_Block], weights: Floats, as_run: Floats, count: int, seed: int
) -> tuple[Floats, Floats]:
    """As `_all_arrangements`, of the arrangement that was run and `count` - 1 random ones."""
    generator = np.random.default_rng(seed)
    if all(one.values.size == 2 for one in blocks):  # an exchange turns a block's sign
        differences, overlaps = _drawn_signs(as_run.T, count, generator)
        return differences, overlaps
    differences, overlaps = np.zeros(count), np.zeros(count)
    for weight, one in zip(weights, blocks, strict=True):
        orders = np.argsort(generator.random((count, one.values.size)), axis=1)
        orders[0] = np.arange(one.values.size)
        first = one.values.size - one.cells
        for result, numbers in ((differences, one.values), (overlaps, one.effect)):
            shuffled = numbers[orders]
            result += weight * (shuffled[:, first:].mean(axis=1) - shuffled[:, :first].mean(axis=1))
    return differences, overlaps


def _drawn_signs(terms: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Sums of each row of `terms`, shape (rows, n), with `count` random choices of signs: shape (rows, count).

    The first choice is the terms as they are. Eight signs are one random byte, whose sums are looked up.
    """
    rows, n = terms.shape
    groups = -(-n // 8)
    bits = generator.integers(0, 256, (groups, count), dtype=np.uint8)
    bits[:, 0] = 0
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    padded = np.zeros((rows, groups * 8))
    padded[:, :n] = terms
    sums = padded.reshape(rows, groups, 8) @ signs.T
    found: Floats = np.zeros((rows, count))
    for group in range(groups):
        found += sums[:, group, bits[group]]
    return found


def _inverted(
    observed: float, shown: float, differences: Floats, overlaps: Floats, level: float
) -> tuple[float | None, float | None]:
    """The ends of the set of shifts that the test does not reject.

    With the cell's values shifted by -s an arrangement's statistic is d - s c (c its overlap), and that of the run
    is D - s C (C is 1 where no drift was taken out). It counts against rejection while |d - s c| >= |D - s C|: an
    interval around D / C whose ends are the two roots (D - d) / (C - c) and (D + d) / (C + c). An arrangement with an
    overlap beyond C never speaks for rejection at both ends, and is taken never to. The ends of the whole are order
    statistics of those ends.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(shown - overlaps > TINY, (observed - differences) / (shown - overlaps), np.nan)
        second = np.where(shown + overlaps > TINY, (observed + differences) / (shown + overlaps), np.nan)
    always = np.isnan(first) | np.isnan(second)
    upper = np.where(always, np.inf, np.fmax(first, second))
    lower = np.where(always, -np.inf, np.fmin(first, second))
    rank = math.floor((1 - level) * differences.size + 1e-9)
    high = float(np.sort(upper)[::-1][rank])
    low = float(np.sort(lower)[rank])
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)
