"""One call of a module, made of a task: where to, as whom, and with which arguments, everything rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2.utils import missing

from sparkbed.playbook import modules, shared
from sparkbed.playbook.here import LOCAL
from sparkbed.playbook.hosts import Hosts
from sparkbed.playbook.outcome import Outcome
from sparkbed.playbook.plays import Task
from sparkbed.playbook.reach import Reach, Way
from sparkbed.playbook.templating import OMIT, TemplateError, final, is_template
from sparkbed.playbook.values import flag
from sparkbed.playbook.variables import Scope


@dataclass(frozen=True, eq=False, repr=False)
class Call:
    """One call of a module, ready to go: where to, as whom, with which arguments."""

    host: str
    way: Way
    become_user: str | None
    args: dict[str, Any]
    environment: dict[str, str]
    check: bool
    diff: bool

    @property
    def target(self) -> tuple[Any, ...]:
        """Calls of one target can go in one message."""
        return self.host, self.way, self.become_user, tuple(sorted(self.environment.items())), self.check, self.diff


class Skip(Exception):  # no error: a condition that does not hold
    """The task's conditions do not hold; `result` says which."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__("skipped")
        self.result = result


@dataclass(frozen=True, eq=False, repr=False)
class Calls:
    """Makes the calls of one run; `seen` gives what a task sees on another host, as it does with `delegate_to`."""

    reach: Reach
    hosts: Hosts
    check: bool
    diff: bool
    seen: Callable[[str, Task], Scope]

    def prepare(self, task: Task, host: str, scope: Scope, outcome: Outcome) -> Call:
        """What is to be called, everything rendered; raises Skip when a condition does not hold."""
        skipped = not_met(task, scope)
        if skipped:
            raise Skip(skipped)
        settings = task.settings
        target, there = host, scope
        if settings.delegate_to is not None:
            target = scope.text(settings.delegate_to)
            if target not in self.hosts.inventory.hosts and target not in LOCAL:
                raise TemplateError(f"delegate_to names {target!r}, which the inventory doesn't have")
            outcome.delegated_to = target
            # How to reach the other host, and as whom to work there, is for its own variables to say.
            there = self.seen(target, task)
        way = self.reach.way(target, there, settings)
        try:
            spec = modules.SPECS[task.module]
            args = _arguments(task, scope)
            if not spec.any_options:
                nothing = {name: None for name in ("msg",) if task.module == "debug" and args.get(name, "") is None}
                args = {**modules.coerce(spec, args), **nothing}
        except ValueError as error:
            raise TemplateError(str(error)) from None
        if shared.changes_the_machine(task.module, args) and shared.shares_the_machine(self.hosts.inventory, target):
            raise TemplateError(shared.why(task.module, target, self.hosts.inventory))
        return Call(
            host=target,
            way=way,
            become_user=self._become_user(scope, there, task, lambda: self.reach.login(target, way)),
            args=args,
            environment=_environment(scope, settings.environment),
            check=self.check if settings.check_mode is None else flag(scope, settings.check_mode),
            diff=self.diff if settings.diff is None else flag(scope, settings.diff),
        )

    def _become_user(self, scope: Scope, there: Scope, task: Task, login: Callable[[], str | None]) -> str | None:
        """Whom the task runs as; None for the user that we connect as.

        Variables of the host where it runs (`there`) win over keywords.
        """
        settings = task.settings
        wanted = there.resolve("ansible_become")
        if not flag(scope, settings.become if not isinstance(wanted, (bool, str, int)) else wanted):
            return None
        method = there.resolve("ansible_become_method")
        if method is not missing and str(final(method)).removeprefix("ansible.builtin.") != "sudo":
            raise TemplateError(f"ansible_become_method {final(method)!r} is outside the subset: it has sudo")
        for name, why in _BECOME_REFUSED.items():
            value = there.resolve(name)
            if value is not missing and value not in ("", None):
                raise TemplateError(f"{name} is outside the subset: {why}")
        users = (there.resolve(name) for name in ("ansible_become_user", "ansible_sudo_user"))
        user = next((str(final(one)) for one in users if one is not missing), None)
        if user is None:
            user = scope.text(settings.become_user) if settings.become_user else "root"
        return None if user == login() else user


def not_met(task: Task, scope: Scope) -> dict[str, Any] | None:
    """The result of a task whose `when` does not hold; None where it does."""
    for condition in task.settings.when:
        if not scope.condition(condition):
            return {
                "changed": False,
                "skipped": True,
                "skip_reason": "Conditional result was False",
                "false_condition": condition,
            }
    return None


_UNRENDERED = {("assert", "that"), ("include_tasks", "apply"), ("include_role", "apply")}
"""Options whose text is an expression that the action evaluates, or meant for other tasks."""


def _arguments(task: Task, scope: Scope) -> dict[str, Any]:
    args: dict[str, Any] = {}
    if task.args_template is not None:
        given = scope.value(task.args_template)
        if not isinstance(given, Mapping):
            raise TemplateError("`args` must be a mapping")
        args.update(given)
    for name, raw in task.args.items():
        key = scope.text(name) if task.module == "set_fact" and is_template(name) else name
        if (task.module, name) in _UNRENDERED:
            args[key] = raw
            continue
        try:
            value = scope.value(raw)
        except TemplateError as error:
            where = f"Finalization of task args for 'ansible.builtin.{task.module}' failed"
            raise TemplateError(f"{where}: Error while resolving value for {name!r}: {error}") from None
        if value is not OMIT:
            args[key] = value
    return args


_UNASKED = "sudo is asked with -n, and no secret passes through here; let the login user become others unasked"
_BECOME_REFUSED = {
    "ansible_become_pass": _UNASKED,
    "ansible_become_password": _UNASKED,
    "ansible_sudo_pass": _UNASKED,
    "ansible_become_exe": "the program is sudo",
    "ansible_become_flags": "the flags are -n -H",
}
"""Variables of become that have no meaning here, and why."""


def _environment(scope: Scope, parts: tuple[Any, ...]) -> dict[str, str]:
    result: dict[str, Any] = {}
    for part in parts:
        value = part if isinstance(part, Mapping) else scope.value(part)
        if value is OMIT:
            continue
        if not isinstance(value, Mapping):
            raise TemplateError(f"environment must be a mapping, not {type(value).__name__}")
        for name, raw in value.items():
            try:
                result[str(name)] = scope.value(raw)
            except TemplateError as error:
                # What adds to a host's own environment can't be known before its facts are gathered: as in Ansible.
                if "ansible_env" not in error.what:
                    raise
    return {name: "" if value is None else str(value) for name, value in result.items() if value is not OMIT}
