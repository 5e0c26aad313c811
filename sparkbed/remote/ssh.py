"""A host over SSH, by Fabric and Paramiko."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sparkbed import starting

starting.import_paramiko()

import fabric  # noqa: E402  # which imports paramiko
import paramiko  # noqa: E402

from sparkbed.agent import Unreachable, Wire, program  # noqa: E402
from sparkbed.errors import HostError  # noqa: E402
from sparkbed.remote.host import RemoteHost, last_words  # noqa: E402
from sparkbed.remote.keys import host_keys, private_key  # noqa: E402
from sparkbed.remote.refusals import refusal  # noqa: E402
from sparkbed.remote.sockets import CONNECT_TIMEOUT, SILENCE, Ahead  # noqa: E402

SSH_PORT = 22

PIECE = 1 << 18

# Paramiko logs what it also raises, tracebacks and all; without any handler Python would print that on the terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SshHost(RemoteHost):
    def __init__(self, name: str, variables: Mapping[str, Any], ahead: Ahead) -> None:
        super().__init__(name, variables)
        self._ahead = ahead
        self._connection: fabric.Connection | None = None
        self._probing = threading.Lock()

    def wire(self, nonce: str, become_user: str | None) -> Wire:
        channel = self._channel()
        channel.exec_command(program.start_line(self.python, nonce, become_user))
        return _ChannelWire(channel, self._probing)

    def execute(self, line: str) -> tuple[int, bytes, bytes]:
        channel = self._channel()
        errors = bytearray()

        def drain() -> None:
            while piece := channel.recv_stderr(1 << 18):
                errors.extend(piece)

        try:
            channel.exec_command(line)
            channel.shutdown_write()
            # Both outputs share the channel's window: one that is not read would stop the other.
            reader = threading.Thread(target=drain, daemon=True)
            reader.start()
            out = bytearray()
            while piece := channel.recv(1 << 18):
                out += piece
            status = channel.recv_exit_status()
            reader.join()
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(f"{self.name}: the connection was lost: {error}") from None
        finally:
            channel.close()
        if status < 0:
            raise Unreachable(f"{self.name}: the connection was lost before the command's end")
        return status, bytes(out), bytes(errors)

    def get(self, remote: str, local: Path) -> None:
        with self._sftp(f"get {remote}") as sftp:
            sftp.get(remote, str(local))

    def put(self, local: Path, remote: str) -> None:
        if not local.is_file():
            raise HostError(f"there is no file {local} to put on {self.name}")
        with self._sftp(f"put {remote}") as sftp:
            sftp.put(str(local), remote)

    def shell(self, command: str | None) -> int:
        from sparkbed.terminal import interact

        return interact(self._channel(), command)

    def close(self) -> None:
        super().close()
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextlib.contextmanager
    def _sftp(self, doing: str) -> Iterator[paramiko.SFTPClient]:
        with self.lock:
            self._transport()
            assert self._connection is not None
            try:
                yield self._connection.sftp()
            except OSError as error:
                raise HostError(f"{self.name}: can't {doing}: {error.strerror or error}") from None
            except (paramiko.SSHException, EOFError) as error:
                raise Unreachable(f"{self.name}: the connection was lost during {doing}: {error}") from None

    def _channel(self) -> paramiko.Channel:
        try:
            return self._transport().open_session(timeout=CONNECT_TIMEOUT)
        except (paramiko.SSHException, EOFError, OSError) as error:
            hint = "The server may allow fewer sessions (MaxSessions), or the connection is gone."
            raise Unreachable(f"{self.name}: can't open a session: {error}", hint=hint) from None

    def _transport(self) -> paramiko.Transport:
        with self.lock:
            if self._connection is None or not self._connection.is_connected:
                self._connection = self._open()
            transport: paramiko.Transport = self._connection.transport
            return transport

    def _open(self) -> fabric.Connection:
        connection = _connection_for(self.name, self.variables)
        address = f"{connection.user}@{connection.host}:{connection.port}"
        if connection.gateway is None:
            connection.connect_kwargs["sock"] = self._socket(connection.host, int(connection.port))
        try:
            connection.open()
        except BaseException as error:
            with contextlib.suppress(Exception):  # closing what never opened: the first error is the one to tell
                connection.close()
                if "sock" in connection.connect_kwargs:
                    connection.connect_kwargs["sock"].close()
            if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
                raise refusal(self.name, address, self.variables, error) from None
            raise
        connection.transport.set_keepalive(SILENCE // 4)
        return connection

    def _socket(self, host: str, port: int) -> socket.socket:
        try:
            return self._ahead.taken(host, port)
        except OSError as error:
            raise refusal(self.name, f"{host}:{port}", {}, error) from None


def _connection_for(name: str, variables: Mapping[str, Any]) -> fabric.Connection:
    known_hosts = variables.get("sparkbed_known_hosts")
    key = variables.get("ansible_ssh_private_key_file") or variables.get("ansible_private_key_file")
    kwargs: dict[str, Any] = {"banner_timeout": CONNECT_TIMEOUT, "auth_timeout": CONNECT_TIMEOUT}
    kwargs.update(allow_agent=not key, look_for_keys=not key)
    if key:
        path = Path(str(key)).expanduser()
        if not path.is_file():
            hint = "It is named by ansible_ssh_private_key_file in the inventory; for hosts of ours: inv provision."
            raise Unreachable(f"{name}: there is no private key {path}", hint=hint)
        private = private_key(path)
        kwargs.update({"key_filename": str(path)} if private is None else {"pkey": private})
    kwargs["transport_factory"] = _new_transport
    # Hosts that we made have nothing to gain from the user's own SSH settings; hosts that exist may need them. Each
    # connection has settings of its own: Fabric writes into them.
    config = fabric.Config(lazy=True, overrides={"load_ssh_configs": not known_hosts})
    config.load_ssh_config()
    port = variables.get("ansible_port")
    user = variables.get("ansible_user")
    connection = fabric.Connection(
        host=str(variables.get("ansible_host") or name),
        user=str(user) if user else None,
        port=int(port) if port else None,
        config=config,
        connect_timeout=CONNECT_TIMEOUT,
        connect_kwargs=kwargs,
    )
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    _know_host(name, connection, known_hosts)
    return connection


def _new_transport(sock: socket.socket, **choices: Any) -> paramiko.Transport:
    """With AES-GCM before Paramiko's own choice, whose digests of each packet it makes and compares in Python."""
    transport = paramiko.Transport(sock, **choices)
    options = transport.get_security_options()
    options.ciphers = sorted(options.ciphers, key=lambda cipher: "gcm" not in cipher)
    return transport


def _know_host(name: str, connection: fabric.Connection, chosen: Any) -> None:
    """Give the client the host's keys out of the known hosts files; it never writes them back.

    paramiko would read the whole files anew for each host, which is quadratic in the number of hosts.
    """
    host, port = connection.host, int(connection.port)
    entry = host if port == SSH_PORT else f"[{host}]:{port}"
    files = [Path("/etc/ssh/ssh_known_hosts"), Path.home() / ".ssh" / "known_hosts"]
    if chosen:
        files = [Path(str(chosen)).expanduser()]
    known = connection.client.get_host_keys()
    for path in files:
        if not chosen and not path.is_file():
            continue
        try:
            found: Mapping[str, paramiko.PKey] = host_keys(path).lookup(entry) or {}
        except (OSError, paramiko.SSHException) as error:
            hint = "It is named by sparkbed_known_hosts; inv provision writes it for the hosts that it makes."
            hint = hint if chosen else "ssh reads it too: look at its permissions."
            raise Unreachable(f"{name}: can't read the known host keys: {error}", where=str(path), hint=hint) from None
        for kind, key in found.items():
            if kind not in (known.lookup(entry) or {}):  # the first line that names the host counts, as for ssh
                known.add(entry, kind, key)


class _ChannelWire:
    """A Wire over an SSH channel. A host that neither sends nor takes anything is asked whether it is still there."""

    def __init__(self, channel: paramiko.Channel, probing: threading.Lock) -> None:
        self._channel = channel
        self._probing = probing
        self._silent = False
        self._words: str | None = None
        channel.settimeout(SILENCE / 4)

    def send(self, data: bytes) -> None:
        # In pieces: paramiko copies what is left of a text for each packet.
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            while piece:
                piece = piece[self._patiently(lambda piece=piece: self._channel.send(piece)) :]  # type: ignore[misc]

    def receive(self) -> bytes:
        data: bytes = self._patiently(lambda: self._channel.recv(PIECE))
        return data

    def _patiently(self, act: Callable[[], Any]) -> Any:
        """What `act` gives, as long as the server answers; a task may take any time."""
        while True:
            try:
                return act()
            except TimeoutError:
                if not self._answers():
                    self._silent = True
                    self.close()
                    raise OSError(f"the host does not answer since {SILENCE} s") from None
            except (EOFError, paramiko.SSHException) as error:  # paramiko's, where the connection ends while it sends
                raise OSError("the connection was closed") from error

    def _answers(self) -> bool:
        """Whether the SSH server answers at all, be it by a refusal."""
        transport: paramiko.Transport = self._channel.get_transport()
        with self._probing:  # paramiko knows one request at a time
            probe = threading.Thread(
                target=transport.global_request, args=("keepalive@openssh.com",), kwargs={"wait": True}, daemon=True
            )
            probe.start()
            probe.join(SILENCE)
            if not probe.is_alive():
                return True
            transport.close()
            return False

    def last_words(self) -> str:
        if self._silent:
            return f"the host does not answer since {SILENCE} s"
        if self._words is None:
            self._words = self._read_words()
        return self._words

    def _read_words(self) -> str:
        self._channel.settimeout(2)
        text = b""
        with contextlib.suppress(OSError):
            while len(text) < 4096 and (piece := self._channel.recv_stderr(4096)):
                text += piece
        status = self._channel.recv_exit_status() if self._channel.exit_status_ready() else None
        return last_words(text, status)

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()
