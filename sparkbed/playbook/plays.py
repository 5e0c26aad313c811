"""A playbook as values: plays, blocks, tasks and handlers, each with its place in the file.

What a block or a play says of its tasks (conditions, tags, variables, become ...) is merged into each task when the
playbook is read, so that a task stands for itself. Values that may hold templates stay as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Union

from sparkbed.playbook.variables import Layer
from sparkbed.position import Position


@dataclass(frozen=True, eq=False, repr=False)
class Loop:
    """What a task repeats over: the value of `loop` or `with_<kind>`, and loop_control."""

    value: Any
    kind: str = "loop"
    loop_var: str = "item"
    index_var: str | None = None
    label: Any = None
    pause: Any = 0
    extended: Any = False
    extended_allitems: Any = True
    break_when: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Settings:
    """What plays, blocks and tasks may all say of how a task runs; None where nothing is said."""

    become: Any = None
    become_user: Any = None
    check_mode: Any = None
    diff: Any = None
    no_log: Any = None
    run_once: Any = None
    ignore_errors: Any = None
    ignore_unreachable: Any = None
    any_errors_fatal: Any = None
    delegate_to: Any = None
    delegate_facts: Any = None
    throttle: Any = None
    connection: Any = None
    port: Any = None
    remote_user: Any = None
    when: tuple[Any, ...] = ()
    environment: tuple[Any, ...] = ()
    tags: tuple[str, ...] = ()
    notify: tuple[Any, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    module_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Gathering:
    """What a play says of the facts that it gathers before its first task."""

    wanted: Any = True
    subset: Any = None
    timeout: Any = None
    when: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Role:
    """One use of a role: what its files define, and what the use says. Its tasks and handlers stand in the play.

    `defaults` and `values` are those of its own files, `vars` and `params` those of the use. `identity` is the same for
    two uses that count as one.
    """

    name: str
    path: Path
    identity: str
    parents: tuple[Role, ...] = ()
    dependencies: tuple[Role, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    allow_duplicates: bool = False
    public: bool = True
    included: bool = False

    @cached_property
    def all_dependencies(self) -> tuple[Role, ...]:
        """Every role that this one depends on, in the order in which they run."""
        return tuple(one for role in self.dependencies for one in (*role.all_dependencies, role))

    @cached_property
    def chain(self) -> tuple[Role, ...]:
        """The roles that led here, the outermost first, this one last."""
        return (*self.parents, self)

    @cached_property
    def own_defaults(self) -> Mapping[str, Any]:
        """What the play sees of its defaults."""
        return _merged([*(role.own_defaults for role in self.all_dependencies), self.defaults])

    @cached_property
    def all_defaults(self) -> Mapping[str, Any]:
        """The defaults that its own tasks see."""
        below = [role.own_defaults for role in self.all_dependencies]
        return _merged([*below, *(role.defaults for role in self.chain)])

    @cached_property
    def exports(self) -> Mapping[str, Any]:
        """What the play sees of its variables."""
        return _merged([*(role.exports for role in self.all_dependencies), self.values])

    @cached_property
    def all_values(self) -> Mapping[str, Any]:
        """The variables that its own tasks see: those of its files and of its use."""
        inherited = [values for role in self.chain for values in (role.vars, role.values)]
        below = [role.exports for role in self.all_dependencies]
        return _merged([*inherited, *below, self.values, self.vars])

    @cached_property
    def all_params(self) -> Mapping[str, Any]:
        """The parameters of its use, over those of the roles that led here."""
        return _merged([role.params for role in self.chain])


def _merged(parts: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Place:
    """Where a task stands beyond its own file: its role, and what the includes around it pass on.

    `params` are the variables of those includes, the strongest first: they win over what tasks set and register.
    `within` are the folders of the files and roles around, as they were written, the innermost first.
    """

    role: Role | None = None
    params: tuple[Layer, ...] = ()
    led_from: tuple[Role, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of the roles around, the innermost first."""
        return tuple(role.path for role in reversed(self.role.chain)) if self.role else ()


@dataclass(frozen=True, eq=False, repr=False)
class Include:
    """What an `include_tasks` or `include_role` passes on to what it includes.

    `outer` is what stands around it, with its own `vars`; `apply` is its option of that name. `ahead` are the steps of
    what it is known to include when the playbook is read, `roles` the roles; None where that cannot be known.
    """

    outer: Settings
    apply: Settings
    vars: Mapping[str, Any] = field(default_factory=dict)
    handler: bool = False
    ahead: tuple[Step, ...] | None = None
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """One task. `module` is the short name of a module in `modules.SPECS`, or `meta`.

    `include` is there for include_tasks and include_role. `implicit` are tasks that no file holds.
    """

    name: str
    module: str
    args: Mapping[str, Any]
    position: Position
    settings: Settings
    folder: Path
    loop: Loop | None = None
    register: str | None = None
    until: tuple[Any, ...] = ()
    retries: Any = None
    delay: Any = 5
    changed_when: tuple[Any, ...] = ()
    failed_when: tuple[Any, ...] = ()
    listen: tuple[str, ...] = ()
    args_template: str | None = None
    action: str = ""
    place: Place = field(default_factory=Place)
    include: Include | None = None
    implicit: bool = False

    @property
    def title(self) -> str:
        """The name that output shows: the role's, then the task's own or its module's as it was written."""
        return self.titled(self.name)

    def titled(self, name: str) -> str:
        """`title` with `name`, whose templates are rendered, for the task's own."""
        if self.module == "include_role":
            return name or f"{self.action} : {self.args.get('name', self.args.get('role'))}"
        role = f"{self.place.role.name} : " if self.place.role else ""
        return role + (name or self.action)


@dataclass(frozen=True, eq=False, repr=False)
class Block:
    """Tasks that fail together: `rescue` runs where `tasks` failed, `always` everywhere."""

    tasks: tuple[Step, ...]
    rescue: tuple[Step, ...]
    always: tuple[Step, ...]
    position: Position
    name: str = ""


Step = Union[Task, Block]  # noqa: UP007  # Block is not defined yet where tasks name it


@dataclass(frozen=True, eq=False, repr=False)
class Play:
    """Tasks for the hosts of a pattern, in three sections, each followed by the handlers that it notified.

    `role_steps` are the tasks of `roles:` and their dependencies. `roles` are these and the imported ones. `handlers`
    are those of `roles:`, of the play and of imported roles.
    """

    name: str
    hosts: str
    position: Position
    vars: Mapping[str, Any]
    vars_files: tuple[Any, ...]
    pre_tasks: tuple[Step, ...]
    tasks: tuple[Step, ...]
    post_tasks: tuple[Step, ...]
    handlers: tuple[Task, ...]
    settings: Settings
    folder: Path
    role_steps: tuple[Step, ...] = ()
    roles: tuple[Role, ...] = ()
    gathering: Gathering = Gathering()
    serial: tuple[Any, ...] = ()
    max_fail_percentage: Any = None
    order: str = "inventory"
    strategy: str = "linear"
    force_handlers: Any = None

    @property
    def sections(self) -> tuple[tuple[Step, ...], ...]:
        return self.pre_tasks, (*self.role_steps, *self.tasks), self.post_tasks

    @property
    def all_tasks(self) -> Iterator[Task]:
        """The tasks and handlers of the play, and those that its tasks are known to include."""
        for section in (*self.sections, self.handlers):
            yield from _with_included(tasks_of(section))


def _with_included(tasks: Iterable[Task]) -> Iterator[Task]:
    for task in tasks:
        yield task
        if task.include and task.include.ahead:
            yield from _with_included(tasks_of(task.include.ahead))


@dataclass(frozen=True, eq=False, repr=False)
class Playbook:
    """The plays of one file and of those that it imports."""

    path: Path
    plays: tuple[Play, ...]


def tasks_of(steps: tuple[Step, ...]) -> Iterator[Task]:
    """Every task below `steps`, in the order of the file."""
    for step in steps:
        if isinstance(step, Task):
            yield step
        else:
            yield from tasks_of(step.tasks)
            yield from tasks_of(step.rescue)
            yield from tasks_of(step.always)
