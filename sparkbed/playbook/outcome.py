"""What one task came to on one host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False, repr=False)
class Item:
    """One round of a loop: its result, and how output names it."""

    result: dict[str, Any]
    label: Any
    ignore_errors: bool = False


@dataclass(eq=False, repr=False)
class Learned:
    """Facts of a host: those that tasks `set`, and those that modules `gathered`."""

    set: dict[str, Any] = field(default_factory=dict)
    gathered: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Outcome:
    """What one task came to on one host. `result` has Ansible's keys; a loop's has `results`.

    `elsewhere` are facts that belong to other hosts, because the task says `delegate_facts`.
    """

    host: str
    result: dict[str, Any]
    items: list[Item] | None = None
    notify: list[str] = field(default_factory=list)
    learned: Learned = field(default_factory=Learned)
    elsewhere: dict[str, Learned] = field(default_factory=dict)
    no_log: bool = False
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    delegated_to: str | None = None
    # The module's arguments by the identity of its result; kept only for -vvv.
    arguments: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`unreachable`, `failed`, `skipped`, `changed` or `ok`."""
        return status_of(self.result)

    @property
    def message(self) -> str:
        """What went wrong, in the task's own words."""
        for item in self.items or ():
            if status_of(item.result) in ("failed", "unreachable"):
                return f"(item={item.label}) {item.result.get('msg', '')}".strip()
        return str(self.result.get("msg", ""))


def status_of(result: Mapping[str, Any]) -> str:
    for name in ("unreachable", "failed", "skipped", "changed"):
        if result.get(name):
            return name
    return "ok"
