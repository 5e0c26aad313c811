"""The linear strategy: each task on all hosts before the next one; blocks, failures and handlers as in Ansible.

A host whose task fails leaves the block that the task is in; `rescue` brings it back, otherwise it leaves the play.
Notified handlers run once, in the order of their definition, at the end of each section and at `flush_handlers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from typing import Any

from sparkbed import documents
from sparkbed.errors import PlaybookError
from sparkbed.playbook import modules
from sparkbed.playbook.execute import Executor, flag
from sparkbed.playbook.handlers import Handlers
from sparkbed.playbook.including import Inclusion, inclusions, load
from sparkbed.playbook.keywords import Refusal
from sparkbed.playbook.outcome import Outcome
from sparkbed.playbook.output import Output
from sparkbed.playbook.plays import Block, Play, Settings, Step, Task, tasks_of
from sparkbed.playbook.playvars import PlayVariables
from sparkbed.playbook.results import Counts, Failure
from sparkbed.playbook.roles import Reading
from sparkbed.playbook.tags import Choice
from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.variables import Scope, Variables


@dataclass
class HostState:
    """Where a host stands in a play.

    `twice`: it was failed twice at once, as ansible-core does it to the other hosts when a `run_once` task fails: the
    next part of its innermost block (rescue, else always) is passed over then.
    `notifications` are what tasks asked for, `notified` the handlers that are to run at the next flush.
    `leaving`: it goes on behind the role that it is in (`meta: end_role`).
    `removed`: for how many reasons it is not among `ansible_play_hosts`; a failure of its own that is rescued is none.
    """

    failed: bool = False
    twice: bool = False
    unreachable: bool = False
    ended: bool = False
    leaving: bool = False
    removed: int = 0
    notifications: dict[str, None] = field(default_factory=dict)
    notified: set[int] = field(default_factory=set)
    flushing: bool = False

    @property
    def active(self) -> bool:
        return not (self.failed or self.unreachable or self.ended)


@dataclass
class Progress:
    """What a run of several plays carries on: counts, failures, and the task to start at.

    `stopped` are the hosts that another one's failure failed (any_errors_fatal, run_once), and why: as in ansible-core,
    they are in no later play, also when a rescue let them go on in this one, and a later play counts them as failed.
    `choice` is what the tags ask for, `refuse` makes the errors of files that tasks include.
    """

    refuse: Refusal
    choice: Choice = field(default_factory=Choice)
    counts: dict[str, Counts] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    start_at: str | None = None
    stopped: dict[str, Failure] = field(default_factory=dict)

    @property
    def lost(self) -> set[str]:
        """The hosts that no later play has."""
        return self.failures.keys() | self.stopped.keys()

    def count(self, host: str) -> Counts:
        return self.counts.setdefault(host, Counts())


_FOR_ALL = frozenset(["clear_facts", "clear_host_errors", "end_batch", "end_play", "refresh_inventory"])
"""What `meta` does to all hosts at once."""
_UNCONDITIONAL = frozenset(["noop", "refresh_inventory", "reset_connection"])
"""Where ansible-core pays no heed to `when`."""


class EndBatch(Exception):  # no error: `meta: end_batch`
    """The play ends here for all hosts of the batch."""


Late = list[tuple[tuple[Step, ...], list[str]]]
"""Steps that hosts have yet to run, with these hosts."""


class EndPlay(EndBatch):  # no error: `meta: end_play`
    """The play ends here for all hosts, those of later batches too."""


class TooManyFailures(EndBatch):  # no error: the failures have been told
    """More hosts failed than `max_fail_percentage` allows: this is the last play."""


class PlayRun:
    """One batch of a play, and its `hosts` that are left.

    `everyone` are all hosts that the play's pattern names; those in `gone` left it in earlier batches or plays.
    """

    def __init__(
        self,
        play: Play,
        name: str,
        hosts: Sequence[str],
        batch: Sequence[str],
        everyone: list[str],
        gone: set[str],
        variables: Variables,
        progress: Progress,
        output: Output,
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self.play = play
        self.name = name
        self.hosts = list(hosts)
        self.batch = list(batch)
        self.everyone = everyone
        self.gone = gone
        self.variables = variables
        self.progress = progress
        self.output = output
        self.pool = pool
        self.states = {host: HostState() for host in hosts}
        self.most_failures: float | None = None
        # The hosts that max_fail_percentage counts: like ansible-core, none that failed in a block that has a rescue or
        # an always.
        self._failed: set[str] = set()
        # How many blocks with a rescue or an always stand around the task that runs.
        self._guards = 0
        self._title = ""
        self._outermost: Block | None = None
        self._name = ""
        self._late: Late = []
        self._variables = PlayVariables(play, variables)
        self._handlers = Handlers(play.handlers, self._handler_name)
        # By the identity of a role: the hosts that did something in it, and those that came to its end so.
        self._begun: dict[str, set[str]] = {}
        self._completed: dict[str, set[str]] = {}

    def run(self, executor: Executor) -> None:
        """Run all sections. Hosts that failed are in `progress.failures` afterwards.

        Raises:
            EndBatch: when it, or the play, or the playbook ended before its last task.
        """
        self.executor = executor
        keywords = self.variables.of_play(self.play.vars, self.play.folder)
        try:
            self.most_failures = _percentage(keywords, self.play.max_fail_percentage)
            forced = flag(keywords, self.play.force_handlers)
            gather = flag(keywords, self.play.gathering.wanted)
        except TemplateError as error:
            raise PlaybookError(str(error), where=self.play.position) from None
        try:
            if gather and self._starts_here():
                self._steps([_gathering(self.play)], self.hosts, rescuing=False)
            for section in self.play.sections:
                if forced:
                    flush = Task("", "meta", {"_raw_params": "flush_handlers"}, self.play.position, Settings(),
                                 self.play.folder)  # fmt: skip
                    left = [host for host in self.hosts if self.states[host].active]
                    self._block(Block(section, (), (flush,), self.play.position), left, rescuing=False)
                else:
                    self._steps(section, self.hosts, rescuing=False)
                    self._flush(self.hosts, rescuing=False)
        finally:
            self.gone |= {host for host, state in self.states.items() if state.removed}

    def _starts_here(self) -> bool:
        """Whether the task of `--start-at-task` is behind us, or in this play."""
        wanted = self.progress.start_at
        every = [task for section in self.play.sections for task in tasks_of(section)]
        return wanted is None or any(_is_named(task, wanted) for task in every)

    # -- steps ------------------------------------------------------------------------------------------------------

    def _steps(self, steps: Sequence[Step], hosts: Sequence[str], *, rescuing: bool, handler: bool = False) -> None:
        for step in steps:
            active = [host for host in hosts if self.states[host].active]
            if not active:
                return
            if isinstance(step, Task) and step.module == "meta" and step.args["_raw_params"] == "role_complete":
                for host in active:
                    self.states[host].leaving = False
            active = [host for host in active if not self.states[host].leaving]
            if not active:
                continue
            if isinstance(step, Block):
                self._block(step, active, rescuing=rescuing)
                continue
            # A handler runs after its role has come to its end.
            active = active if handler else self._without_completed(step, active)
            if not active:
                continue
            if step.module == "meta":
                self._meta(step, active, rescuing=rescuing)
            elif self._reached(step):
                self._task(step, active, rescuing=rescuing, handler=handler)

    def _without_completed(self, task: Task, hosts: list[str]) -> list[str]:
        """Those of `hosts` for which the role of `task` has not run yet, where it runs only once."""
        role = task.place.role
        if role is None or role.allow_duplicates:
            return hosts
        completed = self._completed.get(role.identity, set())
        return [host for host in hosts if host not in completed]

    def _reached(self, task: Task) -> bool:
        """Whether `--start-at-task` has been passed."""
        wanted = self.progress.start_at
        if wanted is None:
            return True
        if task.implicit:
            return True
        if _is_named(task, wanted):
            self.progress.start_at = None
            return True
        return False

    def _block(self, block: Block, hosts: Sequence[str], *, rescuing: bool) -> None:
        if self._outermost is not None:
            self._parts(block, hosts, rescuing=rescuing)
            return
        self._outermost = block
        try:
            self._parts(block, hosts, rescuing=rescuing)
        finally:
            self._outermost = None

    def _parts(self, block: Block, hosts: Sequence[str], *, rescuing: bool) -> None:
        self._guards += bool(block.rescue or block.always)
        late = self._part(block.tasks, hosts, [], rescuing=rescuing or bool(block.rescue))
        failed = [host for host in hosts if self.states[host].failed]
        passed_over = self._failed_twice(failed)
        past_always = set() if block.rescue else passed_over
        rescued = [host for host in failed if host not in passed_over] if block.rescue else []
        for host in rescued:
            self._recover(host)
        self._guards -= bool(block.rescue and not block.always)
        if rescued:
            late = self._part(block.rescue, rescued, late, rescuing=rescuing)
            past_always |= self._failed_twice(rescued)
        self._guards -= bool(block.always)
        if block.always:
            kept = [host for host in hosts if host not in past_always]
            lost = [host for host in kept if self.states[host].failed]
            for host in lost:
                self.states[host].failed = False
            self._part(block.always, kept, late, rescuing=rescuing)
            for host in lost:
                self.states[host].failed = True
            self._failed_twice(kept)

    def _part(self, steps: Sequence[Step], hosts: Sequence[str], late: Late, *, rescuing: bool) -> Late:
        """Run a part of a block, after what the part before it left; gives what this one leaves.

        An include that fails for a host, but leads to files in other rounds of its loop, leaves these to the next part
        of the block.
        """
        around, self._late = self._late, []
        for included, its_hosts in late:
            self._steps(included, [host for host in its_hosts if host in hosts], rescuing=rescuing)
        self._steps(steps, hosts, rescuing=rescuing)
        left, self._late = self._late, around
        return left

    def _failed_twice(self, hosts: Sequence[str]) -> set[str]:
        """Those of `hosts` that were failed twice in the part of a block that just ended; forgets it."""
        found = {host for host in hosts if self.states[host].twice}
        for host in found:
            self.states[host].twice = False
        return found

    def _recover(self, host: str) -> None:
        self.states[host].failed = False
        self.progress.failures.pop(host, None)

    def _meta(self, task: Task, hosts: Sequence[str], *, rescuing: bool) -> None:
        kind = task.args["_raw_params"]
        # Like ansible-core, ask only the first host about what is done to all of them.
        asked = hosts[:1] if kind in _FOR_ALL else hosts
        chosen = [host for host in asked if kind in _UNCONDITIONAL or self._met(task, host)]
        if not chosen:
            return
        if kind == "role_complete" and task.place.role:
            role = task.place.role.identity
            self._completed.setdefault(role, set()).update(self._begun.get(role, set()) & set(chosen))
        elif kind == "flush_handlers":
            # As in ansible-core: in any part of an outermost block with a rescue, failed handlers count as rescued.
            self._flush(chosen, rescuing=rescuing or bool(self._outermost and self._outermost.rescue))
        elif kind == "end_host":
            for host in chosen:
                self.states[host].ended = True
                self.states[host].removed += 1
        elif kind == "end_role":
            for host in chosen:
                self.states[host].leaving = True
        elif kind == "end_play":
            raise EndPlay
        elif kind == "end_batch":
            raise EndBatch
        elif kind == "clear_host_errors":
            self._clear_errors()
        elif kind == "clear_facts":
            for host in self.states:
                self.variables.forget(host)
        elif kind == "refresh_inventory":
            self.variables.hosts.refresh()
        elif kind == "reset_connection":
            for host in chosen:
                self.executor.reach.reset(host)

    def _met(self, task: Task, host: str) -> bool:
        scope = self.scope(host, task)
        try:
            return all(scope.condition(condition) for condition in task.settings.when)
        except TemplateError as error:
            raise PlaybookError(f"meta task on {host}: {error}", where=task.position) from None

    def _clear_errors(self) -> None:
        """Later plays have the hosts again that failed; those that could not be reached go on in this one."""
        for host in self.batch:
            self.progress.failures.pop(host, None)
            self.progress.stopped.pop(host, None)
            self._failed.discard(host)
        for state in self.states.values():
            state.unreachable = False

    # -- tasks ------------------------------------------------------------------------------------------------------

    def _task(self, task: Task, hosts: Sequence[str], *, rescuing: bool, handler: bool = False) -> None:
        first = self.scope(hosts[0], task)
        try:
            once = flag(first, task.settings.run_once)
            alone = once or modules.SPECS[task.module].once
            # Its outcome stands for all hosts, so it is fatal for all.
            fatal = alone or flag(first, task.settings.any_errors_fatal)
            abreast = _whole(first, "throttle", task.settings.throttle)
        except TemplateError as error:
            raise PlaybookError(str(error), where=task.position) from None
        self._name = _name(task, first)
        self._title = task.titled(self._name)
        self.output.task(self._title, task, handler=handler, check=self._checks(task))
        chosen = list(hosts[:1]) if alone else list(hosts)
        scopes = [first, *(self.scope(host, task) for host in chosen[1:])]
        outcomes = self._outcomes(task, chosen, scopes, abreast)
        for outcome in outcomes:
            self._take(task, outcome, once=once, rescuing=rescuing)
        included = self._included(task, outcomes) if task.include else []
        lost = [outcome.host for outcome in outcomes if _counts_as_lost(outcome)]
        if fatal and lost:
            self._fail_all(task, lost, f"stopped because the task failed on {lost[0]}", twice=once)
        if self.most_failures is not None and len(self._failed) / len(self.batch) > 0.01 * self.most_failures:
            self._fail_all(task, lost, "stopped because more hosts failed than max_fail_percentage allows", twice=False)
            self.output.note("\nNO MORE HOSTS LEFT")
            raise TooManyFailures
        self._late += [(steps, [one for one in its_hosts if self.states[one].failed]) for steps, its_hosts in included]
        for steps, its_hosts in included:
            self._steps(steps, its_hosts, rescuing=rescuing, handler=handler)

    def _included(self, task: Task, outcomes: Sequence[Outcome]) -> list[tuple[tuple[Step, ...], list[str]]]:
        """What `outcomes` of an include task lead to: steps and their hosts, in the order in which they run."""
        assert task.include is not None
        found = []
        for inclusion in inclusions(task, outcomes):
            reading = Reading(self.play.folder.absolute(), self.progress.refuse)
            try:
                included = load(task, inclusion, reading)
            except PlaybookError as error:
                self._not_included(task, inclusion, outcomes, error)
                continue
            for role in included.roles:
                self._variables.add_role(role)
            self._handlers.tasks.extend(included.handlers)
            for host in inclusion.hosts:
                self.progress.count(host).ok += 1
            self.output.included(included.name, inclusion.hosts, inclusion.label)
            steps = included.steps if task.include.handler else self.progress.choice.steps(included.steps)
            found.append((steps, inclusion.hosts))
        return found

    def _not_included(
        self, task: Task, inclusion: Inclusion, outcomes: Sequence[Outcome], error: PlaybookError
    ) -> None:
        """Fail the hosts whose include names something that is not there; the run counts as failed for good."""
        for outcome in outcomes:
            if outcome.host in inclusion.hosts:
                outcome.result = {**outcome.result, "failed": True, "msg": error.what}
                outcome.items = None
                self.progress.count(outcome.host).failed += 1
                self.states[outcome.host].failed = True
                self.states[outcome.host].removed += 1
                self._note_failure(task, outcome)
                self.progress.stopped[outcome.host] = self.progress.failures[outcome.host]
                self.output.result(task, outcome)

    def _outcomes(self, task: Task, hosts: Sequence[str], scopes: Sequence[Scope], abreast: int) -> list[Outcome]:
        def one(index: int) -> Outcome:
            return self.executor.run(task, hosts[index], scopes[index])

        # What changes the inventory does so in the order of the hosts.
        if self.pool is None or len(hosts) == 1 or abreast == 1 or task.module == "group_by":
            return [one(index) for index in range(len(hosts))]
        if 0 < abreast < min(len(hosts), self.variables.run["ansible_forks"]):
            with ThreadPoolExecutor(abreast, thread_name_prefix="throttle") as few:
                return list(few.map(one, range(len(hosts))))
        return list(self.pool.map(one, range(len(hosts))))

    def _checks(self, task: Task) -> bool:
        return self.executor.check if task.settings.check_mode is None else task.settings.check_mode is True

    def scope(self, host: str, task: Task) -> Scope:
        """What `task` sees on `host`."""
        return self._variables.scope(host, task, self._magic())

    def _magic(self) -> dict[str, Any]:
        batch = [host for host, state in self.states.items() if not state.removed]
        away = self.gone | {host for host, state in self.states.items() if state.removed}
        return {
            "ansible_play_name": self.name,
            "ansible_play_hosts": [host for host in self.everyone if host not in away],
            "ansible_play_hosts_all": self.everyone,
            "ansible_play_batch": batch,
            "play_hosts": batch,
        }

    # -- what came of it --------------------------------------------------------------------------------------------

    def _take(self, task: Task, outcome: Outcome, *, once: bool, rescuing: bool) -> None:
        """Count, keep and tell one outcome."""
        host, counts, status = outcome.host, self.progress.count(outcome.host), outcome.status
        targets = [name for name, state in self.states.items() if not state.unreachable] if once else [host]
        if status == "failed":
            self._take_failure(task, outcome, rescuing=rescuing)
        elif status == "unreachable":
            if outcome.ignore_unreachable:
                counts.ok += 1
                counts.ignored += 1
            else:
                counts.unreachable += 1
                self.states[host].unreachable = True
                self.states[host].removed += 1
                self._note_failure(task, outcome, unreachable=True)
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
            self._begun.setdefault(task.place.role.identity, set()).add(host)
        if task.register:
            for target in targets:
                self.variables.set(target, {task.register: _registered(outcome.result)})
        self.output.result(task, outcome)

    def _learn(self, task: Task, outcome: Outcome, targets: Sequence[str]) -> None:
        keep = self.variables.include if task.module == "include_vars" else self.variables.set
        for target, learned in [*((target, outcome.learned) for target in targets), *outcome.elsewhere.items()]:
            if learned.set:
                keep(target, learned.set)
            if learned.gathered:
                self.variables.gather(target, learned.gathered)
        for result in [outcome.result, *(item.result for item in outcome.items or ())]:
            new = result.get("add_host")
            if new and result.get("changed") and new["host_name"] not in self.everyone:
                self.everyone.append(new["host_name"])

    def _take_failure(self, task: Task, outcome: Outcome, *, rescuing: bool) -> None:
        counts = self.progress.count(outcome.host)
        if outcome.ignore_errors:
            counts.ok += 1
            counts.ignored += 1
            counts.changed += bool(outcome.result.get("changed"))
            return
        self.states[outcome.host].failed = True
        self.states[outcome.host].removed += not rescuing
        if not self._guards:
            self._failed.add(outcome.host)
        self._note_failure(task, outcome)
        if rescuing:
            counts.rescued += 1
            failed = {
                "name": self._name,
                "action": task.module,
                "args": documents.plain(dict(task.args)),
            }
            self.variables.set(
                outcome.host, {"ansible_failed_task": failed, "ansible_failed_result": _registered(outcome.result)}
            )
        else:
            counts.failed += 1

    def _note_failure(self, task: Task, outcome: Outcome, *, unreachable: bool = False) -> None:
        result = {} if outcome.no_log else outcome.result
        message = "the result is hidden by no_log" if outcome.no_log else outcome.message
        self.progress.failures[outcome.host] = Failure(
            outcome.host, self._title, task.position, message, unreachable, result
        )

    def _fail_all(self, task: Task, lost: Sequence[str], message: str, *, twice: bool) -> None:
        for host, state in self.states.items():
            if host not in lost and state.active:
                state.failed, state.twice = True, twice
                state.removed += 1
                failure = Failure(host, self._title, task.position, message)
                self.progress.failures[host] = self.progress.stopped[host] = failure
                self._failed.add(host)

    # -- handlers ---------------------------------------------------------------------------------------------------

    def _notify(self, task: Task, outcome: Outcome) -> None:
        for name in outcome.notify:
            found = self._handlers.answering(name)
            if not found:
                raise PlaybookError(
                    f"the requested handler {name!r} was not found among the handlers of play {self.name!r}",
                    where=task.position,
                    hint="Name a handler, or a topic that one listens to.",
                )
            state = self.states[outcome.host]
            if state.flushing:
                state.notified.update(found)
            else:
                state.notifications[name] = None

    def _handler_name(self, handler: Task) -> str:
        if "{" not in handler.name:
            return handler.name
        return _name(handler, self.scope(self.hosts[0], handler))

    def _flush(self, hosts: Sequence[str], *, rescuing: bool) -> None:
        flushing = [self.states[host] for host in hosts]
        for state in flushing:
            # Roles that were included since may have brought a later handler of that name.
            for name in state.notifications:
                state.notified.update(self._handlers.answering(name))
            state.notifications.clear()
            state.flushing = True
        try:
            self._run_notified(hosts, rescuing=rescuing)
        finally:
            for state in flushing:
                state.flushing = False

    def _run_notified(self, hosts: Sequence[str], *, rescuing: bool) -> None:
        for index, handler in enumerate(list(self._handlers.tasks)):
            chosen = [host for host in hosts if self.states[host].active and index in self.states[host].notified]
            if not chosen:
                continue
            everyone = list(self.states) if handler.settings.run_once else chosen
            for host in everyone:
                self.states[host].notified.discard(index)
            if handler.module == "meta":
                self._meta(handler, chosen, rescuing=rescuing)
            else:
                self._task(handler, chosen, rescuing=rescuing, handler=True)


def _counts_as_lost(outcome: Outcome) -> bool:
    if outcome.status == "failed":
        return not outcome.ignore_errors
    return outcome.status == "unreachable" and not outcome.ignore_unreachable


def _gathering(play: Play) -> Task:
    """The task that a play begins with where it gathers facts. It is each host's own, whatever the play says."""
    options = {"gather_subset": play.gathering.subset, "gather_timeout": play.gathering.timeout}
    usual = play.settings.module_defaults.get("setup", {})
    args = {**usual, **{name: value for name, value in options.items() if value is not None}}
    settings = replace(play.settings, run_once=None, when=(*play.settings.when, *play.gathering.when))
    return Task("Gathering Facts", "setup", args, play.position, settings, play.folder, implicit=True)


def _is_named(task: Task, wanted: str) -> bool:
    return task.name == wanted or task.title == wanted or fnmatch(task.title, wanted)


def _percentage(scope: Scope, raw: Any) -> float | None:
    """The value of max_fail_percentage, with or without its sign."""
    value = scope.value(raw)
    if value is None:
        return None
    try:
        return float(str(value).replace("%", ""))
    except ValueError:
        raise TemplateError(f"max_fail_percentage {value!r} is no percentage") from None


def _whole(scope: Scope, name: str, raw: Any) -> int:
    """A keyword's whole number; nothing is 0."""
    if raw is None:
        return 0
    try:
        return int(scope.value(raw))
    except (TypeError, ValueError):
        raise TemplateError(f"{name} must be a whole number, not {raw!r}") from None


def _name(task: Task, scope: Scope) -> str:
    """The task's name with its templates rendered where that is possible."""
    if "{" not in task.name:
        return task.name
    try:
        return scope.text(task.name)
    except TemplateError:
        return task.name


def _registered(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if not key.startswith("_ansible")}
