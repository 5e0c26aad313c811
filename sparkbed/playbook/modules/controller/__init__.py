"""The modules, or halves of modules, that work on the controller.

run(name, args, context)          one module call, its arguments templated and coerced: a result with Ansible's keys
run_many(name, calls)             copy and template: all items of a loop in as few messages as there can be
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sparkbed.agent import Unreachable
from sparkbed.errors import SparkbedError
from sparkbed.playbook.modules.controller import (
    argument_specs,
    bare,
    controls,
    fetching,
    handing,
    inclusion,
    inventory,
    sending,
    waiting,
)
from sparkbed.playbook.modules.controller.context import ActionContext, failed

__all__ = ["ActionContext", "failed", "run", "run_many"]

_ACTIONS: dict[str, Callable[[Mapping[str, Any], ActionContext], dict[str, Any]]] = {
    "debug": controls.debug,
    "assert": controls.assert_,
    "fail": controls.fail,
    "set_fact": controls.set_fact,
    "fetch": fetching.fetch,
    "validate_argument_spec": argument_specs.validate_argument_spec,
    "include_role": inclusion.include_role,
    "include_tasks": inclusion.include_tasks,
    "include_vars": inclusion.include_vars,
    "add_host": inventory.add_host,
    "group_by": inventory.group_by,
    "pause": waiting.pause,
    "wait_for_connection": waiting.wait_for_connection,
    "raw": bare.raw,
    "script": handing.script,
    "unarchive": handing.unarchive,
    "uri": handing.uri,
}
_FILES = ("copy", "template")


def run(name: str, args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """Run a controller-side module. Its failure is a result with `failed` and `msg`.

    Raises:
        Unreachable: when the connection to the host was lost.
    """
    if name in _FILES:
        return run_many(name, [(args, context)])[0]
    try:
        return _ACTIONS[name](args, context)
    except Unreachable:
        raise
    except SparkbedError as error:
        return failed(str(error))


def run_many(name: str, calls: Sequence[tuple[Mapping[str, Any], ActionContext]]) -> list[dict[str, Any]]:
    """Run a module once a loop item, all on one host and agent; `copy` and `template` in as few messages as can be.

    Raises:
        Unreachable: when the connection to the host was lost.
    """
    if name in _FILES:
        return sending.send_files(name, calls)
    return [run(name, args, context) for args, context in calls]
