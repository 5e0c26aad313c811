"""What a name means for one host at one task: Ansible 2.19's precedence, templates rendered when they are asked for.

From weak to strong: role defaults, inventory, gathered facts, play `vars`, `vars_files`, role variables, block and task
`vars`, `include_vars`, `set_fact` and `register`, parameters of roles and includes, extra variables, magic variables,
loop variables. Documents (inventory, playbooks, extra variables) may hold templates; what hosts answered and what
`set_fact` computed is never rendered again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jinja2.utils import missing

from sparkbed.inventory.model import Inventory
from sparkbed.playbook.here import LOCAL, connection_variables
from sparkbed.playbook.hosts import Hosts
from sparkbed.playbook.templating import Templates, UndefinedNameError, final, is_template, shown


class Layer(NamedTuple):
    """Variables of one origin; `document` says that their text may hold templates."""

    values: Mapping[str, Any]
    document: bool


class Scope:
    """The names that templates of one task on one host see. Rendered values are kept for the scope's life."""

    def __init__(self, templates: Templates, layers: Iterable[Layer], folder: Path) -> None:
        self.templates = templates
        self.layers = tuple(layers)
        self.folder = folder
        self._known: dict[str, Any] = {}
        self._open: set[str] = set()

    def over(self, values: Mapping[str, Any], *, document: bool = False) -> Scope:
        """A scope in which `values` stand over all others."""
        return Scope(self.templates, (Layer(values, document), *self.layers), self.folder)

    def resolve(self, name: str) -> Any:
        """The value of `name`, markers inside; Jinja's `missing` if nothing defines it."""
        found = self._known.get(name, missing)
        if found is not missing:
            return found
        for values, document in self.layers:
            if name in values:
                return self._rendered(name, values[name], document)
        return ScopeMapping(self) if name == "vars" else missing

    def _rendered(self, name: str, raw: Any, document: bool) -> Any:
        if not document or not is_template(raw):
            self._known[name] = raw
            return raw
        if name in self._open:
            if isinstance(raw, Mapping):
                return _Members(raw, self)
            raise RecursionError(name)
        self._open.add(name)
        try:
            value = self.templates.value(raw, self)
        finally:
            self._open.discard(name)
        self._known[name] = value
        return value

    def defined(self, names: frozenset[str]) -> set[str]:
        """Those of `names` that have a value."""
        return {name for layer in self.layers for name in names & layer.values.keys()}

    def names(self) -> set[str]:
        return {name for layer in self.layers for name in layer.values}

    def wrote(self, text: str) -> bool:
        """Whether `text` stands word for word in a document: nothing that a host said becomes an expression."""
        return any(_holds(layer.values, text) for layer in self.layers if layer.document)

    # -- what tasks ask --------------------------------------------------------------------------------------------

    def value(self, raw: Any) -> Any:
        """`raw` with its templates rendered, as plain data.

        Raises:
            TemplateError: when a part is missing or broken.
        """
        return final(self.templates.value(raw, self))

    def text(self, raw: Any) -> str:
        """`raw` rendered as text; nothing is the empty text."""
        value = self.value(raw)
        return "" if value is None else str(value)

    def condition(self, raw: Any) -> bool:
        return self.templates.condition(raw, self)

    def shown(self, text: str) -> Any:
        """The value of an expression as `debug` shows it."""
        return shown(self.templates.expression(text, self))

    def expression(self, text: str) -> Any:
        return final(self.templates.expression(text, self))


def _holds(value: Any, text: str) -> bool:
    if isinstance(value, Mapping):
        return any(_holds(part, text) for part in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds(part, text) for part in value)
    return isinstance(value, str) and value == text


class _Members(dict[Any, Any]):
    """A mapping that refers to itself: its members are rendered one by one when they are asked for."""

    def __init__(self, raw: Mapping[Any, Any], scope: Scope) -> None:
        super().__init__(raw)
        self._scope = scope

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        if isinstance(value, Mapping):
            return _Members(value, self._scope)
        return self._scope.templates.value(value, self._scope)

    def get(self, key: Any, default: Any = None) -> Any:
        # Not dict.get: that would give the member as it was written.
        return self[key] if key in self else default  # noqa: SIM401  # see above


class ScopeMapping(Mapping[str, Any]):
    """A scope as a mapping: what `hostvars[host]` is."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        value = self._scope.resolve(name)
        if value is missing:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._scope.names() - {"hostvars"}))

    def __len__(self) -> int:
        return len(self._scope.names() - {"hostvars"})


class HostVars(Mapping[str, Any]):
    """`hostvars`: every host's variables by its name; play and task variables are not among them."""

    def __init__(self, hosts: Iterable[str], scope_of: Callable[[str], Scope]) -> None:
        self._hosts = list(hosts)
        self._scope_of = scope_of
        self._made: dict[str, ScopeMapping] = {}

    def __getitem__(self, host: str) -> ScopeMapping:
        if host not in self._made:
            if host not in self._hosts and host not in LOCAL:
                raise KeyError(host)
            self._made[host] = ScopeMapping(self._scope_of(host))
        return self._made[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)


@dataclass(eq=False, repr=False)
class Variables:
    """All variables of one run of a playbook.

    By host: `facts` is what tasks registered and set, `included` what include_vars read, `gathered` what modules found
    out about it (`setup`).
    """

    hosts: Hosts
    templates: Templates
    playbook: Path
    extra: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    included: dict[str, dict[str, Any]] = field(default_factory=dict)
    gathered: dict[str, dict[str, Any]] = field(default_factory=dict)
    _caches: _Caches | None = None
    _gathered_names: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def of_inventory(self, host: str) -> Mapping[str, Any]:
        """The host's inventory variables; this machine's when it is not in the inventory."""
        kept = self._kept().variables
        if host not in kept:
            kept[host] = self.hosts.of_this_machine(host) or connection_variables(self.hosts.inventory, host)
        return kept[host]

    def set(self, host: str, values: Mapping[str, Any]) -> None:
        """Keep what a task registered or set for `host`."""
        self.facts.setdefault(host, {}).update(values)

    def include(self, host: str, values: Mapping[str, Any]) -> None:
        """Keep what include_vars read for `host`."""
        self.included.setdefault(host, {}).update(values)

    def gather(self, host: str, facts: Mapping[str, Any]) -> None:
        """Keep what a module found out about `host`."""
        self.gathered.setdefault(host, {}).update(facts)
        self._gathered_names.pop(host, None)

    def forget(self, host: str) -> None:
        """Drop what modules found out about `host`; what tasks set and registered stays."""
        self.gathered.pop(host, None)
        self._gathered_names.pop(host, None)

    def scope(
        self,
        host: str,
        *,
        params: tuple[Layer, ...] = (),
        play: tuple[Layer, ...] = (),
        defaults: tuple[Layer, ...] = (),
        task: Mapping[str, Any] | None = None,
        magic: Mapping[str, Any] | None = None,
        folder: Path | None = None,
    ) -> Scope:
        """What `host` sees.

        `params` are those of roles and includes, `play` the layers of its play, `defaults` those of roles, the
        strongest first each; `task` are the block's and task's own.
        """
        added = self._added(host)
        layers = [
            Layer({**self._of_host(host), **self.run, **(magic or {})}, document=False),
            Layer(self.extra, document=True),
            *params,
            Layer(self.facts.get(host, {}), document=False),
            *([Layer(self.included[host], document=True)] if host in self.included else []),
            *([Layer(task, document=True)] if task else []),
            *play,
            Layer(self._of_gathering(host), document=False),
            *([Layer(added, document=False)] if added else []),
            Layer(self.of_inventory(host), document=True),
            *defaults,
        ]
        return Scope(self.templates, layers, folder or self.playbook.parent)

    def of_play(self, values: Mapping[str, Any], folder: Path) -> Scope:
        """What a play's own keywords see: they belong to no host."""
        magic = {**self._of_run(), **self.run}
        layers = [Layer(magic, document=False), Layer(self.extra, document=True), Layer(values, document=True)]
        return Scope(self.templates, layers, folder)

    def _added(self, host: str) -> Mapping[str, Any]:
        """What `add_host` gave the host; files in host_vars/ win over it."""
        given = self.hosts.variables.get(host)
        if not given:
            return {}
        one = self.hosts.inventory.hosts[host]
        return {name: value for name, value in given.items() if name not in one.file_vars and name not in one.play_vars}

    def _of_gathering(self, host: str) -> Mapping[str, Any]:
        """Gathered facts under their own names, and without the prefix in `ansible_facts`."""
        found = self._gathered_names.get(host)
        if found is None:
            facts = self.gathered.get(host, {})
            short = {name.removeprefix("ansible_"): value for name, value in facts.items()}
            found = self._gathered_names[host] = {**facts, "ansible_facts": short}
        return found

    def _of_run(self) -> dict[str, Any]:
        """What all hosts see alike."""
        inventory = self.hosts.inventory
        return {
            "groups": self._kept().groups,
            "hostvars": HostVars(inventory.hosts, self.scope),
            "inventory_dir": str(inventory.path.absolute().parent),
            "inventory_file": str(inventory.path.absolute()),
            "playbook_dir": str(self.playbook.absolute().parent),
        }

    def _of_host(self, host: str) -> dict[str, Any]:
        kept = self._kept()
        if host not in kept.magic:
            inventory = self.hosts.inventory
            known = host in inventory.hosts
            kept.magic[host] = {
                **self._of_run(),
                "inventory_hostname": host,
                "inventory_hostname_short": host.split(".")[0],
                "group_names": sorted(name for name in inventory.groups_of(host) if name != "all") if known else [],
            }
        return {**kept.magic[host], "hostvars": HostVars(self.hosts.inventory.hosts, self.scope)}

    def _kept(self) -> _Caches:
        """What follows from the inventory alone; made anew when the run added to it."""
        inventory = self.hosts.inventory
        if self._caches is None or self._caches.inventory is not inventory:
            self._caches = _Caches(inventory)
        return self._caches


class _Caches:
    """What follows from one state of the inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.variables: dict[str, Mapping[str, Any]] = {}
        self.magic: dict[str, dict[str, Any]] = {}
        names = [name for name in inventory.groups if name != "all"]
        self.groups = {"all": inventory.hosts_of("all"), **{name: inventory.hosts_of(name) for name in names}}
        self.groups.setdefault("ungrouped", [])


def rendered_connection_variables(inventory: Inventory, host: str) -> Mapping[str, Any]:
    """`connection_variables` whose `ansible_*` values have their templates rendered."""
    raw = connection_variables(inventory, host)
    scope = Scope(Templates(), [Layer({"inventory_hostname": host}, False), Layer(raw, True)], inventory.path.parent)
    result = dict(raw)
    for name, value in raw.items():
        if name.startswith("ansible_") and is_template(value):
            try:
                result[name] = scope.value(value)
            except UndefinedNameError:
                continue
    return result
