"""An end that is asked for wakes the main thread, also where the interpreter alone would only have noted it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sparkbed.home import ROOT

BLOCKED = """
import signal, sys, threading, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests that nohup started would hand it on ignored
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


CHILD = """
import sys, time
try:
    print("started", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1.5)
    print("child cleared up", flush=True)
    sys.exit(3)
"""
PARENT = """
import sys
from pathlib import Path
from sparkbed import checks, signals
signals.interrupt_on_ends()
try:
    checks.run([sys.executable, "-c", sys.argv[1]], apart=sys.argv[2] == "apart")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(("to", "where"), [("parent", "beside"), ("both", "beside"), ("group", "apart")])
def test_tests_and_benchmarks_may_clear_up_when_we_are_to_end(to: str, where: str) -> None:
    """SIGTERM is for the parent alone; Ctrl-C at a terminal goes to both, and must not come twice."""
    words = [sys.executable, "-c", PARENT, CHILD, where]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        if to == "parent":
            process.send_signal(signal.SIGTERM)
        else:
            os.killpg(process.pid, signal.SIGINT if to == "both" else signal.SIGTERM)
        assert process.communicate(timeout=60)[0].split("\n") == ["child cleared up", "interrupted", ""]


@pytest.mark.full
def test_an_interrupted_benchmark_clears_up_and_says_no_more(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks", "nodes", "--rounds", "9", "--kinds", "process", "--sizes", "1"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[0] == "nodes"
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=90)
    assert (process.returncode, said) == (130, "")
    left = [one.pid for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or ())]
    assert left == []
    assert list(tmp_path.glob("sparkbed-bench-*")) == []
