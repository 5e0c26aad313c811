"""Reads one task: its module and the arguments of it, its loop, what it registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sparkbed.documents import Map, Unsafe
from sparkbed.errors import DocumentError
from sparkbed.playbook import arguments, modules
from sparkbed.playbook.keywords import (
    ANSIBLE_KEYWORDS,
    HANDLER_KEYWORDS,
    LOOP_CONTROL,
    META,
    MODULES_ELSEWHERE,
    TASK_KEYWORDS,
    Refusal,
    expect,
    is_name,
    listed,
    merged,
    settings,
    short,
)
from sparkbed.playbook.plays import Loop, Place, Settings, Task
from sparkbed.playbook.templating import is_all_template, is_template
from sparkbed.position import Position


@dataclass(frozen=True, eq=False, repr=False)
class TaskReader:
    """Reads the tasks of one file."""

    path: Path
    refuse: Refusal

    def read(self, item: Map, outer: Settings, place: Place, *, handlers: bool) -> Task:
        """The task or handler that `item` is, within what `outer` says."""
        keywords = HANDLER_KEYWORDS if handlers else TASK_KEYWORDS
        key = self._module_key(item, keywords)
        own = merged(outer, settings(item, self.refuse))
        module, args, template = self._arguments(item, key, own)
        if args.get("_raw_params") == "end_role" and module == "meta" and (handlers or place.role is None):
            raise self.refuse.wrong("end_role outside of a role's tasks", item.where(key), "end_host ends the play.")
        if args.get("_raw_params") == "flush_handlers" and module == "meta" and handlers:
            raise self.refuse.wrong("flush_handlers can't be a handler", item.where(key), "Notify the handlers.")
        register = item.get("register")
        if register is not None and not is_name(register):
            raise self.refuse.wrong(
                f"{register!r} can't be the name of a variable", item.where("register"), "Use letters and underscores."
            )
        return Task(
            name=str(item.get("name") or ""),
            module=module,
            args=args,
            position=item.position,
            settings=own,
            folder=self.path.parent,
            loop=self._loop(item),
            register=register,
            until=listed(item, "until"),
            retries=item.get("retries"),
            delay=item.get("delay", 5),
            changed_when=listed(item, "changed_when"),
            failed_when=listed(item, "failed_when"),
            listen=tuple(str(topic) for topic in listed(item, "listen")),
            args_template=template,
            action=key,
            place=place,
        )

    def _module_key(self, item: Map, keywords: frozenset[str]) -> str:
        """The key of a task that names its module."""
        found = []
        for key in item:
            if key in keywords:
                continue
            # `user` is a keyword of plays, and a module.
            if (key in ANSIBLE_KEYWORDS and key not in modules.SPECS) or str(key).startswith("with_"):
                raise self.refuse(f"keyword {key!r} is outside the subset", item.where(key))
            if not isinstance(key, str):
                raise self.refuse.wrong(f"a task has no keyword {key!r}", item.where(key), "Check the indentation.")
            found.append(key)
        known = [key for key in found if short(key) == "meta" or modules.resolve(key)]
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
        if short(key) in MODULES_ELSEWHERE or "." in key:
            return self.refuse(f"module {key!r} is outside the subset", where)
        candidates = sorted(keywords) if has_module else sorted([*keywords, *modules.SPECS, "meta"])
        near = get_close_matches(key, candidates, n=1)
        kind = "keyword" if has_module else "keyword or module"
        return self.refuse(f"a task has no {kind} {key!r}", where, f"Did you mean {near[0]!r}?" if near else "")

    def _arguments(self, item: Map, key: str, own: Settings) -> tuple[str, Mapping[str, Any], str | None]:
        """The module's short name, its arguments, and the text of an `args` that is a template."""
        raw, where = item[key], item.where(key)
        if short(key) == "meta":
            if raw not in META:
                raise self.refuse(f"meta: {raw!r} is outside the subset", where, f"It has: {', '.join(sorted(META))}.")
            return "meta", {"_raw_params": raw}, None
        spec = modules.resolve(key)
        assert spec is not None  # _module_key found it so
        more = item.get("args")
        template = None
        if isinstance(more, str) and is_template(more):
            template, more = more, None
        elif isinstance(raw, str) and not spec.free_form and _is_one_template(raw):
            template, raw = raw, None
        if more is not None and not isinstance(more, Map):
            raise self.refuse.wrong("`args` must be a mapping", item.where("args"), "One option a line.")
        args = Map(where)
        usual = own.module_defaults.get(spec.name, {})
        for name, value in (*self._given(spec, raw, where).items(), *(more or {}).items(), *usual.items()):
            source = next((part for part in (raw, more, usual) if isinstance(part, Map) and name in part), None)
            if name not in args:
                args[name] = value
                args.key_positions[name] = source.where(name) if source is not None else where
        for message, option in modules.check_arguments(spec, args):
            if template is not None and option not in args:
                continue  # the template may give it
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
            if spec.name in ("include_tasks", "include_vars"):
                options, rest = arguments.options(text)
                if any("=" in word for word in rest):
                    # Ansible would take it for `option=value`.
                    raise self.refuse.wrong(f"{spec.name} takes no {text!r}", where, "Write it under `file:`.")
                return {**options, "_raw_params": " ".join(rest)} if rest else dict(options)
            if spec.free_form:
                words, options = arguments.command(text)
                return {**options, "_raw_params": Unsafe(words) if isinstance(raw, Unsafe) else words}
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
            expect(control, LOOP_CONTROL, "loop_control", self.refuse)
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
            extended_allitems=control.get("extended_allitems", True),
            break_when=listed(control, "break_when"),
        )


def _is_one_template(text: str) -> bool:
    """Whether `text` is a template of all options, and not `name=value`."""
    try:
        return is_all_template(text.strip()) and arguments.options(text) == ({}, [text.strip()])
    except arguments.UnbalancedError:
        return False
