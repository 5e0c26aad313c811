"""`inv export`: the numbers as files that other programs read, and a campaign in one file that opens elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import made_up
import pyarrow.parquet
import pytest

from analysis.report import render
from sparkbed.store import Store
from tests.verbs.command import ID, inv


def test_parquet_has_every_sample_and_every_point(home: Path, tmp_path: Path) -> None:
    done = inv(home, "export", "--to", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    samples = pyarrow.parquet.read_table(tmp_path / "out" / f"{ID}-samples.parquet").to_pylist()
    with Store(home / "sparkbed.db") as store:
        trials = {trial.id: trial for trial in store.trials(ID)}
        stored = store.samples(ID)
        series = {trial: store.series(trial) for trial in trials}
    numbers = [row for row in samples if row["metric"] is not None]
    assert len(numbers) == sum(map(len, stored.values()))
    for row in numbers:
        same = [s for s in stored[row["trial"]] if (s.metric, s.iteration) == (row["metric"], row["iteration"])]
        assert [(one.value, one.unit, one.kept) for one in same] == [(row["value"], row["unit"], row["kept"])]
    failed = [row for row in samples if row["metric"] is None]
    assert [(row["trial"], row["status"]) for row in failed] == [(f"{ID}-0005", "failed")]
    assert {row["factor.layout"] for row in samples} == {"one-worker", "two-workers"}
    assert str(samples[0]["started"]) == trials[samples[0]["trial"]].started.replace("T", " ").replace(".000", "")
    found = duckdb.sql(
        f"select trial, count(*), count(value), sum(value) from '{tmp_path}/out/{ID}-series.parquet' group by trial"
    ).fetchall()
    assert {row[0] for row in found} == {trial for trial in trials if series[trial]}
    for trial, rows, known, total in found:
        values = [value for one in series[trial] for column in one.columns.values() for value in column]
        assert (rows, known) == (len(values), sum(value == value for value in values))
        assert total == pytest.approx(sum(value for value in values if value == value))


def test_csv_has_the_same_rows_as_parquet(home: Path, tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        done = inv(home, "export", ID[:20], "--format", form, "--to", str(tmp_path))
        assert done.returncode == 0, done.stderr
    for name in ("samples", "series"):
        with (tmp_path / f"{ID}-{name}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        table = pyarrow.parquet.read_table(tmp_path / f"{ID}-{name}.parquet")
        assert list(rows[0]) == table.column_names
        assert [row["trial"] for row in rows] == table["trial"].to_pylist()
        assert [float(row["value"]) if row["value"] else None for row in rows] == table["value"].to_pylist()


def test_names_of_any_sort_come_through(tmp_path: Path) -> None:
    hostile = 'a "quoted", <b>name</b>\nwith a line break; =1+1; ümläut 🔥'
    made = made_up.campaign(made_up.cells(), labels=dict.fromkeys([cell.id for cell in made_up.cells()], hostile))
    made_up.store_with(tmp_path, made, extras=False, trials=1).close()
    assert inv(tmp_path, "export", "--format", "csv").returncode == 0
    with (tmp_path / f"{ID}-samples.csv").open(newline="", encoding="utf-8") as file:
        assert {row["label"] for row in csv.DictReader(file)} == {hostile}


def test_an_archive_opens_in_another_state_folder_with_the_same_report(home: Path, tmp_path: Path) -> None:
    archive, other = tmp_path / "paper.zip", tmp_path / "other"
    other.mkdir()
    done = inv(home, "export", "--archive", str(archive))
    assert done.returncode == 0, done.stderr
    assert ID in done.stdout
    assert "SHA-256" in done.stdout
    there = inv(other, "report", str(archive), "--format", "json")
    assert there.returncode == 0, there.stderr
    with Store(home / "sparkbed.db") as store:
        assert there.stdout == render(store, ID, "json") + "\n"
    pages = inv(home, "report", "--output", str(tmp_path / "a.html")), inv(other, "report", str(archive))
    assert [done.returncode for done in pages] == [0, 0], pages[1].stderr
    assert (tmp_path / "paper.html").read_text() == (tmp_path / "a.html").read_text()
    assert not (other / "sparkbed.db").exists()


def test_the_same_campaign_gives_the_same_archive_also_from_an_archive(home: Path, tmp_path: Path) -> None:
    """So nothing of it is lost on the way: rows, series, task tables, documents and artifacts."""
    for words in ([], [str(tmp_path / "0.zip")], [str(tmp_path / "1.zip")]):
        number = len(list(tmp_path.glob("*.zip")))
        done = inv(home, "export", *words, "--archive", str(tmp_path / f"{number}.zip"))
        assert done.returncode == 0, done.stderr
    first, second, third = (path.read_bytes() for path in sorted(tmp_path.glob("*.zip")))
    assert first == second == third


def test_an_artifact_that_is_gone_is_named_and_left_out(tmp_path: Path) -> None:
    log = tmp_path / "eventlog.gz"
    log.write_bytes(b"tasks")
    with made_up.store_with(tmp_path, extras=False, trials=1) as store:
        made_up.give_artifacts(store, f"{ID}-0001", {"eventlog.gz": log})
    log.unlink()
    done = inv(tmp_path, "export", "--archive", "a.zip")
    assert done.returncode == 0, done.stderr
    assert f"left out: artifact 'eventlog.gz' of trial {ID}-0001 is gone" in done.stdout
    assert inv(tmp_path, "report", "a.zip", "--format", "md").returncode == 0


def test_a_campaign_that_runs_is_not_archived(tmp_path: Path) -> None:
    made = made_up.campaign(made_up.cells(), status="running")
    with made_up.store_with(tmp_path, made, extras=False, trials=1):
        done = inv(tmp_path, "export", "--archive", "a.zip")
    assert done.returncode == 2
    assert "still running" in done.stderr
    assert not (tmp_path / "a.zip").exists()
