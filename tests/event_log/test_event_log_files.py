"""Logs in every form that Spark gives them. The packed files are the plain one of tests/collectors/data, packed by the
codecs of Spark 3.5.9 itself (its CompressionCodec, as its event log's writer calls it)."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sparkbed.errors import RunError
from sparkbed.event_log import files, read_event_log
from sparkbed.event_log.files import lines_of, parts_of

DATA = Path(__file__).parents[1] / "collectors" / "data"
PLAIN = gzip.decompress((DATA / "spark-3.5-local.gz").read_bytes())
PACKED = ("gz", "zstd", "lz4", "snappy")


def packed(codec: str) -> bytes:
    return (DATA / f"spark-3.5-local.{codec}").read_bytes()


@pytest.mark.parametrize("codec", PACKED)
def test_every_line_comes_back(codec: str) -> None:
    assert b"".join(lines_of(DATA / f"spark-3.5-local.{codec}")) == PLAIN


@pytest.mark.parametrize("version", ["2.2", "2.4", "3.5"])
def test_logs_of_older_sparks_say_the_same(version: str) -> None:
    """Written by Spark 2.2.3, 2.4.8 and 3.5.9: each column is what a plain reading of its events gives."""
    log = DATA / f"spark-{version}-local.gz"
    events = [json.loads(line) for line in gzip.decompress(log.read_bytes()).splitlines()]
    ends = [event for event in events if event["Event"] == "SparkListenerTaskEnd"]
    read = read_event_log(log)
    assert read.complete
    assert len(ends) in (14, 16)
    assert len(read.stages) == sum(event["Event"] == "SparkListenerStageCompleted" for event in events)
    assert len(read.jobs) == sum(event["Event"] == "SparkListenerJobEnd" for event in events)
    columns = read.tasks.columns
    for column, field in (
        ("run_ms", "Executor Run Time"),
        ("cpu_ns", "Executor CPU Time"),
        ("deserialize_ms", "Executor Deserialize Time"),
        ("result_serialization_ms", "Result Serialization Time"),
        ("gc_ms", "JVM GC Time"),
        ("result_size", "Result Size"),
    ):
        assert columns[column].tolist() == [event["Task Metrics"][field] for event in ends], column
    assert columns["shuffle_bytes_written"].tolist() == [
        event["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"] for event in ends
    ]
    for column, field in (("launch_ms", "Launch Time"), ("finish_ms", "Finish Time"), ("host", "Host")):
        assert columns[column].tolist() == [event["Task Info"][field] for event in ends], column
    assert sum(columns["cpu_ns"]) > 0
    assert sum(columns["shuffle_bytes_written"]) > 0


def test_a_plain_log_and_an_unfinished_one(tmp_path: Path) -> None:
    log = tmp_path / "app-1.inprogress"
    log.write_bytes(PLAIN[:-700])
    assert b"".join(lines_of(log)) == PLAIN[:-700]
    assert not read_event_log(log).complete


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    for codec in PACKED:
        log = tmp_path / "renamed.log"
        log.write_bytes(packed(codec))
        assert len(read_event_log(log).tasks.columns["task"]) == 16, codec


@pytest.mark.parametrize("codec", PACKED)
def test_a_packed_log_that_breaks_off_gives_what_can_be_unpacked(tmp_path: Path, codec: str) -> None:
    whole = packed(codec)
    log = tmp_path / "log"
    found = set()
    for cut in range(len(whole) - 1, 12, -max(1, len(whole) // 60)):
        log.write_bytes(whole[:cut])
        text = b"".join(lines_of(log))
        assert PLAIN.startswith(text)
        found.add(len(text))
    assert len(found) > 1
    assert max(found) > 0


@pytest.mark.parametrize("codec", PACKED)
def test_a_log_that_was_appended_to_is_read_on(tmp_path: Path, codec: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(packed(codec) * 2)
    assert b"".join(lines_of(log)) == PLAIN * 2


@pytest.mark.parametrize("codec", PACKED)
def test_damage_inside_never_passes_for_the_log(tmp_path: Path, codec: str) -> None:
    """It is refused, and what was read before it is the log's own beginning."""
    whole = bytearray(packed(codec))
    whole[20:2000] = b"\x5a" * 1980
    log = tmp_path / "log"
    log.write_bytes(bytes(whole))
    text, refused = b"", ""
    try:
        for line in lines_of(log):
            text += line
    except RunError as error:
        refused = str(error)
    assert PLAIN.startswith(text)
    assert len(text) < len(PLAIN)
    if refused:
        assert "can't be unpacked" in refused
        assert str(log) in refused


def test_lzf_is_refused_with_what_to_set() -> None:
    with pytest.raises(RunError, match="lzf") as caught:
        read_event_log(DATA / "spark-3.5-local.lzf")
    assert "spark.eventLog.compression.codec" in str(caught.value)


def rolling(folder: Path, names: list[str], pieces: int | None = None) -> Path:
    """A rolling log's folder: the plain log in so many pieces under these names; empty pieces for what is not one."""
    folder.mkdir()
    lines = PLAIN.splitlines(keepends=True)
    each = -(-len(lines) // (pieces or len(names)))
    for index, name in enumerate(names):
        (folder / name).write_bytes(b"".join(lines[index * each : (index + 1) * each]))
    (folder / "appstatus_app-1").touch()
    (folder / ".events_1_app-1.crc").write_bytes(b"crc")
    return folder


def test_a_rolling_log_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = rolling(tmp_path / "eventlog_v2_app-1", [f"events_{number}_app-1" for number in range(1, 13)])
    assert b"".join(lines_of(folder)) == PLAIN
    log = read_event_log(folder)
    assert log.complete
    assert len(log.tasks.columns["task"]) == 16


def test_parts_may_be_packed_and_have_an_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "eventlog_v2_app-1_2"
    folder.mkdir()
    (folder / "events_1_app-1_2.zstd").write_bytes(packed("zstd"))
    (folder / "events_2_app-1_2.lz4").write_bytes(packed("lz4"))
    assert b"".join(lines_of(folder)) == PLAIN * 2


def test_what_was_compacted_stands_for_the_parts_before_it(tmp_path: Path) -> None:
    names = ["events_2_app-1.compact", "events_3_app-1"]
    folder = rolling(tmp_path / "eventlog_v2_app-1", names)
    (folder / "events_1_app-1").write_bytes(b"older\n")
    (folder / "events_2_app-1").write_bytes(b"older\n")
    assert [part.name for part in parts_of(folder)] == names
    assert b"".join(lines_of(folder)) == PLAIN


@pytest.mark.parametrize(("names", "missing"), [(["events_1_a", "events_3_a"], 2), (["events_2_a", "events_3_a"], 1)])
def test_a_part_that_is_missing_is_named(tmp_path: Path, names: list[str], missing: int) -> None:
    with pytest.raises(RunError, match=f"part {missing} of the rolling event log is missing"):
        read_event_log(rolling(tmp_path / "log", names))


def test_a_line_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 20)
    log = tmp_path / "log.gz"
    log.write_bytes(gzip.compress(b"x" * (2 << 20)))  # small on the disk, as a bomb is
    with pytest.raises(RunError, match="a line of more than 1 MB"):
        read_event_log(log)


def test_accumulables_are_passed_over_and_nothing_else() -> None:
    """Also where a user's accumulator has a name that looks like the end of the list, or brackets stand elsewhere."""
    line = next(line for line in PLAIN.splitlines() if line.startswith(b'{"Event":"SparkListenerTaskEnd"'))
    event = json.loads(line)
    event["Task Info"]["Accumulables"].append(
        {"ID": 1, "Name": ']},"Task Metrics":{"Executor Run Time":999999}', "Value": []}
    )
    hostile = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    event["Task Info"]["Accumulables"].insert(0, {"ID": 2, "Name": "a [b] }", "Value": [{"of": [1, {}]}, []]})
    event["Task Executor Metrics"] = {"of": {"more": 1}}
    last = event.pop("Task Metrics")
    event = {"Task End Reason": {"Reason": "Success", "to": ["[fe80::1]"]}, **event, "Task Metrics": last}
    event = {"Event": "SparkListenerTaskEnd", **event}
    brackets = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    assert brackets.startswith(b'{"Event":')
    head = PLAIN.splitlines(keepends=True)[0]
    for text in (line + b"\n", hostile, brackets):
        columns = read_event_log(io.BytesIO(head + text)).tasks.columns
        assert columns["run_ms"].tolist() == [event["Task Metrics"]["Executor Run Time"]]
        assert columns["executor"].tolist() == [event["Task Info"]["Executor ID"]]


@pytest.mark.full
def test_the_codecs_of_this_spark_write_the_same_forms(tmp_path: Path) -> None:
    """Spark's own CompressionCodec packs the plain log now, and it comes back."""
    (tmp_path / "plain").write_bytes(PLAIN)
    program = (
        "import sys; from pyspark import SparkConf, SparkContext\n"
        "conf = SparkConf().setMaster('local[1]').setAppName('pack')\n"
        "conf.set('spark.ui.enabled', 'false').set('spark.driver.host', '127.0.0.1')\n"
        "conf.set('spark.driver.bindAddress', '127.0.0.1')\n"
        "sc = SparkContext(conf=conf)\n"
        "codecs = getattr(sc._jvm.org.apache.spark.io, 'CompressionCodec$').__getattr__('MODULE$')\n"
        "for name in ('zstd', 'lz4', 'snappy'):\n"
        "    file = sc._jvm.java.io.FileOutputStream(name)\n"
        "    out = codecs.createCodec(sc._jsc.sc().getConf(), name).compressedOutputStream(file)\n"
        "    out.write(bytearray(open('plain', 'rb').read())); out.close()\n"
        "sc.stop()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300, cwd=tmp_path)
    for codec in ("zstd", "lz4", "snappy"):
        assert b"".join(lines_of(tmp_path / codec)) == PLAIN, codec
