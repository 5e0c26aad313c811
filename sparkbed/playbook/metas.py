"""What `meta` tasks do to a batch, other than running handlers."""

from __future__ import annotations

from collections.abc import Sequence

from sparkbed.errors import PlaybookError
from sparkbed.playbook.batch import Batch
from sparkbed.playbook.plays import Task
from sparkbed.playbook.reach import Reach
from sparkbed.playbook.standing import EndBatch, EndPlay
from sparkbed.playbook.templating import TemplateError

_FOR_ALL = frozenset(["clear_facts", "clear_host_errors", "end_batch", "end_play", "refresh_inventory"])
"""What `meta` does to all hosts at once."""
_UNCONDITIONAL = frozenset(["noop", "refresh_inventory", "reset_connection"])
"""Where ansible-core pays no heed to `when`."""


def kind_of(task: Task) -> str:
    """Which meta task `task` is."""
    return str(task.args["_raw_params"])


def is_meta(task: Task, kind: str) -> bool:
    """Whether `task` is that meta task."""
    return task.module == "meta" and kind_of(task) == kind


def chosen(task: Task, hosts: Sequence[str], batch: Batch) -> list[str]:
    """Those of `hosts` for which the conditions of `task` hold."""
    kind = kind_of(task)
    # Like ansible-core, ask only the first host about what is done to all of them.
    asked = hosts[:1] if kind in _FOR_ALL else hosts
    return [host for host in asked if kind in _UNCONDITIONAL or _met(task, host, batch)]


def perform(task: Task, hosts: Sequence[str], batch: Batch, reach: Reach) -> None:
    """Do what `task` says for `hosts`, which its conditions chose.

    Raises:
        EndBatch: when the play ends here.
    """
    kind = kind_of(task)
    if kind == "end_host":
        for host in hosts:
            batch.states[host].ended = True
            batch.states[host].removed += 1
    elif kind == "end_role":
        for host in hosts:
            batch.states[host].leaving = True
    elif kind == "end_play":
        raise EndPlay
    elif kind == "end_batch":
        raise EndBatch
    elif kind == "clear_host_errors":
        batch.clear_errors()
    elif kind == "clear_facts":
        for host in batch.states:
            batch.variables.forget(host)
    elif kind == "refresh_inventory":
        batch.variables.hosts.refresh()
    elif kind == "reset_connection":
        for host in hosts:
            reach.reset(host)


def _met(task: Task, host: str, batch: Batch) -> bool:
    scope = batch.scope(host, task)
    try:
        return all(scope.condition(condition) for condition in task.settings.when)
    except TemplateError as error:
        raise PlaybookError(f"meta task on {host}: {error}", where=task.position) from None
