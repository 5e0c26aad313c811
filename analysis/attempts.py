"""A task table's rows by the attempt of a stage that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def rows_by_attempt(columns: Mapping[str, NDArray[Any]]) -> dict[tuple[int, int], Rows]:
    """By (stage, attempt), in their order, the numbers of its rows, in the order of the table.

    Args:
        columns: a task table's; of stage and stage_attempt one that is missing counts as 0.
    """
    size = max((column.size for column in columns.values()), default=0)
    stage, attempt = (np.asarray(columns.get(name, np.zeros(size, np.int64))) for name in ("stage", "stage_attempt"))
    if not size:
        return {}
    order = np.lexsort((attempt, stage))
    stage, attempt = stage[order], attempt[order]
    cuts = np.flatnonzero((np.diff(stage) != 0) | (np.diff(attempt) != 0)) + 1
    return {(int(stage[rows[0]]), int(attempt[rows[0]])): order[rows] for rows in np.split(np.arange(size), cuts)}
