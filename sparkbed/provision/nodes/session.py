"""One SSH session on a process node: a command, or a shell on a terminal.

Output is pumped by hand. asyncssh's own redirection loses the end of a long output when the process exits
(measured: 15 of 30 MB arrived), so here the exit status is sent only after both pipes have been read to their end.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pwd
import signal
import struct
import termios
from asyncio.subprocess import Process as Child
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from sparkbed.provision.nodes import containers
from sparkbed.provision.nodes.base import MARKER

CHUNK = 1 << 16
IDLE = 0.5
"""Seconds without output after which a finished command's pipes are given up: a background process holds them."""
HANGUP_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL for a session whose client is gone."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Seat:
    """Where sessions of a node take place: its folder (HOME and working directory) and its marker."""

    folder: Path
    marker: str
    address: str
    port: int


def environment(seat: Seat, process: asyncssh.SSHServerProcess[bytes]) -> dict[str, str]:
    """A session's environment: the system's PATH, HOME and TMPDIR in the node's folder, what the client asked for."""
    user = pwd.getpwuid(os.getuid())
    peer = process.get_extra_info("peername") or ("127.0.0.1", 0)
    result = {
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "SHELL": login_shell(),
        **_engine(),
        **_asked_for(process.env),
        "HOME": str(seat.folder),
        "TMPDIR": str(seat.folder / "tmp"),
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SSH_CLIENT": f"{peer[0]} {peer[1]} {seat.port}",
        "SSH_CONNECTION": f"{peer[0]} {peer[1]} {seat.address} {seat.port}",
        MARKER: seat.marker,
    }
    if process.term_type:
        result["TERM"] = process.term_type
    return result


def _engine() -> dict[str, str]:
    """Where the node's Docker engine listens: whoever started the nodes may have another than the system's."""
    path = containers.socket_path()
    return {} if path == containers.SOCKET else {"DOCKER_HOST": f"unix://{path}"}


def _asked_for(env: Mapping[Any, Any]) -> dict[str, str]:
    def text(value: Any) -> str:
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)

    return {text(name): text(value) for name, value in env.items()}


def login_shell() -> str:
    """The user's shell if it can be used, else /bin/sh."""
    shell = pwd.getpwuid(os.getuid()).pw_shell
    usable = shell and os.access(shell, os.X_OK) and Path(shell).name not in ("nologin", "false", "true")
    return shell if usable else "/bin/sh"


async def serve(process: asyncssh.SSHServerProcess[bytes], seat: Seat) -> None:
    """Serves one session from its request to its exit status."""
    try:
        if process.subsystem:  # SFTP does not come here
            process.stderr.write(f"there is no subsystem {process.subsystem}\n".encode())
            process.exit(127)
        elif process.term_type:
            await _on_terminal(process, seat)
        else:
            await _on_pipes(process, seat)
    except (OSError, asyncssh.Error) as error:
        if not process.channel.is_closing():
            process.stderr.write(f"the session could not be served: {error}\n".encode())
            process.exit(255)


def _arguments(process: asyncssh.SSHServerProcess[bytes]) -> list[str]:
    """Commands are run by /bin/sh, which is what remote execution expects; a session without one gets a login shell."""
    if process.command is not None:
        return ["/bin/sh", "-c", process.command]
    return [login_shell(), "-l"]


# -- commands and shells ----------------------------------------------------------------------------------------------


class _Outward:
    """Pumps one pipe of the child to the client."""

    def __init__(self, fd: int, writer: asyncssh.SSHWriter[bytes]) -> None:
        self._fd = fd
        self._writer = writer
        self.moved = 0
        self.waits_for_client = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=CHUNK)
        pipe = os.fdopen(self._fd, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            # A terminal reports its end as an input/output error, a client that left as a broken pipe.
            with contextlib.suppress(OSError, asyncssh.Error):
                while data := await reader.read(CHUNK):
                    self._writer.write(data)
                    self.moved += len(data)
                    self.waits_for_client = True
                    await self._writer.drain()
                    self.waits_for_client = False
        finally:
            self.waits_for_client = False
            transport.close()


class _Inward:
    """Pumps what the client sends to the child: its input, signals and terminal sizes."""

    def __init__(self, fd: int, process: asyncssh.SSHServerProcess[bytes], terminal: int | None = None) -> None:
        self._fd = fd
        self._process = process
        self._terminal = terminal
        self.child: Child | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(self._fd, "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        try:
            while (data := await self._next()) is not None:
                with contextlib.suppress(OSError):  # the child has closed its input; signals may still come
                    writer.write(data)
                    await writer.drain()
            if self._terminal is not None:
                writer.write(b"\x04")
                await writer.drain()
                await asyncio.get_running_loop().create_future()  # the terminal stays open until the child ends
        except (OSError, asyncssh.Error):
            pass  # the client is gone; whoever waits for the child sees to it
        finally:
            transport.close()

    async def _next(self) -> bytes | None:
        """What the client sent; empty after a signal or a new terminal size, None at its end."""
        try:
            data = await self._process.stdin.read(CHUNK)
        except asyncssh.TerminalSizeChanged as change:
            if self._terminal is not None:
                resize(self._terminal, change.width, change.height)
            return b""
        except asyncssh.SignalReceived as received:
            number = getattr(signal, f"SIG{received.signal}", None)
            if self.child and isinstance(number, signal.Signals):
                signal_group(self.child.pid, number)
            return b""
        except asyncssh.BreakReceived:
            return b""
        return data or None


def resize(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def signal_group(leader: int, number: signal.Signals) -> None:
    """Sends to the process group of a session's first process, which is our child and not yet waited for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


async def _on_pipes(process: asyncssh.SSHServerProcess[bytes], seat: Seat) -> None:
    # Pipes of our own: asyncio gives a child a socket for its input, which can't be opened as /dev/stdin.
    (in_read, in_write), (out_read, out_write), (err_read, err_write) = os.pipe(), os.pipe(), os.pipe()
    theirs = (in_read, out_write, err_write)
    try:
        child = await asyncio.create_subprocess_exec(
            *_arguments(process),
            stdin=in_read,
            stdout=out_write,
            stderr=err_write,
            cwd=seat.folder,
            env=environment(seat, process),
            start_new_session=True,
        )
    except OSError:
        for fd in (in_write, out_read, err_read):
            os.close(fd)
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    inward = _Inward(in_write, process)
    inward.child = child
    outward = [_Outward(out_read, process.stdout), _Outward(err_read, process.stderr)]
    await _attend(process, child, inward, outward)


def _take_terminal() -> None:
    """In the child: makes its standard input the controlling terminal of its new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def _on_terminal(process: asyncssh.SSHServerProcess[bytes], seat: Seat) -> None:
    ours, theirs = os.openpty()
    resize(ours, process.term_size[0] or 80, process.term_size[1] or 24)
    try:
        child = await asyncio.create_subprocess_exec(
            *_arguments(process),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=seat.folder,
            env=environment(seat, process),
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    inward = _Inward(os.dup(ours), process, terminal=ours)
    inward.child = child
    await _attend(process, child, inward, [_Outward(ours, process.stdout)])


async def _attend(
    process: asyncssh.SSHServerProcess[bytes], child: Child, inward: _Inward, outward: list[_Outward]
) -> None:
    """Waits for the child's end, or ends it when the client goes away; then sends the rest and the status."""
    inwards = asyncio.ensure_future(inward.run())
    pumps = {asyncio.create_task(pump.run()) for pump in outward}
    ended = asyncio.ensure_future(child.wait())
    closed = asyncio.ensure_future(process.wait_closed())
    try:
        await asyncio.wait({ended, closed}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await _hang_up(child, ended)
        await _drain(pumps, outward, closed)
    finally:
        for task in (inwards, closed, *pumps):
            task.cancel()
        await asyncio.gather(inwards, closed, *pumps, return_exceptions=True)
    _report(process, child.returncode or 0)


async def _hang_up(child: Child, ended: asyncio.Future[int]) -> None:
    """The client left: its process group goes. Daemons that made a session of their own stay."""
    signal_group(child.pid, signal.SIGHUP)
    signal_group(child.pid, signal.SIGTERM)
    await asyncio.wait({ended}, timeout=HANGUP_GRACE)
    if not ended.done():
        signal_group(child.pid, signal.SIGKILL)
        await ended


async def _drain(pumps: set[asyncio.Task[None]], outward: list[_Outward], closed: asyncio.Future[Any]) -> None:
    """Lets the pumps reach the pipes' end. A pipe that a background process holds open ends with `IDLE`."""
    pending = pumps
    while pending and not closed.done():
        before = sum(pump.moved for pump in outward)
        _, pending = await asyncio.wait(pending, timeout=IDLE)
        if before == sum(pump.moved for pump in outward) and not any(pump.waits_for_client for pump in outward):
            return


def _report(process: asyncssh.SSHServerProcess[bytes], code: int) -> None:
    if process.channel.is_closing():
        return
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)
