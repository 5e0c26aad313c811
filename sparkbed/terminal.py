"""A person's terminal joined to a program on a host: raw keys, window size, and the program's exit status."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from typing import Protocol


class Channel(Protocol):
    """What is used of an SSH channel."""

    def get_pty(self, term: str, width: int, height: int) -> None: ...
    def resize_pty(self, width: int, height: int) -> None: ...
    def invoke_shell(self) -> None: ...
    def exec_command(self, command: str) -> None: ...
    def fileno(self) -> int: ...
    def recv(self, nbytes: int) -> bytes: ...
    def recv_ready(self) -> bool: ...
    def recv_stderr(self, nbytes: int) -> bytes: ...
    def recv_stderr_ready(self) -> bool: ...
    def sendall(self, s: bytes) -> None: ...
    def shutdown_write(self) -> None: ...
    def exit_status_ready(self) -> bool: ...
    def recv_exit_status(self) -> int: ...
    def close(self) -> None: ...


def interact(channel: Channel, command: str | None) -> int:
    """Join standard input and output to a login shell, or to `command`; gives the exit status when it ends.

    At a terminal the other side gets a terminal too; otherwise plain pipes, with standard error apart.
    """
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        if at_terminal:
            size = os.get_terminal_size(sys.stdin.fileno())
            channel.get_pty(os.environ.get("TERM", "vt100"), size.columns, size.lines)
        if command is None:
            channel.invoke_shell()
        else:
            channel.exec_command(command)
        with _raw_keys(channel) if at_terminal else contextlib.nullcontext():
            _pump(channel)
        return channel.recv_exit_status()
    finally:
        channel.close()


@contextlib.contextmanager
def _raw_keys(channel: Channel) -> Iterator[None]:
    """Every key goes to the other side, also Ctrl-C, and it learns of a new window size."""

    def resized(_number: int, _frame: object) -> None:
        size = os.get_terminal_size(sys.stdin.fileno())
        channel.resize_pty(size.columns, size.lines)

    saved = termios.tcgetattr(sys.stdin)
    previous = signal.signal(signal.SIGWINCH, resized)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        signal.signal(signal.SIGWINCH, previous)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)


def _pump(channel: Channel) -> None:
    """Until the channel has no more to say. It counts as readable for standard output and error alike."""
    keys = [sys.stdin.fileno()]
    while True:
        ready, _, _ = select.select([channel.fileno(), *keys], [], [])
        if keys and keys[0] in ready:
            data = os.read(keys[0], 4096)
            if data:
                with contextlib.suppress(OSError):
                    channel.sendall(data)
            else:
                keys = []
                channel.shutdown_write()
        if channel.fileno() not in ready:
            continue
        if channel.recv_stderr_ready():
            _write(2, channel.recv_stderr(1 << 16))
        elif channel.recv_ready() or not channel.exit_status_ready():
            data = channel.recv(1 << 16)
            if not data:
                return
            _write(1, data)
        else:
            return


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
