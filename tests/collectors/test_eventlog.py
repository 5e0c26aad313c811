"""The reader against a real log: Spark's own totals by stage, logs that break off, and what is no log at all.

`data/spark-3.5-local.gz` is what PySpark 3.5.9 wrote in local[2] for a reduceByKey, a job that fails on purpose, and
one whose results are too large to come with the task's end. Paths and the user's name were replaced in it.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparkbed.collectors import eventlog, get, names
from sparkbed.collectors.base import Context
from sparkbed.collectors.eventlog import ARTIFACT, FOLDER, find_log, keep_log, spark_properties
from sparkbed.errors import RunError, UsageError
from sparkbed.event_log import COLUMNS, read_event_log

LOG = Path(__file__).parent / "data" / "spark-3.5-local.gz"

TOTALS = {
    # Spark adds these up itself, by stage, in StageCompleted; ours must come to the same.
    "internal.metrics.executorDeserializeTime": "deserialize_ms",
    "internal.metrics.executorDeserializeCpuTime": "deserialize_cpu_ns",
    "internal.metrics.executorRunTime": "run_ms",
    "internal.metrics.executorCpuTime": "cpu_ns",
    "internal.metrics.resultSerializationTime": "result_serialization_ms",
    "internal.metrics.jvmGCTime": "gc_ms",
    "internal.metrics.resultSize": "result_size",
    "internal.metrics.shuffle.read.fetchWaitTime": "fetch_wait_ms",
    "internal.metrics.shuffle.read.localBytesRead": "local_bytes_read",
    "internal.metrics.shuffle.read.remoteBytesRead": "remote_bytes_read",
    "internal.metrics.shuffle.write.writeTime": "shuffle_write_ns",
    "internal.metrics.shuffle.write.bytesWritten": "shuffle_bytes_written",
    "internal.metrics.peakExecutionMemory": "peak_memory",
}


def lines() -> list[bytes]:
    with gzip.open(LOG) as stream:
        return stream.readlines()


def test_the_task_table_comes_to_sparks_own_totals() -> None:
    columns = read_event_log(LOG).tasks.columns
    checked = 0
    for event in map(json.loads, lines()):
        if event["Event"] != "SparkListenerStageCompleted" or "Failure Reason" in event["Stage Info"]:
            continue
        of_stage = columns["stage"] == event["Stage Info"]["Stage ID"]
        for total in event["Stage Info"]["Accumulables"]:
            if total["Name"] in TOTALS:
                assert columns[TOTALS[total["Name"]]][of_stage].sum() == int(total["Value"]), total["Name"]
                checked += 1
    assert checked > 30


def test_every_column_is_there_with_its_type() -> None:
    columns = read_event_log(LOG).tasks.columns
    assert tuple(columns) == COLUMNS
    assert {column.shape for column in columns.values()} == {(16,)}
    text, flags = {"executor", "host", "locality"}, {"failed", "killed", "speculative"}
    for name, column in columns.items():
        assert column.dtype.kind == ("U" if name in text else "b" if name in flags else "i"), name
        assert not column.dtype.hasobject
    assert set(columns["executor"]) == {"driver"}
    assert columns["failed"].sum() == 1
    assert (columns["finish_ms"] >= columns["launch_ms"]).all()
    large = columns["getting_result_ms"] > 0
    assert large.sum() == 2
    assert (columns["getting_result_ms"][large] <= columns["finish_ms"][large]).all()


def test_application_jobs_stages_and_executors() -> None:
    log = read_event_log(LOG)
    assert (log.name, log.spark_version, log.complete) == ("fixture", "3.5.9", True)
    assert log.started is not None
    assert log.finished is not None
    assert 1 < log.finished - log.started < 60
    assert [job.succeeded for job in log.jobs] == [True, True, False, True]
    assert [(stage.id, stage.tasks) for stage in log.stages] == [(0, 4), (1, 3), (3, 3), (4, 4), (5, 2)]
    assert [stage.failure is None for stage in log.stages] == [True, True, True, False, True]
    assert (log.properties["spark.master"], log.properties["spark.app.name"]) == ("local[2]", "fixture")
    assert [(executor.id, executor.cores) for executor in log.executors] == [("driver", 2)]
    json.dumps(log.facts)
    assert len(log.facts["jobs"]) == 4


def test_a_log_that_breaks_off_anywhere_is_read_as_far_as_it_goes() -> None:
    whole = b"".join(lines())
    ends = [match.end() for match in re.finditer(rb"\n", whole)]
    seen = set()
    for cut in range(ends[0], len(whole), 997):
        log = read_event_log(io.BytesIO(whole[:cut]))
        finished = sum(
            b'"SparkListenerTaskEnd"' in line for line in whole[:cut].splitlines(True) if line.endswith(b"\n")
        )
        assert len(log.tasks.columns["task"]) in (finished, finished + 1)
        assert not log.complete
        seen.add(finished)
    assert len(seen) > 8


def test_a_gzip_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    short = tmp_path / "log.gz"
    short.write_bytes(LOG.read_bytes()[:-2000])
    log = read_event_log(short)
    assert 0 < len(log.tasks.columns["task"]) < 16


def test_a_log_in_progress_without_tasks_has_empty_columns() -> None:
    head = [line for line in lines() if b"TaskEnd" not in line[:40]]
    columns = read_event_log(io.BytesIO(b"".join(head))).tasks.columns
    assert tuple(columns) == COLUMNS
    assert {column.shape for column in columns.values()} == {(0,)}


def test_a_task_without_metrics_has_zeros() -> None:
    event = json.loads(next(line for line in lines() if b"SparkListenerTaskEnd" in line[:40]))
    del event["Task Metrics"]
    bare = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    columns = read_event_log(io.BytesIO(lines()[0] + bare)).tasks.columns
    assert columns["run_ms"].tolist() == [0]
    assert columns["launch_ms"][0] > 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no event"),
        (b"hello\n", "no event"),
        (b'{"Event":"SparkListenerLogStart","Spark Version":"3.5.9"}\nrubbish\n{"Event":"x"}\n', "line 2"),
        (
            b'{"Event":"SparkListenerLogStart","Spark Version":"3"}\n{"Event":"SparkListenerTaskEnd"\n{"Event":"x"}',
            "line 2",
        ),
        (b'{"Event":"SparkListenerLogStart"}\n{"Event":"SparkListenerStageCompleted"}\n{"Event":"x"}\n', "line 2"),
    ],
)
def test_what_is_no_event_log_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(RunError, match=says) as caught:
        read_event_log(path)
    assert str(path) in str(caught.value)


def test_absent_and_damaged_logs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no part of a rolling event log"):
        read_event_log(tmp_path)
    with pytest.raises(RunError, match="can't be read"):
        read_event_log(tmp_path / "absent")
    damaged = tmp_path / "log.gz"
    damaged.write_bytes(b"\x1f\x8bplain")
    with pytest.raises(RunError, match="can't be unpacked"):
        read_event_log(damaged)


def test_the_collector_keeps_the_log_gzipped_and_gives_its_tasks(tmp_path: Path) -> None:
    collector = get("eventlog")
    context = Context(tmp_path, ())
    assert collector.spark_properties(context)["spark.eventLog.dir"] == (tmp_path / FOLDER).as_uri()
    collector.start(context)
    raw = tmp_path / FOLDER / "app-1.inprogress"
    raw.write_bytes(b"".join(lines()))
    raw.chmod(0o660)
    collected = collector.stop()
    assert collected.faults == ()
    assert collected.tasks is not None
    assert len(collected.tasks.columns["task"]) == 16
    assert collected.facts["name"] == "fixture"
    kept = collected.artifacts[ARTIFACT]
    assert gzip.decompress(kept.read_bytes()) == b"".join(lines())
    assert kept.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / FOLDER).exists()
    np.testing.assert_array_equal(read_event_log(kept).tasks.columns["task"], collected.tasks.columns["task"])


@pytest.mark.parametrize("after", ["find_log", "read_event_log"])
def test_a_log_that_spark_renames_meanwhile_is_kept_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """As a driver does that ends while its trial, which was cut short, is cleared up."""
    collector = get("eventlog")
    collector.start(Context(tmp_path, ()))
    raw = tmp_path / FOLDER / "app-1.inprogress"
    raw.write_bytes(b"".join(lines()))
    step = getattr(eventlog, after)

    def renamed(*arguments: Any) -> Any:
        found = step(*arguments)
        if raw.exists():
            raw.rename(raw.with_suffix(""))
        return found

    monkeypatch.setattr(eventlog, after, renamed)
    collected = collector.stop()
    assert not raw.exists()
    assert collected.faults == ()
    assert gzip.decompress(collected.artifacts[ARTIFACT].read_bytes()) == b"".join(lines())
    assert not (tmp_path / FOLDER).exists()


def test_a_driver_that_wrote_no_log_is_a_fault_and_no_error(tmp_path: Path) -> None:
    collector = get("eventlog")
    collector.start(Context(tmp_path, ()))
    assert "0 event logs" in collector.stop().faults[0]
    assert collector.stop().faults == (), "stop without start"


def test_a_log_of_a_launch_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "app-0.inprogress").write_bytes(b"".join(lines()[:5]))
    get("eventlog").start(Context(tmp_path, ()))
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_two_logs_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a", "b", ".a.crc"):
        (tmp_path / name).touch()
    with pytest.raises(RunError, match="2 event logs"):
        find_log(tmp_path)


def test_keep_log_copies_bytes(tmp_path: Path) -> None:
    kept = keep_log(io.BytesIO(b"x" * 3_000_000), tmp_path / "log.gz")
    assert gzip.decompress(kept.read_bytes()) == b"x" * 3_000_000


def test_names_and_get_agree() -> None:
    assert [get(name).name for name in names()] == list(names())
    with pytest.raises(UsageError, match="no collector 'gc'") as caught:
        get("gc")
    assert ", ".join(names()) in str(caught.value)


@pytest.mark.full
def test_a_log_that_spark_writes_now_is_read(tmp_path: Path) -> None:
    """With our properties, this Spark writes one plain file, and the tasks that it ran are in it."""
    folder = tmp_path / "log 1"
    folder.mkdir()
    program = (
        "import json, sys; from pyspark import SparkConf, SparkContext\n"
        "conf = SparkConf().setMaster('local[1]').setAppName('now').setAll(json.loads(sys.argv[1]).items())\n"
        "sc = SparkContext(conf=conf)\n"
        "assert sc.parallelize(range(100), 5).map(lambda x: (x % 3, 1)).reduceByKey(max, 2).count() == 3\n"
        "sc.stop()\n"
    )
    properties = {
        **spark_properties(folder),
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    subprocess.run([sys.executable, "-c", program, json.dumps(properties)], check=True, timeout=300, cwd=tmp_path)
    log = read_event_log(find_log(folder))
    assert log.complete
    assert log.name == "now"
    assert len(log.tasks.columns["task"]) == 7
    assert log.tasks.columns["shuffle_bytes_written"].sum() > 0
