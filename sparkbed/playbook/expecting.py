"""Whether a play is going to ask its hosts where the inventory says they are: then connecting may begin at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.playbook import modules
from sparkbed.playbook.plays import Play, Task
from sparkbed.playbook.reach import ALL_NAMES, KEYWORDS


def asks_its_hosts(play: Play, extra: Mapping[str, Any]) -> bool:
    """Not so when it goes batch by batch, says another way to its hosts, or has nothing for them to do."""
    if play.serial or any(getattr(play.settings, keyword) is not None for keyword in KEYWORDS):
        return False
    if ALL_NAMES & {*play.vars, *extra}:
        return False
    return any(map(_runs_there, play.all_tasks))


def _runs_there(task: Task) -> bool:
    spec = modules.SPECS.get(task.module)
    return spec is not None and spec.runs_on == "host" and task.settings.delegate_to is None
