"""Playbooks: a documented, strict subset of Ansible's syntax, run over SSH by one small agent a host.

`Runner.play` runs a file on an inventory's hosts. What is outside the subset is refused before any host is touched.
docs/playbooks.md says what the subset is.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.inventory.model import Inventory
from sparkbed.playbook import names, parse, shared, sleeping
from sparkbed.playbook.batch import Batch
from sparkbed.playbook.batches import batches, ordered
from sparkbed.playbook.calls import Calls
from sparkbed.playbook.execute import Executor
from sparkbed.playbook.expecting import asks_its_hosts
from sparkbed.playbook.here import LOCAL
from sparkbed.playbook.hosts import Hosts
from sparkbed.playbook.keywords import CHOICES, Refusal, among
from sparkbed.playbook.listing import ListedPlay
from sparkbed.playbook.lookups import lookup
from sparkbed.playbook.output import Failures, Output, Silent, Terminal
from sparkbed.playbook.plays import Play, Playbook, Task, tasks_of
from sparkbed.playbook.reach import Reach
from sparkbed.playbook.results import Counts, Failure, PlayResult
from sparkbed.playbook.standing import EndBatch, EndPlay, Progress, TooManyFailures
from sparkbed.playbook.strategy import PlayRun
from sparkbed.playbook.tags import Choice
from sparkbed.playbook.templating import OMIT, TemplateError, Templates
from sparkbed.playbook.variables import Scope, Variables, rendered_connection_variables
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


_ADDING = ("add_host", "group_by")


def _grows(plays: Sequence[Play]) -> bool:
    """Whether a run may come to know more hosts: then a name that is not there yet is no error."""
    return any(task.module in _ADDING or _is_unknown(task) for play in plays for task in play.all_tasks)


def _is_unknown(task: Task) -> bool:
    """Whether what the task includes is known only when it runs."""
    return task.include is not None and task.include.ahead is None


@dataclass(frozen=True)
class Listed:
    """A task as `--list-tasks` shows it."""

    play: str
    task: str
    tags: tuple[str, ...]
    where: str


FORKS = 50
"""Hosts at once where nothing is said. A host costs a thread that waits most of the time, not a process."""


class Runner:
    """Runs playbooks on the hosts of an inventory. Compiled templates are kept from one playbook to the next."""

    def __init__(
        self,
        inventory: Inventory,
        connections: Connections,
        *,
        output: Output | None = None,
        forks: int = FORKS,
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
        refuse = Refusal.of(self.inventory.path, file)
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

    def listed(
        self,
        path: Path | str,
        *,
        extra_vars: Mapping[str, Any] | None = None,
        tags: Collection[str] = (),
        skip_tags: Collection[str] = (),
        limit: str | None = None,
    ) -> list[ListedPlay]:
        """The plays with their hosts and the tasks that a run with these options would come to."""
        extra = dict(extra_vars or {})
        plays = self.check_syntax(path, extra_vars=extra).plays
        within = None if limit is None else set(self.inventory.select(limit, here=LOCAL))
        variables = Variables(
            hosts=Hosts(self.inventory),
            templates=self._templates,
            playbook=Path(path),
            extra=extra,
            run=self._run_variables(tags, skip_tags, limit, check=False, diff=False),
        )
        choice = Choice(tags, skip_tags)
        refuse = Refusal.of(self.inventory.path, path)
        return [
            ListedPlay.of(choice.play(play), self._hosts(play, within, variables, strict=not _grows(plays)))
            for play in (self._settled(play, variables, refuse) for play in plays)
        ]

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
        within = None if limit is None else set(self.inventory.select(limit, here=LOCAL))
        hosts = Hosts(self.inventory)
        variables = Variables(
            hosts=hosts,
            templates=self._templates,
            playbook=Path(path),
            extra=extra,
            run=self._run_variables(tags, skip_tags, limit, check, diff),
        )
        refuse = Refusal.of(self.inventory.path, path)
        plays = [self._settled(play, variables, refuse) for play in playbook.plays]
        grows = _grows(plays)
        choice = Choice(tags, skip_tags)
        if not grows:
            # `hostvars` grow while the run goes on: what they name is not known yet.
            for play in [play for play in plays if "hostvars" not in play.hosts]:
                shared.check(choice.play(play), self._hosts(play, within, variables, strict=True), self.inventory)
        reach = Reach(self.connections, hosts)
        progress = Progress(refuse, choice, start_at=start_at_task)
        ended = threading.Event()
        pool = None
        if self.forks > 1:
            pool = ThreadPoolExecutor(self.forks, "playbook", initializer=sleeping.adopt, initargs=(ended,))
        self.output.start(Path(path), len(plays))
        try:
            for play in plays:
                chosen = progress.choice.play(play)
                everyone = self._hosts(play, within, variables, strict=not grows)
                if play is plays[0] and asks_its_hosts(chosen, extra):
                    reach.expect(everyone[: self.forks])
                if not self._one(chosen, everyone, variables, reach, progress, pool, check=check, diff=diff):
                    break
        except BaseException:
            ended.set()
            # Whoever interrupts us must not wait for what still runs on hosts; closing the connections ends that.
            if pool:
                pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            reach.close()
        if pool:
            pool.shutdown()
        if progress.start_at is not None:
            raise UsageError(f"no task is named {start_at_task!r}", hint="--list-tasks shows their names.")
        self.output.recap(progress.counts)
        return PlayResult(progress.counts, progress.failures, variables.facts)

    def _one(
        self,
        play: Play,
        everyone: list[str],
        variables: Variables,
        reach: Reach,
        progress: Progress,
        pool: ThreadPoolExecutor | None,
        *,
        check: bool,
        diff: bool,
    ) -> bool:
        """Run one play, batch by batch; says whether the next one may follow."""
        keywords = variables.of_play(play.vars, play.folder)
        name = self._rendered(play, play.name or play.hosts, keywords)
        try:
            sizes = [size for size in map(keywords.value, play.serial) if size is not OMIT]
            groups = batches(ordered(everyone, play.order), sizes)
        except (TemplateError, UsageError) as error:
            raise UsageError(error.what, where=play.position) from None
        if not groups:
            self.output.play(name, check=check)
            self.output.note("skipping: no hosts matched")
        before = len(progress.lost)
        ended = False
        if groups:
            progress.failures.update({**progress.stopped, **progress.failures})
        for group in groups:
            self.output.play(name, check=check)
            left = [host for host in group if host not in progress.lost]
            batch = Batch(play, name, left, group, everyone, variables, progress)
            executor = Executor(
                Calls(reach, variables.hosts, check=check, diff=diff, seen=batch.scope), retrying=self.output.retry,
                connected=self.output.connected, transferring=self.output.transfer, verbosity=self.verbosity,
            )  # fmt: skip
            try:
                PlayRun(batch, executor, self.output, pool).run()
            except EndPlay:
                break
            except TooManyFailures:
                ended = True
            except EndBatch:
                pass
            # Like ansible-core, count a host that failed in an earlier play as one of the batch.
            if len(progress.lost) - before == len(group):
                return False
            before = len(progress.lost)
        return not ended

    def _settled(self, play: Play, variables: Variables, refuse: Refusal) -> Play:
        """The play with templates in `order` and `strategy` rendered: they say whether it is refused."""
        keywords = variables.of_play(play.vars, play.folder)
        order, strategy = (self._rendered(play, text, keywords) for text in (play.order, play.strategy))
        for name, value in (("order", order), ("strategy", strategy)):
            among(name, value, CHOICES[name], refuse, play.position)
        return replace(play, order=order, strategy=strategy)

    def _hosts(self, play: Play, within: set[str] | None, variables: Variables, *, strict: bool) -> list[str]:
        """The hosts of a play, in inventory order; a pattern that names nothing is an error if `strict`."""
        variables.hosts.enter(play.folder)
        inventory = variables.hosts.inventory
        pattern = self._rendered(play, play.hosts, variables.of_play(play.vars, play.folder))
        try:
            chosen = inventory.select(pattern, strict=strict, here=LOCAL)
        except UsageError as error:
            raise UsageError(error.what, where=play.position, hint=error.hint) from None
        return chosen if within is None else [host for host in chosen if host in within]

    def _rendered(self, play: Play, text: str, keywords: Scope) -> str:
        """A play's name or pattern, which may hold templates."""
        if "{{" not in text:
            return text
        try:
            value = keywords.value(text)
        except TemplateError as error:
            raise UsageError(f"{text!r}: {error.what}", where=play.position) from None
        return ",".join(str(one) for one in value) if isinstance(value, list) else str(value)

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
