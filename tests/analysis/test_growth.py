"""How times grow over sizes: exponents and verdicts of courses that are known, and how often they are wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from analysis import published
from analysis.growth import Growth, course, growth, verdict

SIZES = (1000.0, 4000.0, 7000.0, 10000.0)


def grown(law: Callable[[float], float], seed: int, blocks: int = 9, noise: float = 0.04) -> Growth:
    """Times by this law with log-normal noise, in blocks that are fast or slow as a whole."""
    drawn = np.random.default_rng(seed)
    pace = drawn.normal(0, 0.1, blocks)
    found = growth({x: {b: law(x) * math.exp(pace[b] + drawn.normal(0, noise)) for b in range(blocks)} for x in SIZES})
    assert found is not None
    return found


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7])
def test_the_exponent_of_a_power_is_found_exactly(power: float) -> None:
    found = course(SIZES, [3 * x**power for x in SIZES])
    assert found is not None
    assert found.exponent == pytest.approx(power)


@pytest.mark.parametrize("start", [0.0, 1.0, 50.0])
def test_a_straight_line_has_no_bend_whatever_its_fixed_cost(start: float) -> None:
    found = course(SIZES, [start + x / 1000 for x in SIZES])
    assert found is not None
    assert found.bend == pytest.approx(0, abs=1e-9)
    assert found.steepest == pytest.approx(1)


def test_of_an_exponential_and_a_power_the_nearer_is_told() -> None:
    power, exponential = (
        course(SIZES, [law(x) for x in SIZES]) for law in (lambda x: x**2, lambda x: math.exp(x / 3000))
    )
    assert power is not None
    assert exponential is not None
    assert power.exponential == pytest.approx(-1)
    assert exponential.exponential == pytest.approx(1)


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (lambda x: 5 + x / 1000, "linear"),
        (lambda x: x / 1000 + (x / 2000) ** 2, "faster than linear"),
        (lambda x: math.exp(x / 2500), "exponential"),
        (lambda x: math.sqrt(x), "slower than linear"),
    ],
)
def test_what_is_said_of_a_known_law(law: Callable[[float], float], said: str) -> None:
    verdicts = [verdict(grown(law, seed, noise=0.01)) for seed in range(20)]
    assert verdicts.count(said) >= 19


def test_of_a_straight_line_at_most_one_in_twenty_reports_says_that_it_bends() -> None:
    """And the exponent's interval holds the exponent of the noiseless line about as often."""
    reports = [grown(lambda x: 5 + x / 1000, seed, noise=0.1) for seed in range(200)]
    assert sum(verdict(one) not in ("linear", "undecided") for one in reports) <= 18  # of 10 expected at the most
    noiseless = course(SIZES, [5 + x / 1000 for x in SIZES])
    assert noiseless is not None
    held = sum(
        (one.intervals["exponent"].low or 0) <= noiseless.exponent <= (one.intervals["exponent"].high or 0)
        for one in reports
    )
    assert held >= 184


def test_a_jump_is_found_where_it_is_and_nowhere_else() -> None:
    def law(x: float) -> float:
        return x / 1000 + (20 if x >= 10000 else 0)

    assert [grown(law, seed).jumps for seed in range(20)].count((10000.0,)) >= 19
    assert [grown(lambda x: x / 1000, seed).jumps for seed in range(200)].count(()) >= 190


def test_what_is_too_little_gives_nothing() -> None:
    assert course((1, 2, 3), (1, 2, 3)) is None
    assert course((1, 2, 3, 3), (1, 2, 3, 4)) is None
    assert course((1, 2, 3, 4), (1, 2, 0, 4)) is None
    assert growth({x: {1: x} for x in SIZES[:3]}) is None
    assert growth({x: {index: x} for index, x in enumerate(SIZES)}) is None  # no block has all sizes
    few = growth({x: {1: x, 2: x * 1.1} for x in SIZES})
    assert few is not None
    assert few.blocks == 2
    assert few.intervals["exponent"].low is None
    assert (verdict(few), few.jumps) == ("undecided", ())


def test_a_time_that_does_not_grow_gets_no_verdict() -> None:
    flat = growth({x: dict.fromkeys(range(6), 10 - x / 2000) for x in SIZES})
    assert flat is not None
    assert verdict(flat) == "undecided"


def test_paper_002_calls_exponential_what_is_a_straight_line_with_one_jump() -> None:
    """Section VII of the paper on its Table VII: the last step is eight others long, and a power is nearer to it."""
    table = published.paper("002").table("VII")
    printed = {float(name): values["median"].number for name, values in table.cells().items()}
    times = [value for value in printed.values() if value is not None]
    found = course(list(printed), times)
    assert found is not None
    assert found.steepest_to == 100_000_000
    assert found.steepest > 7
    assert found.exponential < 0
    without = course(list(printed)[1:-1], times[1:-1])
    assert without is not None
    assert abs(without.bend) < 0.2
