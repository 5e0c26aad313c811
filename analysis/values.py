"""A trial's one number for each metric."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Protocol


class Measured(Protocol):
    """A number that a trial recorded; one that is not kept (a warm-up) doesn't count."""

    @property
    def metric(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def kept(self) -> bool: ...


def trial_values(samples: Iterable[Measured]) -> dict[str, float]:
    """By metric, the median of the samples that were kept and are numbers."""
    kept: dict[str, list[float]] = {}
    for sample in samples:
        if sample.kept and math.isfinite(sample.value):
            kept.setdefault(sample.metric, []).append(sample.value)
    return {name: values[0] if len(values) == 1 else statistics.median(values) for name, values in kept.items()}
