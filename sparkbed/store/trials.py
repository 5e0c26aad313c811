"""Statements about trials and what belongs to them: samples, series, the task table, artifacts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, exc, func, insert, select

from sparkbed.errors import StoreError, UsageError
from sparkbed.model import Sample, Series, TaskTable, Trial
from sparkbed.store.arrays import pack_series, pack_tasks, unpack_series, unpack_tasks
from sparkbed.store.campaigns import key_of
from sparkbed.store.records import sample_of, sample_row, trial_of, trial_row
from sparkbed.store.schema import artifacts, campaigns, samples, series, task_tables, trials

Artifacts = Mapping[str, "Path | bytes"]


def insert_trial(connection: Connection, trial: Trial) -> int:
    """The new row's key."""
    campaign = key_of(connection, trial.campaign)
    same = select(trials.c.id).where(
        trials.c.campaign == campaign, trials.c.cell == trial.cell, trials.c.number == trial.number
    )
    recorded = connection.scalar(same)
    if recorded is not None:
        raise StoreError(f"trial {trial.number} of cell {trial.cell} is already recorded, as {recorded}")
    try:
        row = trial_row(trial, campaign)
        return int(connection.execute(insert(trials).values(row).returning(trials.c.key)).scalar_one())
    except exc.IntegrityError as error:
        why = f"campaign {trial.campaign} has no cell {trial.cell}" if "FOREIGN" in str(error) else "its id is taken"
        raise StoreError(f"trial {trial.id} can't be recorded: {why}") from None


@dataclass(frozen=True)
class Belongings:
    """What belongs to a trial, as rows that lack only its key: compressing is not for a transaction to wait for."""

    samples: list[dict[str, Any]]
    series: list[dict[str, Any]]
    tasks: bytes | None
    artifacts: list[dict[str, Any]]

    def insert(self, connection: Connection, key: int) -> None:
        for table, rows in ((samples, self.samples), (series, self.series), (artifacts, self.artifacts)):
            if rows:
                connection.execute(insert(table), [{"trial": key, **row} for row in rows])
        if self.tasks is not None:
            connection.execute(insert(task_tables).values(trial=key, data=self.tasks))


def belongings(
    of_trial: Sequence[Sample], hosts: Iterable[Series], tasks: TaskTable | None, files: Artifacts, folder: Path
) -> Belongings:
    """Rows of what belongs to a trial. A file's path is kept relative to the database's `folder` if it lies below it.

    Raises:
        ValueError: when the arrays of a series or of the task table don't fit together.
        StoreError: when a file can't be read.
    """
    return Belongings(
        samples=[sample_row(sample, ordinal) for ordinal, sample in enumerate(of_trial)],
        series=[
            {"ordinal": ordinal, "host": one.host, "source": one.source, "data": pack_series(one)}
            for ordinal, one in enumerate(hosts)
        ],
        tasks=None if tasks is None else pack_tasks(tasks),
        artifacts=[{"name": name, **_artifact_row(content, folder)} for name, content in files.items()],
    )


def _artifact_row(content: Path | bytes, folder: Path) -> dict[str, Any]:
    if isinstance(content, bytes):
        return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "content": content, "path": None}
    path = content.absolute()
    try:
        digest, size = _digest(path)
    except OSError as error:
        raise StoreError(f"the artifact can't be read: {error.strerror}", where=str(path)) from None
    kept = path.relative_to(folder) if path.is_relative_to(folder) else path
    return {"size": size, "sha256": digest, "content": None, "path": str(kept)}


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def select_trials(connection: Connection, campaign_id: str) -> list[Trial]:
    key = key_of(connection, campaign_id)
    rows = connection.execute(select(trials).where(trials.c.campaign == key).order_by(trials.c.position, trials.c.key))
    return [trial_of(row, campaign_id) for row in rows]


def find_trial(connection: Connection, wanted: str) -> Trial:
    """The trial whose id is `wanted` or begins with it."""
    columns = (trials, campaigns.c.id.label("campaign_id"))
    begins = func.substr(trials.c.id, 1, len(wanted)) == wanted
    rows = connection.execute(
        select(*columns).join(campaigns, campaigns.c.key == trials.c.campaign).where(begins)
    ).fetchall()
    rows = [row for row in rows if row.id == wanted] or rows
    if len(rows) == 1:
        return trial_of(rows[0], rows[0].campaign_id)
    newest = list(connection.scalars(select(trials.c.id).order_by(trials.c.key.desc()).limit(5)))
    if not newest:
        raise UsageError("there is no trial yet", hint="Run a suite: ./inv run-suite")
    what = f"{len(rows)} trials begin with {wanted!r}" if rows else f"there is no trial {wanted!r}"
    raise UsageError(what, hint=f"The newest: {', '.join(newest)}.")


def select_samples(connection: Connection, campaign_id: str) -> dict[str, list[Sample]]:
    """Samples by trial id; a trial without any has an empty list."""
    key = key_of(connection, campaign_id)
    columns = (samples.c.metric, samples.c.value, samples.c.unit, samples.c.iteration, samples.c.kept)
    rows = connection.execute(
        select(trials.c.id, *columns)
        .join_from(trials, samples, samples.c.trial == trials.c.key, isouter=True)
        .where(trials.c.campaign == key)
        .order_by(trials.c.position, trials.c.key, samples.c.ordinal)
    )
    found: dict[str, list[Sample]] = {}
    for trial, metric, value, unit, iteration, kept in rows:
        of_trial = found.setdefault(trial, [])
        if metric is not None:
            of_trial.append(sample_of(metric, value, unit, iteration, kept))
    return found


def select_series(connection: Connection, trial_id: str) -> list[Series]:
    found = select(series).where(series.c.trial == _key(connection, trial_id)).order_by(series.c.ordinal)
    return [unpack_series(row.host, row.source, row.data) for row in connection.execute(found)]


def select_tasks(connection: Connection, trial_id: str) -> TaskTable | None:
    data: bytes | None = connection.scalar(
        select(task_tables.c.data).where(task_tables.c.trial == _key(connection, trial_id))
    )
    return None if data is None else unpack_tasks(data)


def select_artifacts(connection: Connection, trial_id: str) -> list[str]:
    there = (artifacts.c.content.is_not(None)) | (artifacts.c.path.is_not(None))
    names = select(artifacts.c.name).where(artifacts.c.trial == _key(connection, trial_id), there)
    return list(connection.scalars(names.order_by(artifacts.c.name)))


def read_artifact(connection: Connection, trial_id: str, name: str, folder: Path) -> bytes:
    key = _key(connection, trial_id)
    row = connection.execute(select(artifacts).where(artifacts.c.trial == key, artifacts.c.name == name)).first()
    if row is None:
        names = ", ".join(select_artifacts(connection, trial_id)) or "none"
        raise UsageError(f"trial {trial_id} has no artifact {name!r}", hint=f"It has: {names}.")
    if row.content is not None:
        return bytes(row.content)
    if row.path is None:
        raise StoreError(
            f"artifact {name!r} of trial {trial_id} was taken away when it was old",
            hint="keep_artifacts in suites/nightly.yml says how long they are kept.",
        )
    path = folder / str(row.path)
    try:
        content: bytes = path.read_bytes()
    except OSError as error:
        raise StoreError(f"artifact {name!r} of trial {trial_id} is gone: {error.strerror}", where=str(path)) from None
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise StoreError(f"artifact {name!r} of trial {trial_id} has been changed since", where=str(path))
    return content


def _key(connection: Connection, trial_id: str) -> int:
    key = connection.scalar(select(trials.c.key).where(trials.c.id == trial_id))
    if key is None:
        raise StoreError(f"trial {trial_id} is not recorded")
    return int(key)
