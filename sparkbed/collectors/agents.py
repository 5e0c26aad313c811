"""Places on other machines: what they are, and how programs are started there, through an agent of their own.

An agent takes one call at a time and a watch lasts as long as a trial, so every watch has connections to itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sparkbed.collectors.base import Launch, Place
from sparkbed.collectors.places import IDENTITY, STOP_SECONDS, WAIT_SECONDS, places
from sparkbed.errors import HostError

if TYPE_CHECKING:
    from sparkbed.agent.client import Agent, Finished
    from sparkbed.remote import Connections

_MAKE_FOLDER = """
import glob, os, shutil, sys, tempfile
prefix = os.path.join(tempfile.gettempdir(), "sparkbed-watch-")
for old in glob.glob(prefix + "*"):
    try:
        os.readlink("/proc/%s/exe" % old[len(prefix):].split("-")[0])
    except OSError:  # it is gone, a zombie, or another user's, who can't be the agent of a folder that we can remove
        shutil.rmtree(old, ignore_errors=True)
print(tempfile.mkdtemp(prefix="sparkbed-watch-%s-" % sys.argv[1]))
"""
"""Makes a folder named by the agent's pid, and removes those of agents that were cut off from their controller."""

Connect = Callable[[], "Connections"]
"""New connections to the inventory's hosts; the watch that asked for them closes them."""


def places_of(hosts: Iterable[str], connections: Connections, connect: Connect) -> list[Place]:
    """The machines and network namespaces that `hosts` are on, each once (see `places.places`).

    Raises:
        HostError: when a host can't be reached.
    """
    identities = {host: _identity(connections.agent(host)) for host in hosts}
    return places(identities, lambda host: launch_on(host, connect))


def launch_on(host: str, connect: Connect) -> Launch:
    """The way to start a program on a host (see `base.Launch`)."""

    def launch(argv: Sequence[str]) -> AgentWatch:
        connections = connect()
        try:
            return AgentWatch(host, connections, argv)
        except BaseException:
            connections.close()
            raise

    return launch


def _identity(agent: Agent) -> str:
    [result] = agent.call("command", [{"argv": list(IDENTITY)}])
    if result.get("failed") or result.get("rc"):
        raise HostError(f"{agent.host} does not say which machine it is: {result.get('msg') or result.get('stderr')}")
    return str(result["stdout"])


class AgentWatch:
    """A program on a host. The agent ends it when we are gone, or when its wire breaks."""

    def __init__(self, host: str, connections: Connections, argv: Sequence[str]) -> None:
        self._host = host
        self._connections = connections
        self._agent = connections.agent(host)
        made = self._call("command", argv=["python3", "-S", "-E", "-c", _MAKE_FOLDER, str(self._agent.pid)])
        self._folder = str(made["stdout"]).strip()
        self._finished: Finished | None = None
        self._error: HostError | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(list(argv),), name=f"watch {host}", daemon=True)
        self._thread.start()
        self._begun.wait(STOP_SECONDS)

    def stop(self) -> bytes:
        return self._output(STOP_SECONDS, cancel=True)

    def wait(self) -> bytes:
        return self._output(WAIT_SECONDS, cancel=False)

    def _output(self, seconds: float, cancel: bool) -> bytes:
        try:
            if cancel:
                self._agent.cancel()
            self._thread.join(seconds)
            if self._error is not None:
                raise self._error
            if self._finished is None:
                raise HostError(f"the program did not end within {seconds:.0f} s", where=self._host)
            if self._finished.rc != 0:
                errors = self._agent.read(f"{self._folder}/stderr").decode("utf-8", "replace")
                last = errors.strip().rpartition("\n")[2]
                raise HostError(f"the program ended with status {self._finished.rc}: {last}", where=self._host)
            return self._agent.read(f"{self._folder}/stdout")
        finally:
            if self._finished is not None:
                self._call("file", path=self._folder, state="absent")
            self._connections.close()

    def _run(self, argv: list[str]) -> None:
        out, err = f"{self._folder}/stdout", f"{self._folder}/stderr"
        try:
            self._finished = self._agent.run(argv, stdout=out, stderr=err, on_started=lambda _: self._begun.set())
        except HostError as error:
            self._error = error
        finally:
            self._begun.set()

    def _call(self, module: str, **item: Any) -> dict[str, Any]:
        [result] = self._agent.call(module, [item])
        if result.get("failed") or result.get("rc"):
            raise HostError(f"no folder for what is gathered: {result.get('msg')}", where=self._host)
        return result
