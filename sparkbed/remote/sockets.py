"""TCP connections to hosts: they send at once, acknowledge at once, and notice a host that went away.

Connections can be begun ahead: the server makes itself ready while we load what speaks SSH.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import threading
import time

CONNECT_TIMEOUT = 15
"""Seconds for TCP, and again for the server's banner and for its answer to our key."""
SILENCE = 60
"""Seconds without an acknowledgement after which a host counts as gone."""
FRESH = 10.0
"""Seconds for which a connection begun ahead is used: servers close those that do not log in, soonest after 20."""


class PromptSocket(socket.socket):
    """Acknowledges what it receives at once.

    OpenSSH's server leaves Nagle's algorithm on for sessions without a terminal: with a delayed acknowledgement each
    second small packet of a login waits for it, 40 ms. The kernel forgets the option, so it is set again and again.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super().recv(size, flags)


def connected(host: str, port: int) -> socket.socket:
    """A connection. Raises OSError."""
    return _ready(socket.create_connection((host, port), timeout=CONNECT_TIMEOUT))


def _ready(plain: socket.socket) -> socket.socket:
    prompt = PromptSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    prompt.settimeout(None)
    prompt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        prompt.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)
    return prompt


class Ahead:
    """Connections that are begun before they are asked for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, int], tuple[socket.socket, float]] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        """Whether any was begun and not yet taken."""
        return bool(self._begun)

    def begin(self, host: str, port: int) -> None:
        """Begin one and don't wait; nothing happens for names, whose look-up would take its time, and on errors."""
        try:
            family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        except ValueError:
            return
        with self._lock, contextlib.suppress(OSError, OverflowError):  # whoever asks for it will hear
            if (host, port) in self._begun:
                return
            begun = socket.socket(family, socket.SOCK_STREAM)
            try:
                begun.setblocking(False)
                begun.connect((host, port))
            except BlockingIOError:
                pass
            except BaseException:
                begun.close()
                raise
            self._begun[host, port] = begun, time.monotonic()

    def taken(self, host: str, port: int) -> socket.socket:
        """The one that was begun, or a new one when that failed or is too old. Raises OSError."""
        with self._lock:
            begun, since = self._begun.pop((host, port), (None, 0.0))
        if begun is None:
            return connected(host, port)
        try:
            if time.monotonic() - since < FRESH:
                poller = select.poll()
                poller.register(begun, select.POLLOUT)
                if not poller.poll(CONNECT_TIMEOUT * 1000):
                    raise TimeoutError(f"timed out after {CONNECT_TIMEOUT} s")
                if begun.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    return _ready(begun)
        finally:
            begun.close()  # of which nothing is left once it is another object's
        return connected(host, port)

    def close(self) -> None:
        """End those that nobody asked for."""
        with self._lock:
            begun, self._begun = list(self._begun.values()), {}
        for connection, _ in begun:
            connection.close()
