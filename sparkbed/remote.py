"""SSH to hosts, over Fabric: one connection a host, on it one agent for each user, bulk files and interactive shells.

Host keys are always checked against known ones; nothing is trusted on first use. Round trips are what remote work
costs, so the agent's messages go over one channel, and Nagle's algorithm is off before the first byte: it would add
40 ms to each exchange.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sparkbed import starting

starting.import_paramiko()

import fabric  # noqa: E402  # which imports paramiko
import paramiko  # noqa: E402
from cryptography.exceptions import UnsupportedAlgorithm  # noqa: E402

from sparkbed.agent import Agent, Finished, Unreachable, Wire, program  # noqa: E402
from sparkbed.errors import HostError  # noqa: E402

__all__ = ["Agent", "Connections", "Finished", "Unreachable"]

SSH_PORT = 22

CONNECT_TIMEOUT = 15
"""Seconds for TCP, and again for the server's banner and for its answer to our key."""
SILENCE = 60
"""Seconds without an acknowledgement after which a host counts as gone."""

PIECE = 1 << 18
START_TIMEOUT = 60
"""Seconds for an agent to say that it is there."""

# Paramiko logs what it also raises, tracebacks and all; without any handler Python would print that on the terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

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
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Connections:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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

    def _host(self, name: str) -> _Host:
        with self._lock:
            if self._closed:
                raise HostError("the connections are closed already")
            if name not in self._hosts:
                variables = self._variables(name)
                kind = _LocalHost if variables.get("ansible_connection") == "local" else _SshHost
                self._hosts[name] = kind(name, variables)
            return self._hosts[name]


class _Host:
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
            raise _agent_failed(self.name, self.python, become_user, words) from None
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


def _agent_failed(host: str, python: str, become_user: str | None, words: str) -> Unreachable:
    """Why no agent came up, from what the shell, sudo or Python said."""
    said = words or "nothing"
    if become_user:
        said = "; ".join(said.splitlines())
        hint = f"It said: {said}. Install sudo there, and allow the login user `sudo -n -u {become_user}` unasked."
        return Unreachable(f"{host}: can't become {become_user} by sudo", hint=hint)
    hint = f"It said: {said}. Install Python 3.6 or later there, or set ansible_python_interpreter."
    return Unreachable(f"{host}: can't start {python}", hint=hint)


# -- over SSH ---------------------------------------------------------------------------------------------------------


class _SshHost(_Host):
    def __init__(self, name: str, variables: Mapping[str, Any]) -> None:
        super().__init__(name, variables)
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
            connection.connect_kwargs["sock"] = _socket(self.name, connection.host, int(connection.port))
        try:
            connection.open()
        except BaseException as error:
            with contextlib.suppress(Exception):  # closing what never opened: the first error is the one to tell
                connection.close()
                if "sock" in connection.connect_kwargs:
                    connection.connect_kwargs["sock"].close()
            if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
                raise _refusal(self.name, address, self.variables, error) from None
            raise
        connection.transport.set_keepalive(SILENCE // 4)
        return connection


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
        private = _private_key(path)
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


_reading_keys = threading.Lock()
_private_keys: dict[tuple[Path, int, int], paramiko.PKey | None] = {}


def _private_key(path: Path) -> paramiko.PKey | None:
    """The key in a file, read once until it changes; None where Paramiko's own search shall say what is wrong."""
    try:
        about = path.stat()
        with _reading_keys:
            version = (path, about.st_mtime_ns, about.st_size)
            if version not in _private_keys:
                _private_keys[version] = paramiko.PKey.from_path(path)
            return _private_keys[version]
    except (OSError, ValueError, TypeError, paramiko.SSHException, UnsupportedAlgorithm):
        return None


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
            found: Mapping[str, paramiko.PKey] = _host_keys(path).lookup(entry) or {}
        except (OSError, paramiko.SSHException) as error:
            hint = "It is named by sparkbed_known_hosts; inv provision writes it for the hosts that it makes."
            hint = hint if chosen else "ssh reads it too: look at its permissions."
            raise Unreachable(f"{name}: can't read the known host keys: {error}", where=str(path), hint=hint) from None
        for kind, key in found.items():
            if kind not in (known.lookup(entry) or {}):  # the first line that names the host counts, as for ssh
                known.add(entry, kind, key)


_files_of_keys: dict[tuple[Path, int, int], paramiko.HostKeys] = {}


def _host_keys(path: Path) -> paramiko.HostKeys:
    """The keys in a known hosts file, read once until it changes."""
    about = path.stat()
    with _reading_keys:
        version = (path, about.st_mtime_ns, about.st_size)
        if version not in _files_of_keys:
            _files_of_keys[version] = paramiko.HostKeys(str(path))
        return _files_of_keys[version]


class _PromptSocket(socket.socket):
    """Acknowledges what it receives at once.

    OpenSSH's server leaves Nagle's algorithm on for sessions without a terminal: with a delayed acknowledgement each
    second small packet of a login waits for it, 40 ms. The kernel forgets the option, so it is set again and again.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super().recv(size, flags)


def _socket(name: str, host: str, port: int) -> socket.socket:
    """A TCP connection that sends at once and notices a host that went away."""
    try:
        connected = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT)
    except OSError as error:
        raise _refusal(name, f"{host}:{port}", {}, error) from None
    connected = _PromptSocket(connected.family, connected.type, connected.proto, fileno=connected.detach())
    connected.settimeout(None)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)
    return connected


def _refusal(name: str, address: str, variables: Mapping[str, Any], error: BaseException) -> Unreachable:
    """What a failed connection attempt means for the person, and what to do about it."""
    text = str(error) or type(error).__name__
    if isinstance(error, paramiko.BadHostKeyException):
        what = f"{name} ({address}) shows another host key than the known one"
        hint = (
            f"Shown: {error.key.get_name()} {error.key.fingerprint}; known: {error.expected_key.get_name()} "
            f"{error.expected_key.fingerprint}. Another machine may answer there. If the host was made anew, correct "
            "its line in the known hosts file."
        )
        return Unreachable(what, hint=hint)
    if "not found in known_hosts" in text:
        hint = "Add the key, from a source that you trust, to the known hosts file; it is never accepted unseen."
        return Unreachable(f"{name} ({address}) shows a host key that is not known", hint=hint)
    if isinstance(error, paramiko.PasswordRequiredException):
        return Unreachable(
            f"{name}: the private key has a passphrase", hint="Load it into ssh-agent, or use another key."
        )
    if isinstance(error, paramiko.AuthenticationException) or "No authentication methods" in text:
        key = variables.get("ansible_ssh_private_key_file") or "the keys of ssh-agent and ~/.ssh"
        hint = f"Is the public half among that user's authorized keys? The server said: {text}"
        return Unreachable(f"{name} ({address}) did not accept {key}", hint=hint)
    if "private key" in text:
        key = variables.get("ansible_ssh_private_key_file") or "a key of ~/.ssh"
        return Unreachable(f"{name}: {key} is no private key that can be read: {text}", hint="Name another key.")
    if isinstance(error, OSError) and error.filename:
        hint = "Look at its owner and permissions."
        return Unreachable(f"{name}: {error.filename} can't be read: {error.strerror}", hint=hint)
    if isinstance(error, socket.gaierror):
        hint = "Check ansible_host in the inventory."
        return Unreachable(f"{name}: no address is known for {address.rpartition(':')[0]}", hint=hint)
    if isinstance(error, ConnectionRefusedError):
        hint = "Is its SSH server up? For hosts of ours: inv status, inv provision."
        return Unreachable(f"{name} ({address}) refused the connection", hint=hint)
    if isinstance(error, (socket.timeout, TimeoutError)) or "timed out" in text.lower():
        hint = "Is the host up, and does a firewall let us through?"
        return Unreachable(f"{name} ({address}) did not answer within {CONNECT_TIMEOUT} s", hint=hint)
    if isinstance(error, paramiko.SSHException) or not isinstance(error, OSError):
        hint = "Does an SSH server listen at that port?"
        return Unreachable(f"{name} ({address}): the SSH connection failed: {text}", hint=hint)
    return Unreachable(f"{name} ({address}) can't be reached: {error.strerror or text}", hint="Check the inventory.")


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
        return _words(text, status)

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()


def _words(stderr: bytes, status: int | None) -> str:
    text = stderr.decode("utf-8", "replace").strip()
    ended = f"exit status {status}" if status is not None else ""
    return "; ".join(part for part in (text, ended) if part)


# -- on this machine --------------------------------------------------------------------------------------------------


class _LocalHost(_Host):
    """`ansible_connection: local`: the same agent, as a process of ours."""

    def wire(self, nonce: str, become_user: str | None) -> Wire:
        try:
            return _PipeWire(program.start_command(self.python, nonce, become_user))
        except OSError as error:
            raise _agent_failed(self.name, self.python, become_user, error.strerror or str(error)) from None

    def execute(self, line: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run(["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def get(self, remote: str, local: Path) -> None:
        self._copy(remote, str(local))

    def put(self, local: Path, remote: str) -> None:
        self._copy(str(local), remote)

    def _copy(self, source: str, target: str) -> None:
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise HostError(f"{self.name}: can't copy {source} to {target}: {error.strerror}") from None

    def shell(self, command: str | None) -> int:
        shell = os.environ.get("SHELL") or "/bin/sh"
        return subprocess.run([shell, *(["-c", command] if command else [])], check=False).returncode


class _PipeWire:
    """A Wire over the pipes of a process on this machine."""

    def __init__(self, argv: list[str]) -> None:
        # A file, as nobody reads a pipe while the agent is at work.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process; `close` closes it
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True, bufsize=0
        )

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._process.stdin.write(view) :]
        except ValueError as error:  # closed by another thread
            raise OSError(str(error)) from None

    def receive(self) -> bytes:
        assert self._process.stdout is not None
        try:
            return self._process.stdout.read(1 << 18)
        except ValueError:
            return b""

    def last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        try:
            text = os.pread(self._errors.fileno(), 4096, 0)
        except ValueError:
            text = b""
        return _words(text, self._process.returncode)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            # The agent gives what it runs some seconds to end before it ends itself.
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
