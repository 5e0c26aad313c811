"""Opening the database: SQLite as we need it, migrated to the newest revision, its faults put in words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from sparkbed.errors import StoreError
from sparkbed.store.migrations import HEAD

BUSY_SECONDS = 30.0
"""How long a writer waits for another one. Our transactions take milliseconds; a slow disk may take seconds."""

_ADVICE = (
    # (what SQLite says, what happened, what to do)
    (
        "file is not a database",
        "it is not a SQLite database",
        "Move the file away, or name another state folder with SPARKBED_HOME.",
    ),
    (
        "malformed",
        "the database is damaged",
        "Move it away and put a copy back; `sqlite3 FILE .recover` saves what can be read.",
    ),
    (
        "readonly",
        "the database can't be written",
        "Make the file and its folder writable for you, or name another state folder with SPARKBED_HOME.",
    ),
    ("disk is full", "the disk is full", "Free some space and run the same command again: what was recorded is kept."),
    (
        "disk I/O error",
        "reading or writing it failed",
        "Look at free space, quota and the disk's health, then run the same command again.",
    ),
    (
        "unable to open",
        "it can't be opened",
        "Its folder must exist and be writable for you; SPARKBED_HOME names another one.",
    ),
    (
        "is locked",
        f"another process has kept it locked for {BUSY_SECONDS:.0f} s",
        "Wait for it, or see who has it open: `fuser FILE`.",
    ),
)


def open_database(path: Path) -> Engine:
    """An engine on the database at `path`, which is made if it isn't there and migrated if it is older.

    Its transactions are deferred; give the execution option `begin="BEGIN IMMEDIATE"` to those that write.

    Raises:
        StoreError: when the file is no database of ours, was written by a newer sparkbed, or can't be used.
    """
    engine = _engine(path)
    try:
        with faults_explained(path):
            _use_wal(engine)
            _migrate(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def faults_explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a StoreError that names the file and what to do.

    Broken constraints pass through: they are about what is written, and their caller knows what that is.
    """
    try:
        yield
    except exc.IntegrityError:
        raise
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        said = str(error.orig if isinstance(error, exc.DatabaseError) else error)
        for words, what, hint in _ADVICE:
            if words in said:
                raise StoreError(what, where=str(path), hint=hint.replace("FILE", str(path))) from error
        raise StoreError(f"the database failed: {said}", where=str(path)) from error


def _engine(path: Path, foreign_keys: bool = True) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own: the next listener does
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        # What is committed survives the end of our process, whatever kills it; a power cut may take the last commits.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _use_wal(engine: Engine) -> None:
    """Readers and a writer side by side. The mode is the file's own, so this writes once in a database's life."""
    deadline = time.monotonic() + BUSY_SECONDS
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # SQLite does not wait here as it does elsewhere when another process opens the file too.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
                continue
            break
    finally:
        connection.close()


def _migrate(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        if _revision(connection, path) == HEAD:
            return
    # A table that is rebuilt is dropped for a moment: rows that point to it must not go with it.
    migrating = _engine(path, foreign_keys=False).execution_options(begin="BEGIN IMMEDIATE")
    try:
        # The write lock is what keeps two processes that open at once apart: the second sees the first one's revision.
        with migrating.begin() as connection:
            if _revision(connection, path) != HEAD:
                _upgrade(connection)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise StoreError(f"bringing it to revision {HEAD} broke {len(broken)} references", where=str(path))
    finally:
        migrating.dispose()


def _revision(connection: Connection, path: Path) -> str | None:
    """The revision of the database; None when it is empty."""
    tables = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    if not {"alembic_version", "campaign"} <= tables:
        raise StoreError(
            "it is a SQLite database, but not one of sparkbed's",
            where=str(path),
            hint="Move the file away, or name another state folder with SPARKBED_HOME.",
        )
    revision = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    if revision > HEAD:
        raise StoreError(
            f"it was written by a newer sparkbed (revision {revision}; this one knows up to {HEAD})",
            where=str(path),
            hint="Update this checkout (git pull), or name another state folder with SPARKBED_HOME.",
        )
    return revision


def _upgrade(connection: Connection) -> None:
    # Loaded only when there is something to do: Alembic takes longer to load than the rest of the store.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
