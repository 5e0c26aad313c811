"""A campaign's numbers as plain columns, ready for a data frame: one row a sample, or one a point of a series.

    pandas.DataFrame(sample_columns(campaign, trials, samples))

Pure functions over the values of sparkbed/model.py; whoever reads them from the store hands them over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sparkbed.model import Campaign, Cell, Sample, Series, Trial

TRIAL = ("trial", "number", "block", "position", "status", "started")
SAMPLE = ("metric", "value", "unit", "iteration", "kept")
POINT = ("host", "source", "column", "unit", "time", "value")


def sample_columns(
    campaign: Campaign, trials: Sequence[Trial], samples: Mapping[str, Sequence[Sample]]
) -> dict[str, list[Any]]:
    """One row a sample; a trial without any has one row whose metric is None.

    Columns: campaign, suite, cell, label, platform, workload, one `factor.NAME` a factor, trial, number, block,
    position, status, started (a datetime with its zone), metric, value (None for what was no number), unit, iteration,
    kept. All have the same length.
    """
    factors = list(dict.fromkeys(name for cell in campaign.cells for name in cell.factors))
    heads = ["campaign", "suite", "cell", "label", "platform", "workload", *(f"factor.{name}" for name in factors)]
    columns: dict[str, list[Any]] = {name: [] for name in [*heads, *TRIAL, *SAMPLE]}
    cells = {cell.id: cell for cell in campaign.cells}
    for trial in trials:
        cell = cells[trial.cell]
        of_cell = [cell.id, label_of(campaign, cell), cell.platform, cell.workload]
        levels = [cell.factors.get(name) for name in factors]
        row = [campaign.id, campaign.suite, *of_cell, *levels, *_of_trial(trial)]
        for sample in samples.get(trial.id) or (None,):
            for column, value in zip(columns.values(), [*row, *_of_sample(sample)], strict=True):
                column.append(value)
    return columns


def series_columns(campaign: Campaign, trial: Trial, series: Sequence[Series]) -> dict[str, Any]:
    """One row a point in time and column of the trial's series (see `sparkbed.model.Series` for their names).

    Columns: campaign, cell, trial, host, source, column, unit (lists of text), time (Unix seconds) and value, both
    NumPy arrays of float64; a value that could not be read is NaN.
    """
    parts = [(one, name) for one in series for name in one.columns]
    lengths = [int(one.times.size) for one, _ in parts]

    def spread(values: Sequence[str]) -> list[str]:
        return [value for value, length in zip(values, lengths, strict=True) for _ in range(length)]

    total = sum(lengths)
    found = {
        "host": spread([one.host for one, _ in parts]),
        "source": spread([one.source for one, _ in parts]),
        "column": spread([name for _, name in parts]),
        "unit": spread([one.units.get(name, "") for one, name in parts]),
        "time": np.concatenate([one.times for one, _ in parts]) if parts else np.empty(0),
        "value": np.concatenate([one.columns[name] for one, name in parts]) if parts else np.empty(0),
    }
    return {"campaign": [campaign.id] * total, "cell": [trial.cell] * total, "trial": [trial.id] * total, **found}


def label_of(campaign: Campaign, cell: Cell) -> str:
    """The cell's label as the campaign's plan has it."""
    return str((campaign.plan.get("labels") or {}).get(cell.id) or cell.label)


def _of_trial(trial: Trial) -> list[Any]:
    return [trial.id, trial.number, trial.block, trial.position, trial.status, _moment(trial.started)]


def _of_sample(sample: Sample | None) -> list[Any]:
    if sample is None:
        return [None] * len(SAMPLE)
    value = sample.value if math.isfinite(sample.value) else None
    return [sample.metric, value, sample.unit, sample.iteration, sample.kept]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
