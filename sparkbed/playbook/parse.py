"""Reads playbooks: YAML in Ansible's syntax into the values of plays.py, and refuses what is outside the subset.

A refusal names file, line and construct, and the `ansible-playbook` command that runs the file as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from keyword import iskeyword
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.documents import Map, Seq
from sparkbed.errors import DocumentError
from sparkbed.model import Position
from sparkbed.playbook import arguments, modules
from sparkbed.playbook.plays import Block, Loop, Play, Playbook, Settings, Step, Task, tasks_of
from sparkbed.playbook.templating import is_template

_words = str.split
_COMMON = (
    "any_errors_fatal become become_method become_user check_mode diff environment ignore_errors ignore_unreachable"
    " name no_log run_once tags vars"
)
PLAY_KEYWORDS = frozenset(
    f"{_COMMON} gather_facts handlers hosts post_tasks pre_tasks strategy tasks vars_files".split()
)
BLOCK_KEYWORDS = frozenset(f"{_COMMON} always block delegate_to notify rescue when".split())
TASK_KEYWORDS = frozenset(
    f"{_COMMON} args changed_when delay delegate_to failed_when loop loop_control notify register retries until when"
    " with_dict with_indexed_items with_items with_list with_sequence with_together".split()
)
HANDLER_KEYWORDS = TASK_KEYWORDS | {"listen"}
LOOP_CONTROL = frozenset(["break_when", "extended", "index_var", "label", "loop_var", "pause"])
META = frozenset(["clear_host_errors", "end_host", "end_play", "flush_handlers", "noop"])
IMPORTS = frozenset(["import_tasks", "ansible.builtin.import_tasks"])
# Ansible's own words that the subset leaves out: they are told apart from typing errors.
ANSIBLE_KEYWORDS = frozenset(
    _words(
        "action async become_exe become_flags collections connection debugger delegate_facts fact_path force_handlers"
        " gather_subset gather_timeout local_action max_fail_percentage module_defaults order poll port remote_user"
        " roles serial throttle timeout user vars_prompt"
    )
)
MODULES_ELSEWHERE = frozenset(
    _words(
        "add_host apt apt_key assemble async_status blockinfile cron deb822_repository debconf dnf dpkg_selections"
        " expect find gather_facts get_url getent git group group_by hostname import_role include_role include_tasks"
        " include_vars iptables known_hosts lineinfile mount_facts package package_facts pause ping pip raw reboot"
        " replace rpm_key script service service_facts set_stats setup slurp subversion systemd systemd_service"
        " sysvinit tempfile unarchive user validate_argument_spec wait_for_connection yum_repository"
    )
)


@dataclass(frozen=True)
class Refusal:
    """Makes the errors of one playbook; knows the command that runs it with Ansible itself."""

    command: str

    def __call__(self, what: str, where: Position | None, hint: str = "") -> DocumentError:
        way = f"Ansible itself runs it: {self.command}"
        return DocumentError(what, where=where, hint=f"{hint} {way}".strip())

    def wrong(self, what: str, where: Position | None, hint: str) -> DocumentError:
        """What Ansible would not take either."""
        return DocumentError(what, where=where, hint=hint)


def load(path: Path, inventory: Path | None = None) -> Playbook:
    """The playbook in the file at `path`, with those that it imports.

    Raises:
        DocumentError: at the first thing that is wrong, or outside the subset.
    """
    refuse = Refusal(f"ansible-playbook -i {inventory or 'INVENTORY'} {path}")
    return Playbook(path, tuple(_plays(path, refuse, ())))


def _plays(path: Path, refuse: Refusal, above: tuple[Path, ...]) -> Iterable[Play]:
    content = documents.load(path)
    if path.resolve() in above:
        raise refuse.wrong(f"{path.name} imports itself", Position(path, 1), "Take the import_playbook out.")
    if not isinstance(content, Seq):
        raise refuse.wrong("a playbook is a list of plays", Position(path, 1), "Begin it with `- hosts: ...`.")
    for index, entry in enumerate(content):
        if not isinstance(entry, Map):
            raise refuse.wrong("a play is a mapping", content.where(index), "Begin it with `- hosts: ...`.")
        imported = [key for key in entry if key in ("import_playbook", "ansible.builtin.import_playbook")]
        if imported:
            yield from _imported(path, entry, imported[0], refuse, (*above, path.resolve()))
        else:
            yield _Reader(path, refuse).play(entry)


def _imported(path: Path, entry: Map, key: str, refuse: Refusal, above: tuple[Path, ...]) -> Iterable[Play]:
    for other in entry:
        if other not in (key, "name", "tags", "vars", "when"):
            raise refuse(f"{key} with {other!r} is outside the subset", entry.where(other))
    target = entry[key]
    if not isinstance(target, str) or is_template(target):
        raise refuse(f"{key} takes the literal name of a file", entry.where(key))
    settings = Settings(tags=_tags(entry, refuse), vars=_mapping(entry, "vars", refuse), when=_list(entry, "when"))
    file = path.parent / target
    if not file.is_file():
        raise refuse.wrong(f"there is no playbook {target}", entry.where(key), f"Looked at {file}.")
    for play in _plays(file, refuse, above):
        yield _with(play, settings)


def _with(play: Play, settings: Settings) -> Play:
    def add(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(
            replace(step, settings=_merged(replace(settings, vars={}), step.settings))
            if isinstance(step, Task)
            else replace(step, tasks=add(step.tasks), rescue=add(step.rescue), always=add(step.always))
            for step in steps
        )

    handlers = tuple(
        replace(task, settings=_merged(replace(settings, vars={}), task.settings)) for task in play.handlers
    )
    return replace(
        play,
        vars={**play.vars, **settings.vars},
        pre_tasks=add(play.pre_tasks),
        tasks=add(play.tasks),
        post_tasks=add(play.post_tasks),
        handlers=handlers,
    )


# -- small readers ----------------------------------------------------------------------------------------------------


def _list(entry: Map, key: str) -> tuple[Any, ...]:
    """A keyword that takes one thing or a list of them."""
    if key not in entry or entry[key] is None:
        return ()
    value = entry[key]
    return tuple(value) if isinstance(value, list) else (value,)


def _tags(entry: Map, refuse: Refusal) -> tuple[str, ...]:
    tags: list[str] = []
    for tag in _list(entry, "tags"):
        if not isinstance(tag, (str, int)) or is_template(tag):
            raise refuse(f"a tag is a literal name, not {tag!r}", entry.where("tags"))
        tags.extend(part.strip() for part in str(tag).split(","))
    return tuple(tags)


def _mapping(entry: Map, key: str, refuse: Refusal) -> Mapping[str, Any]:
    value = entry.get(key)
    if value is None:
        return {}
    if not isinstance(value, Map):
        raise refuse.wrong(f"{key!r} must be a mapping", entry.where(key), "Write one `name: value` a line.")
    for name in value:
        if not _is_name(name):
            raise refuse.wrong(
                f"{name!r} can't be the name of a variable",
                value.where(name),
                "Names have letters, digits and underscores, and don't begin with a digit.",
            )
    return value


def _is_name(name: Any) -> bool:
    """Whether a variable can have that name: Python's and Jinja's own words can't be one."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and not iskeyword(name)
        and name not in _CONSTANTS
    )


_CONSTANTS = ("true", "false", "none")


def _merged(outer: Settings, inner: Settings) -> Settings:
    """What a task is told by all that stands around it; the nearest wins where only one can hold."""
    nearest = {
        name: getattr(inner, name) if getattr(inner, name) is not None else getattr(outer, name) for name in _NEAREST
    }
    return Settings(
        **nearest,
        when=(*outer.when, *inner.when),
        environment=(*outer.environment, *inner.environment),
        tags=tuple(dict.fromkeys((*outer.tags, *inner.tags))),
        notify=(*inner.notify, *outer.notify),
        vars={**outer.vars, **inner.vars} if outer.vars else inner.vars,
    )


_NEAREST = _words(
    "become become_user check_mode diff no_log run_once ignore_errors ignore_unreachable any_errors_fatal delegate_to"
)


class _Reader:
    """Reads the plays of one file."""

    def __init__(self, path: Path, refuse: Refusal) -> None:
        self.path = path
        self.refuse = refuse

    # -- plays ----------------------------------------------------------------------------------------------------

    def play(self, entry: Map) -> Play:
        self._known(entry, PLAY_KEYWORDS, "a play")
        self._facts(entry)
        if entry.get("strategy", "linear") not in ("linear", "ansible.builtin.linear"):
            raise self.refuse(f"strategy {entry['strategy']!r} is outside the subset", entry.where("strategy"))
        hosts = entry.get("hosts")
        if not hosts:
            raise self.refuse.wrong("a play needs `hosts`", entry.position, "Name a group, a host, or `all`.")
        pattern = ",".join(str(part) for part in hosts) if isinstance(hosts, list) else str(hosts)
        settings = self._settings(entry)
        own = replace(settings, vars={})
        return Play(
            name=str(entry.get("name") or ""),
            hosts=pattern,
            position=entry.position,
            vars=settings.vars,
            vars_files=self._vars_files(entry),
            pre_tasks=self._steps(entry, "pre_tasks", own),
            tasks=self._steps(entry, "tasks", own),
            post_tasks=self._steps(entry, "post_tasks", own),
            handlers=tuple(tasks_of(self._steps(entry, "handlers", own, handlers=True))),
            settings=own,
            folder=self.path.parent,
        )

    def _facts(self, entry: Map) -> None:
        gather = entry.get("gather_facts")
        if gather is False or str(gather).lower() in ("no", "false"):
            return
        what = "a play without `gather_facts: false` gathers facts" if gather is None else "gathering facts"
        raise self.refuse(
            f"{what}, which is outside the subset",
            entry.where("gather_facts"),
            "Write `gather_facts: false` and ask hosts with tasks.",
        )

    def _vars_files(self, entry: Map) -> tuple[Any, ...]:
        files = _list(entry, "vars_files")
        for file in files:
            for one in file if isinstance(file, list) else [file]:
                if not isinstance(one, str):
                    raise self.refuse.wrong("vars_files names files", entry.where("vars_files"), "Give their paths.")
            literal = isinstance(file, str) and not is_template(file)
            if literal and not (self.path.parent / file).is_file():
                raise self.refuse.wrong(
                    f"there is no file {file}", entry.where("vars_files"), f"Looked at {self.path.parent / file}."
                )
        return files

    # -- steps ----------------------------------------------------------------------------------------------------

    def _steps(self, entry: Map, key: str, outer: Settings, *, handlers: bool = False) -> tuple[Step, ...]:
        value = entry.get(key)
        if value is None:
            return ()
        if not isinstance(value, Seq):
            raise self.refuse.wrong(f"{key!r} must be a list of tasks", entry.where(key), "Begin each with a dash.")
        return self._listed(value, outer, handlers=handlers)

    def _listed(self, value: Seq, outer: Settings, *, handlers: bool = False) -> tuple[Step, ...]:
        steps: list[Step] = []
        for index, item in enumerate(value):
            if not isinstance(item, Map):
                raise self.refuse.wrong(
                    f"a task is a mapping, not {type(item).__name__}",
                    value.where(index),
                    "Write the module as a key: `- command: ...`.",
                )
            steps.extend(self._step(item, outer, handlers))
        return tuple(steps)

    def _step(self, item: Map, outer: Settings, handlers: bool) -> Iterable[Step]:
        if "block" in item:
            if handlers:
                raise self.refuse("a block among handlers is outside the subset", item.where("block"))
            return [self._block(item, outer)]
        if any(key in item for key in ("rescue", "always")):
            raise self.refuse.wrong("rescue and always need a block", item.position, "Add `block:` beside them.")
        imported = [key for key in item if key in IMPORTS]
        if imported:
            return self._import(item, imported[0], outer, handlers)
        return [self._task(item, outer, handlers)]

    def _block(self, item: Map, outer: Settings) -> Block:
        self._known(item, BLOCK_KEYWORDS, "a block")
        settings = _merged(outer, self._settings(item))
        return Block(
            tasks=self._steps(item, "block", settings),
            rescue=self._steps(item, "rescue", settings),
            always=self._steps(item, "always", settings),
            position=item.position,
            name=str(item.get("name") or ""),
        )

    def _import(self, item: Map, key: str, outer: Settings, handlers: bool) -> Iterable[Step]:
        allowed = BLOCK_KEYWORDS - {"block", "rescue", "always"}
        self._known(item, allowed | {key, "args"}, key)
        target = item[key]
        if isinstance(target, Map) and list(target) == ["file"]:
            target = target["file"]
        if not isinstance(target, str) or is_template(target):
            raise self.refuse(f"{key} takes the literal name of a file", item.where(key))
        file = self.path.parent / target.removeprefix("file=")
        if not file.is_file():
            raise self.refuse.wrong(f"there is no file {target}", item.where(key), f"Looked at {file}.")
        content = documents.load(file)
        if content is None:
            return ()
        if not isinstance(content, Seq):
            raise self.refuse.wrong("a file of tasks is a list", Position(file, 1), "Begin each task with a dash.")
        settings = _merged(outer, self._settings(item))
        return _Reader(file, self.refuse)._listed(content, settings, handlers=handlers)

    # -- one task --------------------------------------------------------------------------------------------------

    def _task(self, item: Map, outer: Settings, handlers: bool) -> Task:
        keywords = HANDLER_KEYWORDS if handlers else TASK_KEYWORDS
        key = self._module_key(item, keywords)
        module, args, template = self._arguments(item, key)
        register = item.get("register")
        if register is not None and not _is_name(register):
            raise self.refuse.wrong(
                f"{register!r} can't be the name of a variable", item.where("register"), "Use letters and underscores."
            )
        return Task(
            name=str(item.get("name") or ""),
            module=module,
            args=args,
            position=item.position,
            settings=_merged(outer, self._settings(item)),
            folder=self.path.parent,
            loop=self._loop(item),
            register=register,
            until=_list(item, "until"),
            retries=item.get("retries"),
            delay=item.get("delay", 5),
            changed_when=_list(item, "changed_when"),
            failed_when=_list(item, "failed_when"),
            listen=tuple(str(topic) for topic in _list(item, "listen")),
            args_template=template,
            action=key,
        )

    def _module_key(self, item: Map, keywords: frozenset[str]) -> str:
        """The key of a task that names its module."""
        found = []
        for key in item:
            if key in keywords:
                continue
            if key in ANSIBLE_KEYWORDS or str(key).startswith("with_"):
                raise self.refuse(f"keyword {key!r} is outside the subset", item.where(key))
            if not isinstance(key, str):
                raise self.refuse.wrong(f"a task has no keyword {key!r}", item.where(key), "Check the indentation.")
            found.append(key)
        known = [key for key in found if _short(key) == "meta" or modules.resolve(key)]
        if len(known) == 1 and len(found) == 1:
            return known[0]
        if len(known) > 1:
            raise self.refuse.wrong(
                f"a task has one module, not both {known[0]!r} and {known[1]!r}", item.where(known[1]), "Make it two."
            )
        if not found:
            raise self.refuse.wrong("a task without a module", item.position, "Add one, such as `command: ...`.")
        odd = next(key for key in found if key not in known)
        raise self._unknown_key(odd, item.where(odd), keywords, has_module=bool(known))

    def _unknown_key(self, key: str, where: Position, keywords: frozenset[str], *, has_module: bool) -> DocumentError:
        if _short(key) in MODULES_ELSEWHERE or "." in key:
            return self.refuse(f"module {key!r} is outside the subset", where)
        candidates = sorted(keywords) if has_module else sorted([*keywords, *modules.SPECS, "meta"])
        near = get_close_matches(key, candidates, n=1)
        kind = "keyword" if has_module else "keyword or module"
        return self.refuse(f"a task has no {kind} {key!r}", where, f"Did you mean {near[0]!r}?" if near else "")

    def _arguments(self, item: Map, key: str) -> tuple[str, Mapping[str, Any], str | None]:
        """The module's short name, its arguments, and the text of an `args` that is a template."""
        raw, where = item[key], item.where(key)
        if _short(key) == "meta":
            if raw not in META:
                raise self.refuse(f"meta: {raw!r} is outside the subset", where, f"It has: {', '.join(sorted(META))}.")
            return "meta", {"_raw_params": raw}, None
        spec = modules.resolve(key)
        assert spec is not None  # _module_key found it so
        more = item.get("args")
        template = None
        if isinstance(more, str) and is_template(more):
            template, more = more, None
        if more is not None and not isinstance(more, Map):
            raise self.refuse.wrong("`args` must be a mapping", item.where("args"), "One option a line.")
        args = Map(where)
        for name, value in (*self._given(spec, raw, where).items(), *(more or {}).items()):
            source = next((part for part in (raw, more) if isinstance(part, Map) and name in part), None)
            if name not in args:
                args[name] = value
                args.key_positions[name] = source.where(name) if source is not None else where
        for message, option in modules.check_arguments(spec, args):
            raise self.refuse(message, args.where(option))
        return spec.name, args, template

    def _given(self, spec: modules.ModuleSpec, raw: Any, where: Position) -> dict[str, Any]:
        if raw is None:
            return {}
        if isinstance(raw, Map):
            return dict(raw)
        if not isinstance(raw, (str, int, float)) or isinstance(raw, bool):
            raise self.refuse.wrong(
                f"{spec.name} takes options, not {type(raw).__name__}", where, "One option a line, or `name=value`."
            )
        text = str(raw)
        try:
            if spec.free_form:
                words, options = arguments.command(text)
                return {**options, "_raw_params": words}
            options, rest = arguments.options(text)
        except arguments.UnbalancedError as error:
            raise self.refuse.wrong(str(error), where, "Close it, or give the options one a line.") from None
        if rest:
            raise self.refuse.wrong(
                f"{spec.name} takes options as `name=value`, not {rest[0]!r}", where, "Give the options one a line."
            )
        return dict(options)

    def _loop(self, item: Map) -> Loop | None:
        kinds = [key for key in item if key == "loop" or str(key).startswith("with_")]
        control = item.get("loop_control") or Map(item.position)
        if "loop_control" in item:
            if not isinstance(control, Map):
                raise self.refuse.wrong("loop_control must be a mapping", item.where("loop_control"), "As loop_var: x.")
            self._known(control, LOOP_CONTROL, "loop_control")
        if not kinds:
            return None
        if len(kinds) > 1:
            raise self.refuse.wrong("a task has one loop", item.where(kinds[1]), f"Take {kinds[1]!r} out.")
        value = item[kinds[0]]
        if kinds[0] == "loop" and isinstance(value, str) and not is_template(value):
            raise self.refuse.wrong(
                f"loop takes a list or a template that gives one, not {value!r}",
                item.where("loop"),
                f'Did you mean "{{{{ {value} }}}}"?',
            )
        if kinds[0] == "loop" and isinstance(value, (Map, int, float, bool)):
            raise self.refuse.wrong("loop takes a list", item.where("loop"), "A mapping becomes one by `| dict2items`.")
        return Loop(
            value=value,
            kind=kinds[0].removeprefix("with_"),
            loop_var=str(control.get("loop_var", "item")),
            index_var=control.get("index_var"),
            label=control.get("label"),
            pause=control.get("pause", 0),
            extended=control.get("extended", False),
            break_when=_list(control, "break_when"),
        )

    # -- what plays, blocks and tasks share ------------------------------------------------------------------------

    def _settings(self, entry: Map) -> Settings:
        if entry.get("become_method", "sudo") != "sudo":
            raise self.refuse("become_method other than sudo is outside the subset", entry.where("become_method"))
        if is_template(entry.get("any_errors_fatal")):
            raise self.refuse.wrong(
                "any_errors_fatal can't be a template: Ansible would take any for true",
                entry.where("any_errors_fatal"),
                "Write true or false.",
            )
        environment = _list(entry, "environment")
        for part in environment:
            if not isinstance(part, Map) and not is_template(part):
                raise self.refuse.wrong("environment must be a mapping", entry.where("environment"), "NAME: value")
        return Settings(
            **{name: entry.get(name) for name in _NEAREST},
            when=_list(entry, "when"),
            environment=environment,
            tags=_tags(entry, self.refuse),
            notify=_list(entry, "notify"),
            vars=_mapping(entry, "vars", self.refuse),
        )

    def _known(self, entry: Map, known: Iterable[str], what: str) -> None:
        names = sorted(known)
        for key in entry:
            if key in names:
                continue
            if key in ANSIBLE_KEYWORDS:
                raise self.refuse(f"keyword {key!r} of {what} is outside the subset", entry.where(key))
            near = get_close_matches(str(key), names, n=1)
            raise self.refuse(
                f"{what} has no keyword {key!r}", entry.where(key), f"Did you mean {near[0]!r}?" if near else ""
            )


def _short(name: str) -> str:
    return name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
