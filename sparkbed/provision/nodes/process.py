"""Node kind `process`: an SSH server on a loopback address of its own, served by this process, without root.

Its sessions are processes of the user who runs the endpoint: nothing separates nodes but their address, their
folder (HOME, working directory and TMPDIR) and the marker in their environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import threading
from collections.abc import Coroutine
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from sparkbed.errors import HostError
from sparkbed.provision.nodes import containers, marked
from sparkbed.provision.nodes.base import Node, NodeSpec
from sparkbed.provision.nodes.session import Seat, serve

Result = TypeVar("Result")

KEX = ("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
"""The fast key exchanges, which every SSH client of the last ten years knows."""


class ProcessNodes:
    """All process nodes of an endpoint, on one asyncio loop in a thread of its own."""

    name = "process"
    port: int | None = None

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._listeners: dict[str, _Listener] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="nodes", daemon=True)
        self._thread.start()

    def network(self, current: str | None) -> None:  # noqa: ARG002 - loopback addresses need none
        return None

    def start(self, spec: NodeSpec) -> Node:
        spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (spec.folder / "tmp").mkdir(exist_ok=True)
        try:
            self._await(self._listen(spec))
        except (OSError, asyncssh.Error, ValueError) as error:
            if not marked.carrying(spec.marker):
                shutil.rmtree(spec.folder, ignore_errors=True)
            raise HostError(
                f"no SSH server could be started at {spec.address} port {spec.port}: {error}",
                hint="Does another program listen there? `ss -ltnp` shows it.",
            ) from error
        return Node(spec.instance_id, spec.address, spec.port, _user(), spec.folder, spec.marker, shares=True)

    def stop(self, node: Node) -> None:
        self._await(self._unlisten(node.instance_id))
        remaining = marked.end(node.marker)
        # After the processes, so that none of them starts another.
        if containers.reachable():
            containers.end_node(node.marker)
        shutil.rmtree(node.folder, ignore_errors=True)
        if remaining:
            pids = ", ".join(str(process.pid) for process in remaining)
            raise HostError(
                f"processes of node {node.instance_id} can't be ended: {pids}", hint="See `ps -o stat,wchan`."
            )

    def close(self) -> None:
        for instance_id in list(self._listeners):
            self._await(self._unlisten(instance_id))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def _await(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def _listen(self, spec: NodeSpec) -> None:
        listener = _Listener(spec)
        await listener.open()
        self._listeners[spec.instance_id] = listener

    async def _unlisten(self, instance_id: str) -> None:
        listener = self._listeners.pop(instance_id, None)
        if listener:
            await listener.close()


class _Listener:
    """One node's SSH server and the sessions on it."""

    def __init__(self, spec: NodeSpec) -> None:
        self._spec = spec
        self._seat = Seat(spec.folder, spec.marker, spec.address, spec.port)
        self._authorized = _public_key(spec.authorized_key)
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._sessions: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._acceptor = await asyncssh.listen(
            self._spec.address,
            self._spec.port,
            server_factory=self._greet,
            server_host_keys=[_private_key(self._spec.host_key)],
            process_factory=self._session,
            sftp_factory=lambda channel: _Files(channel, self._spec.folder),
            encoding=None,
            line_editor=False,
            kex_algs=list(KEX),
            compression_algs=None,
            agent_forwarding=False,
            x11_forwarding=False,
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            login_timeout=30,
            keepalive_interval=30,
            backlog=100,
        )

    def _greet(self) -> asyncssh.SSHServer:
        return _Door(self._authorized, self._connections)

    def _session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        # A task of our own: asyncssh cancels its tasks with the connection, and then nobody would end the command.
        task = asyncio.get_running_loop().create_task(serve(process, self._seat))
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)

    async def close(self) -> None:
        self._acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*self._sessions, return_exceptions=True), timeout=10)


@lru_cache(maxsize=16)  # the nodes of a launch share their keys
def _private_key(text: str) -> asyncssh.SSHKey:
    return asyncssh.import_private_key(text)


@lru_cache(maxsize=16)
def _public_key(text: str) -> asyncssh.SSHKey:
    return asyncssh.import_public_key(text)


class _Files(asyncssh.SFTPServer):
    """SFTP on the whole file system, as for any login; relative paths start at the node's folder."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], folder: Path) -> None:
        super().__init__(channel)
        self._folder = os.fsencode(folder)

    def map_path(self, path: bytes) -> bytes:
        return os.path.join(self._folder, path)  # noqa: PTH118 - SFTP's paths are bytes, which pathlib does not take

    def exit(self) -> None:
        # asyncssh reports no exit status after SFTP, which OpenSSH's scp takes for a failure.
        self.channel.exit(0)


class _Door(asyncssh.SSHServer):
    """Lets one key in, for the user who runs the endpoint. No forwarding of any kind (asyncssh's default)."""

    def __init__(self, authorized: asyncssh.SSHKey, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._authorized = authorized
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature; the key decides
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == _user() and key == self._authorized


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name
