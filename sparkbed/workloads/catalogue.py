"""The workloads that there are: every workloads/<language>/<name>.yml, read once."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sparkbed.documents import Map, expect_keys, load, plain
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT
from sparkbed.nearest import nearest
from sparkbed.workloads.base import Workload
from sparkbed.workloads.parameters import TYPES, Parameter
from sparkbed.workloads.plain import PlainWorkload
from sparkbed.workloads.pyspark import PythonWorkload
from sparkbed.workloads.scala import ScalaWorkload
from sparkbed.workloads.submit import SubmitWorkload

_KINDS = {
    "scala": ("title", "source", "scale", "main-class"),
    "mllib": ("title", "source", "scale", "main-class"),
    "streaming": ("title", "source", "scale", "main-class"),
    "pyspark": ("title", "source", "scale", "program"),
    "ipc": ("title", "source", "scale", "program", "runs"),
    "submit": ("title", "source", "scale"),
}
"""The folders that workloads lie in, and the keys that a workload's file there must have."""
_KEYS = (
    "title", "short-name", "runner", "runs", "program", "main-class", "source", "scale", "leaves-data", "groups",
    "parameters", "meanings",
)  # fmt: skip
_PARAMETER_KEYS = (
    "type", "default", "scales", "minimum", "maximum", "exclusive", "choices", "meaning", "source",
)  # fmt: skip


@functools.cache
def catalogue(folder: Path = ROOT / "workloads") -> Mapping[str, Workload]:
    """Every workload by name, sorted.

    Raises:
        DocumentError: when a workload's file is wrong, with file and line.
    """
    groups = {group: _parameters(rows, group) for group, rows in _mapping(folder / "parameters.yml").items()}
    files = sorted(
        (file for kind in _KINDS for file in (folder / kind).glob("*.yml")), key=lambda file: (file.stem, file.parent)
    )
    for one, other in itertools.pairwise(files):
        if one.stem == other.stem:
            raise DocumentError(f"workload {one.stem} is there twice", where=str(other), hint=f"The other is {one}.")
    return MappingProxyType({file.stem: _workload(file, groups) for file in files})


def workload(name: str) -> Workload:
    """The workload called `name`.

    Raises:
        UsageError: when there is none, with the nearest names.
    """
    known = catalogue()
    if name not in known:
        raise UsageError(f"there is no workload {name!r}", hint=nearest(name, known))
    return known[name]


def _mapping(file: Path) -> Map:
    document = load(file)
    if not isinstance(document, Map):
        raise DocumentError("this file must hold a mapping", where=str(file))
    return document


def _require(mapping: Map, keys: Iterable[str], what: str) -> None:
    for key in keys:
        if key not in mapping:
            raise DocumentError(f"{what} needs the key {key!r}", where=mapping.position)


def _workload(file: Path, groups: Mapping[str, Mapping[str, Parameter]]) -> Workload:
    document = _mapping(file)
    expect_keys(document, _KEYS, f"workload {file.stem}")
    _require(document, _KINDS[file.parent.name], f"workload {file.stem}")
    runs = document.get("runs", "spark")
    if runs not in ("spark", "plain"):
        raise DocumentError(f"runs must be spark or plain, not {runs!r}", where=document.where("runs"))
    leaves = document.get("leaves-data", False)
    if not isinstance(leaves, bool):
        raise DocumentError(f"leaves-data must be true or false, not {leaves!r}", where=document.where("leaves-data"))
    table: dict[str, Parameter] = {}
    for index, group in enumerate(document.get("groups", [])):
        if group not in groups:
            where = document["groups"].where(index)
            raise DocumentError(f"there is no group {group!r}", where=where, hint=nearest(group, groups))
        table.update(groups[group])
    table.update(_parameters(document.get("parameters", Map(document.position)), f"workload {file.stem}"))
    table.update(_meanings(document, table, f"workload {file.stem}"))
    common: dict[str, Any] = {
        "name": file.stem,
        "title": document["title"],
        "source": document["source"],
        "scale": float(document["scale"]),
        "parameters": MappingProxyType(table),
        "short_name": document.get("short-name", file.stem),
        "runner": document.get("runner", document.get("short-name", file.stem)),
        "leaves_data": leaves,
    }
    if runs == "plain":
        return PlainWorkload(**common, language="Python", script=file.parent / document["program"])
    if "main-class" in document:
        return ScalaWorkload(**common, language="Scala", main_class=document["main-class"], folder=file.parent)
    if file.parent.name == "pyspark":
        return PythonWorkload(**common, language="Python", script=file.parent / document["program"])
    return SubmitWorkload(**common, language="any")


def _meanings(document: Map, table: Mapping[str, Parameter], owner: str) -> dict[str, Parameter]:
    """The parameters of groups whose meaning is another one for this workload."""
    meanings = document.get("meanings", Map(document.position))
    if not isinstance(meanings, Map) or not all(isinstance(text, str) and text for text in meanings.values()):
        raise DocumentError(f"the meanings of {owner} must be a mapping of texts", where=document.where("meanings"))
    for name in meanings:
        if name not in table:
            raise DocumentError(
                f"{owner} has no parameter {name!r}", where=meanings.where(name), hint=nearest(name, table)
            )
    return {name: replace(table[name], meaning=text) for name, text in meanings.items()}


def _parameters(rows: Any, owner: str) -> dict[str, Parameter]:
    if not isinstance(rows, Map):
        raise DocumentError(f"the parameters of {owner} must be a mapping")
    table = {}
    for name, row in rows.items():
        if not isinstance(row, Map):
            raise DocumentError(f"parameter {name} of {owner} must be a mapping", where=rows.where(name))
        expect_keys(row, _PARAMETER_KEYS, f"parameter {name} of {owner}")
        _require(row, ("type", "meaning", "source"), f"parameter {name} of {owner}")
        if row.get("type") not in TYPES:
            raise DocumentError(f"type must be one of {', '.join(TYPES)}", where=row.where("type"))
        declared = plain(row)
        declared["choices"] = tuple(declared.get("choices", ()))
        table[name] = Parameter(name=name, default=declared.pop("default", None), **declared)
    return table
