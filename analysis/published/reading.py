"""The YAML files of this folder as values. Whatever they should not hold is refused with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from analysis.published.model import QUALIFIERS, STATISTICS, Axis, Experiment, Number, Paper, Remark, Table, Value

_NUMBER = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)(?: × 10\^(-?\d+))?([KM]?)")
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6}


class PublishedError(ValueError):
    """A file that is not of the form that model.py describes."""


def number_of(text: str) -> float | None:
    """Printed text as a number: `2.10`, `100,000`, `1.2220e-05`, `2 × 10^-3`, `33K`; None if it is no number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, power, scale = match.groups()
    return float(f"{digits.replace(',', '')}{f'e{power}' if power else ''}") * _SCALES[scale]


def parse(text: str, name: str) -> Paper:
    """The paper in a file's text.

    Args:
        name: the file's name, for messages.

    Raises:
        PublishedError: naming the file and the place in it.
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise PublishedError(f"{name}: not valid YAML: {error}") from None
    fields = _Fields(document, name)
    paper = Paper(
        key=fields.text("key"),
        title=fields.text("title"),
        authors=fields.texts("authors"),
        year=fields.year("year"),
        experiments=tuple(_experiment(one) for one in fields.each("experiments")),
        tables=tuple(_table(one) for one in fields.each("tables")),
        numbers=tuple(_number(one) for one in fields.each("numbers")),
        remarks=tuple(_remark(one) for one in fields.each("remarks")),
    )
    fields.done()
    _expect_once((table.number for table in paper.tables), f"{name}: table")
    _expect_once((experiment.key for experiment in paper.experiments), f"{name}: experiment")
    _expect_once((number.key for number in paper.numbers), f"{name}: number")
    return paper


class _Loader(yaml.SafeLoader):
    """A key that stands twice in a mapping is an error, which PyYAML lets pass."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", node.start_mark)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


class _Fields:
    """A mapping of which each key is taken once; `done` refuses those that nobody took."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise PublishedError(f"{place}: must be a mapping")
        self._left = dict(value)
        self.place = place

    def _take(self, key: str, default: Any) -> Any:
        if key not in self._left and default is ...:
            raise PublishedError(f"{self.place}: has no {key}")
        return self._left.pop(key, default)

    def refuse(self, key: str, what: str) -> PublishedError:
        return PublishedError(f"{self.place}: {key} {what}")

    def text(self, key: str, default: Any = ...) -> str:
        value = self._take(key, default)
        if not isinstance(value, str) or (not value and default is ...):
            raise self.refuse(key, "must be text in quotes")
        return value

    def one_of(self, key: str, known: Iterable[str]) -> str:
        value = self.text(key, "")
        if value not in known:
            raise self.refuse(key, f"can't be {value!r}")
        return value

    def year(self, key: str) -> int | None:
        value = self._take(key, ...)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.refuse(key, "must be a year or null")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text stands for a list of it."""
        value = self._take(key, ...)
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.refuse(key, "must be a list of texts in quotes")
        return tuple(found)

    def printed(self, key: str) -> list[str | None]:
        value = self._take(key, ...)
        if not isinstance(value, list) or not all(item is None or (isinstance(item, str) and item) for item in value):
            raise self.refuse(key, "must be a list of texts in quotes, or null for an empty field")
        return value

    def conditions(self) -> Mapping[str, str]:
        value = self._take("conditions", {})
        if not isinstance(value, dict) or not all(isinstance(x, str) for pair in value.items() for x in pair):
            raise self.refuse("conditions", "must be a mapping of texts in quotes")
        return value

    def each(self, key: str) -> list[_Fields]:
        value = self._take(key, ...)
        if not isinstance(value, list):
            raise self.refuse(key, "must be a list")
        return [_Fields(item, f"{self.place}: {key}[{index}]") for index, item in enumerate(value)]

    def done(self) -> None:
        if self._left:
            raise PublishedError(f"{self.place}: unknown keys {', '.join(map(repr, self._left))}")


def _table(fields: _Fields) -> Table:
    labels = fields.texts("labels")
    where = fields.text("where")
    number = fields.text("number")
    shared = fields.conditions()
    columns = [_column(one) for one in fields.each("columns")]
    rows: list[Axis] = []
    values: list[Value] = []
    for one in fields.each("rows"):
        row, texts = _row(one, labels)
        if len(texts) != len(columns):
            raise one.refuse("values", f"has {len(texts)} fields for {len(columns)} columns")
        rows.append(row)
        values += [
            _value(text, row, column, shared, f"Table {number}, {where}")
            for text, column in zip(texts, columns, strict=True)
            if text is not None
        ]
    caption, quantity = fields.text("caption"), fields.text("quantity")
    fixed = MappingProxyType(dict(shared))
    table = Table(number, caption, where, quantity, fixed, labels, tuple(rows), tuple(columns), tuple(values))
    fields.done()
    _expect_once((row.head for row in rows), f"{fields.place}: row")
    _expect_once((column.head for column in columns), f"{fields.place}: column")
    return table


def _column(fields: _Fields) -> Axis:
    return _axis(fields, (fields.text("head"),), fields.conditions())


def _row(fields: _Fields, labels: tuple[str, ...]) -> tuple[Axis, list[str | None]]:
    head = fields.texts("head")
    if len(head) != len(labels):
        raise fields.refuse("head", f"has {len(head)} texts for {len(labels)} labels")
    values = fields.printed("values")
    named = {label: text for label, text in zip(labels, head, strict=True) if label and text}
    return _axis(fields, head, {**named, **fields.conditions()}), values


def _axis(fields: _Fields, head: tuple[str, ...], conditions: Mapping[str, str]) -> Axis:
    statistic = fields.one_of("statistic", ("", *STATISTICS))
    name = " / ".join(text for text in head if text)
    axis = Axis(
        head=head,
        unit=fields.text("unit", ""),
        statistic=statistic,
        cell=fields.text("cell", "" if statistic else name),
        conditions=MappingProxyType(dict(conditions)),
        misprint=fields.text("misprint", ""),
    )
    fields.done()
    return axis


def _value(text: str, row: Axis, column: Axis, shared: Mapping[str, str], where: str) -> Value:
    return Value(
        text=text,
        number=number_of(text),
        unit=column.unit or row.unit,
        statistic=column.statistic or row.statistic,
        row=row.name,
        column=column.name,
        cell=" / ".join(part for part in (row.cell, column.cell) if part),
        conditions=MappingProxyType({**shared, **row.conditions, **column.conditions}),
        where=where,
        misprint=" ".join(reason for reason in (row.misprint, column.misprint) if reason),
    )


def _number(fields: _Fields) -> Number:
    text = fields.text("value")
    number = number_of(text)
    if number is None:
        raise fields.refuse("value", f"is no number: {text!r}")
    found = Number(
        key=fields.text("key"),
        number=number,
        printed=fields.text("printed", text),
        unit=fields.text("unit", ""),
        qualifier=fields.one_of("qualifier", QUALIFIERS),
        meaning=fields.text("meaning"),
        where=fields.text("where"),
    )
    fields.done()
    return found


def _experiment(fields: _Fields) -> Experiment:
    found = Experiment(fields.text("key"), fields.text("title"), fields.text("where"), fields.text("shows", ""))
    fields.done()
    return found


def _remark(fields: _Fields) -> Remark:
    remark = Remark(fields.text("where"), fields.text("what"))
    fields.done()
    return remark


def _expect_once(keys: Iterable[object], what: str) -> None:
    seen: set[object] = set()
    for key in keys:
        if key in seen:
            raise PublishedError(f"{what} {key!r} stands twice")
        seen.add(key)
