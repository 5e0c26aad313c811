"""One batch of a play: its hosts and where they stand, what their tasks see, and why hosts left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sparkbed.playbook.outcome import Outcome
from sparkbed.playbook.plays import Play, Task
from sparkbed.playbook.playvars import PlayVariables
from sparkbed.playbook.results import Failure
from sparkbed.playbook.standing import HostState, Progress
from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.variables import Scope, Variables


class Batch:
    """The `hosts` of `batch` that are left when it begins.

    `everyone` are all hosts that the play's pattern names; those in `gone` failed or got lost in earlier batches or
    plays (as in ansible-core, hosts that only ended there are not among them).
    """

    def __init__(
        self,
        play: Play,
        name: str,
        hosts: Sequence[str],
        batch: Sequence[str],
        everyone: list[str],
        variables: Variables,
        progress: Progress,
    ) -> None:
        self.play = play
        self.name = name
        self.hosts = list(hosts)
        self.batch = list(batch)
        self.everyone = everyone
        self.gone = set(progress.lost)
        self.variables = variables
        self.progress = progress
        self.states = {host: HostState() for host in hosts}
        self.play_variables = PlayVariables(play, variables)
        # The hosts that max_fail_percentage counts: like ansible-core, none that failed in a block that has a rescue or
        # an always.
        self.failed: set[str] = set()
        # The hosts that are to be failed again, for each `always` that runs, the innermost last.
        self._held: list[set[str]] = []
        # How many blocks with a rescue or an always stand around the task that runs.
        self.guards = 0

    @property
    def removed(self) -> set[str]:
        """The hosts of this batch that `ansible_play_hosts` has no longer."""
        return {host for host, state in self.states.items() if state.removed}

    def scope(self, host: str, task: Task) -> Scope:
        """What `task` sees on `host`."""
        return self.play_variables.scope(host, task, self._magic())

    def _magic(self) -> dict[str, Any]:
        removed = self.removed
        batch = [host for host in self.states if host not in removed]
        away = self.gone | removed
        return {
            "ansible_play_name": self.name,
            "ansible_play_hosts": [host for host in self.everyone if host not in away],
            "ansible_play_hosts_all": self.everyone,
            "ansible_play_batch": batch,
            "play_hosts": batch,
        }

    def task_name(self, task: Task, scope: Scope | None = None) -> str:
        """The task's name, its templates rendered where that is possible; without a scope, as the first host has it."""
        if "{" not in task.name:
            return task.name
        try:
            return (scope or self.scope(self.hosts[0], task)).text(task.name)
        except TemplateError:
            return task.name

    # -- failures ---------------------------------------------------------------------------------------------------

    def note_failure(self, task: Task, title: str, outcome: Outcome, *, unreachable: bool = False) -> None:
        """Keep why the host of `outcome` left."""
        result = {} if outcome.no_log else outcome.result
        message = "the result is hidden by no_log" if outcome.no_log else outcome.message
        self.progress.failures[outcome.host] = Failure(outcome.host, title, task.position, message, unreachable, result)

    def fail_others(
        self, task: Task, title: str, lost: Sequence[str], message: str, *, twice: bool = False, for_good: bool = True
    ) -> None:
        """Fail the hosts that still run, other than `lost`; `for_good` where no rescue takes them to later plays."""
        for host, state in self.states.items():
            if host not in lost and state.active:
                state.failed, state.twice = True, twice
                state.removed += 1
                self.progress.failures[host] = failure = Failure(host, title, task.position, message)
                if for_good:
                    self.progress.stopped[host] = failure
                    self.failed.add(host)

    def recover(self, host: str) -> None:
        """Let a host go on that a rescue or an always takes up."""
        self.states[host].failed = False
        self.progress.failures.pop(host, None)

    @contextmanager
    def holding(self, hosts: Sequence[str]) -> Iterator[None]:
        """Those of `hosts` that failed run an `always`; behind it they are failed again, if nothing clears that."""
        held = {host for host in hosts if self.states[host].failed}
        for host in held:
            self.states[host].failed = False
        self._held.append(held)
        yield
        self._held.pop()
        for host in held:
            self.states[host].failed = True

    def clear_errors(self) -> None:
        """Later plays have the hosts again that failed; this one those that run an `always` or could not be reached."""
        for held in self._held:
            held.clear()
        for host in self.batch:
            self.progress.failures.pop(host, None)
            self.progress.stopped.pop(host, None)
            self.failed.discard(host)
        for state in self.states.values():
            state.unreachable = False
