"""Known answers by hand, and the coverage and error rates that the docstrings promise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from analysis import stats

BLOCKS = np.arange(1, 7)


def test_medians_and_spark_perfs_five_numbers() -> None:
    five = stats.five_numbers([4.0, 1.0, 3.0, 2.0])
    assert five == stats.FiveNumbers(median=2.5, std=pytest.approx(math.sqrt(1.25)), min=1.0, first=4.0, last=2.0)
    assert stats.sample_std([4.0, 1.0, 3.0, 2.0]) == pytest.approx(math.sqrt(5 / 3))
    assert stats.five_numbers([]) is None
    assert stats.sample_std([1.0]) is None
    assert math.isnan(stats.median([]))


@pytest.mark.parametrize(("n", "rank"), [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (30, 10)])
def test_interval_of_a_median_ends_at_the_order_statistics_of_the_binomial_table(n: int, rank: int) -> None:
    """Ranks as printed in tables of 95 % intervals for a median (e.g. Conover's)."""
    values = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    interval = stats.median_interval(values)
    assert (interval.low, interval.high) == (rank, n + 1 - rank)


def test_interval_of_too_few_values() -> None:
    assert stats.median_interval([]).low is None
    assert stats.median_interval([1.0]).high is None
    two = stats.median_interval([1.0, 1.1])
    assert two.low is not None
    assert two.high is not None
    assert two.low < 1.0 < 1.1 < two.high
    assert stats.median_interval([-1.0, 1.0, 0.5]).method == "Student's t"


FAMILIES: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "log-normal": (lambda r, n: r.lognormal(0, 0.3, n), 1.0),
    "exponential": (lambda r, n: r.exponential(1, n), math.log(2)),
    "heavy-tailed": (lambda r, n: 10 + r.standard_t(2, n), 10.0),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [6, 7, 10])
def test_interval_of_a_median_covers_what_it_says(family: str, n: int) -> None:
    draw, truth = FAMILIES[family]
    generator = np.random.default_rng(11)
    found = [stats.median_interval(draw(generator, n)) for _ in range(1000)]
    covered = np.mean([i.low is not None and i.high is not None and i.low <= truth <= i.high for i in found])
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


def test_intervals_that_hold_together_are_students_at_bonferronis_level() -> None:
    """By hand: n = 6, two names that differ at all, t(5) at 1 - 0.05 / 4 is 3.1634 in printed tables."""
    differences = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    found = stats.intervals_together({"a": differences, "b": [-one for one in differences], "never": [0.0] * 6})
    half = 3.1634 * math.sqrt(3.5) / math.sqrt(6)
    assert found["a"].low == pytest.approx(3.5 - half, rel=1e-4)
    assert found["a"].high == pytest.approx(3.5 + half, rel=1e-4)
    assert found["b"].high == pytest.approx(-3.5 + half, rel=1e-4)
    assert (found["never"].low, found["never"].high) == (0.0, 0.0)
    assert stats.intervals_together({"a": differences[:5]})["a"].low is None
    assert stats.intervals_together({"a": differences[:2]}, least=2)["a"].low is not None


@pytest.mark.parametrize("n", [6, 10])
@pytest.mark.parametrize("family", ["normal", "heavy-tailed", "one outlier in ten"])
def test_intervals_of_parts_hold_together_where_nothing_differs(n: int, family: str) -> None:
    draw: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
        "normal": lambda r: r.normal(0, 1, (8, n)),
        "heavy-tailed": lambda r: r.standard_t(2, (8, n)),
        "one outlier in ten": lambda r: r.normal(0, 1, (8, n)) * np.where(r.random((8, n)) < 0.1, 10, 1),
    }
    generator = np.random.default_rng(17)
    runs, wrong = 400, 0
    for _ in range(runs):
        found = stats.intervals_together({str(i): values for i, values in enumerate(draw[family](generator))})
        wrong += any(one.low is not None and one.high is not None and one.low * one.high > 0 for one in found.values())
    assert wrong / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


# -- permutation test --------------------------------------------------------------------------------------------------


def test_six_blocks_all_one_way_have_p_2_in_64_and_the_interval_of_the_differences() -> None:
    baseline = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 1.0])
    factors = np.array([1.10, 1.20, 1.15, 1.12, 1.30, 1.18])
    found = stats.compare(baseline, BLOCKS, baseline * factors, BLOCKS)
    assert found is not None
    assert found.exact
    assert found.arrangements == 64
    assert found.p == found.smallest_p == 2 / 64
    assert found.ratio == pytest.approx(float(np.exp(np.log(factors).mean())))
    assert (found.low, found.high) == (pytest.approx(1.10), pytest.approx(1.30))


def test_p_equals_the_share_counted_by_hand() -> None:
    """Differences 3, 2, -1 of logarithms: the eight sign patterns sum to 6 6 4 4 2 2 0 0 in size; the run's to 4."""
    found = stats.compare([1, 1, 1], [1, 2, 3], np.exp([3.0, 2.0, -1.0]), [1, 2, 3])
    assert found is not None
    assert found.p == 4 / 8


def test_one_block_of_three_and_three_is_the_two_sample_test() -> None:
    """Of the 20 ways to choose three of six, two are as extreme as complete separation."""
    found = stats.compare([1, 2, 3], [1, 1, 1], [10, 20, 30], [1, 1, 1])
    assert found is not None
    assert found.arrangements == 20
    assert found.p == 2 / 20
    assert found.low is None  # 10 % is not small enough for any end at 95 %


def test_blocks_of_one_cell_only_take_no_part() -> None:
    found = stats.compare([1.0, 1.0, 5.0], [1, 2, 3], [2.0, 2.0, 9.0], [1, 2, 4])
    assert found is not None
    assert (found.blocks, found.trials) == (2, (2, 2))
    assert found.ratio == pytest.approx(2.0)


def test_what_cannot_be_compared_is_none() -> None:
    assert stats.compare([1.0], [1], [1.0], [2]) is None
    assert stats.compare([0.0, 1.0], [1, 2], [1.0, 1.0], [1, 2]) is None
    assert stats.compare([], [], [1.0], [1]) is None


def test_equal_values_are_no_finding() -> None:
    found = stats.compare([2.0] * 6, BLOCKS, [2.0] * 6, BLOCKS)
    assert found is not None
    assert (found.ratio, found.p, found.low, found.high) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("limit", [20_000, 10])
def test_interval_is_exactly_the_set_of_ratios_that_the_test_keeps(limit: int) -> None:
    """With every arrangement and with drawn ones (the same seed draws the same)."""
    generator = np.random.default_rng(8)
    baseline, cell = generator.lognormal(0, 0.1, 8), generator.lognormal(0.1, 0.1, 8)
    blocks = np.repeat([1, 2, 3, 4], 2) if limit > 10 else np.arange(8)
    draws = limit if limit > 10 else 199
    found = stats.compare(baseline, blocks, cell, blocks, limit=draws)
    assert found is not None
    assert found.low is not None
    assert found.high is not None

    def p_if(ratio: float) -> float:
        shifted = stats.compare(baseline, blocks, cell / ratio, blocks, limit=draws)
        assert shifted is not None
        return shifted.p

    for end, outward in ((found.low, 1 - 1e-6), (found.high, 1 + 1e-6)):
        assert p_if(end * outward) <= 0.05 < p_if(end / outward)


def test_many_arrangements_are_drawn_and_count_the_one_that_was_run() -> None:
    generator = np.random.default_rng(2)
    blocks = np.arange(20)
    baseline = generator.lognormal(0, 0.05, 20)
    found = stats.compare(baseline, blocks, baseline * 1.5, blocks, limit=999)
    assert found is not None
    assert not found.exact
    assert found.p == 1 / 999


def test_no_effect_is_found_in_one_of_twenty_and_the_interval_covers_the_truth() -> None:
    """Blocks differ and drift, trials scatter log-normally or in two modes: neither may matter."""
    generator = np.random.default_rng(77)
    runs, false, covered = 600, 0, 0
    for run in range(runs):
        block = generator.normal(0, 0.3, 8) + np.linspace(0, 0.5, 8)
        noise = generator.normal(0, 0.05, (2, 8)) + (run % 2) * 0.4 * (generator.random((2, 8)) < 0.3)
        baseline, cell = np.exp(block + noise[0]), 1.2 * np.exp(block + noise[1])
        found = stats.compare(baseline, np.arange(8), cell, np.arange(8))
        none = stats.compare(baseline, np.arange(8), cell / 1.2, np.arange(8))
        assert found is not None
        assert none is not None
        assert found.low is not None
        assert found.high is not None
        false += none.p <= 0.05
        covered += found.low <= 1.2 <= found.high
    error = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert false / runs <= 0.05 + error
    assert covered / runs >= 0.95 - error


# -- a drift inside blocks ---------------------------------------------------------------------------------------------


def drifting(generator: np.random.Generator, blocks: int, rise: float, effect: float) -> tuple[np.ndarray, ...]:
    """Baseline and cell, one trial a block each, and when they ran; the second trial of a block costs `rise` more."""
    noise = generator.normal(0, 0.03, (blocks, 2)) + generator.normal(0, 0.3, (blocks, 1)) + [0.0, rise]
    second = generator.random(blocks) < 0.5
    cell = noise[np.arange(blocks), second.astype(int)] + effect
    baseline = noise[np.arange(blocks), 1 - second.astype(int)]
    start = 2 * np.arange(blocks)
    return np.exp(baseline), np.exp(cell), start + 1 - second, start + second


def test_a_drift_inside_blocks_is_taken_out_of_the_difference_of_two_cells() -> None:
    baseline, cell, first, second = drifting(np.random.default_rng(3), 20, 0.1, math.log(1.05))
    blocks = np.arange(20)
    plain = stats.compare(baseline, blocks, cell, blocks)
    found = stats.compare(baseline, blocks, cell, blocks, places=(first, second))
    assert plain is not None
    assert found is not None
    assert plain.rise is None
    assert plain.p > 0.05
    assert found.rise == pytest.approx(0.1, abs=0.03)
    assert found.ratio == pytest.approx(1.05, abs=0.02)
    assert found.p < 0.01
    differences = [
        stats.block_differences(baseline, blocks, cell, blocks, places) for places in (None, (first, second))
    ]
    assert differences[1].std() < 0.6 * differences[0].std()


def test_without_a_clear_drift_places_change_nothing() -> None:
    baseline, cell, first, second = drifting(np.random.default_rng(4), 12, 0.0, 0.1)
    blocks = np.arange(12)
    assert stats.compare(baseline, blocks, cell, blocks, places=(first, second)) == stats.compare(
        baseline, blocks, cell, blocks
    )


def test_of_all_orders_that_could_have_been_drawn_no_more_are_rejected_than_the_level_says() -> None:
    """What was measured is held fixed, and the cells are exchanged in all 256 ways: the test's own promise."""
    for seed in range(6):
        rise = 0.1 if seed else 0.06  # the second is at the edge of being clear
        by_time = np.stack(drifting(np.random.default_rng(seed), 8, rise, 0.0)[:2])
        places, blocks = np.arange(16).reshape(8, 2).T, np.arange(8)
        early, late = np.minimum(*by_time), np.maximum(*by_time)
        p = []
        for turned in itertools.product([False, True], repeat=8):
            turn = np.array(turned)
            found = stats.compare(
                np.where(turn, late, early),
                blocks,
                np.where(turn, early, late),
                blocks,
                places=(np.where(turn, places[1], places[0]), np.where(turn, places[0], places[1])),
            )
            assert found is not None
            p.append(found.p)
        for level in (0.02, 0.05, 0.1, 0.3):
            assert np.mean(np.array(p) <= level + 1e-12) <= level + 1e-12


def test_its_interval_holds_the_ratios_that_the_test_keeps() -> None:
    baseline, cell, first, second = drifting(np.random.default_rng(5), 10, 0.15, math.log(1.05))
    blocks = np.arange(10)
    found = stats.compare(baseline, blocks, cell, blocks, places=(first, second))
    assert found is not None
    assert found.low is not None
    assert found.high is not None

    def p_if(ratio: float) -> float:
        shifted = stats.compare(baseline, blocks, cell / ratio, blocks, places=(first, second))
        assert shifted is not None
        assert shifted.rise is not None
        return shifted.p

    for end, outward in ((found.low, 1 - 1e-6), (found.high, 1 + 1e-6)):
        assert p_if(end * outward) <= 0.05 < p_if(end / outward)


def test_a_cell_that_always_ran_later_can_not_be_told_from_a_drift() -> None:
    generator = np.random.default_rng(6)
    baseline = generator.lognormal(0, 0.01, 9)
    cell = baseline * 1.2 * generator.lognormal(0, 0.001, 9)
    blocks, first = np.arange(9), 2 * np.arange(9)
    found = stats.compare(baseline, blocks, cell, blocks, places=(first, first + 1))
    assert found is not None
    assert (found.p, found.low, found.high) == (1.0, None, None)
    assert found.ratio == pytest.approx(1.2, rel=0.01)


# -- many comparisons, and how many trials -----------------------------------------------------------------------------


def test_holm_on_a_known_example() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.5, 0.9]) == [1.0, 1.0]
    assert stats.holm([]) == []


def test_blocks_needed_are_those_at_which_the_smallest_p_passes() -> None:
    assert [stats.blocks_needed(comparisons=m) for m in (1, 2, 3, 4, 10)] == [6, 7, 7, 8, 9]


def test_minimum_detectable_ratio_is_what_four_in_five_find() -> None:
    generator = np.random.default_rng(4)
    scatter = 0.05 * math.sqrt(2)
    typical = stats.minimum_detectable_ratio(np.resize([scatter, -scatter], 12) * math.sqrt(11 / 12))
    assert typical is not None
    found = 0
    for _ in range(300):
        noise = generator.normal(0, 0.05, (2, 12))
        result = stats.compare(np.exp(noise[0]), np.arange(12), typical * np.exp(noise[1]), np.arange(12))
        assert result is not None
        found += result.p <= 0.05
    assert 0.70 <= found / 300 <= 0.92
    assert stats.minimum_detectable_ratio([0.1] * 5) is None
    assert stats.trials_needed(np.resize([scatter, -scatter], 12), typical) == pytest.approx(12, abs=3)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_is_scipys(ties: bool) -> None:
    from scipy.stats import spearmanr

    generator = np.random.default_rng(3)
    for strength in (0.0, 0.3, 0.8):
        first = generator.normal(size=60)
        second = strength * first + generator.normal(size=60)
        if ties:
            first, second = np.round(first), np.round(second)
        found, expected = stats.rank_correlation(first, second), spearmanr(first, second)
        assert found is not None
        assert found[0] == pytest.approx(expected.statistic)
        assert found[1] == pytest.approx(expected.pvalue, abs=0.04)
    assert stats.rank_correlation([1.0] * 9, np.arange(9.0)) is None
    assert stats.rank_correlation(np.arange(7.0), np.arange(7.0)) is None


def test_outliers_and_drift() -> None:
    assert stats.far_outliers([1.0, 1.01, 0.99, 1.02, 0.98, 5.0]) == [5]
    assert stats.far_outliers([1.0, 2.0]) == []
    rising = stats.drift(np.arange(10.0))
    assert rising is not None
    assert rising[0] == pytest.approx(1.0)
    assert rising[1] <= 0.001
    assert stats.drift([1.0] * 10) is None
    assert stats.drift(np.arange(5.0)) is None
