"""What the endpoint writes down, and is the truth: a restarted endpoint makes its API's records anew from it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sparkbed.errors import ProvisionError
from sparkbed.provision.keys import write_private

Form = dict[str, str]
"""The fields of a request of EC2's query API, flat: `TagSpecification.1.Tag.1.Key` and so on."""

PENDING, RUNNING, SHUTTING_DOWN = "pending", "running", "shutting-down"


@dataclass
class Instance:
    """One instance: the request that made it, and what came of it. A terminated one is not written down any more."""

    id: str
    address: str
    kind: str
    form: Form
    authorized_key: str
    launched: str
    state: str = PENDING
    tags: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    launch_index: int = 0


@dataclass
class Launch:
    """A RunInstances request that was answered: the same token gets the same answer as long as an instance lives."""

    digest: str
    answer: str
    instances: list[str]


@dataclass
class Group:
    """A security group: the request that made it, and those that added rules."""

    form: Form
    rules: list[Form] = field(default_factory=list)


@dataclass
class State:
    """All of it. `lock` guards this object and the emulation behind it; `settled` is told when an instance's state
    changes.

    `cidr` is the endpoint's own network, `networks` those of node kinds that have one of theirs.
    """

    path: Path
    cidr: str = ""
    port: int = 0
    networks: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Form] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    launches: dict[str, Launch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.settled = threading.Condition(self.lock)

    def wait_settled(self, ids: Iterable[str], seconds: float) -> None:
        """Waits, with the lock given up, while one of the instances is pending or all that are left of them are ending,
        but no longer than `seconds`."""
        wanted = set(ids)
        self.settled.wait_for(lambda: not self._in_transit(wanted), seconds)

    def _in_transit(self, ids: set[str]) -> bool:
        states = {self.instances[one].state for one in ids if one in self.instances}
        return PENDING in states or states == {SHUTTING_DOWN}

    def save(self) -> None:
        """Writes it whole or not at all; user data holds host keys, so only the owner reads it.

        Raises:
            OSError: when it can't be written (disk full).
        """
        document = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "path"}
        # Every change of every instance comes here: json does it in C only without an indent, and asdict copies all.
        write_private(self.path, json.dumps(document, default=vars))

    def forget(self, instance_id: str) -> None:
        """Takes an instance out that is gone, and the launches of which nothing is left."""
        self.instances.pop(instance_id, None)
        for token, launch in list(self.launches.items()):
            if not any(one in self.instances for one in launch.instances):
                del self.launches[token]


def load(path: Path) -> State:
    """The state in the file, or an empty one.

    Raises:
        ProvisionError: when the file is not what `save` writes.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State(path)
    except (ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    try:
        return State(
            path,
            cidr=document["cidr"],
            port=document["port"],
            networks=document.get("networks", {}),  # older ones have none
            keys=document["keys"],
            groups={key: Group(**value) for key, value in document["groups"].items()},
            instances={key: Instance(**value) for key, value in document["instances"].items()},
            launches={key: Launch(**value) for key, value in document["launches"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ProvisionError:
    return ProvisionError(
        f"the local endpoint's state can't be read: {error}",
        where=str(path),
        hint="Move the file away to start afresh. What still runs on its nodes has SPARKBED_NODE in its environment.",
    )


def tags_in(form: Form, kind: str = "instance") -> dict[str, str]:
    """The tags that a request gives to resources of `kind` at their creation."""
    tags = {}
    number = 1
    while f"TagSpecification.{number}.ResourceType" in form:
        if form[f"TagSpecification.{number}.ResourceType"] == kind:
            tags.update(listed_tags(form, f"TagSpecification.{number}.Tag"))
        number += 1
    return tags


def listed_tags(form: Form, prefix: str = "Tag") -> dict[str, str]:
    """The tags listed under `prefix`: `prefix.1.Key`, `prefix.1.Value`, ..."""
    tags = {}
    number = 1
    while f"{prefix}.{number}.Key" in form:
        tags[form[f"{prefix}.{number}.Key"]] = form.get(f"{prefix}.{number}.Value", "")
        number += 1
    return tags


def listed(form: Form, prefix: str) -> list[str]:
    """The values listed as `prefix.1`, `prefix.2`, ..."""
    values: list[str] = []
    while (key := f"{prefix}.{len(values) + 1}") in form:
        values.append(form[key])
    return values
