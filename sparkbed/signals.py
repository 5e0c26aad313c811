"""Ends that are asked for (Ctrl-C, SIGTERM, a closed terminal) reach the main thread wherever it waits.

Python runs a signal's handler between two of the main thread's instructions. A signal that arrives just before that
thread blocks (in a lock, a join, a wait for a child) is noted by the interpreter, but nothing wakes the thread: the run
would go on until what it waits for ends by itself. So a thread of ours hears of every signal and nudges the main
thread by one that does nothing but interrupt what it is blocked in.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NUDGE = signal.SIGURG
"""Ignored by default, and sent by nobody else to a program without out-of-band data."""
PAUSES = (0.05, 0.2, 0.5, 1.0)
"""Seconds before each nudge: the first may come just too early as well."""


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)  # Ctrl-C has none: at a terminal it was sent to our children as well


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    pass


def interrupt_on_ends() -> None:
    """Have SIGTERM and SIGHUP (unless nohup had it ignored) raise KeyboardInterrupt as SIGINT does, also in a wait."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked to outlive the terminal
        signal.signal(signal.SIGHUP, _interrupt)
    signal.signal(NUDGE, _nothing)
    ours, interpreters = socket.socketpair()
    interpreters.setblocking(False)
    signal.set_wakeup_fd(interpreters.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_nudge, args=(ours,), name="signals", daemon=True).start()


def _nudge(heard: socket.socket) -> None:
    main = threading.main_thread().ident
    while main is not None and (numbers := heard.recv(64)):
        if any(number in ENDS for number in numbers):
            for pause in PAUSES:
                time.sleep(pause)
                signal.pthread_kill(main, NUDGE)
