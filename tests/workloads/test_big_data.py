"""The Big Data Benchmark: its tables are what their rule says, and the queries' rows are DuckDB's."""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import big_data_queries
import duckdb
import pytest
import sparkbed_big_data
from spark_launch import Launch
from xxh64 import spark_hash

from sparkbed.errors import UsageError
from sparkbed.home import ROOT
from sparkbed.suite import load
from sparkbed.workloads import workload

ROWS = {"rankings": 8000, "uservisits": 20000, "documents": 300}
SIZE = {"num-rankings": 8000, "num-visits": 20000, "num-documents": 300, "inter-trial-wait": 0}
QUERIES = ("1A", "1B", "1C", "2A", "2B", "2C", "3A", "3B", "3C", "4")
SEED = 5
COLUMNS = {
    "rankings": {"pageURL": "VARCHAR", "pageRank": "INTEGER", "avgDuration": "INTEGER"},
    "uservisits": {
        "sourceIP": "VARCHAR", "destURL": "VARCHAR", "visitDate": "DATE", "adRevenue": "DOUBLE", "userAgent": "VARCHAR",
        "countryCode": "VARCHAR", "languageCode": "VARCHAR", "searchWord": "VARCHAR", "duration": "INTEGER",
    },
    "documents": {"line": "VARCHAR"},
}  # fmt: skip
RESULTS = {
    "1": {"pageURL": "VARCHAR", "pageRank": "INTEGER"},
    "2": {"prefix": "VARCHAR", "totalRevenue": "DOUBLE"},
    "3": {"sourceIP": "VARCHAR", "totalRevenue": "DOUBLE", "avgPageRank": "DOUBLE"},
    "4": {"destPage": "VARCHAR", "totalLinks": "BIGINT"},
}
LIMITS = {
    "1A": "1000", "1B": "100", "1C": "10", "2A": "8", "2B": "10", "2C": "12",
    "3A": "1980-04-01", "3B": "1983-01-01", "3C": "2010-01-01",
}  # fmt: skip
"""What stands in the queries of paper 003's appendix; query 4 has no variants."""
Rows = list[tuple[Any, ...]]


def duckdb_query(name: str) -> str:
    """The queries of paper 003's appendix in DuckDB's words, and the fourth without a function of ours."""
    if name[0] == "1":
        return f"SELECT pageURL, pageRank FROM rankings WHERE pageRank > {LIMITS[name]}"
    if name[0] == "2":
        prefix = f"SUBSTR(sourceIP, 1, {LIMITS[name]})"
        return f"SELECT {prefix}, SUM(adRevenue) FROM uservisits GROUP BY {prefix}"
    if name[0] == "3":
        return f"""
            SELECT sourceIP, totalRevenue, avgPageRank
            FROM (SELECT sourceIP, AVG(pageRank) AS avgPageRank, SUM(adRevenue) AS totalRevenue
                  FROM rankings AS R, uservisits AS UV
                  WHERE R.pageURL = UV.destURL
                    AND UV.visitDate > DATE '1980-01-01' AND UV.visitDate < DATE '{LIMITS[name]}'
                  GROUP BY UV.sourceIP)
            ORDER BY totalRevenue DESC LIMIT 1"""
    return """
        SELECT destPage, COUNT(*)
        FROM (SELECT UNNEST(regexp_extract_all(line, 'href="([^"]+)"', 1)) AS destPage FROM documents)
        GROUP BY destPage"""


def files(folder: str | Path, form: str, columns: dict[str, str]) -> str:
    """DuckDB's words for the rows in a folder that Spark wrote. Documents hold commas and quotes of no meaning."""
    path = str(folder).removeprefix("file:")
    if form == "parquet":
        return f"read_parquet('{path}/*.parquet')"
    mark = "\\x01" if list(columns) == ["line"] else ","
    return f"read_csv('{path}/part-*', header=false, delim='{mark}', quote='', escape='', columns={columns})"


def rows(database: duckdb.DuckDBPyConnection, folder: str | Path, form: str, columns: dict[str, str]) -> Rows:
    names = ", ".join(f"CAST({name} AS {kind})" for name, kind in columns.items())
    return database.sql(f"SELECT {names} FROM {files(folder, form, columns)}").fetchall()


def same(found: Rows, expected: Rows) -> None:
    """The same rows in any order; numbers that were added up in another order may differ by 1e-9 of their size."""
    assert len(found) == len(expected)
    for one, other in zip(sorted(found), sorted(expected), strict=True):
        assert [value for value in one if not isinstance(value, float)] == [
            value for value in other if not isinstance(value, float)
        ]
        assert [v for v in one if isinstance(v, float)] == pytest.approx(
            [v for v in other if isinstance(v, float)], rel=1e-9
        )


def queries(names: Sequence[str], **given: Any) -> list[tuple[str, dict[str, Any]]]:
    common = {**SIZE, "num-partitions": 2, "reduce-tasks": 2, "keep-result": True, "warm-up-query": False}
    return [("big-data-benchmark", {**common, **given, "query": name}) for name in names]


@pytest.mark.full
@pytest.mark.parametrize("form", ["text", pytest.param("parquet", marks=pytest.mark.soak)])
def test_the_queries_rows_are_duckdbs(launch_together: Callable[..., list[Launch]], tmp_path: Path, form: str) -> None:
    place = (tmp_path / "data").as_uri()
    runs = queries(QUERIES, **{"storage-location": place, "storage-format": form})
    [(name, given)] = queries(["1B"], **{"storage-location": place, "storage-format": form, "missing-tables": "refuse"})
    other = {"result": "collect", "keep-result": False, "cache-tables": True, "warm-up-query": True}
    *launched, collected = launch_together([*runs, (name, {**given, **other})], iterations=1)
    assert launched[0].code == 0, launched[0].output
    database = duckdb.connect()
    stored: dict[str, str] = {}
    for name, done in zip(QUERIES, launched, strict=True):
        assert done.reading.error is None, done.output
        assert done.iterations() == [1]
        facts = done.reading.facts
        stored.update(facts["stored_data"])
        for table in facts["stored_data"]:
            source = files(stored[table], form, COLUMNS[table])
            # Parquet's columns have Spark's types, of which the date is a text: DuckDB compares no text with a date.
            typed = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in COLUMNS[table].items())
            database.sql(f"CREATE OR REPLACE VIEW {table} AS SELECT {typed} FROM {source}")
            assert database.table(table).shape[0] == ROWS[table]
        expected = database.sql(duckdb_query(name)).fetchall()
        assert len(expected) > 0
        same(rows(database, facts["result"]["kept"], form, RESULTS[name[0]]), expected)
        assert facts["result"]["rows"] == len(expected)
        service = [sample.value for sample in done.reading.samples if sample.metric == "service_seconds"]
        assert len(service) == 1
        assert service[0] > 0
    assert [done.reading.facts["stored_data_made"] for done in launched] == [n in ("1A", "2A", "4") for n in QUERIES]
    stored_1b, collected_1b = (done.reading.facts["result"] for done in (launched[1], collected))
    assert collected_1b == {name: value for name, value in stored_1b.items() if name != "kept"}
    kept = {f"result-{name}" for name in QUERIES}
    names = {
        path.name.rsplit("-", 1 if path.name.startswith("big") else 2)[0] for path in (tmp_path / "data").iterdir()
    }
    assert names == kept | {f"big-data-{table}-{form}" for table in COLUMNS}


# -- the tables --------------------------------------------------------------------------------------------------------


def bits(column: int, *numbers: int) -> int:
    return spark_hash(SEED, column, *numbers)


def uniform(column: int, *numbers: int) -> float:
    return (bits(column, *numbers) >> 11) * 2.0**-53


def below(limit: int, column: int, *numbers: int) -> int:
    return math.floor(uniform(column, *numbers) * limit)


def digits(number: int) -> str:
    return f"{number:016x}"


def url(page: int) -> str:
    random = "".join(digits(bits(3, page, part)) for part in (1, 2, 3))
    return (random + random[::-1])[: below(73, 3, page, 0) + 16] + digits(page)[4:]


def word(number: int) -> str:
    return digits(bits(11, number))[: below(9, 11, number, 1) + 4]


def rank(page: int) -> int:
    """By the benchmark's shares of ranks above 10, 100 and 1000, at its scale of 90 million pages."""
    above_10, above_100, above_1000 = 89_974_976 / 90e6, 3_331_851 / 90e6, 32_888 / 90e6
    share = 1 - uniform(1, page)
    if share > above_10:
        return math.floor(10 * (1 - share) / (1 - above_10)) + 1
    if share > above_100:
        return math.floor(10 * (share / above_10) ** (-1 / math.log10(above_10 / above_100))) + 1
    return math.floor(100 * (share / above_100) ** (-1 / math.log10(above_100 / above_1000))) + 1


def visit(row: int, pages: int) -> tuple[str, str, str, float, str, int]:
    """A visit, without the agent and the countries."""
    address = ".".join(str(below(254, 4, row, part) + 1) for part in range(4))
    target = url(math.floor(uniform(5, row) ** 2 * pages))
    day = datetime.date(1970, 1, 1) + datetime.timedelta(below(15930, 6, row))
    return (
        address,
        target,
        day.isoformat(),
        below(10**8, 7, row) / 1e8,
        word(below(1000, 10, row)),
        below(10, 12, row) + 1,
    )


def test_ranks_have_the_benchmarks_shares() -> None:
    number = 40_000
    ranks = [rank(page) for page in range(number)]
    for limit, rows in ((10, 89_974_976), (100, 3_331_851), (1000, 32_888)):
        share = rows / 90e6
        found = sum(one > limit for one in ranks)
        assert abs(found - share * number) < 5 * math.sqrt(share * (1 - share) * number)
    assert min(ranks) >= 1
    assert max(ranks) < 2**31


def lines(folder: str) -> list[str]:
    """The lines of a stored table, in its rows' order: a file holds the numbers that follow the file's before."""
    parts = sorted(Path(folder.removeprefix("file:")).glob("part-*"))
    return [line for part in parts for line in part.read_text().splitlines()]


@pytest.mark.soak  # the queries over these tables are DuckDB's in every run
def test_tables_are_what_their_rule_says_however_many_files_they_have(
    launch_together: Callable[..., list[Launch]], tmp_path: Path
) -> None:
    given = {**SIZE, "storage-location": (tmp_path / "data").as_uri()}
    runs = [
        {"table": "rankings", "num-partitions": 3},
        {"table": "rankings", "num-partitions": 5},
        {"table": "rankings", "num-partitions": 5},
        {"table": "rankings", "num-partitions": 3, "random-seed": 6},
        {"table": "uservisits", "num-partitions": 2},
        {"table": "uservisits", "num-partitions": 3, "storage-format": "parquet"},
        {"table": "documents", "num-partitions": 2},
    ]
    launched = launch_together([("big-data-benchmark-tables", {**given, **one}) for one in runs], iterations=2)
    assert launched[0].code == 0, launched[0].output
    results = [one.reading.facts["result"] for one in launched]
    three, five, again, other, visits, parquet, documents = results
    assert [one["made"] for one in results] == [True, True, False, True, True, True, True]
    assert five["stored_data"] == again["stored_data"]
    assert len({one["stored_data"] for one in results}) == 6
    assert sorted(path.as_uri() for path in (tmp_path / "data").iterdir()) == sorted(
        "file://" + one["stored_data"].removeprefix("file:") for one in results if one["made"]
    )
    assert three["checksum"] == five["checksum"] != other["checksum"]
    assert visits["checksum"] == parquet["checksum"]
    assert [one["rows"] for one in (three, visits, documents)] == list(ROWS.values())

    pages = lines(three["stored_data"])
    assert pages == lines(five["stored_data"])
    assert pages == [f"{url(page)},{rank(page)},{below(100, 2, page) + 1}" for page in range(8000)]
    assert len(list(Path(five["stored_data"].removeprefix("file:")).glob("part-*"))) == 5
    found = [line.split(",") for line in lines(visits["stored_data"])]
    assert len(found) == 20000
    expected = [visit(row, 8000) for row in range(2000)]
    assert [(*row[:3], float(row[3]), row[7], int(row[8])) for row in found[:2000]] == expected
    assert {len(row) for row in found} == {9}
    assert all(re.fullmatch("[A-Z]{3}", row[5]) and re.fullmatch("[a-z]{2}-[A-Z]{2}", row[6]) for row in found)
    pages_of = {line.split(",")[0] for line in pages}
    assert {row[1] for row in found} <= pages_of
    text = lines(documents["stored_data"])
    assert [line.split(" ", 1)[0] for line in text] == [url(row) for row in range(300)]
    links = [re.findall('href="([^"]*)"', line) for line in text]
    assert [len(one) for one in links] == [below(11, 13, row) for row in range(300)]
    assert {one for each in links for one in each} <= pages_of
    assert Counter(len(one) for one in links).keys() == set(range(11))

    for one in launched:
        samples = {s.metric: s for s in one.reading.samples if s.iteration == 2}
        size = samples["bytes_written"]
        assert size.unit == "B"
        folder = Path(one.reading.facts["result"]["stored_data"].removeprefix("file:"))
        rest = sum(path.stat().st_size for path in folder.glob("part-*"))
        assert size.value == rest
        assert samples["write_throughput"].value == pytest.approx(size.value / samples["trial_seconds"].value, rel=0.02)


# -- what is refused, and what is found out ----------------------------------------------------------------------------


@pytest.mark.soak
def test_rows_that_are_missing_and_tables_that_are_not_there(
    launch_together: Callable[..., list[Launch]], tmp_path: Path
) -> None:
    place = tmp_path / "data"
    given = {**SIZE, "num-partitions": 3, "reduce-tasks": 4, "storage-location": place.as_uri(), "query": "1C"}
    [right] = launch_together([("big-data-benchmark", given)])
    assert right.code == 0, right.output
    [folder] = place.iterdir()  # results are removed when they have been checked
    last = max(folder.glob("part-*"))
    last.write_text("".join(line + "\n" for line in last.read_text().splitlines()[:-1]))
    folder.joinpath(f".{last.name}.crc").unlink()
    [wrong] = launch_together([("big-data-benchmark", given)])
    assert wrong.code == 1
    fewer = right.reading.facts["result"]["rows"] - 1
    assert str(wrong.reading.error).startswith(f"wrong result: the result of iteration 1 has {fewer} rows"), (
        wrong.output
    )
    [refused] = launch_together([("big-data-benchmark", {**given, "random-seed": 6, "missing-tables": "refuse"})])
    assert refused.code == 1
    assert "is not there, and may not be made here" in str(refused.reading.error)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"storage-location": "/data"}, "'/data' is no URL"),
        ({"keep-result": True, "result": "collect"}, "no stored result to keep"),
        ({"query": "3D"}, "one of 1A, 1B, 1C, 2A, 2B, 2C, 3A, 3B, 3C, 4"),
    ],
)
def test_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        workload("big-data-benchmark").resolve(given)


@pytest.mark.parametrize(("factor", "pages", "visits"), [(1, 18_000_000, 155_000_000), (5, 90_000_000, 775_000_000)])
def test_the_benchmarks_sizes(factor: int, pages: int, visits: int) -> None:
    resolved = workload("big-data-benchmark-tables").resolve({"scale-factor": factor})
    assert (resolved["num-rankings"], resolved["num-visits"]) == (pages, visits)
    assert workload("big-data-benchmark").resolve({"scale-factor": factor})["reduce-tasks"] == 150


def test_the_page_has_the_queries_that_run() -> None:
    page = (ROOT / "docs" / "big-data-benchmark.md").read_text(encoding="utf-8")
    shown = [" ".join(block.split("```")[0].split()) for block in page.split("```sql\n")[1:]]
    wanted = {
        name: " ".join(re.sub(r"\bX\b", LIMITS.get(name, ""), shown[int(name[0]) - 1]).split()) for name in QUERIES
    }
    assert {name: " ".join(text.split()) for name, text in big_data_queries.QUERIES.items()} == wanted
    for table, columns in sparkbed_big_data.SCHEMAS.items():
        assert f"| {table} | {columns} |" in page


@pytest.mark.parametrize("profile", [None, "tiny", "small", "medium", "large", "paper"])
@pytest.mark.parametrize(("name", "factor"), [("big-data-benchmark", 0.01), ("paper-003-reference", 5)])
def test_the_suites_profiles_have_all_queries_over_the_same_tables(
    name: str, factor: float, profile: str | None
) -> None:
    suite = load(ROOT / "suites" / f"{name}.yml", profile=profile)
    resolved = [workload(cell.workload).resolve(cell.parameters) for cell in suite.cells]
    asked = [one["query"] for one in resolved if "query" in one]
    assert asked == list(QUERIES)[: len(asked)]
    assert len(asked) >= 9
    tables = {tuple(one[option] for option in sparkbed_big_data.OPTIONS) for one in resolved}
    assert len(tables) == 1
    scale = {"tiny": 0.0002, "small": 0.01, "medium": 0.1, "large": 1, "paper": 5}.get(profile or "", factor)
    assert {one["num-visits"] for one in resolved} == {155_000_000 * scale}
    cold = name == "paper-003-reference"
    assert ("page-cache" in suite.collectors, suite.iterations == 1 and suite.order == "blocked") == (cold, cold)
    assert all((one["missing-tables"] == "refuse") == cold for one in resolved if "query" in one)
