"""An end that is asked for wakes the main thread, also where the interpreter alone would only have noted it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from sparkbed.home import ROOT

BLOCKED = """
import signal, sys, threading, time
if sys.argv[2] == "ours":
    from sparkbed.signals import interrupt_on_ends
    interrupt_on_ends()
else:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
done = threading.Event()
def elsewhere():
    # Taken by this thread, the signal interrupts no call of the main thread: as one that came just before it blocked.
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), int(sys.argv[1]))
    done.wait(30)
threading.Thread(target=elsewhere, daemon=True).start()
lock = threading.Lock()
lock.acquire()
print("waiting", flush=True)
try:
    lock.acquire()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    time.sleep(2)  # nudges that come late do no harm
    print("cleared up", flush=True)
"""


def run(number: signal.Signals, whose: str, seconds: float) -> str:
    words = [sys.executable, "-c", BLOCKED, str(int(number)), whose]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_main_thread_that_is_blocked_is_interrupted_once(number: signal.Signals) -> None:
    assert run(number, "ours", 60).split("\n") == ["waiting", "interrupted", "cleared up", ""]


def test_the_interpreter_alone_would_wait_on() -> None:
    """What the module is for; when this fails, Python has learnt it, and the module can go."""
    assert run(signal.SIGTERM, "python's", 4) == "waiting\n"
