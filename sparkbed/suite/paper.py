"""Which experiment of a paper a suite repeats, and which of its cells stand for the paper's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkbed.documents import Map, Seq, expect_keys
from sparkbed.errors import DocumentError
from sparkbed.kinds import kind
from sparkbed.model import Cell
from sparkbed.nearest import nearest
from sparkbed.position import Position
from sparkbed.suite import fields
from sparkbed.suite.factors import SECTIONS, Factor, assignment
from sparkbed.suite.settings import flatten

if TYPE_CHECKING:
    from analysis.published import Paper, Table

REPEATED, SUBSTITUTE, PREPARED = "repeated", "repeated by substitute", "prepared"
STATES = (REPEATED, SUBSTITUTE, PREPARED)
_KEYS = ("key", "experiment", "state", "substitute", "needs", "tables")
_TABLE_KEYS = ("table", "metric", "cells", "compare")
_PLAIN = ("inventory", "platform", "workload")
_MAPPINGS = ("count", "settings", "parameters", "factors")


@dataclass(frozen=True)
class Selection:
    """Cells by what they have: each of the suite's words that it names must be so, mappings in part."""

    plain: Mapping[str, str]
    mappings: Mapping[str, Mapping[str, str]]

    def matches(self, cell: Cell) -> bool:
        has = {"inventory": cell.hosts.inventory, "platform": cell.platform, "workload": cell.workload}
        parts: dict[str, Mapping[str, Any]] = {
            "count": cell.hosts.count,
            "settings": cell.settings,
            "parameters": cell.parameters,
            "factors": cell.factors,
        }
        return all(has[key] == text for key, text in self.plain.items()) and all(
            key in parts[section] and fields.level_text(parts[section][key]) == text
            for section, wanted in self.mappings.items()
            for key, text in wanted.items()
        )


@dataclass(frozen=True)
class Beside:
    """One table of the paper: the metric that stands beside its values, and our cells for each of its own.

    `compare` are pairs of published cells, (cell, against), whose ratio is shown beside ours.
    """

    table: str
    metric: str
    cells: Mapping[str, Selection]
    compare: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Repeats:
    """What the suite's key `paper` says. `substitute` and `needs` are empty unless the state asks for them."""

    key: str
    experiment: str
    state: str
    substitute: str
    needs: str
    tables: tuple[Beside, ...]

    def words(self) -> str:
        """The paper's key and the state, with what qualifies it: `000: repeated`."""
        return _words(self.key, self.state, self.substitute, self.needs)

    def document(self, cells: Iterable[Cell]) -> dict[str, Any]:
        """As plain JSON for a campaign's plan, with the ids of those of `cells` that stand for each published cell."""
        chosen = tuple(cells)
        return {
            "key": self.key,
            "experiment": self.experiment,
            "state": self.state,
            "substitute": self.substitute,
            "needs": self.needs,
            "tables": [
                {
                    "table": beside.table,
                    "metric": beside.metric,
                    "cells": {
                        name: [cell.id for cell in chosen if selection.matches(cell)]
                        for name, selection in beside.cells.items()
                    },
                    "compare": [list(pair) for pair in beside.compare],
                }
                for beside in self.tables
            ],
        }


def words_of(document: Map) -> str:
    """As `Repeats.words`, of a suite that is only to be listed: nothing in it is checked; empty without a paper."""
    said = (words_of_one(body) for body in _bodies(document) if isinstance(body, Map))
    return "; ".join(dict.fromkeys(said))


def words_of_one(body: Map) -> str:
    """The same of one experiment that a suite's key `paper` has."""
    return _words(*(str(body.get(key, "")) for key in ("key", "state", "substitute", "needs")))


def _bodies(document: Map) -> list[Any]:
    """What `paper` has: one mapping, or a list of them; nothing without it."""
    value = document.get("paper")
    if value is None:
        return []
    return list(value) if isinstance(value, Seq) else [value]


def _words(key: str, state: str, substitute: str, needs: str) -> str:
    detail = substitute or (f"needs {needs}" if needs else "")
    return f"{key}: {state}{f' ({detail})' if detail else ''}"


def read_paper(
    document: Map, factors: tuple[Factor, ...], metric: str, cells: Sequence[Cell] | None = None
) -> tuple[Repeats, ...]:
    """The suite's key `paper`, one experiment or a list of them, checked against the papers' tables.

    Args:
        metric: the suite's, for tables that name none.
        cells: the suite's cells, if each published cell that it names must have one among them.

    Raises:
        DocumentError: for what is wrong, with file and line.
    """
    if document.get("paper") is None:
        return ()
    several = isinstance(document["paper"], Seq)
    bodies = _items(document, "paper") if several else [fields.section(document, "paper")]
    return tuple(_repeats(body, factors, metric, cells) for body in bodies)


def _repeats(body: Map, factors: tuple[Factor, ...], metric: str, cells: Sequence[Cell] | None) -> Repeats:
    expect_keys(body, _KEYS, "paper")
    paper = _paper(body)
    state = _known(body, "state", STATES, "paper")
    found = Repeats(
        key=paper.key,
        experiment=_known(body, "experiment", [one.key for one in paper.experiments], f"paper {paper.key}"),
        state=state,
        substitute=_qualified(body, "substitute", state, SUBSTITUTE, "the substitute, such as YARN for Mesos"),
        needs=_qualified(body, "needs", state, PREPARED, "what it still needs"),
        tables=tuple(_beside(one, paper, factors, metric) for one in _items(body, "tables")),
    )
    for beside, one in zip(found.tables, _items(body, "tables"), strict=True):
        _expect_apart(beside, fields.section(one, "cells"), cells)
    return found


def _paper(body: Map) -> Paper:
    from analysis import published

    return published.paper(_known(body, "key", published.keys(), "analysis/published", "paper"))


def _known(body: Map, key: str, known: Sequence[str], whose: str, noun: str = "") -> str:
    """The text at `key`, which must be there and be one of `known`: whose, and called what if not as the key."""
    value = body.get(key)
    if value is None:
        raise DocumentError(f"paper has no {key}", where=body.where(key), hint=nearest("", known, every="It is one of"))
    if not isinstance(value, str) or value not in known:
        quotes = isinstance(value, (int, float)) and not isinstance(value, bool)
        raise DocumentError(
            f"{whose} has no {noun or key} {value!r}",
            where=body.where(key),
            hint=f'Put it in quotes, as YAML takes it for a number: {key}: "{known[0]}".'
            if quotes and known
            else nearest(value, known, every="It has"),
        )
    return value


def _qualified(body: Map, key: str, state: str, only: str, example: str) -> str:
    """The text at `key`, which belongs to the state `only` and to no other."""
    value = fields.text(body, key) or ""
    if bool(value) != (state == only):
        what = f"paper.{key} goes with the state {only!r} only" if value else f"the state {only!r} asks for {key}"
        hint = "Take it out, or change the state." if value else f"Name {example}."
        raise DocumentError(what, where=body.where(key if value else "state"), hint=hint)
    return value


def _items(body: Map, key: str) -> list[Map]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, Seq) or not all(isinstance(item, Map) for item in value):
        raise DocumentError(
            f"{key} must be a list of mappings, not {kind(value)}",
            where=body.where(key),
            hint="Write '- ' before each.",
        )
    return list(value)


def _beside(body: Map, paper: Paper, factors: tuple[Factor, ...], metric: str) -> Beside:
    expect_keys(body, _TABLE_KEYS, "a table of paper")
    number = _known(body, "table", [table.number for table in paper.tables], f"paper {paper.key}")
    table = paper.table(number)
    cells = fields.section(body, "cells")
    if not cells:
        raise DocumentError(
            f"table {number} names none of the paper's cells",
            where=body.where("cells"),
            hint=nearest("", table.cells(), every="It has"),
        )
    for name in cells:
        _expect_published(name, table, cells.where(name))
    return Beside(
        table=number,
        metric=fields.text(body, "metric", metric) or metric,
        cells={name: _selection(cells[name], cells.where(name), factors) for name in cells},
        compare=tuple(_pair(one, cells) for one in _items(body, "compare")),
    )


def _expect_published(name: object, table: Table, where: Position) -> None:
    known = [name for name, values in table.cells().items() if values]
    if name not in known:
        raise DocumentError(
            f"table {table.number} has no cell {name!r}", where=where, hint=nearest(name, known, every="It has")
        )


def _selection(value: Any, where: Position, factors: tuple[Factor, ...]) -> Selection:
    example = "Name what its cells have, such as {workload: kmeans, platform: docker}."
    if not isinstance(value, Map) or not value:
        raise DocumentError(f"cells are chosen by a mapping, not by {kind(value)}", where=where, hint=example)
    expect_keys(value, (*SECTIONS, "factors"), "a choice of cells")
    flat = flatten(value)
    plain = {key: text for key in _PLAIN if key in flat and (text := fields.text(flat, key)) is not None}
    mappings: dict[str, Mapping[str, str]] = {}
    for section in _MAPPINGS:
        if section not in flat:
            continue
        wanted = fields.section(flat, section)
        if section == "factors":
            mappings[section] = assignment(wanted, flat.where(section), factors, "factors")
            continue
        for key, item in wanted.items():
            if not isinstance(key, str) or not fields.is_scalar(item):
                raise DocumentError(
                    f"{section}.{key} must be one value, not {kind(item)}", where=wanted.where(key), hint=example
                )
        mappings[section] = {key: fields.level_text(item) for key, item in wanted.items()}
    return Selection(plain, mappings)


def _pair(body: Map, cells: Map) -> tuple[str, str]:
    expect_keys(body, ("cell", "against"), "a comparison of paper")
    names = [str(name) for name in cells]
    return _known(body, "cell", names, "the table here"), _known(body, "against", names, "the table here", "cell")


def _expect_apart(beside: Beside, places: Map, cells: Sequence[Cell] | None) -> None:
    """No cell of ours can stand for two of the paper's, and each of the paper's has one."""
    taken: dict[str, str] = {}
    for name, selection in beside.cells.items():
        mine = [cell for cell in cells or () if selection.matches(cell)]
        if cells is not None and not mine:
            labels = "; ".join(cell.label for cell in cells[:8]) + ("; ..." if len(cells) > 8 else "")
            raise DocumentError(
                f"no cell of the suite is what stands for {name!r}",
                where=places.where(name),
                hint=f"The cells are: {labels}. Parameters and settings must stand in the suite itself.",
            )
        for cell in mine:
            if cell.id in taken:
                raise DocumentError(
                    f"the cell '{cell.label}' stands for {taken[cell.id]!r} and for {name!r}",
                    where=places.where(name),
                    hint="Choose by what the two differ in.",
                )
            taken[cell.id] = name
