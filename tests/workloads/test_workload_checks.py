"""The Python programs' own parts: their data, and that a wrong result does not pass."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any

import kmeans
import numpy as np
import pagerank
import pytest
import shuffles
import spark_launch  # noqa: F401 - puts the programs on the path
import sparkbed_application as application
import sparkbed_key_value as key_value
import sparkbed_stored_data as stored_data


def test_key_value_data_follow_the_rule() -> None:
    pairs = list(key_value.integer_partition(3, 5000, 20, 1000, 5))
    random = Random(str(5 ^ 3))
    assert pairs[:3] == [(random.randint(0, 20), random.randint(0, 1000)) for _ in range(3)]
    assert {key for key, _ in pairs} == set(range(21))  # both ends are included
    assert key_value.text(42, 4, False) == "0042"
    assert key_value.text(42, 4, True) == sha256(b"0042").hexdigest()[:4]


def aggregation(records: int = 100) -> tuple[dict[str, int], list[tuple[int, int]]]:
    return {"num-records": records, "num-partitions": 1}, list(key_value.integer_partition(0, records, 9, 50, 5))


def test_a_right_aggregation_passes_and_wrong_ones_do_not() -> None:
    options, pairs = aggregation()
    (totals,) = key_value.partition_totals(pairs)
    records, total, keys = totals
    key_value.check_aggregation(options, [len(keys)] * 2, total, totals)
    wrong = [
        ([len(keys), len(keys) - 1], total, totals),
        ([len(keys)], total + 1, totals),
        ([len(keys)], total, (records - 1, total, keys)),
    ]
    for counts, aggregated, seen in wrong:
        with pytest.raises(application.WrongResult):
            key_value.check_aggregation(options, counts, aggregated, seen)


def test_what_is_sorted_passes_and_what_is_not_does_not() -> None:
    def ends(*partitions: list[int]) -> list[tuple[int, int, int, int]]:
        found = [key_value.partition_ends(index, ((key, 0) for key in keys)) for index, keys in enumerate(partitions)]
        return [one for each in found for one in each]

    key_value.check_sorted(ends([], [1, 1, 2], [], [2, 5], [5]))
    with pytest.raises(application.WrongResult, match="partition 1 is not sorted: the key falls 2 times"):
        key_value.check_sorted(ends([1], [2, 1, 3, 2], [9]))
    with pytest.raises(application.WrongResult, match="partition 0 ends with 3, and partition 2 begins with 2"):
        key_value.check_sorted(ends([1, 3], [], [2]))


def test_data_are_known_by_what_they_are_made_from() -> None:
    parameters = {"num-records": 100, "random-seed": 5}
    name = stored_data.folder_name("python-int", parameters)
    assert name == stored_data.folder_name("python-int", dict(parameters))
    others = [("python-text", parameters)] + [("python-int", {**parameters, key: 7}) for key in parameters]
    assert len({name, *(stored_data.folder_name(*other) for other in others)}) == 4


def numpy_ranks(edges: list[tuple[int, int]], vertices: int, iterations: int) -> dict[int, float]:
    """PageRank as Spark's example has it, by a dense matrix: unranked vertices (NaN) give nothing."""
    links = np.zeros((vertices, vertices))
    for source, target in edges:
        links[target, source] = 1
    degree = links.sum(axis=0)
    ranks = np.where(degree > 0, 1.0, np.nan)
    for _ in range(iterations):
        gives = (degree > 0) & ~np.isnan(ranks)
        share = np.where(gives, np.nan_to_num(ranks) / np.maximum(degree, 1), 0)
        reached = (links[:, gives] > 0).any(axis=1)
        ranks = np.where(reached, links @ share * 0.85 + 0.15, np.nan)
    return {vertex: float(rank) for vertex, rank in enumerate(ranks) if not np.isnan(rank)}


@pytest.mark.parametrize(("edges", "vertices"), [(40, 30), (300, 60)])
def test_the_sequential_pagerank_equals_a_matrix_one(edges: int, vertices: int) -> None:
    drawn = pagerank.random_edges(edges, vertices, 5)
    assert drawn == pagerank.random_edges(edges, vertices, 5)
    expected = numpy_ranks(drawn, vertices, 20)
    assert pagerank.sequential_ranks(drawn, 20) == pytest.approx(expected, rel=1e-12)


def test_wrong_ranks_do_not_pass() -> None:
    expected = pagerank.sequential_ranks(pagerank.random_edges(300, 60, 5), 20)
    pagerank.check_ranks(dict(expected), expected, 1)
    vertex = next(iter(expected))
    for wrong in (
        {**expected, vertex: expected[vertex] + 1e-6},
        {**expected, vertex: float("nan")},
        {**expected, 1000: 1.0},
    ):
        with pytest.raises(application.WrongResult):
            pagerank.check_ranks(wrong, expected, 1)


def test_closest_is_the_first_of_the_nearest() -> None:
    assert kmeans.closest((1, 1), [(5.0, 5.0), (1.0, 3.0), (3.0, 1.0)]) == (1, 4.0)


def clusters_of(points: list[tuple[int, ...]], centres: list[tuple[float, ...]]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for point in points:
        number, distance = kmeans.closest(point, centres)
        one = (point, 1, distance)
        found[number] = kmeans.merge(found[number], one) if number in found else one
    return found


def test_wrong_clusters_do_not_pass() -> None:
    points = kmeans.random_points(200, 3, 100, 5)
    centres = kmeans.first_centres(points, 4, 5)
    first = clusters_of(points, centres)
    second = clusters_of(points, kmeans.moved(centres, first))
    kmeans.check_steps([first, second], points, 1)
    with pytest.raises(application.WrongResult, match="the cost rose"):
        kmeans.check_steps([second, first], points, 1)
    with pytest.raises(application.WrongResult, match="199 points"):
        kmeans.check_steps([clusters_of(points[1:], centres)], points, 1)
    with pytest.raises(application.WrongResult, match="coordinates add up"):
        kmeans.check_steps([clusters_of([(0, 0, 0), *points[1:]], centres)], points, 1)


def test_a_centre_without_points_stays() -> None:
    assert kmeans.moved([(1.0,), (9.0,)], {0: ((6,), 2, 0.0)}) == [(3.0,), (9.0,)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nmu=1"], "unknown option --nmu=1"),
        (["num=1"], "unknown option num=1"),
        (["--num"], "--num needs a value"),
        (["--num=x", "--on"], "'x' is not a value of type int"),
        (["--num=1", "--on=1"], "--on takes no value"),
        (["--on"], "missing: --num"),
    ],
)
def test_options_that_are_wrong(arguments: list[str], words: str) -> None:
    with pytest.raises(application.Usage) as caught:
        application.parse_options(arguments, {"num": int, "on": bool})
    assert words in str(caught.value)


def test_options() -> None:
    assert application.parse_options(["--num=3", "--on"], {"num": int, "on": bool}) == {"num": 3, "on": True}
    assert application.parse_options(["--num=3"], {"num": int, "on": bool}) == {"num": 3, "on": False}


class Recorded:
    """Stands for an RDD: what was done with it, in order."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def map(self, _function: object) -> Recorded:
        self.did.append("pass")
        return self

    def partitionBy(self, partitions: int, _place: object) -> Recorded:
        self.did.append(f"shuffle {partitions}")
        return self


@pytest.mark.parametrize(("passes", "count"), [(40, 1), (40, 10), (40, 40), (7, 3), (5, 0), (1, 1)])
def test_so_many_passes_end_in_a_shuffle_evenly_spread(passes: int, count: int) -> None:
    did = shuffles.passed(Recorded(), passes, count, 2).did
    assert did.count("pass") == passes
    assert did.count("shuffle 2") == count
    gaps = [
        len(run) for run in " ".join(did).replace("pass", "p").replace("shuffle 2", "|").replace(" ", "").split("|")
    ]
    if count:
        assert gaps[-1] == 0, "the last pass ends in one"
        assert max(gaps[:-1]) - min(gaps[:-1]) <= 1


def test_the_partitions_of_a_shuffle_are_about_equal_and_change_with_every_pass() -> None:
    records = shuffles.random_records(10_000, 5)
    before = [shuffles.place(key) % 2 for key, _ in records]
    after = [shuffles.place(key) % 2 for key, _ in map(shuffles.step, records)]
    assert 0.45 < sum(after) / len(after) < 0.55
    moved = sum(one != other for one, other in zip(before, after, strict=True))
    assert 0.45 < moved / len(records) < 0.55


def test_a_wrong_sum_is_found_out() -> None:
    options = {"num-passes": 2}
    records = [(1, 2), (3, 4)]
    right = (2, sum(shuffles.step(shuffles.step(one))[0] for one in records), 10)
    assert shuffles.check(None, options, (records, None), [right])["values"] == 10
    with pytest.raises(application.WrongResult, match="iteration 2"):
        shuffles.check(None, options, (records, None), [right, (2, right[1] + 1, 10)])
