"""Playbooks: a documented, strict subset of Ansible's syntax, run over SSH by one small agent a host.

`Runner.play` runs a file on an inventory's hosts. What is outside the subset is refused before any host is touched.
docs/playbooks.md says what the subset is.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.inventory.model import Inventory
from sparkbed.playbook import names, parse
from sparkbed.playbook.execute import Executor
from sparkbed.playbook.keywords import Refusal
from sparkbed.playbook.lookups import lookup
from sparkbed.playbook.output import Failures, Output, Silent, Terminal
from sparkbed.playbook.plays import Play, Playbook, tasks_of
from sparkbed.playbook.results import Counts, Failure, PlayResult
from sparkbed.playbook.strategy import PlayRun, Progress
from sparkbed.playbook.tags import Choice
from sparkbed.playbook.templating import TemplateError, Templates
from sparkbed.playbook.variables import (
    LOCAL,
    Layer,
    Scope,
    Variables,
    connection_variables,
    rendered_connection_variables,
)
from sparkbed.remote import Connections

__all__ = [
    "Counts",
    "Failure",
    "Failures",
    "Listed",
    "Output",
    "PlayResult",
    "Runner",
    "Silent",
    "Terminal",
    "rendered_connection_variables",
]


@dataclass(frozen=True)
class Listed:
    """A task as `--list-tasks` shows it."""

    play: str
    task: str
    tags: tuple[str, ...]
    where: str


class Runner:
    """Runs playbooks on the hosts of an inventory. Compiled templates are kept from one playbook to the next."""

    def __init__(
        self,
        inventory: Inventory,
        connections: Connections,
        *,
        output: Output | None = None,
        forks: int = 10,
        verbosity: int = 0,
    ) -> None:
        if forks < 1:
            raise UsageError(f"forks must be 1 or more, not {forks}")
        self.inventory = inventory
        self.connections = connections
        self.output: Output = output or Silent()
        self.forks = forks
        self.verbosity = verbosity
        self._templates = Templates(lookup)

    def check_syntax(self, path: Path | str, *, extra_vars: Mapping[str, Any] | None = None) -> Playbook:
        """The playbook at `path`, read and checked; touches no host.

        Raises:
            DocumentError: at the first thing that is wrong, or outside the subset.
        """
        file = Path(path)
        playbook = parse.load(file, self.inventory.path)
        refuse = Refusal(f"ansible-playbook -i {self.inventory.path} {file}")
        names.check(playbook, self.inventory, extra_vars or {}, refuse, self._templates)
        return playbook

    def list_tasks(
        self,
        path: Path | str,
        *,
        extra_vars: Mapping[str, Any] | None = None,
        tags: Collection[str] = (),
        skip_tags: Collection[str] = (),
    ) -> list[Listed]:
        """The tasks that a run with these tags would come to, in their order."""
        found: list[Listed] = []
        for play in self.check_syntax(path, extra_vars=extra_vars).plays:
            chosen = Choice(tags, skip_tags).play(play)
            for section in chosen.sections:
                found.extend(
                    Listed(play.name or play.hosts, task.title, task.settings.tags, str(task.position))
                    for task in tasks_of(section)
                    if not task.implicit
                )
        return found

    def play(
        self,
        path: Path | str,
        *,
        extra_vars: Mapping[str, Any] | None = None,
        tags: Collection[str] = (),
        skip_tags: Collection[str] = (),
        limit: str | None = None,
        check: bool = False,
        diff: bool = False,
        start_at_task: str | None = None,
    ) -> PlayResult:
        """Run the playbook at `path`; failed and lost hosts are in the result (see `PlayResult.require`).

        Args:
            extra_vars: variables over all others, as `-e`.
            tags, skip_tags, limit, check, diff, start_at_task: as the options of ansible-playbook.

        Raises:
            DocumentError: before any host is touched, for what is wrong or outside the subset.
            UsageError: when a play's pattern or `limit` names nothing.
            PlaybookError: when the run as a whole can't go on, as for a handler that is not there.
        """
        extra = dict(extra_vars or {})
        playbook = self.check_syntax(path, extra_vars=extra)
        within = None if limit is None else set(self.inventory.select(limit))
        hosts_of = {id(play): self._hosts(play, within, extra) for play in playbook.plays}
        variables = Variables(
            inventory=self.inventory,
            templates=self._templates,
            playbook=Path(path),
            extra=extra,
            run=self._run_variables(tags, skip_tags, limit, check, diff),
        )
        local = Connections(lambda host: connection_variables(self.inventory, host))
        executor = Executor(
            self.connections,
            local,
            frozenset(self.inventory.hosts),
            check=check,
            diff=diff,
            retrying=self.output.retry,
            connected=self.output.connected,
            verbosity=self.verbosity,
        )
        refuse = Refusal(f"ansible-playbook -i {self.inventory.path} {path}")
        progress = Progress(refuse, Choice(tags, skip_tags), start_at=start_at_task)
        pool = ThreadPoolExecutor(self.forks, thread_name_prefix="playbook") if self.forks > 1 else None
        self.output.start(Path(path), len(playbook.plays))
        try:
            for play in playbook.plays:
                chosen = progress.choice.play(play)
                if not self._one(chosen, hosts_of[id(play)], variables, executor, progress, pool, check):
                    break
        except BaseException:
            # Whoever interrupts us must not wait for what still runs on hosts; closing the connections ends that.
            if pool:
                pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            local.close()
        if pool:
            pool.shutdown()
        if progress.start_at is not None:
            raise UsageError(f"no task is named {start_at_task!r}", hint="--list-tasks shows their names.")
        self.output.recap(progress.counts)
        return PlayResult(progress.counts, progress.failures, variables.facts)

    def _one(
        self,
        play: Play,
        hosts: list[str],
        variables: Variables,
        executor: Executor,
        progress: Progress,
        pool: ThreadPoolExecutor | None,
        check: bool,
    ) -> bool:
        """Run one play; False when all its hosts were lost in it, which ends the playbook."""
        name = self._rendered(play, play.name or play.hosts, variables.extra)
        self.output.play(name, check=check)
        before = progress.failures.keys() | progress.stopped.keys()
        left = [host for host in hosts if host not in before]
        if hosts:
            progress.failures.update({**progress.stopped, **progress.failures})
        if not left:
            if not hosts:
                self.output.note("skipping: no hosts matched")
            return True
        PlayRun(play, name, left, hosts, variables, executor, progress, self.output, pool).run()
        return not set(left) <= progress.failures.keys() | progress.stopped.keys()

    def _hosts(self, play: Play, within: set[str] | None, extra: Mapping[str, Any]) -> list[str]:
        """The hosts of a play, in inventory order."""
        pattern = self._rendered(play, play.hosts, extra)
        if pattern in LOCAL and pattern not in self.inventory.hosts:
            return [pattern]
        try:
            chosen = self.inventory.select(pattern)
        except UsageError as error:
            raise UsageError(error.what, where=play.position, hint=error.hint) from None
        return chosen if within is None else [host for host in chosen if host in within]

    def _rendered(self, play: Play, text: str, extra: Mapping[str, Any]) -> str:
        """A play's name or pattern, which may hold templates of extra variables and the play's own."""
        if "{{" not in text:
            return text
        layers = [Layer(extra, document=True), Layer(play.vars, document=True)]
        try:
            return Scope(self._templates, layers, play.folder).text(text)
        except TemplateError as error:
            raise UsageError(f"{text!r}: {error.what}", where=play.position) from None

    def _run_variables(
        self, tags: Collection[str], skip_tags: Collection[str], limit: str | None, check: bool, diff: bool
    ) -> dict[str, Any]:
        result: dict[str, Any] = {
            "ansible_check_mode": check,
            "ansible_diff_mode": diff,
            "ansible_forks": self.forks,
            "ansible_verbosity": self.verbosity,
            "ansible_run_tags": list(tags) or ["all"],
            "ansible_skip_tags": list(skip_tags),
            "ansible_inventory_sources": [str(self.inventory.path.absolute())],
            "ansible_playbook_python": sys.executable,
        }
        if limit is not None:
            result["ansible_limit"] = limit
        return result
