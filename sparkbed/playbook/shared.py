"""Process and netns nodes share the machine that they run on, so what would change it is refused there.

A node's own folder is its to change: files anywhere are the user's affair, and a virtual environment is a folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sparkbed.errors import DocumentError
from sparkbed.inventory.model import Inventory
from sparkbed.playbook.plays import Play, Task, tasks_of
from sparkbed.provision.nodes.base import SHARED_SYSTEM

MODULES = frozenset(["apt", "group", "package", "pip", "service", "systemd", "systemd_service", "user"])
"""The modules that change a machine: its packages, services and users."""


def changes_the_machine(module: str, args: Mapping[str, Any]) -> bool:
    """Whether a call of the module changes more than a folder."""
    return module in MODULES and not (module == "pip" and args.get("virtualenv"))


def shares_the_machine(inventory: Inventory, host: str) -> bool:
    """Whether provisioning wrote so of the host."""
    return host in inventory.hosts and inventory.variables(host).get("node_kind") in SHARED_SYSTEM


def why(module: str, host: str, inventory: Inventory) -> str:
    kind = inventory.variables(host)["node_kind"]
    return (
        f"{host} is a {kind} node, which shares this machine's packages, services and users with all of its other "
        f"programs: {module!r} is refused there"
    )


def check(play: Play, hosts: Iterable[str], inventory: Inventory) -> None:
    """Refuse a play that is certain to change the machine of a node that shares it, before any host is touched.

    Tasks that a condition or a template may lead elsewhere are looked at when they run.

    Raises:
        DocumentError: naming the task, a host and the reason.
    """
    nodes = [host for host in hosts if shares_the_machine(inventory, host)]
    for section in play.sections:
        for task in tasks_of(section):
            if task.settings.when or not changes_the_machine(task.module, {**task.args, **_unknown(task)}):
                continue
            for host in _targets(task, nodes, inventory):
                hint = (
                    "Give it a condition (when: node_kind | default('') not in ['process', 'netns']), leave the host "
                    "out with --limit, or use nodes with a system of their own."
                )
                raise DocumentError(why(task.module, host, inventory), where=task.position, hint=hint)


def _unknown(task: Task) -> dict[str, Any]:
    """What only the run can tell may be a virtual environment."""
    return {"virtualenv": "unknown"} if task.args_template else {}


def _targets(task: Task, nodes: list[str], inventory: Inventory) -> list[str]:
    target = task.settings.delegate_to
    connection = task.settings.connection
    if connection is not None:
        return []
    if target is None:
        return nodes[:1]
    if isinstance(target, str) and nodes and shares_the_machine(inventory, target):
        return [target]
    return []
