"""Waiting in the threads of a run: a run that is ended wakes them, as the interpreter waits for them at its own end."""

from __future__ import annotations

import threading
import time

_thread = threading.local()


class RunEndedError(BaseException):
    """The run was interrupted while this thread waited. Nothing may take it for a failure of the task."""


def adopt(ended: threading.Event) -> None:
    """Let `sleep` in this thread end when `ended` is set."""
    _thread.ended = ended


def sleep(seconds: float) -> None:
    """Sleep. In a thread that adopted an event, until that is set at most.

    Raises:
        RunEndedError: when it was set.
    """
    ended: threading.Event | None = getattr(_thread, "ended", None)
    if ended is None:
        time.sleep(seconds)
    elif ended.wait(seconds):
        raise RunEndedError
