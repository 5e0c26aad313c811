"""Numbers as people read them: the digits that matter, with their unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

TIME_UNITS = ("s", "seconds", "ms", "us", "ns", "min")


def number(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits without exponent where that is legible; an en dash for nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if -4 <= magnitude < digits:
        return f"{value:.{max(0, digits - 1 - magnitude)}f}"
    return f"{value:,.0f}" if digits <= magnitude < 9 else f"{value:.{digits - 1}e}"


def decimals(values: Sequence[float | None], digits: int = 3) -> int:
    """How many decimals a column of numbers needs so that its smallest shows `digits` significant digits.

    At most two more than the largest needs: beside 120 s nobody looks for microseconds.
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value]
    if not sizes:
        return 0
    least, most = (max(0, digits - 1 - math.floor(math.log10(size))) for size in (min(sizes), max(sizes)))
    return min(least, most + 2, 9)


def fixed(value: float | None, places: int) -> str:
    """The value with that many decimals; an en dash for nothing."""
    return "–" if value is None or not math.isfinite(value) else f"{value:,.{places}f}".replace("-", "−")


def seconds(value: float | None) -> str:
    """`1.23 s`, `45.6 ms`."""
    if value is not None and 0 < abs(value) < 0.1:
        return f"{number(value * 1000)} ms"
    return f"{number(value)} s"


def with_unit(value: float | None, unit: str) -> str:
    """The value with its unit; seconds below 0.1 in milliseconds."""
    if unit in ("s", "seconds"):
        return seconds(value)
    return f"{number(value)} {unit}".rstrip()


def percent(share: float, digits: int = 2) -> str:
    """A share as per cent: 0.1234 is `12 %`, 0.0123 is `1.2 %`."""
    value = abs(share) * 100
    if value < 0.05:
        return "0 %"
    text = f"{value:.1f}" if value < 9.95 and digits > 1 else f"{value:.0f}"
    return f"{text.removesuffix('.0')} %"


def probability(p: float | None) -> str:
    """`0.031`, `< 0.001`."""
    if p is None or not math.isfinite(p):
        return "–"
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def change(ratio: float, unit: str) -> str:
    """A ratio of a metric in words: `12 % longer` or `11 % shorter` for times, `12 % higher` or `lower` for others."""
    more, less = ("longer", "shorter") if unit in TIME_UNITS else ("higher", "lower")
    if ratio >= 2:
        return f"{number(ratio, 2)} times as {'long' if unit in TIME_UNITS else 'high'}"
    return f"{percent(ratio - 1)} {more if ratio > 1 else less}"


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 trial`, `6 trials`."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def listed(items: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
