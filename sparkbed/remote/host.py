"""What the kinds of hosts share: their agents; and what is said when none comes up."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkbed.agent import Agent, Unreachable, Wire, program

START_TIMEOUT = 60
"""Seconds for an agent to say that it is there."""


class RemoteHost:
    """One host: its agents, and how to reach it, which the two kinds below answer."""

    def __init__(self, name: str, variables: Mapping[str, Any]) -> None:
        self.name = name
        self.variables = variables
        self.python = str(variables.get("ansible_python_interpreter") or "/usr/bin/python3")
        self.lock = threading.RLock()
        self._agents: dict[str | None, Agent] = {}

    def agent(self, become_user: str | None) -> Agent:
        with self.lock:
            agent = self._agents.get(become_user)
            if agent is None or agent.closed:
                agent = self._agents[become_user] = self._start(become_user)
            return agent

    def _start(self, become_user: str | None) -> Agent:
        nonce = secrets.token_hex(8)
        wire = self.wire(nonce, become_user)
        # A login script or a sudo that hangs would hold us for ever.
        impatient = threading.Timer(START_TIMEOUT, wire.close)
        impatient.daemon = True
        impatient.start()
        try:
            wire.send(program.payload())
            return Agent(self.name, wire, nonce)
        except (OSError, Unreachable):
            words = wire.last_words()
            wire.close()
            raise agent_failed(self.name, self.python, become_user, words) from None
        except BaseException:
            wire.close()
            raise
        finally:
            impatient.cancel()

    def close(self) -> None:
        for agent in self._agents.values():
            agent.close()

    def wire(self, nonce: str, become_user: str | None) -> Wire:
        raise NotImplementedError

    def execute(self, line: str) -> tuple[int, bytes, bytes]:
        raise NotImplementedError

    def get(self, remote: str, local: Path) -> None:
        raise NotImplementedError

    def put(self, local: Path, remote: str) -> None:
        raise NotImplementedError

    def shell(self, command: str | None) -> int:
        raise NotImplementedError


def agent_failed(host: str, python: str, become_user: str | None, words: str) -> Unreachable:
    """Why no agent came up, from what the shell, sudo or Python said."""
    said = words or "nothing"
    if become_user:
        said = "; ".join(said.splitlines())
        hint = f"It said: {said}. Install sudo there, and allow the login user `sudo -n -u {become_user}` unasked."
        return Unreachable(f"{host}: can't become {become_user} by sudo", hint=hint)
    hint = f"It said: {said}. Install Python 3.6 or later there, or set ansible_python_interpreter."
    return Unreachable(f"{host}: can't start {python}", hint=hint)


def last_words(stderr: bytes, status: int | None) -> str:
    text = stderr.decode("utf-8", "replace").strip()
    ended = f"exit status {status}" if status is not None else ""
    return "; ".join(part for part in (text, ended) if part)
