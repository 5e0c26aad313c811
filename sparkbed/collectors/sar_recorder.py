"""Records with sysstat's sar until nobody wants more, then prints what sadf makes of it, as JSON.

It ends at SIGTERM, when its standard input closes if that is a pipe, and when its parent is gone.
Runs on the hosts: Python 3.6 and later, nothing else. Stands alone: `python3 -S -E sar_recorder.py [--interval 1]`.
The recording is converted where it was made, because sadf reads only files of its own version's sar.
"""

# ruff: noqa: PTH110, PTH118, RUF005  # as Python 3.6 has it, and quick to start

import argparse
import ctypes
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

PR_SET_PDEATHSIG = 1


class Ended(Exception):
    """Nobody wants more samples."""


def end(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what was recorded is still to be converted
    raise Ended


def die_with_parent() -> None:
    """Ours may be killed outright: the kernel then ends sar, and sar's own child notices within its interval."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def inputs() -> "list[int]":
    """Standard input, if somebody holds its other end: /dev/null and files are at their end from the start."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return []
    return [0] if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else []


def wait_for_end(sar: "subprocess.Popen[bytes]") -> None:
    watched, parent = inputs(), os.getppid()
    while sar.poll() is None and os.getppid() == parent:
        ready, _, _ = select.select(watched, [], [], 1.0)
        if ready and not os.read(0, 4096):
            raise Ended


def record(interval: int, path: str, environment: "dict[str, str]") -> None:
    sar = subprocess.Popen(
        ["sar", "-o", path, str(interval)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    try:
        wait_for_end(sar)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # As Ctrl-C in a terminal: sar and the sadc that it started both end, after the record in hand.
        for number in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(sar.pid, number)
                sar.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break


def convert(path: str, environment: "dict[str, str]") -> int:
    activities = ["-u", "ALL", "-r", "-q", "LOAD", "-b", "-n", "DEV,ETCP"]
    return subprocess.run(["sadf", "-j", path, "--"] + activities, env=environment).returncode


def main() -> "int | str":
    parser = argparse.ArgumentParser(description="Records with sar, prints sadf's JSON at the end.")
    parser.add_argument("--interval", type=int, default=1, help="whole seconds between samples (1)")
    arguments = parser.parse_args()
    if not (shutil.which("sar") and shutil.which("sadf")):
        return "sysstat is not installed: no sar and sadf on PATH"
    environment = dict(os.environ, LC_ALL="C", TZ="UTC", S_TIME_FORMAT="ISO")
    folder = tempfile.mkdtemp(prefix="sparkbed-sar-")
    try:
        path = os.path.join(folder, "sar")
        try:
            signal.signal(signal.SIGTERM, end)
            record(arguments.interval, path, environment)
        except Ended:
            pass
        return convert(path, environment) if os.path.exists(path) else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
