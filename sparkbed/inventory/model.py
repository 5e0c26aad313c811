"""An inventory as values: hosts, groups, and what is asked of them. Nothing here changes once it is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sparkbed.documents import Map, plain
from sparkbed.errors import UsageError
from sparkbed.inventory import patterns
from sparkbed.inventory.magic import MAGIC
from sparkbed.inventory.varfiles import variables_of
from sparkbed.nearest import nearest
from sparkbed.position import Position


@dataclass(frozen=True)
class HostEntry:
    """One key under a group's `hosts`: a name or a range, and the names that it stands for."""

    pattern: str
    names: tuple[str, ...]
    position: Position


@dataclass(frozen=True)
class Host:
    """A host with the variables of the inventory file (`vars`) and of host_vars/ (`file_vars`).

    `play_vars` are those of host_vars/ beside the play; `learned` is what provisioning adds: it lies over all others.
    """

    name: str
    position: Position
    vars: Map
    file_vars: Map
    play_vars: Mapping[str, Any] = field(default_factory=dict)
    learned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """A group with its own hosts and child groups (names, in the file's order), and its own variables.

    `vars` are the inventory file's, `file_vars` those of group_vars/, `play_vars` those of group_vars/ beside the play.
    `depth` is the longest way down from `all`.
    """

    name: str
    position: Position
    hosts: tuple[str, ...]
    children: tuple[str, ...]
    vars: Map
    file_vars: Map
    play_vars: Mapping[str, Any] = field(default_factory=dict)
    entries: tuple[HostEntry, ...] = ()
    depth: int = 0
    priority: int = 1

    @property
    def order(self) -> tuple[int, int, str]:
        """Groups' variables are merged in this order; the last one wins."""
        return (self.depth, self.priority, self.name)


@dataclass(frozen=True)
class Inventory:
    """Groups and hosts by name: hosts in the file's order, `all` and `ungrouped` among the groups."""

    path: Path
    groups: Mapping[str, Group]
    hosts: Mapping[str, Host]

    def hosts_of(self, group: str) -> list[str]:
        """The hosts of a group and of its children at any depth: its own first, then level by level.

        Raises:
            UsageError: for an unknown group, naming near ones.
        """
        if group not in self.groups:
            raise UsageError(
                f"the inventory has no group {group!r}",
                where=str(self.path),
                hint=nearest(group, self.groups, every="It has"),
            )
        return list(self._members[group])

    @cached_property
    def _members(self) -> dict[str, list[str]]:
        """Every group's hosts, those of the groups below it among them."""
        return {name: self._walk(name) for name in self.groups}

    def _walk(self, group: str) -> list[str]:
        level, seen = [group], {group}
        found: dict[str, None] = {}
        while level:
            found.update(dict.fromkeys(host for name in level for host in self.groups[name].hosts))
            below = dict.fromkeys(child for name in level for child in self.groups[name].children)
            level = [name for name in below if name not in seen]
            seen.update(level)
        return list(found)

    @cached_property
    def _groups_of(self) -> dict[str, list[str]]:
        """Every host's groups, in the order in which variables are merged."""
        found: dict[str, list[str]] = {name: [] for name in self.hosts}
        for group in sorted(self.groups.values(), key=lambda one: one.order):
            for host in self._members[group.name]:
                found[host].append(group.name)
        return found

    def groups_of(self, host: str) -> list[str]:
        """The groups that a host is in, `all` first, in the order in which their variables are merged."""
        self._host(host)
        return list(self._groups_of[host])

    def _host(self, name: str) -> Host:
        if name not in self.hosts:
            raise UsageError(
                f"the inventory has no host {name!r}",
                where=str(self.path),
                hint=nearest(name, self.hosts, every="It has"),
            )
        return self.hosts[name]

    def _layers(self, host: str) -> list[Mapping[str, Any]]:
        """The host's variables from weakest to strongest: the order is ansible-core's.

        Files in group_vars/ win over what the inventory file says of any group, so group_vars/all wins over a
        child group's `vars`.
        """
        one = self._host(host)
        return [*self._of_groups(self.groups_of(host)), one.vars, one.file_vars, one.play_vars, one.learned]

    def _of_groups(self, names: Iterable[str]) -> list[Mapping[str, Any]]:
        """The variables of groups in their order, from weakest to strongest; `all` comes first."""
        groups = [self.groups[name] for name in names]
        said: list[Mapping[str, Any]] = [group.vars for group in groups]
        for some in (groups[:1], groups[1:]):
            said += [*(group.file_vars for group in some), *(group.play_vars for group in some)]
        return said

    def variables(self, host: str) -> dict[str, Any]:
        """The host's variables, merged with Ansible's precedence; without magic ones; templates stay text.

        Mappings and lists from YAML keep their positions (`documents.Map`). A stronger mapping replaces a weaker one
        whole, as Ansible does it by default.
        """
        merged: dict[str, Any] = {}
        for layer in self._layers(host):
            merged.update(layer)
        return merged

    def of_all(self) -> dict[str, Any]:
        """What the inventory says of every host, also of this machine where it isn't among them."""
        merged: dict[str, Any] = {}
        for layer in self._of_groups(["all"]):
            merged.update(layer)
        return merged

    def beside(self, folder: Path) -> Inventory:
        """The inventory as a play in `folder` sees it: group_vars/ and host_vars/ there win over those beside the file.

        Raises:
            DocumentError: for a file of variables that can't be read.
        """
        groups_folder, hosts_folder = folder / "group_vars", folder / "host_vars"
        groups, hosts = self.groups, self.hosts
        if groups_folder.is_dir() or any(group.play_vars for group in groups.values()):
            groups = {
                name: replace(group, play_vars=variables_of(groups_folder, name, group.position))
                for name, group in groups.items()
            }
        if hosts_folder.is_dir() or any(host.play_vars for host in hosts.values()):
            hosts = {
                name: replace(host, play_vars=variables_of(hosts_folder, name, host.position))
                for name, host in hosts.items()
            }
        return self if groups is self.groups and hosts is self.hosts else replace(self, groups=groups, hosts=hosts)

    def position_of(self, host: str, variable: str) -> Position | None:
        """Where the value stands that `variables(host)[variable]` has; None if no document says it."""
        for layer in reversed(self._layers(host)):
            if variable in layer:
                return layer.where(variable) if isinstance(layer, Map) else None
        return None

    def select(self, pattern: str, *, strict: bool = True, here: Collection[str] = ()) -> list[str]:
        """The hosts that an Ansible host pattern names (see `patterns.select`), in Ansible's order.

        Names in `here` may stand in it though the inventory doesn't have them.

        Raises:
            UsageError: when a part of the pattern names nothing, if `strict`.
        """
        try:
            return patterns.select(pattern, self._members, list(self.hosts), strict=strict, here=here)
        except UsageError as error:
            raise UsageError(error.what, where=error.where or str(self.path), hint=error.hint) from None

    def first(self, count: Mapping[str, int]) -> Inventory:
        """The inventory with only the first n hosts of each group in `count`.

        The other hosts leave those groups and their children; one that is in no other group leaves the inventory.

        Raises:
            UsageError: for an unknown group, a number below 1, or more hosts than the group has.
        """
        dropped = {group: set(self._beyond(group, number)) for group, number in count.items()}
        hosts_left: dict[str, tuple[str, ...]] = {}
        for name, group in self.groups.items():
            gone = {host for top, hosts in dropped.items() if name in self._below(top) for host in hosts}
            hosts_left[name] = tuple(host for host in group.hosts if host not in gone)
        # What stands under `all` itself (`all: hosts:`) is no membership that keeps a host.
        kept = {host for name, hosts in hosts_left.items() if name != "all" for host in hosts}
        groups = {
            name: replace(group, hosts=tuple(host for host in hosts_left[name] if host in kept))
            for name, group in self.groups.items()
        }
        return replace(self, groups=groups, hosts={name: host for name, host in self.hosts.items() if name in kept})

    def _below(self, group: str) -> set[str]:
        """The names of `group` and of all groups below it."""
        names = {group}
        for child in self.groups[group].children:
            names |= self._below(child)
        return names

    def _beyond(self, group: str, number: int) -> list[str]:
        """The group's hosts after the first `number`."""
        hosts = self.hosts_of(group)
        if number < 1:
            raise UsageError(f"group {group!r} can't have {number} hosts", hint="Ask for 1 or more.")
        if number > len(hosts):
            raise UsageError(
                f"group {group!r} has {len(hosts)} host{'' if len(hosts) == 1 else 's'}, {number} are asked for",
                where=self.groups[group].position,
                hint=self._widen(group, number - len(hosts)),
            )
        return hosts[number:]

    def _widen(self, group: str, missing: int) -> str:
        """What to do when a group has too few hosts: the last range in it, `missing` hosts longer."""
        entries = [entry for name in self._below(group) for entry in self.groups[name].entries]
        for entry in sorted(entries, key=lambda e: e.position.line, reverse=True):
            head, opening, rest = entry.pattern.rpartition("[")
            first, *bounds = rest.partition("]")[0].split(":")
            if opening and len(bounds) == 1 and bounds[0].isdecimal():
                last = str(int(bounds[0]) + missing).zfill(len(bounds[0]))
                wider = f"{head}[{first}:{last}]{rest.partition(']')[2]}"
                return f"Widen the range at {entry.position} from {entry.pattern} to {wider}."
        last_entry = entries[-1].position if entries else self.groups[group].position
        return f"Add {missing} more at {last_entry}; a range such as worker-[1:{missing + 1}] stands for several."

    def with_host_variables(self, host: str, variables: Mapping[str, Any]) -> Inventory:
        """The inventory in which `host` has these variables over all that it had (what provisioning learned)."""
        one = self._host(host)
        changed = replace(one, learned={**one.learned, **variables})
        return replace(self, hosts={**self.hosts, host: changed})

    def listing(self) -> dict[str, Any]:
        """What `ansible-inventory --list` prints for this inventory: groups, and `_meta.hostvars` of every host."""
        result: dict[str, Any] = {}
        for name, group in self.groups.items():
            if name not in self._below("all"):
                continue
            entry: dict[str, Any] = {}
            if group.hosts and name != "all":
                entry["hosts"] = list(group.hosts)
            if group.children:
                entry["children"] = list(group.children)
            if entry:
                result[name] = entry
        hostvars = {name: self._listed(name) for name in self.hosts_of("all")}
        result["_meta"] = {
            "hostvars": {name: values for name, values in hostvars.items() if values},
            "profile": "inventory_legacy",
        }
        return result

    def _listed(self, host: str) -> dict[str, Any]:
        return {key: plain(value) for key, value in self.variables(host).items() if key not in MAGIC}
