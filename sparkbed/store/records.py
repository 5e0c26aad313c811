"""Rows of the database to the values of `sparkbed/model.py`, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
from sqlalchemy import Row

from sparkbed.model import Campaign, Cell, HostsSpec, Sample, Trial


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "suite": campaign.suite,
        "status": campaign.status,
        "started": campaign.started,
        "finished": campaign.finished,
        "fingerprint": campaign.fingerprint,
        "git_revision": campaign.git_revision,
        "plan": to_json(campaign.plan),
        "facts": to_json(campaign.facts),
    }


def campaign_of(row: Row[Any], cells: tuple[Cell, ...], status: str) -> Campaign:
    return Campaign(
        id=row.id,
        suite=row.suite,
        status=status,
        started=row.started,
        finished=row.finished,
        fingerprint=row.fingerprint,
        git_revision=row.git_revision,
        plan=json.loads(row.plan),
        cells=cells,
        facts=json.loads(row.facts),
    )


def cell_row(cell: Cell, campaign: int, ordinal: int) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "id": cell.id,
        "ordinal": ordinal,
        "factors": to_json(cell.factors),
        "hosts": to_json({"inventory": cell.hosts.inventory, "count": cell.hosts.count}),
        "platform": cell.platform,
        "settings": to_json(cell.settings),
        "workload": cell.workload,
        "parameters": to_json(cell.parameters),
    }


def cell_of(row: Row[Any]) -> Cell:
    return Cell(
        id=row.id,
        factors=json.loads(row.factors),
        hosts=HostsSpec(**json.loads(row.hosts)),
        platform=row.platform,
        settings=json.loads(row.settings),
        workload=row.workload,
        parameters=json.loads(row.parameters),
    )


def trial_row(trial: Trial, campaign: int) -> dict[str, Any]:
    return {
        "id": trial.id,
        "campaign": campaign,
        "cell": trial.cell,
        "number": trial.number,
        "block": trial.block,
        "position": trial.position,
        "status": trial.status,
        "started": trial.started,
        "finished": trial.finished,
        "error": None if trial.error is None else storable(trial.error),
        "facts": to_json(trial.facts),
    }


def trial_of(row: Row[Any], campaign: str) -> Trial:
    return Trial(
        id=row.id,
        campaign=campaign,
        cell=row.cell,
        number=row.number,
        block=row.block,
        position=row.position,
        status=row.status,
        started=row.started,
        finished=row.finished,
        error=row.error,
        facts=json.loads(row.facts),
    )


def sample_row(sample: Sample, ordinal: int) -> dict[str, Any]:
    return {
        "ordinal": ordinal,
        "metric": sample.metric,
        "value": None if math.isnan(sample.value) else float(sample.value),
        "unit": sample.unit,
        "iteration": sample.iteration,
        "kept": sample.kept,
    }


def sample_of(metric: str, value: float | None, unit: str, iteration: int | None, kept: bool) -> Sample:
    """From its columns: a large campaign has so many that looking them up in rows by name would show."""
    return Sample(metric, math.nan if value is None else value, unit, iteration, kept)


def storable(text: str) -> str:
    """`text` without halves of surrogate pairs, which undecodable bytes become in Python and SQLite refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")


def to_json(value: Any) -> str:
    """Mappings, NumPy numbers and paths become what JSON has for them; anything else that it lacks is a TypeError."""
    return json.dumps(value, default=_json_form)


def _json_form(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"a {type(value).__name__} can't be stored as JSON: {value!r}")
