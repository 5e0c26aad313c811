"""The connections to an inventory's hosts, opened when they are first asked for."""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sparkbed.agent import Agent
from sparkbed.errors import HostError, SparkbedError
from sparkbed.remote.here import LocalHost
from sparkbed.remote.host import RemoteHost
from sparkbed.remote.sockets import Ahead

Variables = Callable[[str], Mapping[str, Any]]


class Connections:
    """Lazily opened connections to hosts by their inventory names; close it, or use it in a `with`.

    `variables(host)` gives ansible_host, ansible_port, ansible_user, ansible_ssh_private_key_file,
    ansible_python_interpreter (/usr/bin/python3), ansible_connection (`ssh` or `local`), and sparkbed_known_hosts: the
    file with the host's key. Without the last, `~/.ssh/known_hosts` and `~/.ssh/config` count as they do for `ssh`.
    Safe to use from several threads; work on one host waits for its turn.
    """

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._hosts: dict[str, RemoteHost] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._ahead = Ahead()

    def __enter__(self) -> Connections:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def expect(self, hosts: Iterable[str]) -> None:
        """These hosts are going to be asked for: begin to connect to them, without waiting and without logging in.

        Only to hosts whose address the inventory alone says, as it does with `sparkbed_known_hosts`, and that are not
        connected. What is wrong with one is told when it is asked for.
        """
        for host in hosts:
            with self._lock:
                known = self._closed or host in self._hosts
            if not known:
                with contextlib.suppress(SparkbedError, ValueError, TypeError):
                    self._begin(self._variables(host), host)
        if self._ahead:
            import sparkbed.remote.ssh  # noqa: F401  # loaded meanwhile, and by one thread

    def unexpect(self) -> None:
        """End what was begun for hosts that were not asked for."""
        self._ahead.close()

    def _begin(self, variables: Mapping[str, Any], host: str) -> None:
        if variables.get("sparkbed_known_hosts") and variables.get("ansible_connection") != "local":
            self._ahead.begin(str(variables.get("ansible_host") or host), int(variables.get("ansible_port") or 22))

    def agent(self, host: str, become_user: str | None = None) -> Agent:
        """The host's agent for that user (the login user when None), started on first use or when the last was lost.

        Raises:
            Unreachable: when the host can't be reached or refuses us, its key is unknown or another, or Python or sudo
                do not work there: with what was tried, and what to do.
        """
        return self._host(host).agent(become_user)

    def execute(self, host: str, line: str, become_user: str | None = None) -> tuple[int, bytes, bytes]:
        """Run a line in the login shell there, without an agent or Python: exit status, stdout, stderr.

        Raises:
            Unreachable: when the host can't be reached, or the connection was lost before the line's end.
        """
        if become_user:
            line = shlex.join(["sudo", "-n", "-H", "-u", become_user, "--", "/bin/sh", "-c", line])
        return self._host(host).execute(line)

    def get(self, host: str, remote: str, local: Path) -> None:
        """Copy a file from the host, by SFTP. For files of any size; the directory of `local` is made."""
        local.parent.mkdir(parents=True, exist_ok=True)
        self._host(host).get(remote, local)

    def put(self, host: str, local: Path, remote: str) -> None:
        """Copy a file to the host, by SFTP, over what is there."""
        self._host(host).put(local, remote)

    def shell(self, host: str, command: str | None = None) -> int:
        """A shell on the host (or `command` in it) at this terminal; gives its exit status."""
        return self._host(host).shell(command)

    def reset(self, host: str) -> None:
        """End the host's agents and connection, if there are any; they are opened anew when they are asked for."""
        with self._lock:
            found = self._hosts.pop(host, None)
        if found is not None:
            found.close()

    def close(self) -> None:
        """End every agent and connection. What the agents run ends with them."""
        with self._lock:
            self._closed = True
            hosts, self._hosts = list(self._hosts.values()), {}
        for host in hosts:
            host.close()
        self._ahead.close()

    def _host(self, name: str) -> RemoteHost:
        with self._lock:
            if self._closed:
                raise HostError("the connections are closed already")
            if name not in self._hosts:
                self._hosts[name] = self._new(name)
            return self._hosts[name]

    def _new(self, name: str) -> RemoteHost:
        variables = self._variables(name)
        if variables.get("ansible_connection") == "local":
            return LocalHost(name, variables)
        from sparkbed.remote.ssh import SshHost  # 0.1 s, which plays on this machine alone need not wait for

        return SshHost(name, variables, self._ahead)
