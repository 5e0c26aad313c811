"""What plays, blocks and tasks can say: keywords, what they share (settings, tags, variables), how one is refused."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from keyword import iskeyword
from pathlib import Path
from typing import Any

from sparkbed.documents import Map
from sparkbed.errors import DocumentError
from sparkbed.playbook import modules
from sparkbed.playbook.plays import Settings
from sparkbed.playbook.templating import is_template
from sparkbed.position import Position

_words = str.split
_COMMON = (
    "any_errors_fatal become become_method become_user check_mode connection diff environment ignore_errors"
    " ignore_unreachable module_defaults name no_log port remote_user run_once tags throttle vars"
)
PLAY_KEYWORDS = frozenset(
    f"{_COMMON} force_handlers gather_facts gather_subset gather_timeout handlers hosts max_fail_percentage order"
    " post_tasks pre_tasks roles serial strategy tasks vars_files".split()
)
BLOCK_KEYWORDS = frozenset(f"{_COMMON} always block delegate_facts delegate_to notify rescue when".split())
TASK_KEYWORDS = frozenset(
    f"{_COMMON} args changed_when delay delegate_facts delegate_to failed_when loop loop_control notify register"
    " retries until when with_cartesian with_dict with_file with_fileglob with_first_found with_flattened"
    " with_indexed_items with_inventory_hostnames with_items with_lines with_list with_nested with_sequence"
    " with_subelements with_together".split()
)
HANDLER_KEYWORDS = TASK_KEYWORDS | {"listen"}
ROLE_KEYWORDS = frozenset(f"{_COMMON} delegate_facts delegate_to role when".split())
INCLUDE_KEYWORDS = frozenset(
    _words("args ignore_errors listen loop loop_control name no_log register run_once tags vars when")
)
LOOP_CONTROL = frozenset(["break_when", "extended", "extended_allitems", "index_var", "label", "loop_var", "pause"])
META = frozenset(
    _words(
        "clear_facts clear_host_errors end_batch end_host end_play end_role flush_handlers noop"
        " refresh_inventory reset_connection"
    )
)
CHOICES = {
    "order": frozenset(["inventory", "reverse_inventory", "reverse_sorted", "sorted"]),
    "strategy": frozenset(["linear", "ansible.builtin.linear"]),
}
"""Keywords of plays that take one of a few names, or a template of one."""

IMPORTS = frozenset(["import_role", "import_tasks"])
INCLUDES = frozenset(["include_role", "include_tasks"])
# Ansible's own words that the subset leaves out: they are told apart from typing errors.
ANSIBLE_KEYWORDS = frozenset(
    _words(
        "action async become_exe become_flags collections connection debugger delegate_facts fact_path force_handlers"
        " gather_subset gather_timeout local_action max_fail_percentage module_defaults order poll port remote_user"
        " serial throttle timeout user vars_prompt"
    )
)
MODULES_ELSEWHERE = frozenset(
    _words(
        "add_host apt apt_key assemble async_status blockinfile cron deb822_repository debconf dnf dpkg_selections"
        " expect find gather_facts get_url getent git group group_by hostname"
        " iptables known_hosts lineinfile mount_facts package package_facts pause ping pip raw reboot"
        " replace rpm_key script service service_facts set_stats setup slurp subversion systemd systemd_service"
        " sysvinit tempfile unarchive user wait_for_connection yum_repository"
    )
)


@dataclass(frozen=True, eq=False, repr=False)
class Refusal:
    """Makes the errors of one playbook; knows the command that runs it with Ansible itself."""

    command: str

    @classmethod
    def of(cls, inventory: Path | str, playbook: Path | str) -> Refusal:
        """That of the playbook on the inventory's hosts."""
        return cls(shlex.join(["ansible-playbook", "-i", str(inventory), str(playbook)]))

    def __call__(self, what: str, where: Position | None, hint: str = "") -> DocumentError:
        way = f"Ansible itself runs it: {self.command}"
        return DocumentError(what, where=where, hint=f"{hint} {way}".strip())

    def wrong(self, what: str, where: Position | None, hint: str) -> DocumentError:
        """What Ansible would not take either."""
        return DocumentError(what, where=where, hint=hint)


# -- small readers ----------------------------------------------------------------------------------------------------


def listed(entry: Map, key: str) -> tuple[Any, ...]:
    """A keyword that takes one thing or a list of them."""
    if key not in entry or entry[key] is None:
        return ()
    value = entry[key]
    return tuple(value) if isinstance(value, list) else (value,)


def tags_of(entry: Map, refuse: Refusal) -> tuple[str, ...]:
    """The tags of `entry`, which are literal names."""
    tags: list[str] = []
    for tag in listed(entry, "tags"):
        if not isinstance(tag, (str, int)) or is_template(tag):
            raise refuse(f"a tag is a literal name, not {tag!r}", entry.where("tags"))
        # Only in one text do commas divide.
        parts = str(tag).split(",") if tag is entry["tags"] else [str(tag)]
        tags.extend(part.strip() for part in parts)
    return tuple(tags)


def variables_of(entry: Map, key: str, refuse: Refusal) -> Mapping[str, Any]:
    """A mapping whose keys can be names of variables."""
    value = entry.get(key)
    if value is None:
        return {}
    if not isinstance(value, Map):
        raise refuse.wrong(f"{key!r} must be a mapping", entry.where(key), "Write one `name: value` a line.")
    for name in value:
        if not is_name(name):
            raise refuse.wrong(
                f"{name!r} can't be the name of a variable",
                value.where(name),
                "Names have letters, digits and underscores, and don't begin with a digit.",
            )
    return value


def is_name(name: Any) -> bool:
    """Whether a variable can have that name: Python's and Jinja's own words can't be one."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and not iskeyword(name)
        and name not in _CONSTANTS
    )


_CONSTANTS = ("true", "false", "none")


def merged(outer: Settings, inner: Settings) -> Settings:
    """What a task is told by all that stands around it; the nearest wins where only one can hold."""
    nearest = {
        name: getattr(inner, name) if getattr(inner, name) is not None else getattr(outer, name) for name in NEAREST
    }
    return Settings(
        **nearest,
        when=(*outer.when, *inner.when),
        environment=(*outer.environment, *inner.environment),
        tags=tuple(dict.fromkeys((*outer.tags, *inner.tags))),
        notify=(*inner.notify, *outer.notify),
        vars={**outer.vars, **inner.vars} if outer.vars else inner.vars,
        module_defaults={**outer.module_defaults, **inner.module_defaults},
    )


NEAREST = _words(
    "become become_user check_mode diff no_log run_once ignore_errors ignore_unreachable any_errors_fatal delegate_to"
    " delegate_facts throttle connection port remote_user"
)


# -- what plays, blocks and tasks share ------------------------------------------------------------------------


def settings(entry: Map, refuse: Refusal) -> Settings:
    """What `entry`, a play, block or task, says for the tasks in it."""
    if entry.get("become_method", "sudo") != "sudo":
        raise refuse("become_method other than sudo is outside the subset", entry.where("become_method"))
    if is_template(entry.get("any_errors_fatal")):
        raise refuse.wrong(
            "any_errors_fatal can't be a template: Ansible would take any for true",
            entry.where("any_errors_fatal"),
            "Write true or false.",
        )
    environment = listed(entry, "environment")
    for part in environment:
        if not isinstance(part, Map) and not is_template(part):
            raise refuse.wrong("environment must be a mapping", entry.where("environment"), "NAME: value")
    return Settings(
        **{name: entry.get(name) for name in NEAREST},
        when=listed(entry, "when"),
        environment=environment,
        tags=tags_of(entry, refuse),
        notify=listed(entry, "notify"),
        vars=variables_of(entry, "vars", refuse),
        module_defaults=_module_defaults(entry, refuse),
    )


def _module_defaults(entry: Map, refuse: Refusal) -> Mapping[str, Map]:
    """The options that modules have where a task does not give them, by the modules' short names."""
    found: dict[str, Map] = {}
    for given in listed(entry, "module_defaults"):
        if not isinstance(given, Map):
            raise refuse("module_defaults is a mapping of modules", entry.where("module_defaults"))
        for name, options in given.items():
            spec = modules.resolve(str(name))
            if spec is None:
                raise refuse(f"module_defaults of {name!r} are outside the subset", given.where(name))
            if not isinstance(options, Map):
                raise refuse("the defaults of a module are a mapping", given.where(name))
            found[spec.name] = options
    return found


def expect(entry: Map, known: Iterable[str], what: str, refuse: Refusal) -> None:
    """Refuse a key of `entry` that is not in `known`."""
    names = sorted(known)
    for key in entry:
        if key in names:
            continue
        if key in ANSIBLE_KEYWORDS:
            raise refuse(f"keyword {key!r} of {what} is outside the subset", entry.where(key))
        near = get_close_matches(str(key), names, n=1)
        raise refuse(f"{what} has no keyword {key!r}", entry.where(key), f"Did you mean {near[0]!r}?" if near else "")


def among(name: str, value: Any, known: Collection[str], refuse: Refusal, where: Position) -> None:
    """Refuse a value of the keyword `name` that is not in `known`; nothing is its default."""
    if value is not None and value not in known:
        hint = f"It has: {', '.join(sorted(known))}."
        raise refuse(f"{name} {value!r} is outside the subset", where, hint)


def short(name: str) -> str:
    """A module's name without its collection."""
    return name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
