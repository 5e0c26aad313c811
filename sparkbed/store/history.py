"""Statements about what outlives single campaigns: acknowledged changes, and artifacts that have grown old."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sparkbed.model import Acknowledgement
from sparkbed.store.campaigns import key_of
from sparkbed.store.records import storable
from sparkbed.store.schema import acknowledgements, artifacts, trials


def put_acknowledgement(connection: Connection, known: Acknowledgement) -> None:
    row = {name: storable(value) for name, value in vars(known).items()}
    statement = upsert(acknowledgements).values(row)
    replaced = {name: statement.excluded[name] for name in ("reason", "made", "by")}
    key = ["cell", "metric", "campaign"]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=replaced))


def delete_acknowledgement(connection: Connection, known: Acknowledgement) -> None:
    table = acknowledgements.c
    one = (table.cell == known.cell, table.metric == known.metric, table.campaign == known.campaign)
    connection.execute(delete(acknowledgements).where(*one))


def select_acknowledgements(connection: Connection) -> list[Acknowledgement]:
    table = acknowledgements.c
    columns = (table.cell, table.metric, table.campaign, table.reason, table.made, table.by)
    return [Acknowledgement(*row) for row in connection.execute(select(*columns).order_by(table.key))]


def clear_artifacts(connection: Connection, campaign_id: str) -> int:
    """How many artifacts lost their content or path."""
    of_campaign = select(trials.c.key).where(trials.c.campaign == key_of(connection, campaign_id))
    there = (artifacts.c.content.is_not(None)) | (artifacts.c.path.is_not(None))
    chosen = (artifacts.c.trial.in_(of_campaign), there)
    count = connection.scalar(select(func.count()).select_from(artifacts).where(*chosen)) or 0
    connection.execute(update(artifacts).where(*chosen).values(content=None, path=None))
    return int(count)
