"""TeraSort, logistic regression, wordcount and sleep on real Spark: their results are known, and wrong ones refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tera_records
from java_random import JavaRandom, java_hash
from spark_launch import Launch

Launcher = Callable[..., Launch]

MILLION = "7a27e2d0d55de"
"""What Hadoop's teravalidate prints for a million records of its teragen, as many who ran it have published."""

SMALL = {"num-records": 5000, "num-partitions": 3, "inter-trial-wait": 0}
SORT = {**SMALL, "reduce-tasks": 4}


def values(done: Launch, metric: str) -> list[float]:
    return [sample.value for sample in done.reading.samples if sample.metric == metric]


def result(done: Launch, iterations: int = 2) -> dict[str, Any]:
    """What a launch recorded, its samples being whole."""
    assert done.reading.error is None, done.reading.error
    assert done.iterations() == list(range(1, iterations + 1)), done.output[-5000:]
    found = done.reading.facts["result"]
    assert isinstance(found, dict)
    return found


def sorted_parts(count: int, parts: int) -> list[list[bytes]]:
    found = sorted(tera_records.records(count), key=lambda record: record[:10])
    return [found[count * part // parts : count * (part + 1) // parts] for part in range(parts)]


def swapped_files(parts: list[list[bytes]]) -> None:
    parts[1], parts[2] = parts[2], parts[1]


def swapped_records(parts: list[list[bytes]]) -> None:
    parts[1][7], parts[1][8] = parts[1][8], parts[1][7]


def changed_byte(parts: list[list[bytes]]) -> None:
    parts[2][3] = parts[2][3][:99] + b"\x00"


def doubled_record(parts: list[list[bytes]]) -> None:
    parts[0][5] = parts[0][4]


def lost_end(parts: list[list[bytes]]) -> None:
    parts[2][-1] = parts[2][-1][:40]


BROKEN: dict[Callable[[list[list[bytes]]], None], str] = {
    swapped_files: "wrong result: part-r-00001 ends with the key ",
    swapped_records: "wrong result: part-r-00001 is not sorted: the key falls 1 times",
    changed_byte: "wrong result: the checksum is ",
    doubled_record: "wrong result: the checksum is ",
    lost_end: "Partial record",
}


def validate(launch: Launcher, folder: Path, expected: str) -> Launch:
    """By the program, a folder of 3000 records; whoever sorted them."""
    given = {"validate-folder": folder.as_uri(), "expected-checksum": expected, "inter-trial-wait": 0}
    return launch("teravalidate", given, iterations=1)


def test_the_records_are_gensorts() -> None:
    first = next(tera_records.records(1))
    assert len(first) == 100
    assert first[:10] == b"JimGrayRIP"


@pytest.mark.full
def test_terasort_and_its_siblings(launch_together: Callable[..., list[Launch]], tmp_path: Path) -> None:
    place = tmp_path / "data"
    here = {"storage-location": place.as_uri()}
    points = {"num-points": 1001, "num-dimensions": 3, "num-iterations": 5, "num-partitions": 2, "inter-trial-wait": 0}
    lines = {
        "num-lines": 501, "words-per-line": 7, "unique-words": 40, "num-partitions": 3, "reduce-tasks": 2,
        "inter-trial-wait": 0,
    }  # fmt: skip
    broken = sorted_parts(3000, 3)
    expected = tera_records.checksum(record for part in broken for record in part)
    swapped_files(broken)
    folder = tera_records.write(tmp_path / "broken", broken)
    done = launch_together(
        [
            ("teragen", {**here, "num-records": 1_000_000, "num-partitions": 7, "inter-trial-wait": 0}),
            ("terasort", {**here, **SORT}),
            ("terasort", {**SORT, "persistent-type": "memory", "final-sync": False}),
            ("terasort", {**SORT, "persistent-type": "disk"}),
            ("teravalidate", {**here, **SORT}),
            ("logistic-regression", points),
            ("wordcount", lines),
            ("wordcount", {**lines, **here, "persistent-type": "hdfs"}),
            ("sleep", {"num-tasks": 5, "num-jobs": 2, "task-milliseconds": 20, "inter-trial-wait": 0}),
            ("teravalidate", {"validate-folder": folder.as_uri(), "expected-checksum": expected}),
        ]
    )
    generated, stored, memory, disk, validated, descent, words, text, slept, refused = done
    assert result(generated) == {"records": 1_000_000, "checksum": MILLION}
    made = list(tera_records.records(5000))
    totals = {"records": 5000, "checksum": tera_records.checksum(made), "duplicate_keys": 0}
    assert result(stored) == result(memory) == result(disk) == result(validated) == totals
    for one, megabytes in ((generated, 100), (stored, 0.5), (validated, 0.5)):
        for seconds, rate in zip(values(one, "trial_seconds"), values(one, "megabytes_per_second"), strict=True):
            assert rate == pytest.approx(megabytes / seconds)
    assert values(generated, "generate_seconds") == []  # its making is what is timed

    # Repetitions leave nothing; what is kept is the input, as it was made, and the sorted data that were validated.
    folders = {path.name.rsplit("-", 1)[0]: path for path in place.iterdir()}
    assert set(folders) == {"tera", "tera-sorted", "words"}
    assert tera_records.read(folders["tera"]) == made
    assert tera_records.read(folders["tera-sorted"]) == sorted(made, key=lambda record: record[:10])
    assert len(list(folders["tera-sorted"].glob("part-*"))) == 4

    losses, weights = descended(1001, 3, 2, 5)
    assert result(descent)["first_loss"] == pytest.approx(math.log(2), rel=1e-12)
    assert result(descent)["loss"] == pytest.approx(losses[-1], rel=1e-9)
    assert result(descent)["weights"] == pytest.approx(list(weights), rel=1e-9)
    assert result(descent)["loss"] < losses[0]

    drawn = list(drawn_words(501, 7, 40, 3))
    assert result(words) == result(text) == {"words": len(drawn), "different": len(set(drawn))}
    assert result(slept) == {"tasks": 5, "jobs": 2}
    # Each core of the two has two tasks or more of each job to sleep for.
    assert all(seconds >= 2 * 2 * 0.0198 for seconds in values(slept, "trial_seconds"))

    assert str(refused.reading.error).startswith(BROKEN[swapped_files]), refused.output[-5000:]
    assert refused.code == 1


@pytest.mark.soak
def test_what_is_sorted_is_taken_whoever_sorted_it(launch: Launcher, tmp_path: Path) -> None:
    parts = sorted_parts(3000, 3)
    parts.insert(1, [])  # an empty file is fine
    expected = tera_records.checksum(record for part in parts for record in part)
    done = validate(launch, tera_records.write(tmp_path / "sorted", parts), expected)
    assert done.code == 0, done.output[-5000:]
    assert result(done, 1) == {"records": 3000, "checksum": expected, "duplicate_keys": 0}


@pytest.mark.soak
@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_what_is_broken_is_refused(
    launch: Launcher, tmp_path: Path, spoil: Callable[[list[list[bytes]]], None]
) -> None:
    parts = sorted_parts(3000, 3)
    expected = tera_records.checksum(record for part in parts for record in part)
    spoil(parts)
    done = validate(launch, tera_records.write(tmp_path / "broken", parts), expected)
    assert done.code == 1
    assert BROKEN[spoil] in str(done.reading.error), done.output[-5000:]


@pytest.mark.soak
def test_other_records_under_the_same_name_are_found_out(launch: Launcher, tmp_path: Path) -> None:
    given = {**SORT, "storage-location": (tmp_path / "data").as_uri()}
    assert result(launch("terasort", given))["records"] == 5000
    [folder] = (tmp_path / "data").iterdir()
    part = folder / "part-r-00001"
    part.write_bytes(part.read_bytes()[:-100] + bytes(100))
    wrong = launch("terasort", given)
    assert wrong.code == 1
    assert "what was sorted has the checksum" in str(wrong.reading.error), wrong.output[-5000:]
    assert [path.name for path in (tmp_path / "data").iterdir()] == [folder.name]


@pytest.mark.soak
def test_a_descent_that_runs_away_is_found_out(launch: Launcher) -> None:
    given = {"num-points": 500, "num-dimensions": 1, "num-partitions": 2, "step-size": 1e6, "inter-trial-wait": 0}
    done = launch("logistic-regression", given)
    assert done.code == 1
    assert "it must fall; is step-size too large?" in str(done.reading.error), done.output[-5000:]


def descended(count: int, size: int, partitions: int, steps: int, seed: int = 5) -> tuple[list[float], Any]:
    """Mean losses before each step and after the last, and the weights, by numpy over the points as declared."""
    rows, labels = [], []
    for index in range(partitions):
        random = JavaRandom(java_hash(str(seed ^ index)))
        for number in range(count * index // partitions, count * (index + 1) // partitions):
            label = 1.0 if number % 2 == 0 else -1.0
            rows.append([random.next_gaussian() + label * 0.7 for _ in range(size)])
            labels.append(label)
    points, classes = np.array(rows), np.array(labels)
    weights = np.zeros(size)
    losses = []
    for _ in range(steps):
        margins = classes * (points @ weights)
        losses.append(float(np.logaddexp(0, -margins).mean()))
        weights = weights + (points * (classes / (1 + np.exp(margins)))[:, None]).mean(axis=0)
    losses.append(float(np.logaddexp(0, -classes * (points @ weights)).mean()))
    return losses, weights


def drawn_words(lines: int, per_line: int, unique: int, partitions: int, seed: int = 5) -> Iterator[int]:
    """The numbers of the words, by Zipf's law, as they are declared."""
    sums = np.cumsum([1 / number for number in range(1, unique + 1)])
    for index in range(partitions):
        random = JavaRandom(java_hash(str(seed ^ index)))
        for _ in range(lines * index // partitions, lines * (index + 1) // partitions):
            for _ in range(per_line):
                yield min(int(np.searchsorted(sums, random.next_double() * sums[-1], side="right")), unique - 1)
