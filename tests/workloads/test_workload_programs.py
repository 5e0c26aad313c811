"""The programs on real Spark, in local mode: small runs whose results are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import kmeans
import numpy as np
import pagerank
import pytest
import shuffles
from java_random import JavaRandom, java_hash
from spark_launch import Launch
from xxh64 import spark_hash

SMALL = {
    "num-partitions": 3, "reduce-tasks": 2, "num-records": 3001, "unique-keys": 50, "unique-values": 1000,
    "inter-trial-wait": 0,
}  # fmt: skip
METRICS = ["ready_seconds", "generate_seconds", "trial_seconds", "trial_seconds", "application_seconds"]
Launcher = Callable[..., Launch]


def scala_result(seed: int) -> dict[str, int]:
    """Keys, records and sum of the SMALL data by spark-perf's rule."""
    keys, total = set(), 0
    for index in range(3):
        random = JavaRandom(java_hash(str(seed ^ index)))
        for _ in range(3001 // 3):
            keys.add(random.next_int(50))
            total += random.next_int(1000)
    return {"keys": len(keys), "records": 3000, "sum": total}


def python_result(seed: int) -> dict[str, int]:
    keys, total = set(), 0
    for index in range(3):
        random = Random(str(seed ^ index))
        for _ in range(3001 // 3):
            keys.add(random.randint(0, 50))
            total += random.randint(0, 1000)
    return {"keys": len(keys), "records": 3000, "sum": total}


def succeeded(done: Launch) -> dict[str, Any]:
    assert done.code == 0, done.output
    assert done.reading.error is None
    assert sorted(sample.metric for sample in done.reading.samples) == sorted(METRICS)
    assert all(sample.unit == "s" and sample.value >= 0 for sample in done.reading.samples)
    assert done.iterations() == [1, 2]
    assert {"application_id", "spark_version", "executors", "executors_at_end", "master"} <= done.reading.facts.keys()
    began, ended = done.reading.facts["iterations_began"], done.reading.facts["ended"]
    timed = [sample.value for sample in done.reading.samples if sample.metric == "trial_seconds"]
    # The parts of a trial's time are looked for between these moments. Scala's are whole milliseconds.
    assert began[0] + timed[0] <= began[1] + 0.002
    assert began[1] + timed[1] <= ended + 0.002
    result = done.reading.facts["result"]
    assert isinstance(result, dict)
    return result


def test_scala_agg_by_key_makes_spark_perfs_data(launch: Launcher) -> None:
    assert succeeded(launch("scala-agg-by-key", {**SMALL, "random-seed": 11})) == scala_result(11)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scala-agg-by-key-int", scala_result),
        pytest.param("python-agg-by-key-int", python_result, marks=pytest.mark.soak),
    ],
)
def test_data_that_are_not_what_they_say_are_found_out(
    launch: Launcher, tmp_path: Path, name: str, expected: Callable[[int], dict[str, int]]
) -> None:
    stored = {**SMALL, "persistent-type": "hdfs", "storage-location": (tmp_path / "data").as_uri()}
    assert succeeded(launch(name, stored)) == expected(5)
    [folder] = (tmp_path / "data").iterdir()
    for part in folder.glob("part-*"):
        part.unlink()
        folder.joinpath(f".{part.name}.crc").unlink()
    (folder / "part-00000").write_text("1\t2\n")
    wrong = launch(name, stored)
    assert wrong.code == 1
    assert "sparkbed: wrong result: " in wrong.output
    assert str(wrong.reading.error).startswith("wrong result: ")
    assert wrong.iterations() == [1, 2]
    (folder / "_parameters").write_text("other\n")
    (folder / "._parameters.crc").unlink()
    refused = launch(name, stored)
    assert refused.code == 1
    assert "does not say that it holds the data of these parameters" in str(refused.reading.error)


@pytest.mark.full
@pytest.mark.parametrize("name", ["scala-agg-by-key-int", "python-agg-by-key-int"])
def test_executors_that_do_not_come_are_told(launch: Launcher, name: str) -> None:
    done = launch(name, {**SMALL, "executor-deadline": 1}, executors=3)
    assert done.code == 1
    assert "0 of 3 expected executors registered within 1" in str(done.reading.error)
    assert "sparkbed: 0 of 3" in done.output
    assert done.iterations() == []


@pytest.mark.full
@pytest.mark.parametrize("name", ["scala-agg-by-key", "python-agg-by-key"])
def test_options_that_are_wrong_end_the_program(launch: Launcher, name: str) -> None:
    done = launch(name, SMALL, extra=("--colour=blue",))
    assert done.code != 0
    assert "sparkbed: wrong usage: unknown option --colour=blue" in done.output


@pytest.mark.full
@pytest.mark.parametrize("name", ["scala-agg-by-key", "python-agg-by-key"])
def test_a_full_disk_is_told(launch: Launcher, name: str) -> None:
    done = launch(name, SMALL, extra=("--samples=/dev/full",))
    assert done.code == 1
    assert "sparkbed: " in done.output
    assert "No space left on device" in done.output


@pytest.mark.full
def test_a_failure_inside_spark_is_told(launch: Launcher) -> None:
    done = launch("scala-agg-by-key", {**SMALL, "persistent-type": "hdfs", "storage-location": "nosuch://x/y"})
    assert done.code == 1
    assert "nosuch" in str(done.reading.error)


def test_python_agg_by_key(launch: Launcher) -> None:
    assert succeeded(launch("python-agg-by-key", {**SMALL, "random-seed": 11})) == python_result(11)


@pytest.mark.full
def test_python_scheduling_throughput(launch: Launcher) -> None:
    assert succeeded(launch("python-scheduling-throughput", {"num-tasks": 12, "inter-trial-wait": 0})) == {"tasks": 12}


@pytest.mark.full
def test_pagerank(launch: Launcher) -> None:
    given = {"num-edges": 400, "num-vertices": 60, "num-iterations": 3, "inter-trial-wait": 0}
    expected = pagerank.sequential_ranks(pagerank.random_edges(400, 60, 5), 3)
    result = succeeded(launch("pagerank", given))
    assert result["vertices"] == len(expected)
    assert result["rank_sum"] == pytest.approx(sum(expected.values()), rel=1e-12)


@pytest.mark.full
@pytest.mark.parametrize("count", [0, 3])
def test_shuffles_change_nothing_of_what_passes_make(launch: Launcher, count: int) -> None:
    given = {"num-records": 300, "num-passes": 7, "num-shuffles": count, "num-partitions": 3, "inter-trial-wait": 0}
    drawn = shuffles.random_records(300, 5)
    keys = [key for key, _ in drawn]
    for _ in range(7):
        keys = [(1103515245 * key + 12345) % 2**31 for key in keys]
    values = sum(value + 7 for _, value in drawn)
    assert succeeded(launch("python-shuffles", given)) == {"records": 300, "keys": sum(keys), "values": values}


@pytest.mark.soak
@pytest.mark.parametrize("cause", ["none", "sleep", "gc", "tiny-tasks", "python"])
def test_a_planted_cause_changes_no_result(launch: Launcher, cause: str) -> None:
    given = {"cause": cause, "num-records": 1000, "num-partitions": 4, "num-tiny-tasks": 20, "inter-trial-wait": 0}
    signed = [(spark_hash(number) + 2**63) % 2**64 - 2**63 for number in range(1000)]
    assert succeeded(launch("planted-cause", given)) == {"records": 1000, "sum": sum(abs(one) % 1000 for one in signed)}


@pytest.mark.full
def test_kmeans_equals_numpy(launch: Launcher) -> None:
    given = {"num-points": 300, "num-clusters": 5, "num-iterations": 4, "inter-trial-wait": 0}
    drawn = kmeans.random_points(300, 7, 100, 5)
    points, centres = np.array(drawn, float), np.array(kmeans.first_centres(drawn, 5, 5))
    costs = []
    for _ in range(4):
        distances = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        nearest = distances.argmin(axis=1)
        costs.append(distances.min(axis=1).sum())
        centres = np.array(
            [points[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k] for k in range(5)]
        )
    result = succeeded(launch("kmeans", given))
    assert result["first_cost"] == pytest.approx(costs[0], rel=1e-9)
    assert result["cost"] == pytest.approx(costs[-1], rel=1e-9)
