"""Statements about campaigns: their rows, cells, documents, and which process has them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exc, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sparkbed.errors import StoreError, UsageError
from sparkbed.model import Campaign, Cell
from sparkbed.store.claims import Process
from sparkbed.store.records import campaign_of, campaign_row, cell_of, cell_row, storable, to_json
from sparkbed.store.schema import campaigns, cells, claims, documents

SHOWN = 5
"""How many campaigns a message about an unknown one names."""


def insert_campaign(connection: Connection, campaign: Campaign) -> None:
    try:
        key = connection.execute(
            insert(campaigns).values(campaign_row(campaign)).returning(campaigns.c.key)
        ).scalar_one()
        rows = [cell_row(cell, key, ordinal) for ordinal, cell in enumerate(campaign.cells)]
        if rows:
            connection.execute(insert(cells), rows)
    except exc.IntegrityError:
        raise StoreError(f"campaign {campaign.id} is already recorded, or has the same cell twice") from None


def select_campaigns(connection: Connection, *conditions: ColumnElement[bool]) -> list[Campaign]:
    """Newest first. A campaign said to be running whose process is gone is interrupted."""
    newest = (campaigns.c.started.desc(), campaigns.c.key.desc())
    rows = connection.execute(select(campaigns).where(*conditions).order_by(*newest)).fetchall()
    of_campaign: defaultdict[int, list[Cell]] = defaultdict(list)
    ours = select(campaigns.c.key).where(*conditions)
    for row in connection.execute(select(cells).where(cells.c.campaign.in_(ours)).order_by(cells.c.ordinal)):
        of_campaign[row.campaign].append(cell_of(row))
    claimed = _claims(connection)
    return [
        campaign_of(
            row,
            tuple(of_campaign[row.key]),
            "interrupted" if row.status == "running" and not _alive(claimed.get(row.key)) else row.status,
        )
        for row in rows
    ]


def find_campaign(connection: Connection, wanted: str | None) -> Campaign:
    """The campaign whose id is `wanted` or begins with it; the newest for None."""
    if wanted is None:
        newest = select(campaigns.c.id).order_by(campaigns.c.started.desc(), campaigns.c.key.desc()).limit(1)
        ids = list(connection.scalars(newest))
    else:
        begins = func.substr(campaigns.c.id, 1, len(wanted)) == wanted
        ids = list(connection.scalars(select(campaigns.c.id).where(begins)))
        ids = [wanted] if wanted in ids else ids
    if len(ids) == 1 and wanted != "":
        return select_campaigns(connection, campaigns.c.id == ids[0])[0]
    raise _not_found(connection, wanted, len(ids))


def _not_found(connection: Connection, wanted: str | None, found: int) -> UsageError:
    columns = select(campaigns.c.id, campaigns.c.suite, campaigns.c.started)
    rows = connection.execute(columns.order_by(campaigns.c.started.desc(), campaigns.c.key.desc()).limit(SHOWN)).all()
    if not rows:
        return UsageError("there is no campaign yet", hint="Run one: ./inv run-suite")
    newest = "; ".join(f"{row.id} ({row.suite}, {row.started})" for row in rows)
    what = f"{found} campaigns begin with {wanted!r}" if found else f"there is no campaign {wanted!r}"
    return UsageError(what, hint=f"The newest: {newest}. The first characters of an id are enough.")


def key_of(connection: Connection, campaign_id: str) -> int:
    """The campaign's key.

    Raises:
        StoreError: when it is not recorded.
    """
    key = connection.scalar(select(campaigns.c.key).where(campaigns.c.id == campaign_id))
    if key is None:
        raise StoreError(f"campaign {campaign_id} is not recorded")
    return int(key)


def update_status(
    connection: Connection, campaign_id: str, status: str, finished: str | None, facts: Mapping[str, Any] | None
) -> None:
    key = key_of(connection, campaign_id)
    values: dict[str, Any] = {"status": status, "finished": finished}
    if facts is not None:
        known = connection.scalar(select(campaigns.c.facts).where(campaigns.c.key == key))
        values["facts"] = to_json({**json.loads(known or "{}"), **facts})
    connection.execute(update(campaigns).where(campaigns.c.key == key).values(values))


# -- documents ---------------------------------------------------------------------------------------------------------


def put_document(connection: Connection, campaign_id: str, name: str, text: str) -> None:
    row = {"campaign": key_of(connection, campaign_id), "name": name, "text": storable(text)}
    statement = upsert(documents).values(row)
    connection.execute(statement.on_conflict_do_update(set_={"text": statement.excluded.text}))


def select_documents(connection: Connection, campaign_id: str) -> dict[str, str]:
    key = key_of(connection, campaign_id)
    found = select(documents.c.name, documents.c.text).where(documents.c.campaign == key).order_by(documents.c.name)
    return {row.name: row.text for row in connection.execute(found)}


# -- claims ------------------------------------------------------------------------------------------------------------


def take_claim(connection: Connection, campaign_id: str) -> None:
    key, me = key_of(connection, campaign_id), Process.this()
    holder = _claims(connection).get(key)
    if holder is not None and holder != me and holder.alive:
        raise StoreError(
            f"campaign {campaign_id} is being run by process {holder.pid}",
            hint=f"Wait for it, stop it with Ctrl-C in its terminal or `kill {holder.pid}`, or start another campaign "
            "with --fresh.",
        )
    row = {"pid": me.pid, "start_ticks": me.start_ticks, "boot_id": me.boot_id}
    connection.execute(upsert(claims).values(campaign=key, **row).on_conflict_do_update(set_=row))


def drop_claim(connection: Connection, campaign_id: str) -> None:
    """Give up this process's claim; one of another process stays."""
    key, me = key_of(connection, campaign_id), Process.this()
    mine = (claims.c.campaign == key, claims.c.pid == me.pid, claims.c.start_ticks == me.start_ticks)
    connection.execute(delete(claims).where(*mine))


def claimant(connection: Connection, campaign_id: str) -> int | None:
    """The pid of the live process that has the campaign, if one has."""
    holder = _claims(connection).get(key_of(connection, campaign_id))
    return holder.pid if holder is not None and holder.alive else None


def _claims(connection: Connection) -> dict[int, Process]:
    return {row.campaign: Process(row.pid, row.start_ticks, row.boot_id) for row in connection.execute(select(claims))}


def _alive(holder: Process | None) -> bool:
    return holder is not None and holder.alive
