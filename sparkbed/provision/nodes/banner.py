"""Whether an SSH server greets."""

from __future__ import annotations

import contextlib
import socket


def greets(address: str, port: int) -> bool:
    """Whether an SSH server answers there now; waits at most five seconds for it to speak."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=5) as connection:
        return connection.recv(4) == b"SSH-"
    return False
