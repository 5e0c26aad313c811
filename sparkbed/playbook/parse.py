"""Reads playbooks: YAML in Ansible's syntax into the values of plays.py, and refuses what is outside the subset.

A refusal names file, line and construct, and the `ansible-playbook` command that runs the file as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.documents import Map, Seq
from sparkbed.playbook.keywords import (
    CHOICES,
    PLAY_KEYWORDS,
    Refusal,
    among,
    expect,
    listed,
    merged,
    settings,
    tags_of,
    variables_of,
)
from sparkbed.playbook.plays import Gathering, Place, Play, Playbook, Role, Settings, Step, Task, tasks_of
from sparkbed.playbook.roles import Reading, RoleReader, use_of
from sparkbed.playbook.searching import variables_file
from sparkbed.playbook.steps import StepReader, read_list
from sparkbed.playbook.templating import is_template
from sparkbed.position import Position


def load(path: Path, inventory: Path | None = None) -> Playbook:
    """The playbook in the file at `path`, with those that it imports.

    Raises:
        DocumentError: at the first thing that is wrong, or outside the subset.
    """
    refuse = Refusal.of(inventory or "INVENTORY", path)
    return Playbook(path, tuple(_plays(path, refuse, (), Settings())))


def _plays(path: Path, refuse: Refusal, above: tuple[Path, ...], outer: Settings) -> Iterable[Play]:
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
            yield from _imported(path, entry, imported[0], refuse, (*above, path.resolve()), outer)
        else:
            yield _Reader(path, refuse, outer).play(entry)


def _imported(
    path: Path, entry: Map, key: str, refuse: Refusal, above: tuple[Path, ...], outer: Settings
) -> Iterable[Play]:
    for other in entry:
        if other not in (key, "name", "tags", "vars", "when"):
            raise refuse(f"{key} with {other!r} is outside the subset", entry.where(other))
    target = entry[key]
    if not isinstance(target, str) or is_template(target):
        raise refuse(f"{key} takes the literal name of a file", entry.where(key))
    said = Settings(tags=tags_of(entry, refuse), vars=variables_of(entry, "vars", refuse), when=listed(entry, "when"))
    file = path.parent / target
    if not file.is_file():
        raise refuse.wrong(f"there is no playbook {target}", entry.where(key), f"Looked at {file}.")
    # The variables of the outermost import win.
    yield from _plays(file, refuse, above, replace(merged(outer, said), vars={**said.vars, **outer.vars}))


class _Reader:
    """Reads the plays of one file."""

    def __init__(self, path: Path, refuse: Refusal, outer: Settings) -> None:
        self.path = path
        self.refuse = refuse
        self.outer = outer

    def play(self, entry: Map) -> Play:
        expect(entry, PLAY_KEYWORDS, "a play", self.refuse)
        hosts = entry.get("hosts")
        if not hosts:
            raise self.refuse.wrong("a play needs `hosts`", entry.position, "Name a group, a host, or `all`.")
        pattern = ",".join(str(part) for part in hosts) if isinstance(hosts, list) else str(hosts)
        for name, known in CHOICES.items():
            if name in entry and not is_template(entry[name]):
                among(name, entry[name], known, self.refuse, entry.where(name))
        said = settings(entry, self.refuse)
        own = replace(merged(self.outer, said), vars={})
        reading = Reading(self.path.parent.absolute(), self.refuse)
        roles, role_steps, role_handlers = self._roles(entry, own, reading)
        steps = StepReader(self.path, reading)
        pre_tasks = steps.section(entry, "pre_tasks", own)
        tasks = steps.section(entry, "tasks", own)
        post_tasks = steps.section(entry, "post_tasks", own)
        handlers = tuple(tasks_of(steps.section(entry, "handlers", own, handlers=True)))
        return Play(
            name=str(entry.get("name") or ""),
            hosts=pattern,
            position=entry.position,
            vars={**said.vars, **self.outer.vars},
            vars_files=self._vars_files(entry),
            pre_tasks=pre_tasks,
            tasks=tasks,
            post_tasks=post_tasks,
            handlers=(*role_handlers, *handlers, *reading.handlers),
            settings=own,
            folder=self.path.parent,
            role_steps=role_steps,
            roles=(*roles, *reading.roles),
            gathering=Gathering(
                entry.get("gather_facts", True),
                entry.get("gather_subset"),
                entry.get("gather_timeout"),
                self.outer.when,
            ),
            serial=self._numbers(entry, "serial"),
            max_fail_percentage=next(iter(self._numbers(entry, "max_fail_percentage")), None),
            order=entry.get("order") or "inventory",
            strategy=entry.get("strategy") or "linear",
            force_handlers=entry.get("force_handlers"),
        )

    def _roles(
        self, entry: Map, own: Settings, reading: Reading
    ) -> tuple[list[Role], tuple[Step, ...], tuple[Task, ...]]:
        """The roles of the play, with their steps and handlers."""
        uses = entry.get("roles") or []
        if not isinstance(uses, list):
            raise self.refuse.wrong("`roles` is a list", entry.where("roles"), "Write `- role: NAME`.")
        reader = RoleReader(reading, read_list)
        roles: list[Role] = []
        steps: list[Step] = []
        handlers: list[Task] = []
        for index, use in enumerate(uses):
            where = uses.where(index) if isinstance(uses, Seq) else entry.where("roles")
            role, found, its_handlers = reader.read(use_of(use, where, self.refuse), own, Place())
            roles.append(role)
            steps.extend(found)
            handlers.extend(its_handlers)
        return roles, tuple(steps), tuple(handlers)

    def _numbers(self, entry: Map, key: str) -> tuple[Any, ...]:
        """Numbers or percentages, of which those that hold a template are known when the play begins."""
        values = listed(entry, key)
        for value in values:
            text = str(value).strip().removesuffix("%")
            if not is_template(value) and (isinstance(value, bool) or not re.fullmatch(r"-?\d+(\.\d+)?", text)):
                raise self.refuse.wrong(
                    f"{key} takes a number or a percentage, not {value!r}", entry.where(key), "As 2 or 30%."
                )
        return values

    def _vars_files(self, entry: Map) -> tuple[Any, ...]:
        files = listed(entry, "vars_files")
        for file in files:
            for one in file if isinstance(file, list) else [file]:
                if not isinstance(one, str):
                    raise self.refuse.wrong("vars_files names files", entry.where("vars_files"), "Give their paths.")
            if isinstance(file, str) and not is_template(file):
                path = variables_file(file, self.path.parent)
                if not path.is_file():
                    raise self.refuse.wrong(f"there is no file {file}", entry.where("vars_files"), f"Looked at {path}.")
        return files
