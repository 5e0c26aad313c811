"""The two pipes to the controller: JSON, one object a line; a message may be followed by raw bytes that it announces.

The controller's end is watched while anything runs: when it is gone, what we run for it must end too.
"""

import errno
import os
import select
import time

from . import plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
    from typing import Any
else:
    try:  # the module signal itself loads enum, which loads much else
        import _signal as signal
    except ImportError:
        import signal


class ControllerGone(BaseException):
    """The controller closed its end, or asked this process to end. Nothing may swallow it."""


class Cancelled(Exception):
    """The controller wants the current call to end."""


class Session:
    """Reads from and writes to the controller; `poll` waits for other things without losing sight of it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.gone = False
        self.cancelled = False
        # A child's end is noticed at once: its signal writes a byte into this pipe.
        self._wake, wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, _number: int, _frame: object) -> None:
        self.gone = True

    def _fill(self) -> None:
        chunk = os.read(0, 1 << 18)
        if not chunk:
            self.gone = True
        self._buffer += chunk

    def _wait(self) -> None:
        """Until there is more from the controller, or it is gone."""
        while not self.gone:
            if 0 in self._select({0: select.POLLIN}, None):
                self._fill()
                return

    def _select(self, files: "dict[int, int]", seconds: "float | None") -> "set[int]":
        poller = select.poll()
        for descriptor, events in files.items():
            poller.register(descriptor, events)
        poller.register(self._wake, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(None if seconds is None else max(0, int(seconds * 1000)))}
        if self._wake in ready:
            ready.discard(self._wake)
            try:
                os.read(self._wake, 4096)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
        return ready

    def message(self) -> "dict[str, Any] | None":
        """The next message; None when the controller is gone."""
        start = 0
        while True:
            end = self._buffer.find(b"\n", start)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                message = plain_json.loads(line.decode("ascii"))
                start = 0
                if "cancel" in message:  # it came after the end of what it was meant for
                    continue
                self.cancelled = False
                return message  # type: ignore[no-any-return]  # JSON is untyped
            start = len(self._buffer)
            self._wait()
            if self.gone:
                return None

    def raw(self, size: int) -> bytes:
        """The next `size` bytes that a message announced."""
        while len(self._buffer) < size:
            self._wait()
            if self.gone:
                raise ControllerGone
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def send(self, message: "dict[str, Any]", raw: bytes = b"") -> None:
        """Write a message, and the raw bytes that belong to it."""
        if raw:
            message["raw"] = len(raw)
        data = memoryview(plain_json.dumps(message).encode("ascii") + b"\n" + raw)
        while data:
            try:
                data = data[os.write(1, data) :]
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    self._select({1: select.POLLOUT}, None)
                elif error.errno in (errno.EPIPE, errno.ECONNRESET):
                    raise ControllerGone from None
                else:
                    raise

    def poll(self, files: "dict[int, int]", seconds: "float | None") -> "set[int]":
        """Wait for `files` (descriptor: events), a child's end, or `seconds`. Gives the descriptors that are ready.

        Raises ControllerGone or Cancelled as soon as it is known.
        """
        if self.gone:
            raise ControllerGone
        ready = self._select(_with_controller(files), seconds)
        if 0 in ready:
            ready.discard(0)
            self._fill()
            self._look_for_cancel()
        if self.gone:
            raise ControllerGone
        if self.cancelled:
            raise Cancelled("cancelled by the controller")
        return ready

    def _look_for_cancel(self) -> None:
        """Only a cancellation may come while a call is at work; it is one short line."""
        end = self._buffer.find(b"\n")
        if end >= 0 and "cancel" in plain_json.loads(bytes(self._buffer[:end]).decode("ascii")):
            del self._buffer[: end + 1]
            self.cancelled = True

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the controller goes or cancels."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return
            self.poll({}, left)


def _with_controller(files: "dict[int, int]") -> "dict[int, int]":
    watched = dict(files)
    watched[0] = select.POLLIN
    return watched


class Call:
    """What a module is told beside its arguments."""

    def __init__(self, session: Session, check: bool, diff: bool, environment: "dict[str, str]") -> None:
        self.session = session
        self.check = check
        self.diff = diff
        self.environment = environment
        self.inherited = dict(os.environ)  # what programs get besides


class Failed(Exception):
    """A module's clean failure: the message, and more result keys."""

    def __init__(self, msg: str, **more: "Any") -> None:
        Exception.__init__(self, msg)
        self.result = dict(more, failed=True, msg=msg)
        self.result.setdefault("changed", False)
