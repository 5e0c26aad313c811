"""Gives every instance of the API a node, takes it away when the instance ends, and ends instances whose time is up."""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import yaml

from sparkbed.errors import HostError
from sparkbed.provision.endpoint.emulation import Emulation
from sparkbed.provision.endpoint.state import PENDING, RUNNING, SHUTTING_DOWN, Instance, State
from sparkbed.provision.nodes import containers, marked, switch
from sparkbed.provision.nodes.base import Limits, Node, NodeKind, NodeSpec
from sparkbed.provision.tags import BANDWIDTH, CPUS, EXPIRES, MEMORY, PORT, SHARES, USER

log = logging.getLogger(__name__)

SWEEP = 2.0
"""Seconds between two looks at everything, should nobody have woken us."""
REMEMBERED = 60.0
"""Seconds that the API lists an instance after its end (EC2: an hour or so); who waits for the end sees it by then."""
RETRY = 10.0
"""Seconds until a node that could not be ended is tried again."""


class Reconciler:
    """Makes what runs agree with what the state says. `home_id` tells our nodes from another state folder's."""

    def __init__(
        self, state: State, emulation: Emulation, kinds: Mapping[str, NodeKind], folder: Path, home_id: str
    ) -> None:
        self._state = state
        self._emulation = emulation
        self._kinds = kinds
        self._folder = folder
        self._home_id = home_id
        self._busy: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._zombies: set[int] = set()
        self._unsaved = False
        self._wake = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="node")

    def wake(self) -> None:
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether no instance is left and nothing is being done. Asked under the state's lock."""
        return not self._state.instances and not self._busy

    def run(self, go_on: Callable[[], bool]) -> None:
        """Works until `go_on` says no."""
        self._clear_strays()
        while go_on():
            self._wake.clear()
            self._step()
            self._zombies = marked.reap(self._zombies)
            self._wake.wait(SWEEP)

    def end_everything(self) -> None:
        """Ends every node without writing it down: for a state folder that is no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for record in self._state.instances.values():
            try:
                self._kinds[record.kind].stop(self._node(record))
            except HostError as error:
                log.error("%s", error)

    def close(self) -> None:
        """Stops serving nodes; what runs on them goes on, and a later endpoint takes them up."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._unsaved:
            self._keep()
        for kind in self._kinds.values():
            kind.close()

    def _clear_strays(self) -> None:
        """Ends what is left of nodes that no instance stands for any more."""
        with self._state.lock:
            kept = [self._marker(instance_id) for instance_id in self._state.instances]
        try:
            for marker in switch.end_strays(self._home_id, kept):
                log.warning("cleared what the stray node %s had at the switch", marker)
        except HostError as error:
            log.error("what stray nodes left could not be cleared: %s", error)
        for folder in self._folder.iterdir():
            if folder.name not in self._state.instances:
                log.warning("clearing a stray node %s", folder.name)
                marked.end(self._marker(folder.name))
                shutil.rmtree(folder, ignore_errors=True)
        if not containers.reachable():
            return
        try:
            for marker in containers.end_strays(self._home_id, kept):
                log.warning("cleared what the stray node %s had in the Docker engine", marker)
        except HostError as error:
            log.error("what stray nodes left in the Docker engine could not be cleared: %s", error)

    def _step(self) -> None:
        with self._state.lock:
            for record in list(self._state.instances.values()):
                if record.state != SHUTTING_DOWN and _expired(record):
                    self._end(record, None)
                if record.id in self._busy or time.monotonic() < self._not_before.get(record.id, 0):
                    continue
                if record.state == PENDING:
                    self._submit(self._start, record)
                elif record.state == SHUTTING_DOWN:
                    self._submit(self._stop, record)
            if self._unsaved and not self._busy:
                self._keep()
            self._forget_ended()

    def _forget_ended(self) -> None:
        over = [one for one, moment in self._ended.items() if time.monotonic() > moment + REMEMBERED]
        if over:
            self._emulation.forget(over)
            for one in over:
                del self._ended[one]

    def _keep(self) -> None:
        """Writes down what nodes came to be, once for all that came up together."""
        try:
            self._state.save()
        except OSError as error:  # a full disk; the next step tries again
            log.error("%s could not be written: %s", self._state.path, error)
        else:
            self._unsaved = False

    def _submit(self, work: Callable[[Instance], None], record: Instance) -> None:
        self._busy.add(record.id)

        def done() -> None:
            try:
                work(record)
            except Exception:  # the border of a pool thread: nobody else would see it
                log.exception("instance %s", record.id)
                self._not_before[record.id] = time.monotonic() + RETRY
            finally:
                with self._state.lock:
                    self._busy.discard(record.id)
                self._wake.set()

        self._pool.submit(done)

    def _start(self, record: Instance) -> None:
        try:
            spec = self._spec(record)
            node = self._kinds[record.kind].start(spec)
        except HostError as error:
            log.error("instance %s has no node: %s", record.id, error)
            with self._state.lock:
                self._end(record, error.what)
            return
        with self._state.lock:
            if record.state != PENDING:
                return  # terminated meanwhile
            record.state = RUNNING
            learned = {PORT: str(node.port), USER: node.user, SHARES: str(node.shares).lower()}
            record.tags.update(learned)
            self._emulation.tag(record.id, learned)
            self._emulation.show(record.id, "running")
            self._unsaved = True  # an endpoint that takes this over has every node answer again in any case
            self._state.settled.notify_all()

    def _end(self, record: Instance, failure: str | None) -> None:
        record.state = SHUTTING_DOWN
        record.failure = failure
        self._emulation.terminate(record.id)
        self._emulation.show(record.id, "shutting-down", failure)
        self._state.save()
        self._state.settled.notify_all()
        self._wake.set()

    def _stop(self, record: Instance) -> None:
        self._kinds[record.kind].stop(self._node(record))
        with self._state.lock:
            self._emulation.release(record.id)
            self._emulation.show(record.id, "terminated", record.failure)
            self._ended[record.id] = time.monotonic()
            self._state.forget(record.id)
            self._not_before.pop(record.id, None)
            self._state.settled.notify_all()
            self._state.save()

    def _node(self, record: Instance) -> Node:
        folder, marker = self._folder / record.id, self._marker(record.id)
        return Node(record.id, record.address, self._port(record), "", folder, marker)

    def _port(self, record: Instance) -> int:
        return self._kinds[record.kind].port or self._state.port

    def _marker(self, instance_id: str) -> str:
        return f"{instance_id}@{self._home_id}"

    def _spec(self, record: Instance) -> NodeSpec:
        return NodeSpec(
            instance_id=record.id,
            address=record.address,
            port=self._port(record),
            folder=self._folder / record.id,
            marker=self._marker(record.id),
            host_key=_host_key(record.form.get("UserData", "")),
            authorized_key=record.authorized_key,
            limits=Limits(
                cpus=float(record.tags[CPUS]) if CPUS in record.tags else None,
                memory=int(record.tags[MEMORY]) if MEMORY in record.tags else None,
                bandwidth=int(record.tags[BANDWIDTH]) if BANDWIDTH in record.tags else None,
            ),
        )


@lru_cache(maxsize=16)  # all instances of a launch have the same
def _host_key(user_data: str) -> str:
    """The private host key in an instance's user data, which is cloud-config as cloud-init reads it."""
    try:
        document = yaml.safe_load(base64.b64decode(user_data))
        return str(document["ssh_keys"]["ed25519_private"])
    except (binascii.Error, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise HostError("the instance's user data names no ed25519 host key (ssh_keys in cloud-config)") from error


def _expired(record: Instance) -> bool:
    """Whether the moment in the instance's tag has passed; a tag that is no moment is not ours and says nothing."""
    with contextlib.suppress(ValueError):
        if EXPIRES in record.tags:
            return datetime.now(timezone.utc) >= datetime.fromisoformat(record.tags[EXPIRES])
    return False
