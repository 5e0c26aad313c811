"""Whether a suite's trials can decide what it compares, asked before they are run."""

from __future__ import annotations

from analysis.stats import blocks_needed
from sparkbed.suite import Suite, compared


def too_few_trials(suite: Suite) -> str | None:
    """That no comparison could find a difference, however large, and what to do; None where one could.

    A comparison exchanges trials inside blocks, so its p can't go below 2 / 2^trials; after Holm's correction the
    smallest of k comparisons has to be k times smaller. A sequential order allows no verdict whatever the trials.
    """
    comparisons = len(compared(suite))
    if not comparisons or suite.order == "sequential":
        return None
    needed = blocks_needed(comparisons=comparisons)
    if suite.trials >= needed:
        return None
    among = "1 comparison" if comparisons == 1 else f"{comparisons} comparisons"
    return (
        f"{suite.trials} trial{'' if suite.trials == 1 else 's'} of each cell can't decide {among}, however large a "
        f"difference is: it takes {needed} (--trials {needed})"
        + (", or fewer cells (--only)." if comparisons > 1 else ".")
    )
