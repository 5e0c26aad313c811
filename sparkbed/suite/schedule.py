"""The order in which a suite's trials run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from sparkbed.model import Cell, PlannedTrial
from sparkbed.suite.identity import cluster_key

T = TypeVar("T")


def ordered(cells: Sequence[Cell], *, trials: int, order: str, seed: int, cluster: str) -> list[PlannedTrial]:
    """Every trial in the order in which it is to run; always the same for the same cells, trials and seed.

    - `sequential`: all trials of a cell, then those of the next. `block` counts each cell's trials.
    - `blocked`: every cell once, in the suite's order; then again.
    - `randomized`: complete blocks, each in a random order of its own.

    When a cluster outlives a trial (`cluster: per-block` or `shared`), cells that can run on one cluster stay together
    within a block. Randomized then means a split-plot design: the clusters are put in random order, and within each
    its cells.
    """
    if order == "sequential":
        pairs = [(cell, number) for cell in cells for number in range(1, trials + 1)]
    else:
        plots = [list(cells)] if cluster == "per-trial" else _whole_plots(cells)
        draw = random.Random(seed)  # noqa: S311 - an order that others can repeat is wanted, not a secret
        shuffle = order == "randomized"
        pairs = [(cell, number) for number in range(1, trials + 1) for cell in _block(plots, draw if shuffle else None)]
    return [
        PlannedTrial(cell=cell.id, number=number, block=number, position=position)
        for position, (cell, number) in enumerate(pairs, start=1)
    ]


def _block(plots: list[list[Cell]], draw: random.Random | None) -> list[Cell]:
    if draw is not None:
        plots = _shuffled([_shuffled(plot, draw) for plot in plots], draw)
    return [cell for plot in plots for cell in plot]


def _whole_plots(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells by the cluster that they can share."""
    plots: dict[str, list[Cell]] = {}
    for cell in cells:
        plots.setdefault(cluster_key(cell), []).append(cell)
    return list(plots.values())


def _shuffled(items: list[T], draw: random.Random) -> list[T]:
    """Fisher and Yates's shuffle. Python promises the same numbers from one seed for random() alone."""
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        other = int(draw.random() * (last + 1))
        result[last], result[other] = result[other], result[last]
    return result
