"""A playbook as values: plays, blocks, tasks and handlers, each with its place in the file.

What a block or a play says of its tasks (conditions, tags, variables, become ...) is merged into each task when the
playbook is read, so that a task stands for itself. Values that may hold templates stay as they were written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

from sparkbed.model import Position


@dataclass(frozen=True)
class Loop:
    """What a task repeats over: the value of `loop` or `with_<kind>`, and loop_control."""

    value: Any
    kind: str = "loop"
    loop_var: str = "item"
    index_var: str | None = None
    label: Any = None
    pause: Any = 0
    extended: Any = False
    break_when: tuple[Any, ...] = ()


@dataclass(frozen=True)
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
    when: tuple[Any, ...] = ()
    environment: tuple[Any, ...] = ()
    tags: tuple[str, ...] = ()
    notify: tuple[Any, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One task. `module` is the short name of a module in `modules.SPECS`, or `meta` or `include_tasks`."""

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

    @property
    def title(self) -> str:
        """The name that output shows: the task's own, or its module's as it was written."""
        return self.name or self.action


@dataclass(frozen=True)
class Block:
    """Tasks that fail together: `rescue` runs where `tasks` failed, `always` everywhere."""

    tasks: tuple[Step, ...]
    rescue: tuple[Step, ...]
    always: tuple[Step, ...]
    position: Position
    name: str = ""


Step = Union[Task, Block]  # noqa: UP007  # Block is not defined yet where tasks name it


@dataclass(frozen=True)
class Play:
    """Tasks for the hosts of a pattern, in three sections, each followed by the handlers that it notified."""

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

    @property
    def sections(self) -> tuple[tuple[Step, ...], ...]:
        return self.pre_tasks, self.tasks, self.post_tasks


@dataclass(frozen=True)
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
