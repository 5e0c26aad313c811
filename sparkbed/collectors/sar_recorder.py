"""Records with sysstat's sar until its standard input closes, then prints what sadf makes of it, as JSON.

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
import subprocess
import sys
import tempfile

PR_SET_PDEATHSIG = 1


class Ended(Exception):
    """Nobody wants more samples."""


def end(_number: int, _frame: object) -> None:
    raise Ended


def die_with_parent() -> None:
    """Ours may be killed outright: the kernel then ends sar, and sar's own child notices within its interval."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_for_end(sar: "subprocess.Popen[bytes]") -> None:
    try:
        while sar.poll() is None:
            ready, _, _ = select.select([0], [], [], 1.0)
            if ready and not os.read(0, 4096):
                return
    except Ended:
        return


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
    signal.signal(signal.SIGTERM, end)
    if not (shutil.which("sar") and shutil.which("sadf")):
        return "sysstat is not installed: no sar and sadf on PATH"
    environment = dict(os.environ, LC_ALL="C", TZ="UTC", S_TIME_FORMAT="ISO")
    folder = tempfile.mkdtemp(prefix="sparkbed-sar-")
    try:
        path = os.path.join(folder, "sar")
        record(arguments.interval, path, environment)
        sys.stdout.flush()
        return convert(path, environment) if os.path.exists(path) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
