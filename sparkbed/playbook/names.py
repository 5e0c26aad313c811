"""Refuses, before any host is touched, templates that can't be read and names that nothing could define.

A name can be defined by the inventory, by any play, block, task or file of variables of the playbook, by `register`,
`set_fact`, loops, extra variables and Ansible's own magic variables. A use that asks first (`is defined`,
`default()`) is fine; where a task or template asks once, all uses in it are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.utils import missing

from sparkbed.documents import Map, Seq
from sparkbed.inventory.model import Inventory
from sparkbed.inventory.varfiles import names_in
from sparkbed.playbook import filters, lookups
from sparkbed.playbook.actions import find_file
from sparkbed.playbook.facts import FACTS
from sparkbed.playbook.handlers import topics
from sparkbed.playbook.keywords import Refusal
from sparkbed.playbook.plays import Play, Playbook, Task, tasks_of
from sparkbed.playbook.playvars import load_variables
from sparkbed.playbook.searching import variables_file
from sparkbed.playbook.templating import TemplateError, Templates, is_all_template, is_template
from sparkbed.position import Position

_words = str.split
MAGIC = frozenset(
    _words(
        "ansible_check_mode ansible_config_file ansible_connection ansible_dependent_role_names"
        " ansible_diff_mode ansible_failed_result ansible_failed_task ansible_forks ansible_host"
        " ansible_index_var ansible_inventory_sources ansible_limit ansible_loop ansible_loop_var"
        " ansible_parent_role_names ansible_parent_role_paths ansible_play_batch ansible_play_hosts"
        " ansible_play_hosts_all ansible_play_name ansible_play_role_names ansible_playbook_python"
        " ansible_port ansible_role_name ansible_role_names ansible_run_tags ansible_search_path"
        " ansible_skip_tags ansible_user ansible_verbosity ansible_version group_names groups hostvars"
        " inventory_dir inventory_file inventory_hostname inventory_hostname_short omit play_hosts"
        " playbook_dir role_name role_names role_path"
    )
)
TEMPLATE_MAGIC = frozenset(
    _words(
        "ansible_managed template_destpath template_fullpath template_host template_mtime template_path"
        " template_run_date template_uid"
    )
)
GLOBALS = frozenset(_words("cycler dict joiner lipsum lookup namespace now q query range undef vars"))


def check(
    playbook: Playbook, inventory: Inventory, extra: Iterable[str], refuse: Refusal, templates: Templates
) -> None:
    """Refuse what `playbook` asks for and nothing can give.

    Raises:
        DocumentError: at the template's place, naming what is unknown.
    """
    defined = _inventory_names(inventory, playbook) | set(extra) | MAGIC | GLOBALS | {"ansible_facts"}
    facts = frozenset(FACTS) if any(_gathers(play) for play in playbook.plays) else frozenset()
    defined |= {f"ansible_{name}" for name in facts}
    for play in playbook.plays:
        defined |= _play_names(play)
    anything = any(_defines_anything(play) for play in playbook.plays)
    for play in playbook.plays:
        _Checker(defined, facts, refuse, templates, play, anything).run()


def _inventory_names(inventory: Inventory, playbook: Playbook) -> set[str]:
    """What the inventory and files of variables beside it and beside plays say of hosts and groups."""
    names = {str(name) for name in inventory.of_all()}
    for host in inventory.hosts:
        names |= {str(name) for name in inventory.variables(host)}
    for folder in {inventory.path.resolve().parent, *(play.folder for play in playbook.plays)}:
        for kind in ("group_vars", "host_vars"):
            names |= names_in(folder / kind)
    return names


def _play_names(play: Play) -> set[str]:
    names = set(play.vars)
    for entry in play.vars_files:
        for file in entry if isinstance(entry, list) else [entry]:
            if not is_template(file) and (path := variables_file(file, play.folder)).is_file():
                names |= set(load_variables(path))
    tasks = list(play.all_tasks)
    roles = [*play.roles, *(role for task in tasks if task.include for role in task.include.roles)]
    for role in [one for use in roles for one in (*use.all_dependencies, use)]:
        names |= {*role.defaults, *role.values, *role.vars, *role.params}
    for task in tasks:
        names |= set(task.settings.vars)
        if task.register:
            names.add(task.register)
        if task.module == "set_fact":
            names |= {str(name) for name in task.args}
        if task.module == "include_vars":
            names |= _variables_of(task, play) or set()
        if task.include:
            names |= set(task.include.apply.vars)
        if task.loop:
            names |= {task.loop.loop_var, *([task.loop.index_var] if task.loop.index_var else [])}
    return {str(name) for name in names}


def _defines_anything(play: Play) -> bool:
    """Whether the play's names can't be known: by a fact named by a template, or files that can't be known."""
    if any(is_template(str(entry)) for entry in play.vars_files):
        return True
    return any(
        (
            task.module == "set_fact"
            and (task.args_template or "cacheable" in task.args or any(is_template(str(name)) for name in task.args))
        )
        or (task.module == "include_vars" and _variables_of(task, play) is None)
        or (task.include is not None and task.include.ahead is None)
        for task in play.all_tasks
    )


def _variables_of(task: Task, play: Play) -> set[str] | None:
    """The names that an include_vars defines; None where they can't be known."""
    name = task.args.get("name")
    if isinstance(name, str) and not is_template(name):
        return {name}
    file = task.args.get("file") or task.args.get("_raw_params")
    if name or not isinstance(file, str) or is_template(file) or task.args_template:
        return None
    try:
        return {str(name) for name in load_variables(find_file(_folders(task, play), "vars", file.strip()))}
    except TemplateError:
        return set()


def _folders(task: Task, play: Play) -> list[Path]:
    """Where the files that `task` names are looked for."""
    return [*task.place.folders, task.folder.absolute(), play.folder.absolute()]


_BINDING = (
    nodes.Assign,
    nodes.AssignBlock,
    nodes.CallBlock,
    nodes.For,
    nodes.FromImport,
    nodes.Import,
    nodes.Macro,
    nodes.With,
)
"""What gives names a meaning inside a template."""


def free_names(tree: nodes.Template) -> set[str]:
    """The names that a template takes from outside: all that it loads, but for Jinja's globals.

    Jinja tells them by compiling the template; only one that binds names itself needs that.
    """
    return _free(tree, list(tree.find_all(nodes.Node)))


def _free(tree: nodes.Template, every: Iterable[nodes.Node]) -> set[str]:
    """`free_names` of a tree, given all its nodes."""
    if any(isinstance(node, _BINDING) for node in every):
        return meta.find_undeclared_variables(tree)
    loaded = {node.name for node in every if isinstance(node, nodes.Name) and node.ctx == "load"}
    known: Mapping[str, Any] = tree.environment.globals if tree.environment else {}
    return loaded - known.keys() - {"self"}


@dataclass(eq=False, repr=False)
class _Use:
    """The names that one piece of a playbook uses, where, and which of them it asks about first."""

    names: dict[str, Position] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)


class _Checker:
    """Checks one play against all names of the playbook."""

    def __init__(
        self,
        defined: set[str],
        facts: frozenset[str],
        refuse: Refusal,
        templates: Templates,
        play: Play,
        anything: bool,
    ) -> None:
        self.defined = defined
        self.facts = facts
        self.refuse = refuse
        self.templates = templates
        self.play = play
        self.anything = anything
        self.tasks = list(play.all_tasks)
        self.handlers = self._handlers()

    def run(self) -> None:
        use = _Use()
        self._walk(self.play.vars, self.play.position, use)
        self._settle(use)
        for entry in self.play.vars_files:
            if isinstance(entry, str) and not is_template(entry):
                use = _Use()
                self._walk(load_variables(variables_file(entry, self.play.folder)), self.play.position, use)
                self._settle(use)
        for task in self.tasks:
            self._task(task)
            self._notifications(task)

    def _notifications(self, task: Task) -> None:
        """Refuse a literal `notify` that no handler answers to."""
        known = self.handlers
        if known is None:
            return
        for name in task.settings.notify:
            if isinstance(name, str) and not is_template(name) and name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else "Name a handler, or a topic that one listens to."
                raise self.refuse.wrong(f"no handler is named {name!r}", task.position, hint)

    def _handlers(self) -> set[str] | None:
        """All that a notification can name; None where that can't be known."""
        includes = [task.include for task in self.tasks if task.include]
        ahead = [task for include in includes for task in tasks_of(include.ahead or ())]
        handlers = [*self.play.handlers, *ahead]
        if any(include.ahead is None for include in includes) or any(is_template(one.name) for one in handlers):
            return None
        return {name for one in handlers for name in (one.name, one.title, *topics(one))}

    def _task(self, task: Task) -> None:
        use = _Use()
        settings = task.settings
        for condition in (*settings.when, *task.until, *task.changed_when, *task.failed_when):
            self._condition(condition, task.position, use)
        rendered = (
            task.args, task.args_template, settings.vars, settings.environment, settings.notify, settings.delegate_to,
            settings.become, settings.become_user, settings.run_once, settings.no_log, settings.ignore_errors,
            settings.check_mode, settings.diff, task.retries, task.delay,
        )  # fmt: skip
        if task.loop:
            self._walk(task.loop.value, task.position, use)
            self._walk(task.loop.label, task.position, use)
        if task.module == "assert":
            that = task.args.get("that")
            for condition in that if isinstance(that, list) else [that]:
                self._condition(condition, task.position, use)
            rendered = ({k: v for k, v in task.args.items() if k != "that"}, *rendered[1:])
        if _is_expression(task):
            self._expression(task.args["var"], task.position, use, asked=True)
        for part in rendered:
            self._walk(part, task.position, use)
        self._settle(use)
        if task.module == "template":
            self._template_file(task)

    def _template_file(self, task: Task) -> None:
        source = task.args.get("src")
        if not isinstance(source, str):
            return
        for name in self._sources(source, task):
            try:
                path = find_file(_folders(task, self.play), "templates", name)
            except TemplateError as error:
                raise self.refuse.wrong(str(error), task.position, "Correct `src`.") from None
            options = {key: task.args[key] for key in _DELIMITERS if isinstance(task.args.get(key), str)}
            use = _Use()
            text = path.read_text(encoding="utf-8")
            try:
                tree = self.templates.parse_file(text, **options)
            except jinja2.TemplateSyntaxError as error:
                raise self._syntax(error, Position(path, error.lineno)) from None
            except ValueError as error:
                raise self.refuse.wrong(str(error), Position(path, 1), "Correct the first line.") from None
            self._tree(tree, Position(path, 1), use, lines=True)
            use.asked |= TEMPLATE_MAGIC
            self._settle(use)

    def _sources(self, source: str, task: Task) -> list[str]:
        """The files that `src` can name: itself, or one for each item of a literal loop."""
        if not is_template(source):
            return [source]
        loop = task.loop
        if loop is None or loop.kind not in ("loop", "items", "list") or not isinstance(loop.value, list):
            return []
        found = []
        for item in loop.value:
            if is_template(item):
                continue
            value = self.templates.render(source, _Only({loop.loop_var: item}))
            if isinstance(value, str):
                found.append(value)
        return found

    # -- walking ----------------------------------------------------------------------------------------------------

    def _walk(self, value: Any, where: Position, use: _Use) -> None:
        if isinstance(value, str):
            if is_template(value):
                self._text(value, where, use)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                at = value.where(key) if isinstance(value, Map) else where
                if isinstance(key, str) and is_template(key):
                    self._text(key, at, use)
                self._walk(item, at, use)
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                self._walk(item, value.where(index) if isinstance(value, Seq) else where, use)

    def _condition(self, value: Any, where: Position, use: _Use) -> None:
        if isinstance(value, str):
            if is_all_template(value.strip()):
                self._text(value.strip(), where, use)
            elif value.strip():
                self._expression(value.strip(), where, use)

    def _text(self, text: str, where: Position, use: _Use) -> None:
        try:
            tree = self.templates.parse(text)
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error, where) from None
        self._tree(tree, where, use)

    def _expression(self, text: str, where: Position, use: _Use, *, asked: bool = False) -> None:
        try:
            tree = self.templates.parse_expression(text)
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error, where) from None
        self._tree(tree, where, use)
        if asked:
            use.asked |= set(use.names)

    def _syntax(self, error: jinja2.TemplateSyntaxError, where: Position) -> Exception:
        message = error.message or "syntax error"
        for kind in ("filter", "test"):
            if message.startswith(f"No {kind} named"):
                name = message.split("'")[1]
                return self._unknown(kind, name, where)
        return self.refuse.wrong(f"a template can't be read: {message}", where, "Check its braces and quotes.")

    def _unknown(self, kind: str, name: str, where: Position) -> Exception:
        table = self.templates.filters if kind == "filter" else self.templates.tests
        near = get_close_matches(name, [one for one in table if "." not in one], n=1)
        why = f" ({filters.REFUSED[name]})" if kind == "filter" and name in filters.REFUSED else ""
        hint = f"Did you mean {near[0]!r}?" if near and not why else ""
        return self.refuse(f"{kind} {name!r} is outside the subset{why}", where, hint)

    def _tree(self, tree: nodes.Template, where: Position, use: _Use, *, lines: bool = False) -> None:
        every = list(tree.find_all(nodes.Node))
        for node in every:
            if not isinstance(node, (nodes.Filter, nodes.Test)):
                continue
            kind = "filter" if isinstance(node, nodes.Filter) else "test"
            table = self.templates.filters if kind == "filter" else self.templates.tests
            if node.name not in table:
                raise self._unknown(kind, node.name, _at(where, node, lines))
            if isinstance(node, nodes.Filter) and not _seeded(node):
                why = f"filter {node.name!r} without a seed is outside the subset (its result changes on every run)"
                raise self.refuse(why, _at(where, node, lines), "Give it `seed=inventory_hostname`, or another text.")
        for call in every:
            if isinstance(call, nodes.Call):
                self._lookup(call, _at(where, call, lines))
        free = _free(tree, every)
        use.asked |= _asked(every)
        for part in every:
            fact = _member_of_facts(part)
            if fact and not self.anything and "ansible_facts" not in use.asked:
                self._fact(f"ansible_facts.{fact}", fact, _at(where, part, lines))
        for name in every:
            if isinstance(name, nodes.Name) and name.ctx == "load" and name.name in free:
                use.names.setdefault(name.name, _at(where, name, lines))

    def _lookup(self, call: nodes.Call, where: Position) -> None:
        if not isinstance(call.node, nodes.Name) or call.node.name not in ("lookup", "query", "q") or not call.args:
            return
        first = call.args[0]
        if isinstance(first, nodes.Const) and str(first.value).rpartition(".")[2] not in lookups.KINDS:
            name = str(first.value).rpartition(".")[2]
            why = f" ({lookups.REFUSED[name]})" if name in lookups.REFUSED else ""
            hint = "" if why else f"It has: {', '.join(sorted(lookups.KINDS))}."
            raise self.refuse(f"lookup {first.value!r} is outside the subset{why}", where, hint)

    def _fact(self, said: str, name: str, where: Position) -> None:
        """Refuse a fact that no host will have."""
        if not self.facts:
            hint = "Take `gather_facts: false` out, or run the module setup."
            raise self.refuse(f"{said!r} is a fact, and no play gathers facts", where, hint)
        if name in self.facts or _INTERFACE.fullmatch(name):
            return
        near = get_close_matches(name, self.facts, n=1)
        hint = f"Did you mean {said.removesuffix(name) + near[0]!r}?" if near else "Ask the host with a task instead."
        raise self.refuse(f"{said!r} is a fact that sparkbed doesn't gather", where, hint)

    def _settle(self, use: _Use) -> None:
        for name, where in use.names.items():
            if name in self.defined or name in use.asked or (self.anything and not name.startswith("ansible_")):
                continue
            if name.startswith("ansible_"):
                self._fact(name, name.removeprefix("ansible_"), where)
                continue
            near = get_close_matches(name, self.defined, n=1, cutoff=0.75)
            raise self.refuse(
                f"nothing defines {name!r}",
                where,
                f"Did you mean {near[0]!r}?" if near else "Define it, pass it with -e, or ask with `is defined`.",
            )


def _gathers(play: Play) -> bool:
    """Whether hosts may have facts after the play."""
    wanted = str(play.gathering.wanted).lower() not in ("no", "false")
    return wanted or any(task.module == "setup" for task in play.all_tasks)


_INTERFACE = re.compile(
    r"(bond|br|cni|docker|e|flannel|ib|lo|lxc|lxd|tap|team|tun|veth|virbr|vlan|wg|wl|ww)[a-z]*\w*\d\w*|lo"
)
"""What the names of network interfaces look like: each of them is a fact."""

_DELIMITERS = [
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
]


class _Only:
    """Names for a template of which only some parts are known yet."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def resolve(self, name: str) -> Any:
        return self.values.get(name, missing)

    def wrote(self, text: str) -> bool:
        return bool(text)


def _at(where: Position, node: nodes.Node, lines: bool) -> Position:
    return Position(where.file, node.lineno or 1) if lines else where


def _member_of_facts(node: nodes.Node) -> str | None:
    """The name in `ansible_facts.name` or `ansible_facts['name']`."""
    if not isinstance(node, (nodes.Getattr, nodes.Getitem)):
        return None
    if not isinstance(node.node, nodes.Name) or node.node.name != "ansible_facts":
        return None
    if isinstance(node, nodes.Getattr):
        return None if hasattr(dict, node.attr) else node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _is_expression(task: Task) -> bool:
    """Whether `debug` is asked for the value of a bare expression."""
    var = task.args.get("var")
    return task.module == "debug" and isinstance(var, str) and not is_template(var)


_GUARDS = frozenset(["default", "d", "mandatory"])


_PLACE_OF_SEED = {"random": 2, "shuffle": 0}


def _seeded(node: nodes.Filter) -> bool:
    """Whether the result of a filter that makes things up is the same on every run."""
    name = node.name.rpartition(".")[2]
    if name not in _PLACE_OF_SEED or node.dyn_args is not None or node.dyn_kwargs is not None:
        return True
    return len(node.args) > _PLACE_OF_SEED[name] or any(given.key == "seed" for given in node.kwargs)


def _asked(every: Iterable[nodes.Node]) -> set[str]:
    """The names about which the nodes of a tree ask whether they are defined."""
    found = set()
    for node in every:
        if not isinstance(node, (nodes.Filter, nodes.Test)):
            continue
        guards = (
            node.name.rpartition(".")[2] in _GUARDS
            if isinstance(node, nodes.Filter)
            else node.name in ("defined", "undefined")
        )
        if guards and node.node is not None:
            # In (a ~ b | upper) | default(x), all of a and b may be missing.
            found |= {
                name.name for name in [node.node, *node.node.find_all(nodes.Name)] if isinstance(name, nodes.Name)
            }
    return found
