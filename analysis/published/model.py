"""What a paper published, as values. `reading.py` makes them of the YAML files beside it, whose keys these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STATISTICS = ("mean", "variance", "median", "std", "min", "max", "p95")
"""What a value can be of the trials behind it; empty for what is no statistic."""

QUALIFIERS = ("", "about", "less than", "at least", "at most")
"""How exact the paper calls a number in its text."""


@dataclass(frozen=True)
class Axis:
    """A row or a column of a table.

    `head` is its printed head, one text for each of the table's `labels` in a row, joined by ` / ` in `name`. `cell` is
    its part in the name of a published cell: the name, unless it stands for a statistic.
    """

    head: tuple[str, ...]
    unit: str
    statistic: str
    cell: str
    conditions: Mapping[str, str]
    misprint: str

    @property
    def name(self) -> str:
        return " / ".join(text for text in self.head if text)


@dataclass(frozen=True)
class Value:
    """What stands in one field of a table.

    `text` is what is printed; `number` is the same as a number, or None where it is none. `unit` is empty for ratios,
    counts and texts. `misprint` says why the value can't be what was meant; empty for nearly all.
    """

    text: str
    number: float | None
    unit: str
    statistic: str
    row: str
    column: str
    cell: str
    conditions: Mapping[str, str]
    where: str
    misprint: str


@dataclass(frozen=True)
class Table:
    """A table: its fields row by row; those that are empty in the paper are left out.

    `conditions` are those of the whole table; each value has them too, beside its row's and its column's.
    """

    number: str
    caption: str
    where: str
    quantity: str
    conditions: Mapping[str, str]
    labels: tuple[str, ...]
    rows: tuple[Axis, ...]
    columns: tuple[Axis, ...]
    values: tuple[Value, ...]

    def cells(self) -> dict[str, dict[str, Value]]:
        """The published cells in the paper's order: each one's values that are numbers, by statistic.

        A cell's name is what row and column say beside the statistic, such as `kmeans (with Docker)` or
        `1:2 / 5 minutes / F_1`.
        """
        found: dict[str, dict[str, Value]] = {}
        for value in self.values:
            if value.number is not None:
                found.setdefault(value.cell, {})[value.statistic] = value
        return found


@dataclass(frozen=True)
class Number:
    """A number that a paper gives in its text. `printed` is its form there, which may be a word."""

    key: str
    number: float
    printed: str
    unit: str
    qualifier: str
    meaning: str
    where: str


@dataclass(frozen=True)
class Remark:
    """Something in the paper that contradicts itself or can't be what was meant, beside the misprinted values."""

    where: str
    what: str


@dataclass(frozen=True)
class Experiment:
    """What a paper measured, or proposed to. `shows` is its tables and figures; empty where it has none."""

    key: str
    title: str
    where: str
    shows: str


@dataclass(frozen=True)
class Paper:
    """A paper. `year` is None where it gives none."""

    key: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    experiments: tuple[Experiment, ...]
    tables: tuple[Table, ...]
    numbers: tuple[Number, ...]
    remarks: tuple[Remark, ...]

    def table(self, number: str) -> Table:
        """The table with this number (KeyError if there is none)."""
        return {table.number: table for table in self.tables}[number]
