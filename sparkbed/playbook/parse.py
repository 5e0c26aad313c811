"""Reads playbooks: YAML in Ansible's syntax into the values of plays.py, and refuses what is outside the subset.

A refusal names file, line and construct, and the `ansible-playbook` command that runs the file as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.documents import Map, Seq
from sparkbed.model import Position
from sparkbed.playbook.keywords import (
    PLAY_KEYWORDS,
    Refusal,
    expect,
    listed,
    merged,
    settings,
    tags_of,
    variables_of,
)
from sparkbed.playbook.plays import Play, Playbook, Settings, Step, Task, tasks_of
from sparkbed.playbook.steps import StepReader
from sparkbed.playbook.templating import is_template


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
    said = Settings(tags=tags_of(entry, refuse), vars=variables_of(entry, "vars", refuse), when=listed(entry, "when"))
    file = path.parent / target
    if not file.is_file():
        raise refuse.wrong(f"there is no playbook {target}", entry.where(key), f"Looked at {file}.")
    for play in _plays(file, refuse, above):
        yield _with(play, said)


def _with(play: Play, settings: Settings) -> Play:
    def add(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(
            replace(step, settings=merged(replace(settings, vars={}), step.settings))
            if isinstance(step, Task)
            else replace(step, tasks=add(step.tasks), rescue=add(step.rescue), always=add(step.always))
            for step in steps
        )

    handlers = tuple(
        replace(task, settings=merged(replace(settings, vars={}), task.settings)) for task in play.handlers
    )
    return replace(
        play,
        vars={**play.vars, **settings.vars},
        pre_tasks=add(play.pre_tasks),
        tasks=add(play.tasks),
        post_tasks=add(play.post_tasks),
        handlers=handlers,
    )


class _Reader:
    """Reads the plays of one file."""

    def __init__(self, path: Path, refuse: Refusal) -> None:
        self.path = path
        self.refuse = refuse
        self.steps = StepReader(path, refuse)

    # -- plays ----------------------------------------------------------------------------------------------------

    def play(self, entry: Map) -> Play:
        expect(entry, PLAY_KEYWORDS, "a play", self.refuse)
        self._facts(entry)
        if entry.get("strategy", "linear") not in ("linear", "ansible.builtin.linear"):
            raise self.refuse(f"strategy {entry['strategy']!r} is outside the subset", entry.where("strategy"))
        hosts = entry.get("hosts")
        if not hosts:
            raise self.refuse.wrong("a play needs `hosts`", entry.position, "Name a group, a host, or `all`.")
        pattern = ",".join(str(part) for part in hosts) if isinstance(hosts, list) else str(hosts)
        said = settings(entry, self.refuse)
        own = replace(said, vars={})
        return Play(
            name=str(entry.get("name") or ""),
            hosts=pattern,
            position=entry.position,
            vars=said.vars,
            vars_files=self._vars_files(entry),
            pre_tasks=self.steps.section(entry, "pre_tasks", own),
            tasks=self.steps.section(entry, "tasks", own),
            post_tasks=self.steps.section(entry, "post_tasks", own),
            handlers=tuple(tasks_of(self.steps.section(entry, "handlers", own, handlers=True))),
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
        files = listed(entry, "vars_files")
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
