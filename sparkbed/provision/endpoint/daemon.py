"""The endpoint's process: `python -m sparkbed.provision.endpoint.daemon --home FOLDER`.

It serves until no instance is left, or until SIGTERM or SIGINT; a signal leaves the instances written down, and the
next endpoint takes their nodes up again.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sparkbed.errors import ProvisionError, SparkbedError
from sparkbed.home import Home
from sparkbed.provision.endpoint import client
from sparkbed.provision.endpoint import state as states
from sparkbed.provision.keys import write_private
from sparkbed.provision.nodes import marked
from sparkbed.provision.tags import home_id

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from sparkbed.provision.endpoint.hook import Hook
    from sparkbed.provision.endpoint.reconciler import Reconciler
    from sparkbed.provision.nodes.base import NodeKind

log = logging.getLogger("sparkbed.endpoint")

PR_SET_CHILD_SUBREAPER = 36
PORTS = (2222, 2223, 22222, 42222)
"""Ports for the nodes' SSH servers: the first that is free on the reserved address."""
LINGER = 3.0
"""Seconds that it stays after the last instance has gone and the last request: longer than a client takes from finding
the endpoint to its first request."""
TRIES = 8
"""How many /24 networks are tried at each port: one is taken by another state folder, all by a listener on 0.0.0.0."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sparkbed.provision.endpoint.daemon")
    parser.add_argument("--home", type=Path, required=True, help="the state folder")
    parser.add_argument("--grace", type=float, default=15.0, help="seconds that it waits for a first instance")
    options = parser.parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    for noisy in ("asyncssh", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        _serve(Home(options.home), options.grace)
    except SparkbedError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def _serve(home: Home, grace: float) -> None:
    held = _only_one(home)
    _adopt_orphans()
    state = states.load(home.endpoint / client.STATE)
    reserved = _reserve(state, home)
    reconciler, hook = _assemble(home, state)
    life = _Life(state, reconciler, hook, home.endpoint / client.ADDRESS, grace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, life.stop)
    server = _listen(hook)
    _announce(life.address, server.server_port, state)
    log.info("serving %s with nodes in %s at port %d", home.path, state.cidr, state.port)
    try:
        reconciler.run(life.goes_on)
        if life.abandoned:
            reconciler.end_everything()
    finally:
        if not life.abandoned:
            life.address.unlink(missing_ok=True)
        server.shutdown()
        reconciler.close()
        reserved.close()
        held.close()
    log.info("ended: %s", life.reason)


def _assemble(home: Home, state: states.State) -> tuple[Reconciler, Hook]:
    """The API with the records of `state`, and what gives its instances nodes."""
    # These take a second to import, and only now is it sure that they are needed.
    from sparkbed.provision.endpoint.emulation import Emulation
    from sparkbed.provision.endpoint.hook import Hook
    from sparkbed.provision.endpoint.reconciler import Reconciler
    from sparkbed.provision.nodes.container import ContainerNodes
    from sparkbed.provision.nodes.netns import NetnsNodes
    from sparkbed.provision.nodes.process import ProcessNodes
    from sparkbed.provision.nodes.switch import Switch
    from sparkbed.provision.nodes.vm import VmNodes

    emulation = Emulation(state.cidr)
    for record in state.instances.values():
        if record.state == states.RUNNING:
            record.state = states.PENDING  # until its node answers again
    emulation.restore(state)
    switch = Switch(home_id(home))
    every: tuple[NodeKind, ...] = (
        ProcessNodes(),
        NetnsNodes(switch),
        ContainerNodes(home_id(home)),
        VmNodes(switch),
    )
    kinds = {kind.name: kind for kind in every}
    reconciler = Reconciler(state, emulation, kinds, home.nodes, home_id(home))
    hook = Hook(state, emulation, kinds, client.credentials(home).access_key, reconciler.wake)
    state.save()
    return reconciler, hook


def _listen(hook: Hook) -> BaseWSGIServer:
    """Serves the hook at a free port of the loopback address, in threads of their own."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, hook, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, name="api", daemon=True).start()
    return server


def _announce(address: Path, port: int, state: states.State) -> None:
    """Writes down how we are reached, and what tells us from a later process with our pid."""
    record = {
        "pid": os.getpid(),
        "started": marked.start_time(os.getpid()),
        "url": f"http://127.0.0.1:{port}",
        "cidr": state.cidr,
        "ssh_port": state.port,
    }
    write_private(address, json.dumps(record))


class _Life:
    """When the endpoint ends: told to, abandoned by its state folder, or without instances for long enough."""

    def __init__(self, state: states.State, reconciler: Reconciler, hook: Hook, address: Path, grace: float) -> None:
        self._state = state
        self._reconciler = reconciler
        self._hook = hook
        self._patience = grace
        self._told = False
        self.address = address
        self.abandoned = False
        self.reason = ""

    def stop(self, *_: object) -> None:
        """The handler of signals."""
        self._told = True
        # Not from here: the handler may have interrupted the very wait whose lock this takes.
        threading.Thread(target=self._reconciler.wake).start()

    def goes_on(self) -> bool:
        """Asked before each round of work; once it says no, requests are refused."""
        with self._state.lock:
            if self._state.instances:
                self._patience = min(self._patience, LINGER)
            self.reason = self._reason()
            self._hook.closing = bool(self.reason)
            return not self.reason

    def _reason(self) -> str:
        if self._told:
            return "told to"
        if not _names_us(self.address):
            self.abandoned = True
            return "the state folder was taken away, and its nodes with it"
        if self._reconciler.idle and time.monotonic() - self._hook.last_request > self._patience:
            return "no instance is left"
        return ""


def _names_us(address: Path) -> bool:
    """Whether the state folder still says that we are its endpoint; not so when somebody has removed it."""
    try:
        return bool(json.loads(address.read_text(encoding="utf-8"))["pid"] == os.getpid())
    except (OSError, ValueError, KeyError):
        return False


def _only_one(home: Home) -> IO[str]:
    """The lock that a state folder's endpoint holds as long as it lives; waits for one that is just ending."""
    file = (home.endpoint / client.LOCK).open("w", encoding="utf-8")
    deadline = time.monotonic() + 30
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ProvisionError("another endpoint serves this state folder", where=str(home.path)) from None
            time.sleep(0.05)


def _adopt_orphans() -> None:
    """Daemons started in a node's session become our children when their parents end, and can be waited for."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        log.warning("prctl(PR_SET_CHILD_SUBREAPER) failed: errno %d", ctypes.get_errno())


def _networks(home: Home) -> Iterator[str]:
    """/24 networks of 127/8 for this state folder: always the same ones, in the same order."""
    for number in range(TRIES):
        digest = hashlib.sha256(f"{home_id(home)}:{number}".encode()).digest()
        yield f"127.{64 + digest[0] % 128}.{digest[1]}.0/24"


def _reserve(state: states.State, home: Home) -> socket.socket:
    """Takes the state's network, or chooses one if it has none in use, by binding the node port on its address .1.

    Raises:
        ProvisionError: when none is free, or another process has the one that our instances are in.
    """
    keep = state.cidr and state.instances
    choices = [(state.cidr, state.port)] if keep else [(cidr, port) for port in PORTS for cidr in _networks(home)]
    for cidr, port in choices:
        reserved = socket.socket()
        try:
            reserved.bind((cidr.replace(".0/24", ".1"), port))
        except OSError:
            reserved.close()
            continue
        state.cidr, state.port = cidr, port
        return reserved
    tried = ", ".join(sorted({f"{cidr} port {port}" for cidr, port in choices})[:4])
    raise ProvisionError(
        f"no network for nodes is free (tried {tried})",
        hint="Another program listens there, perhaps on all addresses: `ss -ltnp` shows it.",
    )


if __name__ == "__main__":
    sys.exit(main())
