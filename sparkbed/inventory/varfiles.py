"""Variables in files beside the inventory: host_vars/ and group_vars/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sparkbed import documents
from sparkbed.documents import Map
from sparkbed.errors import DocumentError
from sparkbed.position import Position

_SUFFIXES = ("", ".yml", ".yaml", ".json")


def variables_of(folder: Path, name: str, absent: Position) -> Map:
    """What the files for `name` in `folder` say, later files over earlier ones; empty (at `absent`) without a file.

    Ansible takes the first that exists of NAME, NAME.yml, NAME.yaml and NAME.json; in a folder it takes all files of
    these kinds, sorted, and descends.

    Raises:
        DocumentError: when a file is not a mapping, or is encrypted.
    """
    merged = Map(absent)
    for suffix in _SUFFIXES:
        found = folder / f"{name}{suffix}"
        if found.exists():
            for file in _files(found):
                _merge(merged, file)
            break
    return merged


def names_in(folder: Path) -> set[str]:
    """The names of all variables in `folder`'s files, also those of groups and hosts that are yet to come.

    Raises:
        DocumentError: as `variables_of`.
    """
    entries = [entry for entry in folder.iterdir() if _counts(entry)] if folder.is_dir() else []
    owners = {entry.stem if entry.suffix in _SUFFIXES else entry.name for entry in entries}
    return {str(name) for owner in owners for name in variables_of(folder, owner, Position(folder, 1))}


def _counts(entry: Path) -> bool:
    return not entry.name.startswith(".") and not entry.name.endswith("~")


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir(), key=lambda one: one.name):
        if not _counts(entry):
            continue
        if entry.is_dir():
            # Ansible descends only into folders whose names have no suffix.
            if not entry.suffix:
                yield from _files(entry)
        elif entry.suffix in _SUFFIXES:
            yield entry


def _merge(merged: Map, file: Path) -> None:
    where = Position(file, 1)
    document = documents.load(file)
    if not document and not isinstance(document, str):
        return
    if isinstance(document, str) and document.startswith("$ANSIBLE_VAULT"):
        raise DocumentError("vault files aren't read here", where=where, hint="Keep secrets out of the inventory.")
    if not isinstance(document, Map):
        raise DocumentError("a file of variables is a mapping of names to values", where=where)
    for name, value in document.items():
        merged[name] = value
        merged.key_positions[name] = document.where(name)
