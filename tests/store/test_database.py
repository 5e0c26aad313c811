"""Opening: made, migrated and refused as it must be, by one process or by several at once."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event

import sparkbed.store.database as database
from sparkbed.errors import StoreError
from sparkbed.model import Acknowledgement
from sparkbed.store import Store
from sparkbed.store.migrations import HEAD
from sparkbed.store.schema import metadata

MIGRATIONS = Path(database.__file__).parent / "migrations"


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def database_at(path: Path, revision: str) -> None:
    """A database as a sparkbed of that revision left it, with one campaign of one trial."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        alembic = config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
        for statement in (
            "INSERT INTO campaign VALUES (1, 'old', 'quick', 'complete', 't0', 't1', 'f', 'g', '{\"seed\": 1}', '{}')",
            "INSERT INTO cell VALUES (1, 'c', 0, '{}', '{\"inventory\": \"local\"}', 'standalone', '{}', 'w', '{}')",
            "INSERT INTO trial VALUES (1, 'old-1', 1, 'c', 1, 1, 1, 'ok', 't0', 't1', NULL, '{}')",
            "INSERT INTO sample VALUES (1, 0, 'trial_seconds', 2.5, 's', NULL, 1)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_head_is_the_newest_revision() -> None:
    script = ScriptDirectory.from_config(config())
    assert script.get_heads() == [HEAD]


def test_the_revisions_in_order_give_the_schema(tmp_path: Path) -> None:
    Store(tmp_path / "s.db").close()
    with create_engine(f"sqlite:///{tmp_path / 's.db'}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_database_of_an_older_revision_opens_with_all_that_it_had(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "s.db"
    database_at(path, revision)
    with Store(path) as store:
        campaign = store.campaign()
        assert (campaign.id, campaign.plan) == ("old", {"seed": 1})
        assert [sample.value for sample in store.samples("old")["old-1"]] == [2.5]
        store.add_document("old", "note", "new tables are there")
        assert store.documents("old") == {"note": "new tables are there"}
        known = Acknowledgement("c", "trial_seconds", "old", "why", "t", "me")
        store.acknowledge(known)
        assert store.acknowledgements() == [known]


def test_a_failed_migration_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.db"
    database_at(path, "0001")
    upgrade = database._upgrade

    def upgrade_and_fail(connection: object) -> None:
        upgrade(connection)  # type: ignore[arg-type]  # it is passed on
        raise OSError("the machine went down here")

    monkeypatch.setattr(database, "_upgrade", upgrade_and_fail)
    with pytest.raises(OSError, match="went down"):
        Store(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert not connection.execute("SELECT name FROM sqlite_master WHERE name = 'document'").fetchall()


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer sparkbed.*0999") as caught:
        Store(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_revision_is_never_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Store(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        alembic = config()
        alembic.attributes["connection"] = connection
        with pytest.raises(NotImplementedError, match="never taken back"):
            command.downgrade(alembic, "0001")


def test_it_is_in_wal_mode_with_foreign_keys_on(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#é"
    folder.mkdir()
    Store(folder / "s.db").close()
    assert [entry.name for entry in folder.iterdir()] == ["s.db"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not a database, but long enough to look at" * 50, "not a SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 4096, "database"),
    ],
)
def test_what_is_no_database_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=says) as caught:
        Store(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == content


def test_anothers_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="not one of sparkbed's"):
        Store(path)
    with sqlite3.connect(path) as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["theirs"]


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    database_at(path, HEAD)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match="damaged") as caught, Store(path) as store:
        store.campaign()
    assert f"sqlite3 {path} .recover" in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened") as caught:
        Store(tmp_path / "absent" / "s.db")
    assert "absent" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    database_at(path, HEAD)
    path.chmod(0o444)
    with pytest.raises(StoreError, match=r"can't be written|can't be opened") as caught, Store(path) as store:
        store.set_status("old", "complete")
    assert str(path) in str(caught.value)


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    """SQLite meets its own limit here just as it meets a full disk: SQLITE_FULL."""
    database_at(path := tmp_path / "s.db", HEAD)
    with Store(path) as store:
        # The limit can't fall below what is there: from here on the file may not grow.
        event.listen(store._engine, "checkout", lambda dbapi, *rest: dbapi.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(StoreError, match="disk is full"):
            store.add_document("old", "big", "x" * 1_000_000)
    with Store(path) as store:
        assert store.documents("old") == {}
        store.add_document("old", "big", "x" * 1_000_000)


def test_a_file_that_may_not_grow_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    database_at(path, HEAD)
    writer = (
        "import sys; from sparkbed.store import Store; from sparkbed.errors import StoreError\n"
        "store = Store(sys.argv[1])\n"
        "try:\n    store.add_document('old', 'big', 'x' * 1_000_000)\n"
        "except StoreError as error:\n    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", writer, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert str(path) in said.stdout, said.stderr
    assert "space" in said.stdout
    with Store(path) as store:
        assert store.documents("old") == {}


@pytest.mark.parametrize("revision", [None, "0001"])
def test_processes_that_open_at_once_do_not_collide(tmp_path: Path, revision: str | None) -> None:
    path = tmp_path / "s.db"
    if revision:
        database_at(path, revision)
    opener = (
        "import sys; from sparkbed.store import Store; print('ready', flush=True); sys.stdin.readline()\n"
        "store = Store(sys.argv[1]); print(len(store.campaigns()))"
    )
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", opener, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for process in openers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in openers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in openers]
    assert [process.returncode for process in openers] == [0] * 6
    assert said == ["1\n" if revision else "0\n"] * 6
