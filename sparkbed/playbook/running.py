"""One task on the hosts of a batch: it runs on them, and what came of it is counted, kept and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sparkbed import documents
from sparkbed.errors import PlaybookError
from sparkbed.playbook import modules
from sparkbed.playbook.batch import Batch
from sparkbed.playbook.execute import Executor
from sparkbed.playbook.handlers import Handlers
from sparkbed.playbook.including import Inclusion
from sparkbed.playbook.outcome import Outcome
from sparkbed.playbook.output import Output
from sparkbed.playbook.plays import Task
from sparkbed.playbook.standing import TooManyFailures
from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.values import flag, whole
from sparkbed.playbook.variables import Scope


@dataclass(frozen=True, eq=False, repr=False)
class Ran:
    """What a task came to; `fatal` where a failure on one host is one of all, `once` if it says `run_once`."""

    outcomes: Sequence[Outcome]
    fatal: bool
    once: bool


class Runner:
    """Runs tasks on hosts of a batch; `most_failures` is the play's max_fail_percentage."""

    def __init__(
        self,
        batch: Batch,
        handlers: Handlers,
        executor: Executor,
        output: Output,
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self.batch = batch
        self.handlers = handlers
        self.executor = executor
        self.output = output
        self.pool = pool
        self.most_failures: float | None = None
        self.title = ""
        self._name = ""
        # By the identity of a role: the hosts that did something in it.
        self.begun: dict[str, set[str]] = {}

    def run(self, task: Task, hosts: Sequence[str], *, rescuing: bool, handler: bool) -> Ran:
        """Run `task`; where it is an include, what it leads to is the caller's."""
        first = self.batch.scope(hosts[0], task)
        try:
            once = flag(first, task.settings.run_once)
            alone = once or modules.SPECS[task.module].once
            # What runs once stands for all hosts, so its failure is fatal for all. As in ansible-core, nothing is fatal
            # that may ignore errors, even if it does not on this host.
            fatal = (alone or flag(first, task.settings.any_errors_fatal)) and not task.settings.ignore_errors
            abreast = whole(first, "throttle", task.settings.throttle)
        except TemplateError as error:
            raise PlaybookError(str(error), where=task.position) from None
        self._name = self.batch.task_name(task, first)
        self.title = task.titled(self._name)
        self.output.task(self.title, task, handler=handler, check=self._checks(task))
        chosen = list(hosts[:1]) if alone else list(hosts)
        scopes = [first, *(self.batch.scope(host, task) for host in chosen[1:])]
        outcomes = self._outcomes(task, chosen, scopes, abreast)
        for outcome in outcomes:
            self._take(task, outcome, once=once, rescuing=rescuing)
        return Ran(outcomes, fatal, once)

    def stop_others(self, task: Task, ran: Ran) -> None:
        """Stop all hosts where the outcome on some means it.

        Raises:
            TooManyFailures: when this is the last play.
        """
        batch = self.batch
        lost = [outcome.host for outcome in ran.outcomes if _counts_as_lost(outcome)]
        message = f"stopped because the task failed on {', '.join(lost[:1])}"
        if lost and ran.fatal:
            batch.fail_others(task, self.title, lost, message, twice=ran.once)
        elif ran.once and any(batch.states[host].failed for host in lost):
            batch.fail_others(task, self.title, lost, message, for_good=False)
        if self.most_failures is not None and len(batch.failed) / len(batch.batch) > 0.01 * self.most_failures:
            message = "stopped because more hosts failed than max_fail_percentage allows"
            batch.fail_others(task, self.title, lost, message)
            self.output.note("\nNO MORE HOSTS LEFT")
            raise TooManyFailures

    def fail_include(self, task: Task, inclusion: Inclusion, outcomes: Sequence[Outcome], error: PlaybookError) -> None:
        """Fail the hosts whose include names something that is not there; the run counts as failed for good."""
        for outcome in outcomes:
            if outcome.host in inclusion.hosts:
                outcome.result = {**outcome.result, "failed": True, "msg": error.what}
                outcome.items = None
                self.batch.progress.count(outcome.host).failed += 1
                self.batch.states[outcome.host].failed = True
                self.batch.states[outcome.host].removed += 1
                self.batch.note_failure(task, self.title, outcome)
                self.batch.progress.stopped[outcome.host] = self.batch.progress.failures[outcome.host]
                self.output.result(task, outcome)

    def _outcomes(self, task: Task, hosts: Sequence[str], scopes: Sequence[Scope], abreast: int) -> list[Outcome]:
        def one(index: int) -> Outcome:
            return self.executor.run(task, hosts[index], scopes[index])

        # What changes the inventory does so in the order of the hosts.
        if self.pool is None or len(hosts) == 1 or abreast == 1 or task.module == "group_by":
            return [one(index) for index in range(len(hosts))]
        if 0 < abreast < min(len(hosts), self.batch.variables.run["ansible_forks"]):
            with ThreadPoolExecutor(abreast, thread_name_prefix="throttle") as few:
                return list(few.map(one, range(len(hosts))))
        return list(self.pool.map(one, range(len(hosts))))

    def _checks(self, task: Task) -> bool:
        return self.executor.calls.check if task.settings.check_mode is None else task.settings.check_mode is True

    # -- what came of it --------------------------------------------------------------------------------------------

    def _take(self, task: Task, outcome: Outcome, *, once: bool, rescuing: bool) -> None:
        """Count, keep and tell one outcome."""
        host, counts, status = outcome.host, self.batch.progress.count(outcome.host), outcome.status
        targets = [name for name, state in self.batch.states.items() if not state.unreachable] if once else [host]
        if status == "failed":
            self._take_failure(task, outcome, rescuing=rescuing)
        elif status == "unreachable":
            if outcome.ignore_unreachable:
                counts.ok += 1
                counts.ignored += 1
            else:
                counts.unreachable += 1
                self.batch.states[host].unreachable = True
                self.batch.states[host].removed += 1
                self.batch.note_failure(task, self.title, outcome, unreachable=True)
        elif status == "skipped":
            counts.skipped += 1
        else:
            # An include counts for each file that it leads to.
            counts.ok += task.include is None
            counts.changed += bool(outcome.result.get("changed"))
            if outcome.result.get("changed"):
                self._notify(task, outcome)
            self._learn(task, outcome, targets)
        if task.place.role and status not in ("skipped", "unreachable"):
            self.begun.setdefault(task.place.role.identity, set()).add(host)
        if task.register:
            for target in targets:
                self.batch.variables.set(target, {task.register: _registered(outcome.result)})
        self.output.result(task, outcome)

    def _learn(self, task: Task, outcome: Outcome, targets: Sequence[str]) -> None:
        keep = self.batch.variables.include if task.module == "include_vars" else self.batch.variables.set
        for target, learned in [*((target, outcome.learned) for target in targets), *outcome.elsewhere.items()]:
            if learned.set:
                keep(target, learned.set)
            if learned.gathered:
                self.batch.variables.gather(target, learned.gathered)
        for result in [outcome.result, *(item.result for item in outcome.items or ())]:
            new = result.get("add_host")
            if new and result.get("changed") and new["host_name"] not in self.batch.everyone:
                self.batch.everyone.append(new["host_name"])

    def _take_failure(self, task: Task, outcome: Outcome, *, rescuing: bool) -> None:
        counts = self.batch.progress.count(outcome.host)
        if outcome.ignore_errors:
            counts.ok += 1
            counts.ignored += 1
            counts.changed += bool(outcome.result.get("changed"))
            return
        self.batch.states[outcome.host].failed = True
        self.batch.states[outcome.host].removed += not rescuing
        if not self.batch.guards:
            self.batch.failed.add(outcome.host)
        self.batch.note_failure(task, self.title, outcome)
        if rescuing:
            counts.rescued += 1
            failed = {
                "name": self._name,
                "action": task.module,
                "args": documents.plain(dict(task.args)),
            }
            self.batch.variables.set(
                outcome.host, {"ansible_failed_task": failed, "ansible_failed_result": _registered(outcome.result)}
            )
        else:
            counts.failed += 1

    def _notify(self, task: Task, outcome: Outcome) -> None:
        for name in outcome.notify:
            found = self.handlers.answering(name)
            if not found:
                raise PlaybookError(
                    f"the requested handler {name!r} was not found among the handlers of play {self.batch.name!r}",
                    where=task.position,
                    hint="Name a handler, or a topic that one listens to.",
                )
            state = self.batch.states[outcome.host]
            if state.flushing:
                state.notified.update(found)
            else:
                state.notifications[name] = None


def _counts_as_lost(outcome: Outcome) -> bool:
    if outcome.status == "failed":
        return not outcome.ignore_errors
    return outcome.status == "unreachable" and not outcome.ignore_unreachable


def _registered(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if not key.startswith("_ansible")}
