"""The hosts of one run: the inventory's, and what `add_host` and `group_by` added to them since.

An inventory is a value, so each addition makes a new one; who keeps something made from it sees that it is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparkbed import inventory as inventories
from sparkbed.documents import Map
from sparkbed.errors import UsageError
from sparkbed.inventory.model import Group, Host, Inventory
from sparkbed.inventory.varfiles import variables_of
from sparkbed.playbook.here import LOCAL, connection_variables
from sparkbed.position import Position


class Hosts:
    """The inventory as it stands in the run, and the variables that `add_host` gave, by host.

    `given` is the inventory that the run began with.
    Those variables are kept apart because they were computed: unlike an inventory's they are never templates.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.given = inventory
        self.variables: dict[str, dict[str, Any]] = {}
        self._additions: list[Callable[[], bool]] = []
        self._beside: Path | None = None

    def enter(self, folder: Path) -> None:
        """Begin a play that stands in `folder`: files of variables beside it count, those of the last play no more."""
        if folder != self._beside:
            self._beside = folder
            self.inventory = self.inventory.beside(folder)

    def add_host(self, name: str, groups: Iterable[str], variables: Mapping[str, Any]) -> bool:
        """Add a host, or more groups and variables to one that is there; says whether anything is new."""
        names = list(groups)
        self._additions.append(lambda: self._add_host(name, names))
        own = self.variables.setdefault(name, {})
        known = {**(self.inventory.variables(name) if name in self.inventory.hosts else {}), **own}
        new = any(key not in known or known[key] != value for key, value in variables.items())
        own.update(variables)
        return self._add_host(name, names) or new

    def add_to_group(self, host: str, group: str, parents: Iterable[str]) -> bool:
        """Put a host into a group below `parents`, made where they are not there; says whether anything is new."""
        names = list(parents)
        self._additions.append(lambda: self._add_to_group(host, group, names))
        return self._add_to_group(host, group, names)

    def refresh(self) -> None:
        """Read the inventory's file again, as `meta: refresh_inventory` does; what the run added stays."""
        fresh = inventories.load(self.inventory.path)
        for name, host in self.given.hosts.items():
            if name in fresh.hosts and host.learned:
                fresh = fresh.with_host_variables(name, host.learned)
        self.inventory = fresh if self._beside is None else fresh.beside(self._beside)
        for again in self._additions:
            again()

    def of_this_machine(self, name: str) -> Mapping[str, Any]:
        """What `localhost` has where the inventory has no host of that name: what all hosts have, and its own files."""
        if name not in self.inventory.hosts and name in LOCAL:
            beside, play = self._files("host_vars", name)
            return {**self.inventory.of_all(), **connection_variables(self.inventory, name), **beside, **play}
        return {}

    # -- one addition -----------------------------------------------------------------------------------------------

    def _add_host(self, name: str, groups: Iterable[str]) -> bool:
        changed = False
        if name not in self.inventory.hosts:
            top = Position(self.inventory.path, 1)
            host = Host(name, top, Map(top), *self._files("host_vars", name))
            self._become(hosts={**self.inventory.hosts, name: host})
            self._put("all", host=name)
            changed = True
        for group in groups:
            changed |= self._made(group)
            changed |= self._put(group, host=name)
        return changed

    def _add_to_group(self, host: str, group: str, parents: Iterable[str]) -> bool:
        if host not in self.inventory.hosts:  # this machine, or one that a refresh found gone
            return False
        self._made(group)
        changed = False
        for parent in parents:
            changed |= self._made(parent)
            changed |= self._put(parent, child=group)
        return self._put(group, host=host) or changed

    def _made(self, group: str) -> bool:
        """Make the group where it is not there yet."""
        if group in self.inventory.groups:
            return False
        top = Position(self.inventory.path, 1)
        made = Group(group, top, (), (), Map(top), *self._files("group_vars", group))
        self._become(groups={**self.inventory.groups, group: made})
        return True

    def _put(self, group: str, *, host: str | None = None, child: str | None = None) -> bool:
        old = self.inventory.groups[group]
        hosts = old.hosts if host is None or host in old.hosts else (*old.hosts, host)
        children = old.children if child is None or child in old.children else (*old.children, child)
        if (hosts, children) == (old.hosts, old.children):
            return False
        if child is not None and group in self._below(child):
            raise UsageError(f"group {child!r} can't be below {group!r}, which is below it already")
        self._become(groups={**self.inventory.groups, group: replace(old, hosts=hosts, children=children)})
        return True

    def _become(self, **changes: Any) -> None:
        """Take the changed inventory, with every group below `all`, `ungrouped` and depths as they have to be."""
        changed = replace(self.inventory, **changes)
        groups = dict(changed.groups)
        below = {child for group in groups.values() for child in group.children}
        orphans = tuple(name for name in groups if name != "all" and name not in below)
        groups["all"] = replace(groups["all"], children=(*groups["all"].children, *orphans))
        grouped = {host for name, group in groups.items() if name not in ("all", "ungrouped") for host in group.hosts}
        alone = tuple(host for host in changed.hosts if host not in grouped)
        groups["ungrouped"] = replace(groups["ungrouped"], hosts=alone)
        depths = dict.fromkeys(groups, 0)
        level, depth = {"all"}, 0
        while level:
            depths.update(dict.fromkeys(level, depth))
            level = {child for name in level for child in groups[name].children}
            depth += 1
        groups = {name: replace(group, depth=depths[name]) for name, group in groups.items()}
        self.inventory = replace(changed, groups=groups)

    def _below(self, group: str) -> set[str]:
        """The names of `group` and of all groups below it."""
        found = {group}
        for child in self.inventory.groups[group].children:
            found |= self._below(child)
        return found

    def _files(self, kind: str, name: str) -> tuple[Map, Map]:
        """What files of variables say: those beside the inventory, and those beside the play."""
        top = Position(self.inventory.path, 1)
        ours = self.inventory.path.resolve().parent
        return (
            variables_of(ours / kind, name, top),
            variables_of(self._beside / kind, name, top) if self._beside is not None else Map(top),
        )
