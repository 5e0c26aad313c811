"""One task on one host: conditions, arguments, the module, what `changed_when` and its like make of the result.

The order of things is ansible-core's: items, `when`, arguments, the module (again while `until` does not hold),
`changed_when`, `failed_when`. All items of a loop go to the host in one message where none of them can depend on
what another one did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkbed.errors import HostError
from sparkbed.playbook import loops, modules
from sparkbed.playbook.actions import Action
from sparkbed.playbook.calls import Call, Calls, Skip, not_met
from sparkbed.playbook.modules import controller
from sparkbed.playbook.outcome import Item, Learned, Outcome, status_of
from sparkbed.playbook.plays import Loop, Task
from sparkbed.playbook.sleeping import sleep
from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.values import flag
from sparkbed.playbook.variables import Layer, Scope
from sparkbed.remote import Agent

Retry = Callable[[str, Task, int], None]
Connected = Callable[[str, Agent, "str | None"], None]


@dataclass(frozen=True, eq=False, repr=False)
class Executor:
    """Runs tasks on hosts."""

    calls: Calls
    retrying: Retry
    connected: Connected
    transferring: Callable[[str, str, int, int], None]
    verbosity: int = 0
    _agents: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def run(self, task: Task, host: str, scope: Scope) -> Outcome:
        """What `task` comes to on `host`; failures and lost hosts are results too, never exceptions."""
        outcome = Outcome(host, {})
        settings = task.settings
        try:
            if task.loop is None:
                outcome.no_log = flag(scope, settings.no_log)
            outcome.result = self._result(task, host, scope, outcome)
        except HostError as error:
            outcome.result = {
                "unreachable": True,
                "changed": False,
                "msg": f"{error.what}. {error.hint}" if error.hint else error.what,
            }
        except TemplateError as error:
            outcome.result = _failure(str(error))
        try:
            outcome.ignore_unreachable = flag(scope, settings.ignore_unreachable)
            if not outcome.items:
                outcome.ignore_errors = flag(scope, settings.ignore_errors)
        except TemplateError as error:
            outcome.result = _failure(str(error))
        return outcome

    # -- loops ------------------------------------------------------------------------------------------------------

    def _result(self, task: Task, host: str, scope: Scope, outcome: Outcome) -> dict[str, Any]:
        if task.loop is None:
            result = self._once(task, host, scope, outcome)
            result.setdefault("changed", False)
            return result
        try:
            items = loops.items(task.loop, scope, task.module)
        except TemplateError as error:
            # A condition that does not hold hides a loop that has no value.
            skipped = not_met(task, scope)
            if skipped:
                return skipped
            raise error
        if not items:
            return {"changed": False, "skipped": True, "skipped_reason": "No items in the list", "results": []}
        return self._loop(task, host, scope, outcome, items)

    def _loop(self, task: Task, host: str, scope: Scope, outcome: Outcome, items: list[Any]) -> dict[str, Any]:
        assert task.loop is not None
        outcome.items = []
        scopes = [scope.over(loops.variables(task.loop, items, index, scope)) for index in range(len(items))]
        if self._can_batch(task, scope):
            results = self._batch(task, host, scopes, outcome)
            for index, result in enumerate(results):
                self._add_item(task, task.loop, scopes[index], items, index, result, outcome)
            return _joined(outcome)
        learned: dict[str, Any] = {}
        for index, one in enumerate(scopes):
            if index and task.loop.pause:
                sleep(float(scope.value(task.loop.pause)))
            # What an item registered or set, the next one sees.
            own = Scope(one.templates, (one.layers[0], _final(learned), *one.layers[1:]), one.folder)
            try:
                result = self._once(task, host, own, outcome)
            except TemplateError as error:
                result = _failure(str(error))
            learned.update({**outcome.learned.gathered, **outcome.learned.set})
            if task.register:
                learned[task.register] = result
            self._add_item(task, task.loop, own.over({task.register: result} if task.register else {}), items, index,
                           result, outcome)  # fmt: skip
            if task.loop.break_when and all(own.over(learned).condition(one) for one in task.loop.break_when):
                break
        return _joined(outcome)

    def _add_item(
        self, task: Task, loop: Loop, scope: Scope, items: list[Any], index: int, result: dict[str, Any],
        outcome: Outcome,
    ) -> None:  # fmt: skip
        result[loop.loop_var] = items[index]
        result["ansible_loop_var"] = loop.loop_var
        if loop.index_var:
            result[loop.index_var] = index
            result["ansible_index_var"] = loop.index_var
        if flag(scope, loop.extended):
            result["ansible_loop"] = loops.extended(items, index, allitems=flag(scope, loop.extended_allitems))
        label: Any = items[index]
        try:
            outcome.no_log = outcome.no_log or flag(scope, task.settings.no_log)
        except TemplateError as error:
            outcome.no_log = True
            result.update(_failure(str(error)))
        ignore = False
        try:
            if loop.label is not None:
                label = scope.value(loop.label)
            ignore = flag(scope, task.settings.ignore_errors)
        except TemplateError as error:
            result.update(failed=True, msg=f"Failed to template loop_control.label: {error}")
        assert outcome.items is not None
        outcome.items.append(Item(result, label, ignore))

    def _can_batch(self, task: Task, scope: Scope) -> bool:
        """Whether all items may go in one message: none can see what another one did."""
        loop, settings = task.loop, task.settings
        assert loop is not None
        spec = modules.SPECS[task.module]
        if not spec.loops_together or task.until or task.retries is not None or loop.pause or loop.break_when:
            return False
        if task.register is None:
            return True
        asked = (task.args, settings.when, settings.vars, settings.environment, task.args_template)
        documents = [layer.values for layer in scope.layers if layer.document]
        return not _mentions((asked, documents), re.compile(rf"\b{re.escape(task.register)}\b"))

    def _batch(self, task: Task, host: str, scopes: list[Scope], outcome: Outcome) -> list[dict[str, Any]]:
        results: list[dict[str, Any] | None] = [None] * len(scopes)
        calls: dict[tuple[Any, ...], list[tuple[int, Call]]] = {}
        for index, scope in enumerate(scopes):
            try:
                call = self.calls.prepare(task, host, scope, outcome)
                calls.setdefault(call.target, []).append((index, call))
            except Skip as skip:
                results[index] = skip.result
            except TemplateError as error:
                results[index] = _failure(str(error))
        for group in calls.values():
            answers = self._answers(task, host, [(scopes[index], call) for index, call in group])
            for (index, call), answer in zip(group, answers, strict=True):
                self._keep_arguments(outcome, answer, call)
                results[index] = self._judged(task, scopes[index], call, answer, outcome)
        return [result if result is not None else _failure("no answer") for result in results]

    # -- one round --------------------------------------------------------------------------------------------------

    def _once(self, task: Task, host: str, scope: Scope, outcome: Outcome) -> dict[str, Any]:
        try:
            call = self.calls.prepare(task, host, scope, outcome)
        except Skip as skip:
            return skip.result
        tries = self._tries(task, scope)
        result: dict[str, Any] = {}
        for attempt in range(1, tries + 1):
            answer = self._called(task, host, scope, call)
            self._keep_arguments(outcome, answer, call)
            if tries > 1:
                answer["attempts"] = attempt
            result = self._judged(task, scope, call, answer, outcome)
            if tries == 1 or self._settled(task, scope, result):
                return result
            if attempt < tries:
                self.retrying(host, task, tries - attempt)
                sleep(max(0.0, float(scope.value(task.delay))))
        result.update(attempts=tries - 1, failed=True)
        return result

    def _tries(self, task: Task, scope: Scope) -> int:
        if task.retries is not None:
            try:
                return 1 + max(0, int(scope.value(task.retries)))
            except (TypeError, ValueError):
                raise TemplateError(f"retries must be a whole number, not {task.retries!r}") from None
        return 4 if task.until else 1

    def _settled(self, task: Task, scope: Scope, result: dict[str, Any]) -> bool:
        seen = scope.over({task.register: result}) if task.register else scope
        if not task.until:
            return not result.get("failed")
        return all(seen.condition(condition) for condition in task.until)

    def _keep_arguments(self, outcome: Outcome, answer: dict[str, Any], call: Call) -> None:
        if self.verbosity > 2:
            outcome.arguments[id(answer)] = call.args

    def _called(self, task: Task, host: str, scope: Scope, call: Call) -> dict[str, Any]:
        return self._answers(task, host, [(scope, call)])[0]

    def _answers(self, task: Task, host: str, calls: list[tuple[Scope, Call]]) -> list[dict[str, Any]]:
        """What the module says to calls of one target, in one message if it has anything to send."""
        first = calls[0][1]
        if modules.SPECS[task.module].runs_on == "host":
            return self._agent(first).call(
                task.module,
                [call.args for _, call in calls],
                check=first.check,
                diff=first.diff,
                environment=first.environment,
            )
        actions = [
            Action(
                scope=scope,
                task=task,
                host=host,
                connect=lambda: self._agent(first),
                execute=lambda line: self.calls.reach.execute(first.host, first.way, line, first.become_user),
                check=call.check,
                diff=call.diff,
                environment=call.environment,
                verbosity=self.verbosity,
                transferring=self.transferring,
                hosts=self.calls.hosts,
                reset=lambda: self.calls.reach.reset(first.host),
            )
            for scope, call in calls
        ]
        pairs = [(call.args, action) for (_, call), action in zip(calls, actions, strict=True)]
        return [dict(result) for result in controller.run_many(task.module, pairs)]

    def _agent(self, call: Call) -> Agent:
        agent = self.calls.reach.agent(call.host, call.way, call.become_user)
        if self._agents.get((call.host, call.become_user)) != agent.pid:
            self._agents[call.host, call.become_user] = agent.pid
            self.connected(call.host, agent, call.become_user)
        return agent

    def _judged(self, task: Task, scope: Scope, call: Call, result: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        """The module's answer with `failed` and `changed` as the task wants them; facts and notifications kept."""
        if "failed" not in result:
            result["failed"] = result.get("rc", 0) not in (0, "0")
        result.setdefault("changed", False)
        learned = self._learned(task, scope, call, result, outcome)
        if "skipped" not in result and (task.changed_when or task.failed_when):
            names = {**learned.gathered, **learned.set, **({task.register: result} if task.register else {})}
            seen = scope.over(names)
            self._rejudge(task, seen, result)
        if task.settings.notify:
            for name in task.settings.notify:
                value = scope.value(name)
                outcome.notify.extend(str(one) for one in (value if isinstance(value, list) else [value]))
        return result

    def _learned(self, task: Task, scope: Scope, call: Call, result: dict[str, Any], outcome: Outcome) -> Learned:
        """Where the facts of `result` belong, with them in it."""
        facts = result.get("ansible_facts")
        settings = task.settings
        if not isinstance(facts, Mapping) or task.module == "debug":
            return outcome.learned
        learned = outcome.learned
        if settings.delegate_to is not None and flag(scope, settings.delegate_facts):
            learned = outcome.elsewhere.setdefault(call.host, Learned())
        if task.module in ("set_fact", "include_vars"):
            learned.set.update(facts)
        if task.module not in ("set_fact", "include_vars") or flag(scope, call.args.get("cacheable")):
            learned.gathered.update(facts)
        return learned

    def _rejudge(self, task: Task, scope: Scope, result: dict[str, Any]) -> None:
        which = "changed"
        try:
            if task.changed_when:
                result["changed"] = all(scope.condition(condition) for condition in task.changed_when)
            which = "failed"
            if task.failed_when:
                failed = all(scope.condition(condition) for condition in task.failed_when)
                result["failed"] = result["failed_when_result"] = failed
        except TemplateError as error:
            result["failed"] = True
            result[f"{which}_when_result"] = str(error)


# -- parts ----------------------------------------------------------------------------------------------------------


def _final(values: Mapping[str, Any]) -> Layer:
    return Layer(values, document=False)


def _failure(message: str) -> dict[str, Any]:
    return {"failed": True, "changed": False, "msg": f"Task failed: {message}"}


def _mentions(value: Any, name: re.Pattern[str]) -> bool:
    """Whether a text in `value` has that word in it."""
    if isinstance(value, str):
        return name.search(value) is not None
    if isinstance(value, Mapping):
        return any(_mentions(part, name) for part in value.values())
    return isinstance(value, (list, tuple)) and any(_mentions(part, name) for part in value)


def _joined(outcome: Outcome) -> dict[str, Any]:
    """The result of a whole loop, from its items'."""
    items = outcome.items or []
    results = [item.result for item in items]
    statuses = [status_of(result) for result in results]
    joined: dict[str, Any] = {
        "results": results,
        "changed": any(result.get("changed") for result in results),
        "skipped": all(result.get("skipped") for result in results),
        "msg": "All items completed",
    }
    if joined["skipped"]:
        joined["msg"] = "All items skipped"
    if "failed" in statuses:
        joined.update(failed=True, msg="One or more items failed")
        outcome.ignore_errors = all(item.ignore_errors for item in items if item.result.get("failed"))
    return joined
