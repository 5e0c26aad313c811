"""How a task's host is reached: by the caller's connections, or by others where the play says something else.

The inventory's hosts are reached as the inventory says. Variables of plays and tasks, `set_fact`, extra variables,
`add_host` and the keywords `connection`, `port` and `remote_user` may say otherwise, as may a host's name that means
this machine.
"""

from __future__ import annotations

import getpass
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2.utils import missing

from sparkbed.playbook.hosts import Hosts
from sparkbed.playbook.plays import Settings
from sparkbed.playbook.templating import TemplateError, final
from sparkbed.playbook.variables import Scope, rendered_connection_variables
from sparkbed.remote import Agent, Connections

NAMES = (
    "ansible_connection",
    "ansible_host",
    "ansible_port",
    "ansible_user",
    "ansible_ssh_private_key_file",
    "ansible_private_key_file",
    "ansible_python_interpreter",
    "sparkbed_known_hosts",
)
"""The variables that say how a host is reached."""

OTHER_NAMES = {
    "ansible_ssh_host": "ansible_host",
    "ansible_ssh_port": "ansible_port",
    "ansible_ssh_user": "ansible_user",
}
"""Ansible's older names of some of them, which win."""

ALL_NAMES = frozenset((*NAMES, *OTHER_NAMES))

KEYWORDS = {"connection": "ansible_connection", "port": "ansible_port", "remote_user": "ansible_user"}
"""Keywords that say the same, where no variable does."""

Way = tuple[tuple[str, Any], ...]
"""What is said beyond the inventory, sorted; nothing for most hosts."""


class Reach:
    """The connections of one run. Safe to use from several threads."""

    def __init__(self, given: Connections, hosts: Hosts) -> None:
        self._given = given
        self._hosts = hosts
        self._others: dict[Way, Connections] = {}
        self._known: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def way(self, host: str, scope: Scope, settings: Settings) -> Way:
        """What `scope` and a task's keywords say of the way to `host` that its inventory does not."""
        said = self._said(host)
        found: dict[str, Any] = {}
        defined = scope.defined(ALL_NAMES)
        for name in (*NAMES, *OTHER_NAMES):
            if name not in defined:
                continue
            value = final(scope.resolve(name))
            if value != said.get(name):
                found[OTHER_NAMES.get(name, name)] = value
        for keyword, name in KEYWORDS.items():
            raw = getattr(settings, keyword)
            if raw is not None and name not in found and scope.resolve(name) is missing:
                found[name] = scope.value(raw)
        kind = str(found.get("ansible_connection", "ssh")).removeprefix("ansible.builtin.")
        if kind not in ("local", "ssh", "smart"):
            raise TemplateError(f"connection {kind!r} is outside the subset: it has local and ssh")
        if "ansible_connection" in found:
            found["ansible_connection"] = "local" if kind == "local" else "ssh"
        return tuple(sorted(found.items()))

    def expect(self, hosts: Iterable[str]) -> None:
        """Begin to connect to those of these hosts that the inventory has."""
        self._given.expect(host for host in hosts if host in self._hosts.given.hosts)

    def agent(self, host: str, way: Way, become_user: str | None) -> Agent:
        """The host's agent; see `Connections.agent`."""
        return self._connections(host, way).agent(host, become_user=become_user)

    def execute(self, host: str, way: Way, line: str, become_user: str | None) -> tuple[int, bytes, bytes]:
        """Run a shell line there without an agent; see `Connections.execute`."""
        return self._connections(host, way).execute(host, line, become_user)

    def login(self, host: str, way: Way) -> str | None:
        """The user that we connect as, where the inventory or the play says it; this one on this machine."""
        said = {**self._said(host), **dict(way)}
        if said.get("ansible_connection") == "local":
            return getpass.getuser()
        user = said.get("ansible_user")
        return str(user) if user else None

    def reset(self, host: str) -> None:
        """End what is open to `host`; the next task connects anew."""
        with self._lock:
            every = [self._given, *self._others.values()]
        for connections in every:
            connections.reset(host)

    def close(self) -> None:
        """End what was opened beyond the caller's connections, and what was begun ahead for nothing."""
        self._given.unexpect()
        with self._lock:
            others, self._others = list(self._others.values()), {}
        for connections in others:
            connections.close()

    def _connections(self, host: str, way: Way) -> Connections:
        if not way and host in self._hosts.given.hosts:
            return self._given
        with self._lock:
            if way not in self._others:
                self._others[way] = Connections(lambda name: {**self._said(name), **dict(way)})
            return self._others[way]

    def _said(self, host: str) -> Mapping[str, Any]:
        """What the inventory says; nothing of a host that it does not have."""
        if host not in self._known:
            self._known[host] = rendered_connection_variables(self._hosts.given, host)
        return self._known[host]
