"""What a run would come to: `--list-hosts`, `--list-tasks` and `--list-tags`, as Ansible prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparkbed.playbook.plays import Play, tasks_of


@dataclass(frozen=True, eq=False, repr=False)
class ListedPlay:
    """A play with the hosts that its pattern gives, and the tasks that the chosen tags leave."""

    name: str
    pattern: str
    tags: tuple[str, ...]
    hosts: tuple[str, ...]
    tasks: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, play: Play, hosts: Sequence[str]) -> ListedPlay:
        """`play` is already without the tasks that its tags leave out."""
        tasks = [
            task
            for section in play.sections
            for task in tasks_of(section)
            if task.module != "meta" and not task.implicit
        ]
        return cls(
            name=play.name or play.hosts,
            pattern=play.hosts,
            tags=play.settings.tags,
            hosts=tuple(hosts),
            tasks=tuple((task.title, tuple(sorted(task.settings.tags))) for task in tasks),
        )


def listing(playbook: Path, plays: Sequence[ListedPlay], *, hosts: bool, tasks: bool, tags: bool) -> str:
    """The plays as text; with none of `hosts`, `tasks` and `tags` only the playbook's name."""
    lines = ["", f"playbook: {playbook}"]
    for number, play in enumerate(plays if hosts or tasks or tags else (), 1):
        lines += ["", f"  play #{number} ({play.pattern}): {play.name}\tTAGS: [{','.join(play.tags)}]"]
        if hosts:
            lines += [f"    pattern: {play.pattern.split(',')!r}", f"    hosts ({len(play.hosts)}):"]
            lines += [f"      {host}" for host in play.hosts]
        if tasks:
            lines += ["    tasks:", *(f"      {title}\tTAGS: [{', '.join(names)}]" for title, names in play.tasks)]
        if tags:
            every = sorted({name for _, names in play.tasks for name in names} | set(play.tags))
            lines += [f"      TASK TAGS: [{', '.join(every)}]"]
    return "\n".join(lines)
