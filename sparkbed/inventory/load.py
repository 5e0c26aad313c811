"""Reading an inventory: the YAML file, and host_vars/ and group_vars/ beside it, as ansible-core reads them.

Stricter than Ansible where it warns and goes on: unknown keys, wrong shapes and names that no variable can have are
errors with their file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.documents import Map, expect_keys
from sparkbed.errors import DocumentError
from sparkbed.inventory.model import Group, Host, HostEntry, Inventory
from sparkbed.inventory.ranges import expand
from sparkbed.inventory.varfiles import variables_of
from sparkbed.kinds import kind
from sparkbed.position import Position

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def load(path: Path) -> Inventory:
    """The inventory in the file at `path`.

    Raises:
        DocumentError: for what is wrong in it or in the files beside it, with file and line.
    """
    path = Path(path)
    document = documents.load(path)
    top = Position(path, 1)
    if document is None:
        raise DocumentError("the inventory is empty", where=top, hint=_SHAPE)
    if not isinstance(document, Map):
        raise DocumentError(f"an inventory is a mapping of groups, not {kind(document)}", where=top, hint=_SHAPE)
    if "plugin" in document:
        raise DocumentError(
            "inventory plugins aren't read here",
            where=document.where("plugin"),
            hint="Write what it finds to a file: ansible-inventory -i THIS --list --yaml --output hosts.yml",
        )
    return _Reader(path, top).read(document)


_SHAPE = "It begins with groups: 'all:' with 'children:' or 'hosts:' below it, as in inventories/local.yml."


@dataclass(eq=False, repr=False)
class _Group:
    """A group while it is being read: it may stand at several places of the file."""

    name: str
    position: Position
    vars: Map
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    entries: list[HostEntry] = field(default_factory=list)
    priority: int = 1


@dataclass(eq=False, repr=False)
class _Reader:
    path: Path
    top: Position
    groups: dict[str, _Group] = field(default_factory=dict)
    hosts: dict[str, tuple[Position, Map]] = field(default_factory=dict)

    def read(self, document: Map) -> Inventory:
        for name in ("all", "ungrouped"):
            self._group(name, self.top)
        self.groups["all"].children["ungrouped"] = None
        for name, body in document.items():
            self._read_group(name, body, document.where(name))
        self._reconcile()
        folder = self.path.resolve().parent
        depths = self._depths()
        groups = {
            group.name: Group(
                name=group.name,
                position=group.position,
                hosts=tuple(group.hosts),
                children=tuple(group.children),
                vars=group.vars,
                file_vars=variables_of(folder / "group_vars", group.name, self.top),
                entries=tuple(group.entries),
                depth=depths[group.name],
                priority=group.priority,
            )
            for group in self.groups.values()
        }
        hosts = {
            name: Host(name, position, values, variables_of(folder / "host_vars", name, self.top))
            for name, (position, values) in self.hosts.items()
        }
        return Inventory(self.path, groups, hosts)

    # -- what stands in the file --------------------------------------------------------------------------------------

    def _group(self, name: str, position: Position) -> _Group:
        if name not in self.groups:
            self.groups[name] = _Group(name, position, Map(position))
        return self.groups[name]

    def _read_group(self, name: Any, body: Any, position: Position) -> str:
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
            raise DocumentError(
                f"{name!r} can't be the name of a group",
                where=position,
                hint="Names have letters, digits and '_', and begin with a letter: they become variables in templates.",
            )
        group = self._group(name, position)
        if body is None:
            return name
        if not isinstance(body, Map):
            raise DocumentError(f"group {name!r} must be a mapping, not {kind(body)}", where=position, hint=_GROUP)
        expect_keys(body, ("hosts", "children", "vars"), f"group {name!r}")
        # The order of the file counts: it is the order of the hosts.
        for key, section in body.items():
            where = body.where(key)
            if key == "vars":
                self._read_group_vars(group, _mapping(section, where, f"'vars' of group {name!r}"))
            elif key == "children":
                self._read_children(group, _names(section, where, f"'children' of group {name!r}"))
            else:
                self._read_hosts(group, _names(section, where, f"'hosts' of group {name!r}"))
        return name

    def _read_group_vars(self, group: _Group, section: Map) -> None:
        for name, value, where in _variables(section):
            if name == "ansible_group_priority":
                if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
                    raise DocumentError(f"{name} must be a whole number, not {kind(value)}", where=where)
                group.priority = int(value)
            else:
                _put(group.vars, name, value, where)

    def _read_children(self, group: _Group, section: Map) -> None:
        for name, body in section.items():
            where = section.where(name)
            child = self._read_group(name, body, where)
            if child == "all" or group.name in self._below(child):
                raise DocumentError(
                    f"group {child!r} can't be a child of {group.name!r}: it would hold itself",
                    where=where,
                    hint="Take one of the two 'children' entries out.",
                )
            group.children[child] = None

    def _below(self, name: str) -> set[str]:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting.extend(self.groups[one].children)
        return seen

    def _read_hosts(self, group: _Group, section: Map) -> None:
        for pattern, values in section.items():
            where = section.where(pattern)
            if not isinstance(pattern, str):
                raise DocumentError(
                    f"the name of a host must be text, not {kind(pattern)}", where=where, hint="Put it in quotes."
                )
            names, port = expand(pattern, where)
            group.entries.append(HostEntry(pattern, names, where))
            values = _mapping(values, where, f"host {pattern!r}")
            for host in names:
                own = self.hosts.setdefault(host, (where, Map(where)))[1]
                if port is not None:
                    _put(own, "ansible_port", port, where)
                for name, value, place in _variables(values):
                    _put(own, name, value, place)
                group.hosts[host] = None

    # -- what follows from it -----------------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        """Every group without a parent hangs below `all`; `ungrouped` has the hosts that no other group has."""
        every = self.groups["all"]
        with_parent = {child for group in self.groups.values() for child in group.children}
        for name in self.groups:
            if name != "all" and name not in with_parent:
                every.children[name] = None
        grouped = {
            host for group in self.groups.values() if group.name not in ("all", "ungrouped") for host in group.hosts
        }
        ungrouped = self.groups["ungrouped"].hosts
        for host in grouped:
            ungrouped.pop(host, None)
        for host in self.hosts:
            if host not in grouped:
                ungrouped[host] = None

    def _depths(self) -> dict[str, int]:
        """Each group's longest way down from `all`."""
        depths = dict.fromkeys(self.groups, 0)
        level, depth = {"all"}, 0
        while level:
            depths.update(dict.fromkeys(level, depth))
            level = {child for name in level for child in self.groups[name].children}
            depth += 1
        return depths


_GROUP = "A group can have 'hosts', 'children' and 'vars', each a mapping."


def _mapping(value: Any, where: Position, what: str) -> Map:
    if value is None:
        return Map(where)
    if not isinstance(value, Map):
        raise DocumentError(
            f"{what} must be a mapping, not {kind(value)}", where=where, hint="Write 'name: value' lines below it."
        )
    return value


def _names(value: Any, where: Position, what: str) -> Map:
    """A section whose keys are names; Ansible also takes one name alone as text."""
    if isinstance(value, str):
        single = Map(where)
        _put(single, value, None, where)
        return single
    if isinstance(value, list):
        raise DocumentError(
            f"{what} must be a mapping, not a list",
            where=where,
            hint="In YAML inventories every name is a key: write 'worker-1:' instead of '- worker-1'.",
        )
    return _mapping(value, where, what)


def _variables(section: Map) -> Iterator[tuple[str, Any, Position]]:
    for name, value in section.items():
        where = section.where(name)
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
            raise DocumentError(
                f"{name!r} can't be the name of a variable",
                where=where,
                hint="Names have letters, digits and '_', and begin with a letter.",
            )
        yield name, value, where


def _put(values: Map, name: str, value: Any, where: Position) -> None:
    values[name] = value
    values.key_positions[name] = where
