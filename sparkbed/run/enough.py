"""Which cells need no more trials: those whose interval is tight enough, where the suite says `until`.

The rule looks at how much a cell's trials scatter, and never at how cells differ, so that a comparison isn't drawn
towards an answer (docs/decisions/enough-trials.md has what simulations say). Cells stop by whole blocks: a cell once it
and its baseline are tight, a baseline once all that are compared with it have stopped. What is decided follows from the
recorded trials of earlier blocks alone, so that an interrupted campaign goes on with the same decisions.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis import stats
from analysis.values import trial_values
from sparkbed.model import PlannedTrial, Sample
from sparkbed.suite import Suite, compared


class Enough:
    """`stops` says whether a trial is still wanted; `measured` is told of each that has run."""

    def __init__(self, suite: Suite) -> None:
        self._until = suite.until
        self._metric = suite.metric
        self._values: dict[str, dict[int, float]] = {}
        interleaved = suite.order != "sequential"
        self._pairs = compared(suite) if interleaved else []
        decides = stats.blocks_needed(comparisons=len(self._pairs)) if self._pairs else 0
        self._least = max(decides, suite.until.least if suite.until else 0)
        self.stopped: dict[str, int] = {}
        """By cell that has stopped: after how many blocks."""

    def measured(self, cell: str, number: int, samples: Sequence[Sample]) -> None:
        value = trial_values(samples).get(self._metric)
        if value is not None:
            self._values.setdefault(cell, {})[number] = value

    def stops(self, planned: PlannedTrial) -> bool:
        """Whether this trial is not wanted any more. A cell that has stopped stays so."""
        if self._until is None:
            return False
        if planned.cell not in self.stopped:
            after = self._enough_after(planned.cell, planned.number - 1)
            if after is not None:
                self.stopped[planned.cell] = after
        return planned.cell in self.stopped

    def _enough_after(self, cell: str, done: int) -> int | None:
        """The first of `done` blocks after which the cell needs no more; None when it does."""
        held = [other for baseline, other in self._pairs if baseline == cell]
        if held:
            ends = [self._enough_after(one, done) for one in held]
            known = [end for end in ends if end is not None]
            return max(known) if len(known) == len(ends) else None
        together = {cell, *(baseline for baseline, other in self._pairs if other == cell)}
        return next((n for n in range(self._least, done + 1) if all(self._tight(one, n) for one in together)), None)

    def _tight(self, cell: str, blocks: int) -> bool:
        assert self._until is not None
        values = [value for number, value in self._values.get(cell, {}).items() if number <= blocks]
        return tight(values, self._until.share, self._least)


def tight(values: Sequence[float], share: float, least: int) -> bool:
    """Whether half of the interval of the median is at most `share` of it, by `least` values or more."""
    if len(values) < least:
        return False
    interval, middle = stats.median_interval(values), stats.median(values)
    if interval.low is None or interval.high is None or middle <= 0:
        return False
    return (interval.high - interval.low) / 2 <= share * middle
