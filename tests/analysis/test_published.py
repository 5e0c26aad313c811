"""The papers' tables as data, held against excerpts that were transcribed a second time (published/*.txt).

An excerpt has a section `== Table N` for each table: a line with the labels' heads (between commas), `||` and the
columns' heads (between bars), then a line a row in the same way; a line with `>` gives the first labels of the rows
below it. In `== Text` stand numbers of the running text in brackets, with the place and a few words.
"""

from __future__ import annotations

import math
import re
import shutil
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import analysis.published
from analysis.published import Number, Paper, PublishedError, Table, Value, keys, paper, papers
from analysis.published.reading import number_of, parse

EXCERPTS = Path(__file__).parent / "published"
PLACES = {
    "000": ["1", "2"],
    "001": [],
    "002": ["I", "II", "III", "IV", "V", "VI", "VII"],
    "003": ["2.1", "3.1", "3.2", "3.3", *(f"4.{n}" for n in range(1, 14))],
    "004": ["1"],
}
"""The tables that each paper has, from its own numbering."""
NUMBERS = {
    "000": [8, 12],
    "001": [],
    "002": [4, 4, 40, 40, 8, 40, 40],
    "003": [0, 0, 30, 0, 27, 9, 12, 24, 12, 12, 12, 18, 36, 18, 27, 27, 27],
    "004": [0],
}
"""How many fields of each of them hold a number, counted in the paper."""

Fields = dict[tuple[str, str, str], str]


@cache
def excerpt(key: str) -> tuple[Fields, Counter[tuple[str, str]]]:
    """Fields by table, row and column; and the text's numbers by place."""
    fields: Fields = {}
    numbers: Counter[tuple[str, str]] = Counter()
    section, above = "", ""
    heads: list[str] = []
    for line in (EXCERPTS / f"{key}.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            section, above, heads = line.removeprefix("== ").removeprefix("Table "), "", []
        elif section == "Text":
            where, words = line.split(" | ")
            (found,) = re.findall(r"\[(.+?)\]", words)
            numbers[where, found] += 1
        elif line.startswith("> "):
            above = line[2:]
        else:
            labels, texts = line.split("||")
            cells = [text.strip() for text in texts.split("|")]
            if not heads:
                heads = cells
                continue
            row = " / ".join(part for part in (*split(above), *split(labels)) if part)
            assert len(cells) == len(heads), line
            for head, text in zip(heads, cells, strict=True):
                if text:
                    assert (section, row, head) not in fields, line
                    fields[section, row, head] = text
    return fields, numbers


def split(labels: str) -> list[str]:
    """Labels between comma and space."""
    return [text.strip() for text in labels.split(", ")]


def differences(found: Paper) -> list[str]:
    """What paper and excerpt don't have in common, a line each."""
    fields, numbers = excerpt(found.key)
    data = {(table.number, value.row, value.column): value.text for table in found.tables for value in table.values}
    lines = [f"{place}: {data.get(place)} and {fields.get(place)}" for place in sorted(data.keys() | fields.keys())
             if data.get(place) != fields.get(place)]  # fmt: skip
    told = Counter((number.where, number.printed) for number in found.numbers)
    lines += [f"only in the data: {one}" for one in told - numbers]
    lines += [f"only in the excerpt: {one}" for one in numbers - told]
    numbered = {table.number for table in found.tables}
    return lines + [f"table {number} is missing" for number in PLACES[found.key] if number not in numbered]


@pytest.mark.parametrize("key", sorted(PLACES))
def test_data_and_excerpt_agree(key: str) -> None:
    assert differences(paper(key)) == []


def test_every_table_of_every_paper_is_there() -> None:
    assert keys() == sorted(PLACES)
    assert {one.key: [table.number for table in one.tables] for one in papers()} == PLACES


def test_every_number_of_every_table_is_there() -> None:
    counted = {
        one.key: [sum(value.number is not None for value in table.values) for table in one.tables] for one in papers()
    }
    assert counted == NUMBERS


# -- the comparison can fail -------------------------------------------------------------------------------------------


def test_any_changed_digit_is_seen() -> None:
    for found in papers():
        for table in found.tables:
            for value in table.values:
                for at, digit in enumerate(value.text):
                    if digit.isdigit():
                        other = value.text[:at] + str((int(digit) + 1) % 10) + value.text[at + 1 :]
                        assert differences(changed(found, table, value, other)), (found.key, table.number, other)
        for number in found.numbers:
            wrong = replace(number, printed=number.printed + "1")
            assert differences(replace(found, numbers=swapped(found.numbers, number, wrong)))


def changed(found: Paper, table: Table, value: Value, text: str) -> Paper:
    values = tuple(replace(one, text=text) if one is value else one for one in table.values)
    return replace(found, tables=tuple(replace(t, values=values) if t is table else t for t in found.tables))


def swapped(numbers: tuple[Number, ...], old: Number, new: Number) -> tuple[Number, ...]:
    return tuple(new if one is old else one for one in numbers)


def test_any_missing_row_or_table_is_seen() -> None:
    for found in papers():
        for table in found.tables:
            rest = tuple(one for one in found.tables if one is not table)
            assert differences(replace(found, tables=rest)), table.number
            for row in table.rows:
                values = tuple(value for value in table.values if value.row != row.name)
                assert differences(replace(found, tables=(*rest, replace(table, values=values)))), row.name


# -- what is flagged ---------------------------------------------------------------------------------------------------


def results_of_002() -> list[tuple[str, str, dict[str, Value]]]:
    tables = [paper("002").table(number) for number in ("III", "IV", "VI", "VII")]
    return [(table.number, name, cell) for table in tables for name, cell in table.cells().items()]


def test_every_row_that_contradicts_itself_is_flagged() -> None:
    """Five times between Min and Max, both among them: middle and standard deviation can't be anything."""
    flagged = {(table, name) for table, name, cell in results_of_002() if cell["std"].misprint or cell["min"].misprint}
    assert flagged == {("III", str(n)) for n in range(1000, 11000, 1000)} | {("VII", "10000000")}
    for table, name, cell in results_of_002():
        middle, std, least, most = (number(cell[key]) for key in ("median", "std", "min", "max"))
        spread = most - least
        ordered = least <= middle <= most
        possible = spread * math.sqrt(1 / 8) - 0.002 <= std <= spread * math.sqrt(3 / 10) + 0.002
        assert (ordered and possible) or (table, name) in flagged, (table, name)


def test_what_002_heads_mean_can_not_be_means() -> None:
    impossible = Counter(
        table
        for table, _, cell in results_of_002()
        if not is_mean(number(cell["median"]), *sorted((number(cell["min"]), number(cell["max"]))))
    )
    assert set(impossible) == {"III", "IV", "VI", "VII"}
    for table, name, cell in results_of_002():
        assert (cell["median"].column, "median" in cell["median"].misprint) == ("Mean", True), (table, name)


def is_mean(value: float, least: float, most: float, n: int = 5) -> bool:
    """Whether `value` can be the mean of n numbers, the least and the largest of which are given (in thousandths)."""
    return ((n - 1) * least + most) / n - 0.001 <= value <= (least + (n - 1) * most) / n + 0.001


def number(value: Value) -> float:
    assert value.number is not None
    return value.number


def test_classes_and_arrivals_of_003_follow_from_each_other() -> None:
    """Averages, arrival rates (load x CPUs / mean service time) and jobs in six hours, as the paper computes them."""
    for key, mean in (("4.1", "mean-service-das4"), ("4.12", "mean-service-das5")):
        cells = paper("003").table(key).cells()
        rows = {
            name.removesuffix(" / service"): number(cell["mean"]) for name, cell in cells.items() if "service" in name
        }
        classes = {"Small": rows_of(rows, "Query 1"), "Large": [rows.pop("Query 3 / C")]}
        classes["Medium"] = rows_of(rows, "Query 2") + rows_of(rows, "Query 3")
        averages = {name: sum(times) / len(times) for name, times in classes.items()}
        for value in paper("003").table(key).values:
            if value.column == "Size":
                printed = number(cells[f"{value.row} / class"]["mean"])
                assert printed == pytest.approx(averages[value.text], abs=0.051)
        told = {one.key: one.number for one in paper("003").numbers}[mean]
        shares = {"Small": 0.75, "Medium": 0.20, "Large": 0.05}
        assert told == pytest.approx(sum(shares[name] * averages[name] for name in shares), abs=0.1)
    for key, cpus, seconds in (("4.2", 40, 2334.5), ("4.5", 80, 2334.5), ("4.10", 120, None)):
        for name, cell in group(paper("003").table(key)).items():
            service = seconds or (1675.4 if "DAS-5" in name else 2334.5)
            load, rate, jobs = (number(cell[head]) for head in ("Imposed Load", "Arrival Rate (s^-1)", "#Jobs"))
            assert rate == pytest.approx(load * cpus / service, rel=0.0025), (key, name)
            assert jobs == pytest.approx(rate * 6 * 3600, abs=0.6), (key, name)


def rows_of(rows: dict[str, float], query: str) -> list[float]:
    return [value for name, value in rows.items() if name.startswith(query)]


def group(table: Table) -> dict[str, dict[str, Value]]:
    found: dict[str, dict[str, Value]] = {}
    for value in table.values:
        found.setdefault(value.row, {})[value.column] = value
    return found


# -- reading -----------------------------------------------------------------------------------------------------------


def test_printed_numbers() -> None:
    assert [number_of(text) for text in ("2.10", "100,000", "33K", "89.9M", "0")] == [2.1, 1e5, 33e3, 89.9e6, 0.0]
    assert number_of("1.2220e-05") == pytest.approx(1.222e-5)
    assert number_of("50 × 10^-3") == pytest.approx(0.05)
    assert [number_of(text) for text in ("-", "+/-", "Small", "12 to 1000", "VARCHAR(300)", "")] == [None] * 6


def test_a_published_cell_has_its_statistics_units_and_conditions() -> None:
    cell = paper("000").table("1").cells()["kmeans (with Docker)"]
    assert {name: (value.number, value.unit) for name, value in cell.items()} == {
        "mean": (13.05, "s"),
        "variance": (0.4476, "s²"),
    }
    assert cell["mean"].conditions["platform"] == "docker"
    assert cell["mean"].conditions["repetitions"] == "10"
    assert list(paper("000").table("2").cells()) == [
        *("shm", "dockersh", "net", "dockernet", "net (w/serialization)", "dockernet (w/serialization)")
    ]  # fmt: skip
    windows = paper("003").table("4.9").cells()["1:4 / 20 minutes / F_2"]
    assert {name: value.number for name, value in windows.items()} == {"median": 8.71, "mean": 27.65, "p95": 112.3}


GOOD = """
key: "9"
title: A paper
authors: [Somebody]
year: 2020
experiments: []
remarks: []
numbers: []
tables:
  - number: "1"
    caption: A table
    where: section 1
    quantity: time
    labels: [size]
    columns: [{head: mean, statistic: mean, unit: s}]
    rows:
      - {head: "5", values: ["1.0"]}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("quantity: time", "quantities: time", "tables[0]: has no quantity"),
        ("year: 2020", "year: 2020\nyeer: 2020", "unknown keys 'yeer'"),
        ("year: 2020", "year: 2020\nyear: 2021", "stands twice"),
        ('values: ["1.0"]', "values: [1.0]", "rows[0]: values must be a list of texts in quotes"),
        ('values: ["1.0"]', 'values: ["1.0", "2.0"]', "has 2 fields for 1 columns"),
        ("statistic: mean", "statistic: average", "statistic can't be 'average'"),
        ("unit: s}", "units: s}", "columns[0]: unknown keys 'units'"),
        ('head: "5"', 'head: ["5", "6"]', "has 2 texts for 1 labels"),
        (
            '      - {head: "5", values: ["1.0"]}',
            '      - {head: "5", values: ["1.0"]}\n' * 2,
            "row ('5',) stands twice",
        ),
        ("numbers: []", "numbers: [{key: a, value: many, meaning: b, where: c}]", "is no number: 'many'"),
        ("remarks: []", "remarks: text", "remarks must be a list"),
    ],
)
def test_a_file_of_another_form_is_refused(old: str, new: str, said: str) -> None:
    assert parse(GOOD, "9.yml").tables[0].values[0].number == 1.0
    assert old in GOOD
    with pytest.raises(PublishedError, match=re.escape(said)):
        parse(GOOD.replace(old, new), "9.yml")


def test_a_file_under_a_wrong_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis.published.resources, "files", lambda package: tmp_path)
    shutil.copy(Path(analysis.published.__file__).parent / "001.yml", tmp_path / "777.yml")
    with pytest.raises(PublishedError, match="its key is '001'"):
        paper("777")


def test_a_paper_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        paper("005")
