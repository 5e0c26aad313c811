"""The controller's half of an agent: calls and long runs as messages over a wire, one at a time."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sparkbed.agent import program
from sparkbed.errors import HostError

PIECE = 1 << 18


class Unreachable(HostError):
    """A host can't be reached, or the connection to it was lost in the middle."""


class Wire(Protocol):
    """Two streams of bytes to a process on a host."""

    def send(self, data: bytes) -> None:
        """Write all of it. Raises OSError when the process is gone."""

    def receive(self) -> bytes:
        """What has come, at least one byte; nothing when the process closed its output."""

    def last_words(self) -> str:
        """What the process wrote to its standard error, and its exit status where known: for an error's text."""

    def close(self) -> None:
        """Close both streams; the agent ends when it sees that. Never raises."""


@dataclass(frozen=True)
class Finished:
    """How a long-running program ended. `rc` is negative when a signal ended it; `seconds` is its own wall time."""

    rc: int
    seconds: float
    timed_out: bool
    cancelled: bool = False


class Agent:
    """One agent on one host: it takes one call at a time, in the order of the threads that ask.

    `round_trips` counts the messages that were answered: what a link's latency is paid for.
    """

    def __init__(self, host: str, wire: Wire, nonce: str) -> None:
        self.host = host
        self.round_trips = 0
        self.closed = False
        self._wire = wire
        self._buffer = bytearray()
        self._calls = threading.Lock()
        self._sending = threading.Lock()
        self._number = 0
        self._running: int | None = None
        hello = self._hello(nonce)
        self.pid: int = hello["pid"]
        self.python: str = hello["python"]
        self._magic: str = hello["magic"]
        self._sent: frozenset[str] = frozenset()

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(
        self,
        module: str,
        items: Sequence[Mapping[str, Any]],
        *,
        check: bool = False,
        diff: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Run one module once an item, all items in one message: a result with Ansible's keys for each, in order.

        A module's failure is a result with `failed` and `msg`, never an exception.

        Raises:
            Unreachable: when the connection was lost; the agent is of no use afterwards.
        """
        message = {"call": module, "items": list(items), "check": check, "diff": diff}
        if environment:
            message["environment"] = {key: str(value) for key, value in environment.items()}
        reply = self._ask(message, doing=f"running the module {module!r}")
        results: list[dict[str, Any]] = reply["results"]
        for result in results:
            for name in ("stdout", "stderr"):
                if isinstance(result.get(name), str):  # the lines are made here: twice the text need not come
                    result.setdefault(f"{name}_lines", result[name].splitlines())
        return results

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdout: str,
        stderr: str,
        deadline: float | None = None,
        on_started: Callable[[int], None] | None = None,
    ) -> Finished:
        """Run a program to its end, in a session of its own, with its outputs in files on the host.

        `env` is added to the agent's environment. When `deadline` seconds have passed, `cancel` was called from another
        thread, or this controller is gone, the program and all its descendants get SIGTERM, and SIGKILL 5 seconds
        later; what it leaves running at its own end goes the same way. `on_started` is given the process id.

        Raises:
            HostError: when the program can't be started or a file can't be opened.
            Unreachable: when the connection was lost; then the host ends the program by itself.
        """
        message: dict[str, Any] = {"run": list(argv), "env": dict(env or {}), "cwd": cwd, "deadline": deadline}
        message.update(stdout=stdout, stderr=stderr)

        def event(reply: Mapping[str, Any], _: bytes) -> None:
            if reply["event"] == "started" and on_started is not None:
                on_started(reply["pid"])

        reply = self._ask(message, doing=f"running {argv[0]!r}", on_event=event)
        return Finished(reply["rc"], reply["seconds"], reply["timed_out"], reply["cancelled"])

    def cancel(self) -> None:
        """End what runs now, from another thread; its caller gets the result. Nothing happens when nothing runs."""
        running = self._running
        if running is not None:
            with contextlib.suppress(OSError), self._sending:
                self._wire.send(json.dumps({"cancel": running}).encode("ascii") + b"\n")

    def read(self, path: str, offset: int = 0, limit: int | None = None) -> bytes:
        """A regular file's bytes from `offset` on. Raises HostError when it can't be read."""
        data = bytearray()
        self.fetch(path, data.extend, offset=offset, limit=limit)
        return bytes(data)

    def fetch(
        self, path: str, write: Callable[[bytes], Any], *, offset: int = 0, limit: int | None = None
    ) -> dict[str, Any]:
        """Give a regular file's bytes to `write` in pieces, in one round trip. The answer: size, checksum, md5sum."""
        message = {"read": path, "offset": offset, "limit": limit}
        reply = self._ask(message, doing=f"reading {path}", on_event=lambda _, raw: write(raw))
        return {key: reply[key] for key in ("size", "checksum", "md5sum")}

    def upload(self, source: Path, beside: str, on_progress: Callable[[int, int], object] | None = None) -> str:
        """Send a file as it is into a new private file beside the path `beside`; gives its name, for `copy`'s `staged`.

        It is removed when the agent ends, if nothing took it. `on_progress` is given the bytes on their way, and all.
        """
        with source.open("rb") as file:
            size = source.stat().st_size

            def read() -> bytes:
                if on_progress is not None:
                    on_progress(min(file.tell(), size), size)
                return file.read(PIECE)

            pieces = iter(read, b"")
            reply = self._ask({"receive": beside, "size": size}, doing=f"sending {source}", raw=_exactly(pieces, size))
        return str(reply["staged"])

    def close(self) -> None:
        """End the agent. What it runs ends too."""
        self.closed = True
        self._wire.close()

    # -- messages -----------------------------------------------------------------------------------------------------

    def _ask(
        self,
        message: dict[str, Any],
        *,
        doing: str,
        raw: Iterable[bytes] = (),
        on_event: Callable[[Mapping[str, Any], bytes], None] | None = None,
    ) -> dict[str, Any]:
        with self._calls:
            if self.closed:
                raise Unreachable(f"the agent on {self.host} has ended", hint="Ask the connections for a new one.")
            self._number += 1
            self._running = number = self._number
            message["id"] = number
            lacking = program.needed(message) - self._sent
            if lacking:
                message["parts"] = program.parts(sorted(lacking), self._magic)
                self._sent |= lacking
            # What YAML has and JSON has not (dates) goes as text.
            line = json.dumps(message, default=str).encode("ascii") + b"\n"
            try:
                self._send(line, raw)
                reply = self._answer(number, on_event)
            except Unreachable as error:
                self.close()
                raise Unreachable(f"{error.what} while {doing}", where=error.where, hint=error.hint) from None
            except BaseException:
                # Half a message may be on its way; the stream can't be used again.
                self.close()
                raise
            finally:
                self._running = None
            self.round_trips += 1
        if "error" in reply:
            raise HostError(f"{self.host}: {reply['error']}", hint=f"It happened while {doing}.")
        return reply

    def _send(self, line: bytes, raw: Iterable[bytes]) -> None:
        with self._sending:
            for data in itertools.chain([line], raw):
                try:
                    self._wire.send(data)
                except OSError:
                    raise self._lost() from None

    def _answer(self, number: int, on_event: Callable[[Mapping[str, Any], bytes], None] | None) -> dict[str, Any]:
        while True:
            reply = json.loads(self._line())
            raw = self._bytes(reply["raw"]) if "raw" in reply else b""
            if reply.get("id") != number:
                continue
            if "event" not in reply:
                return dict(reply)
            if on_event is not None:
                on_event(reply, raw)

    def _hello(self, nonce: str) -> dict[str, Any]:
        """The agent's first line; what a login script prints before it is passed over."""
        noise = 0
        while noise < 1 << 20:
            line = self._line()
            noise += len(line)
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict) and said.get("agent") == nonce:
                    return said
        raise Unreachable(f"{self.host}: a login script writes without end to its standard output")

    def _line(self) -> bytes:
        start = 0
        while True:
            end = self._buffer.find(b"\n", start)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            start = len(self._buffer)
            self._fill()

    def _bytes(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> None:
        try:
            data = self._wire.receive()
        except OSError:
            data = b""
        if not data:
            raise self._lost()
        self._buffer += data

    def _lost(self) -> Unreachable:
        words = self._wire.last_words()
        return Unreachable(
            f"{self.host}: the connection to its agent was lost",
            hint=f"The agent's last words: {words}" if words else "Is the host still up, and not out of memory?",
        )


def _exactly(pieces: Iterable[bytes], size: int) -> Iterable[bytes]:
    """As many bytes as were announced, even of a file that grows or shrinks meanwhile."""
    left = size
    for piece in pieces:
        yield piece[:left]
        left -= min(left, len(piece))
        if not left:
            return
    while left:
        yield bytes(min(left, PIECE))
        left -= min(left, PIECE)


def sha1_of(path: Path) -> str:
    """A file's SHA-1, which Ansible calls its checksum: a name for the content, not a protection."""
    summer = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            summer.update(piece)
    return summer.hexdigest()
