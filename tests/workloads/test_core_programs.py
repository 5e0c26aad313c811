"""The core tests of spark-perf, in Scala and Python, one after another in one JVM: their results are known."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from java_random import JavaRandom, java_hash
from spark_launch import Launch

from sparkbed.home import ROOT, Home
from sparkbed.java import find_java
from sparkbed.workloads.build import build_jar

RECORDS, PARTITIONS, KEYS, VALUES = 2001, 2, 50, 1000
SMALL = {
    "num-partitions": PARTITIONS, "reduce-tasks": 2, "num-records": RECORDS, "unique-keys": KEYS,
    "unique-values": VALUES, "inter-trial-wait": 0,
}  # fmt: skip
MADE = RECORDS // PARTITIONS * PARTITIONS


def scala_pairs(seed: int) -> Iterator[tuple[int, int]]:
    """The data by spark-perf's rule."""
    for index in range(PARTITIONS):
        random = JavaRandom(java_hash(str(seed ^ index)))
        for _ in range(RECORDS // PARTITIONS):
            key = random.next_int(KEYS)
            yield key, random.next_int(VALUES)


def python_pairs(seed: int) -> Iterator[tuple[int, int]]:
    for index in range(PARTITIONS):
        random = Random(str(seed ^ index))
        for _ in range(RECORDS // PARTITIONS):
            yield random.randint(0, KEYS), random.randint(0, VALUES)


def aggregated(pairs: list[tuple[int, int]]) -> dict[str, int]:
    return {"keys": len({key for key, _ in pairs}), "records": MADE, "sum": sum(value for _, value in pairs)}


def checked(done: Launch) -> dict[str, Any]:
    """The result that a launch recorded, its samples being whole."""
    assert done.reading.error is None, done.output
    assert done.iterations() == [1], done.output
    result = done.reading.facts["result"]
    assert isinstance(result, dict)
    return result


@pytest.mark.full
def test_the_core_tests(launch_together: Callable[..., list[Launch]], tmp_path: Path) -> None:
    stored = {**SMALL, "persistent-type": "hdfs", "storage-location": (tmp_path / "data").as_uri()}
    runs: list[tuple[str, dict[str, Any]]] = [
        ("scheduling-throughput", {"num-tasks": 20, "num-jobs": 2, "closure-size": 100, "inter-trial-wait": 0}),
        ("scala-agg-by-key-naive", SMALL),
        ("scala-sort-by-key", {**SMALL, "hash-records": True}),
        ("scala-sort-by-key-int", {**SMALL, "persistent-type": "disk"}),
        ("scala-count", {**SMALL, "hash-records": True}),
        ("scala-count-w-fltr", stored),
        ("scala-count-w-fltr", stored),
        ("scala-count-w-fltr", {**stored, "random-seed": 6}),
        ("python-agg-by-key-naive", SMALL),
        ("python-sort-by-key", {**SMALL, "hash-records": True}),
        ("python-sort-by-key-int", {**SMALL, "persistent-type": "disk"}),
        ("python-count", {**SMALL, "hash-records": True}),
        ("python-count-w-fltr", stored),
        ("python-count-w-fltr", stored),
    ]
    done = launch_together(runs, iterations=1)
    assert done[0].code == 0, done[0].output
    results = [checked(one) for one in done]
    scala, python = list(scala_pairs(5)), list(python_pairs(5))

    def counted(pairs: list[tuple[int, int]], which: int) -> dict[str, int]:
        return {"records": MADE, "counted": sum(pair[which] % 2 for pair in pairs)}

    assert results[0] == {"tasks": 20, "jobs": 2}
    assert results[1] == aggregated(scala)
    assert results[8] == aggregated(python)
    for sort in (2, 3, 9, 10):
        assert results[sort]["records"] == MADE
    assert results[2]["checksum"] != results[3]["checksum"]
    assert results[4] == results[11] == {"records": MADE, "counted": MADE}
    assert results[5] == results[6] == counted(scala, 0)  # spark-perf's Scala looks at keys, its Python at values
    assert results[7] == counted(list(scala_pairs(6)), 0)
    assert results[12] == results[13] == counted(python, 1)

    # What lies there is used again by the same parameters, and never by others.
    facts = [one.reading.facts for one in done]
    assert [facts[run]["stored_data_made"] for run in (5, 6, 7)] == [True, False, True]
    assert facts[5]["stored_data"] == facts[6]["stored_data"] != facts[7]["stored_data"]
    assert [facts[run]["stored_data_made"] for run in (12, 13)] == [True, False]
    folders = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert [name.rsplit("-", 1)[0] for name in folders] == ["python-text", "scala-text", "scala-text"]


@pytest.mark.soak  # their 100 tasks take 50 ms of CPU each on Python 3.11
def test_the_broadcasts(launch_together: Callable[..., list[Launch]]) -> None:
    done = launch_together(
        [
            ("python-broadcast-w-bytes", {"num-partitions": 150, "broadcast-size": 3_000_000, "inter-trial-wait": 0}),
            ("python-broadcast-w-set", {"num-partitions": 150, "broadcast-size": 3_200, "inter-trial-wait": 0}),
        ],
        iterations=1,
    )
    assert checked(done[0]) == {"length": 2 << 20, "numbers": 150}  # whole blocks of 1 MiB
    assert checked(done[1]) == {"length": 100, "numbers": 150}


@pytest.mark.soak
@pytest.mark.parametrize(
    "name", ["scala-sort-by-key", "scala-count-w-fltr", "python-sort-by-key", "python-count-w-fltr"]
)
def test_other_data_under_the_same_name_are_found_out(
    launch: Callable[..., Launch], launch_together: Callable[..., list[Launch]], tmp_path: Path, name: str
) -> None:
    """As many records, sorted and counted without a fault, but not the ones that the parameters make."""
    place = tmp_path / "data"
    stored = {**SMALL, "persistent-type": "hdfs", "storage-location": place.as_uri()}
    for done in launch_together([(name, stored), (name, {**stored, "random-seed": 6})], iterations=1):
        checked(done)
    right, other = sorted(place.iterdir(), key=seed_of)
    for part in right.glob("*part-*"):
        part.unlink()
    for part in other.glob("*part-*"):
        part.rename(right / part.name)
    wrong = launch(name, stored, iterations=1)
    assert wrong.code == 1
    assert str(wrong.reading.error).startswith("wrong result: "), wrong.output
    assert wrong.reading.facts["stored_data_made"] is False


@pytest.mark.soak
@pytest.mark.parametrize("language", ["scala", "python"])
def test_data_of_which_records_are_missing_are_never_kept(
    submit: Callable[..., subprocess.CompletedProcess[str]],
    built: Home,
    spark_home: Path,
    tmp_path: Path,
    language: str,
) -> None:
    """As where the driver and the executors write to folders of the same name on machines of their own."""
    place, here = tmp_path / "data", Path(__file__).parent
    if language == "scala":
        sources = [*sorted((ROOT / "workloads" / "scala").glob("*.scala")), here / "scala" / "Unshared.scala"]
        jar = build_jar(sources, built.build, spark_home, find_java())
        done = submit(["--class", "sparkbed.Unshared", str(jar), place.as_uri()])
    else:
        done = submit([str(here / "unshared.py"), place.as_uri()], (ROOT / "workloads" / "pyspark",))
    assert done.returncode == 0, done.stderr[-5000:]
    told = dict(line.split(":", 1) for line in done.stdout.splitlines() if line.startswith(("said:", "left:")))
    assert "4 of 5 records were there after writing them" in told["said"]
    assert told["left"].strip() == ""


def seed_of(folder: Path) -> int:
    lines = (folder / "_parameters").read_text().splitlines()
    return int(next(line.removeprefix("random-seed=") for line in lines if line.startswith("random-seed=")))
