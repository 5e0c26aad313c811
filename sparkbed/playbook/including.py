"""What the include tasks of a play lead to: which files and roles, for which hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkbed.errors import PlaybookError
from sparkbed.playbook.outcome import Item, Outcome
from sparkbed.playbook.plays import Role, Step, Task
from sparkbed.playbook.roles import Reading
from sparkbed.playbook.searching import role_folder
from sparkbed.playbook.steps import included_file, included_role, included_tasks
from sparkbed.playbook.variables import Layer

DEEPEST = 50
"""How many files and roles may include each other: Python's own recursion ends not far above."""


@dataclass(eq=False, repr=False)
class Inclusion:
    """One file or role that hosts include together: `args` of the task, `item` the variables of its loop."""

    name: str
    args: Mapping[str, Any]
    item: Mapping[str, Any]
    label: Any = None
    hosts: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False, repr=False)
class Included:
    """What an inclusion came to: its steps, the roles it brings into the play, and their handlers."""

    name: str
    steps: tuple[Step, ...]
    roles: tuple[Role, ...] = ()
    handlers: tuple[Task, ...] = ()


def inclusions(task: Task, outcomes: Iterable[Outcome]) -> list[Inclusion]:
    """What `outcomes` of an include task ask for, in the order in which each is first asked for."""
    found: list[Inclusion] = []
    for outcome in outcomes:
        rounds = [Item(outcome.result, None)] if outcome.items is None else outcome.items
        for one in rounds:
            if not one.result.get("skipped") and "include_args" in one.result:
                _join(found, outcome.host, _asked(task, one))
    return found


def _asked(task: Task, one: Item) -> Inclusion:
    result = one.result
    args = dict(result["include_args"])
    name = str(result["include"] if "include" in result else args.get("name", args.get("role")))
    loop = task.loop
    item: dict[str, Any] = {}
    if loop:
        names = [loop.loop_var, "ansible_loop_var", "ansible_loop", "ansible_index_var"]
        item = {key: result[key] for key in [*names, *([loop.index_var] if loop.index_var else [])] if key in result}
    return Inclusion(name, args, item, one.label)


def _join(found: list[Inclusion], host: str, asked: Inclusion) -> None:
    """Add `host` to the first inclusion that is the same and that it is not in yet."""
    for other in found:
        same = (other.name, other.args, other.item) == (asked.name, asked.args, asked.item)
        if same and host not in other.hosts:
            other.hosts.append(host)
            return
    asked.hosts.append(host)
    found.append(asked)


def load(task: Task, inclusion: Inclusion, reading: Reading) -> Included:
    """Read what `inclusion` names.

    Raises:
        PlaybookError: when it is not there.
        DocumentError: when it is wrong, or outside the subset.
    """
    if len(task.place.within) >= DEEPEST:
        raise PlaybookError(
            f"{DEEPEST} files and roles include each other here, the last one {inclusion.name!r}",
            where=task.position,
            hint="An include that comes to itself again needs a `when` that ends it.",
        )
    item = Layer(inclusion.item, document=False) if inclusion.item else None
    if task.module == "include_tasks":
        file = included_file(task, inclusion.name, reading)
        if not file.is_file():
            raise PlaybookError(f"Could not find or access '{file}' on the Ansible Controller.", where=task.position)
        steps = included_tasks(task, inclusion.name, item, reading)
        return Included(str(file), steps, tuple(reading.roles), tuple(reading.handlers))
    folder, looked = role_folder(inclusion.name, reading.playbook, None)
    if folder is None:
        places = ":".join(str(path) for path in looked)
        raise PlaybookError(f"the role '{inclusion.name}' was not found in {places}", where=task.position)
    role, steps, handlers = included_role(task, inclusion.args, item, reading)
    return Included(inclusion.name, steps, (*reading.roles, role), (*reading.handlers, *handlers))
