"""The linear strategy: each task on all hosts before the next one; blocks, failures and handlers as in Ansible.

A host whose task fails leaves the block that the task is in; `rescue` brings it back, otherwise it leaves the play.
Notified handlers run once, in the order of their definition, at the end of each section and at `flush_handlers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch

from sparkbed.errors import PlaybookError
from sparkbed.playbook import metas
from sparkbed.playbook.batch import Batch
from sparkbed.playbook.execute import Executor
from sparkbed.playbook.handlers import Handlers
from sparkbed.playbook.including import inclusions, load
from sparkbed.playbook.outcome import Outcome
from sparkbed.playbook.output import Output
from sparkbed.playbook.plays import Block, Play, Settings, Step, Task, tasks_of
from sparkbed.playbook.roles import Reading
from sparkbed.playbook.running import Runner
from sparkbed.playbook.standing import EndBatch, TooManyFailures
from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.values import flag, percentage

Late = list[tuple[tuple[Step, ...], list[str]]]
"""Steps that hosts have yet to run, with these hosts."""


class PlayRun:
    """One batch of a play, from its first task to its last."""

    def __init__(self, batch: Batch, executor: Executor, output: Output, pool: ThreadPoolExecutor | None) -> None:
        self.batch = batch
        self.play = batch.play
        self.states = batch.states
        self.progress = batch.progress
        self.output = output
        self._handlers = Handlers(self.play.handlers, batch.task_name)
        self._runner = Runner(batch, self._handlers, executor, output, pool)
        self._reach = executor.calls.reach
        self._outermost: Block | None = None
        self._late: Late = []
        # By the identity of a role: the hosts that came to its end after they did something in it.
        self._completed: dict[str, set[str]] = {}

    def run(self) -> None:
        """Run all sections. Hosts that failed are in `progress.failures` afterwards.

        Raises:
            EndBatch: when it, or the play, or the playbook ended before its last task.
        """
        hosts = self.batch.hosts
        keywords = self.batch.variables.of_play(self.play.vars, self.play.folder)
        try:
            self._runner.most_failures = percentage(keywords, self.play.max_fail_percentage)
            forced = flag(keywords, self.play.force_handlers)
            gather = flag(keywords, self.play.gathering.wanted)
        except TemplateError as error:
            raise PlaybookError(str(error), where=self.play.position) from None
        if gather and self._starts_here():
            self._steps([_gathering(self.play)], hosts, rescuing=False)
        for section in self.play.sections:
            if forced:
                flush = Task("", "meta", {"_raw_params": "flush_handlers"}, self.play.position, Settings(),
                             self.play.folder)  # fmt: skip
                left = [host for host in hosts if self.states[host].active]
                self._block(Block(section, (), (flush,), self.play.position), left, rescuing=False)
            else:
                self._steps(section, hosts, rescuing=False)
                self._flush(hosts, rescuing=False)

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
            if isinstance(step, Task) and metas.is_meta(step, "role_complete"):
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
        with self._inside(block):
            self._parts(block, hosts, rescuing=rescuing)

    @contextmanager
    def _inside(self, block: Block) -> Iterator[None]:
        """Note `block` as the outermost one while it runs, if it is."""
        around, self._outermost = self._outermost, self._outermost or block
        try:
            yield
        finally:
            self._outermost = around

    def _parts(self, block: Block, hosts: Sequence[str], *, rescuing: bool) -> None:
        self.batch.guards += bool(block.rescue or block.always)
        try:
            late = self._part(block.tasks, hosts, [], rescuing=rescuing or bool(block.rescue))
        except EndBatch as end:
            if block.rescue and not isinstance(end, TooManyFailures):
                self._spare(hosts)
            raise
        failed = [host for host in hosts if self.states[host].failed]
        passed_over = self._failed_twice(failed)
        past_always = set() if block.rescue else passed_over
        rescued = [host for host in failed if host not in passed_over] if block.rescue else []
        for host in rescued:
            self.batch.recover(host)
        self.batch.guards -= bool(block.rescue and not block.always)
        if rescued:
            late = self._part(block.rescue, rescued, late, rescuing=rescuing)
            past_always |= self._failed_twice(rescued)
        self.batch.guards -= bool(block.always)
        if block.always:
            kept = [host for host in hosts if host not in past_always]
            with self.batch.holding(kept):
                self._part(block.always, kept, late, rescuing=rescuing)
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

    def _spare(self, hosts: Sequence[str]) -> None:
        """Count those of `hosts` as rescued that wait for a rescue to which a play that ends does not come."""
        for host in hosts:
            if self.states[host].failed and not self.states[host].twice:
                self.batch.recover(host)

    def _failed_twice(self, hosts: Sequence[str]) -> set[str]:
        """Those of `hosts` that were failed twice in the part of a block that just ended; forgets it."""
        found = {host for host in hosts if self.states[host].twice}
        for host in found:
            self.states[host].twice = False
        return found

    def _meta(self, task: Task, hosts: Sequence[str], *, rescuing: bool) -> None:
        chosen = metas.chosen(task, hosts, self.batch)
        if not chosen:
            return
        if metas.is_meta(task, "role_complete") and task.place.role:
            role = task.place.role.identity
            self._completed.setdefault(role, set()).update(self._runner.begun.get(role, set()) & set(chosen))
        elif metas.is_meta(task, "flush_handlers"):
            # As in ansible-core: in any part of an outermost block with a rescue, failed handlers count as rescued.
            self._flush(chosen, rescuing=rescuing or bool(self._outermost and self._outermost.rescue))
        else:
            metas.perform(task, chosen, self.batch, self._reach)

    # -- tasks ------------------------------------------------------------------------------------------------------

    def _task(self, task: Task, hosts: Sequence[str], *, rescuing: bool, handler: bool = False) -> None:
        ran = self._runner.run(task, hosts, rescuing=rescuing, handler=handler)
        included = self._included(task, ran.outcomes) if task.include else []
        self._runner.stop_others(task, ran)
        self._late += [(steps, [one for one in its_hosts if self.states[one].failed]) for steps, its_hosts in included]
        # What is included stands inside the task that includes it, as a block in a block does.
        with self._inside(Block((), (), (), task.position)):
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
                self._runner.fail_include(task, inclusion, outcomes, error)
                continue
            for role in included.roles:
                self.batch.play_variables.add_role(role)
            self._handlers.tasks.extend(included.handlers)
            for host in inclusion.hosts:
                self.progress.count(host).ok += 1
            self.output.included(included.name, inclusion.hosts, inclusion.label)
            steps = included.steps if task.include.handler else self.progress.choice.steps(included.steps)
            found.append((steps, inclusion.hosts))
        return found

    # -- handlers ---------------------------------------------------------------------------------------------------

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


def _gathering(play: Play) -> Task:
    """The task that a play begins with where it gathers facts. It is each host's own, whatever the play says."""
    options = {"gather_subset": play.gathering.subset, "gather_timeout": play.gathering.timeout}
    usual = play.settings.module_defaults.get("setup", {})
    args = {**usual, **{name: value for name, value in options.items() if value is not None}}
    settings = replace(play.settings, run_once=None, when=(*play.settings.when, *play.gathering.when))
    return Task("Gathering Facts", "setup", args, play.position, settings, play.folder, implicit=True)


def _is_named(task: Task, wanted: str) -> bool:
    return task.name == wanted or task.title == wanted or fnmatch(task.title, wanted)
