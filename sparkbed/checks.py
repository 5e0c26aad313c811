"""Running the project's own checks: lint, types, tests by tier, benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

import psutil

from sparkbed.errors import UsageError
from sparkbed.home import ROOT

LINT = (
    ("ruff check", [sys.executable, "-m", "ruff", "check", "."]),
    ("ruff format", [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."]),
    ("mypy", [sys.executable, "-m", "mypy", "--no-error-summary"]),
)
BENCHMARKS = (
    "harness",
    "playbooks",
    "ipc",
    "submit",
    "nodes",
    "changepoints",
    "eventlog",
    "calibration",
    "large_report",
)


PATIENCE = 60.0
"""Seconds for which a program that was asked to end may clear up."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None, *, apart: bool = False) -> int:
    """The command's exit status. When we are to end, so is it, and it is given time to clear up.

    `subprocess.run` would kill it a quarter of a second after Ctrl-C, and at once after another signal: what tests and
    benchmarks had started would be left behind. `apart`: it hears of no signal but ours, also of none that is sent to
    all of our process group; debuggers can't use the terminal there.
    """
    process = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=apart)
    try:
        return process.wait()
    except KeyboardInterrupt as end:
        if end.args or apart:  # the signal was for us alone (see signals.py)
            process.send_signal(signal.SIGINT)
        for _ in range(2):
            try:
                process.wait(PATIENCE)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def lint() -> bool:
    """Whether ruff and mypy are content; what they say goes to the terminal."""
    good = True
    for name, command in LINT:
        passed = run(command) == 0
        print(f"{name}: {'ok' if passed else 'failed'}", flush=True)
        good = good and passed
    return good


def test(*, everything: bool, soak: bool, arguments: Sequence[str]) -> bool:
    """Lint and the tests of a tier, several at once; pytest's own summary is the last line.

    Args:
        everything: the tests marked `full` too.
        soak: only the tests marked `soak`.
        arguments: passed on to pytest; with any, lint is left out and one test runs at a time, as for soak.
    """
    good = True if arguments or soak else lint()
    command = [sys.executable, "-m", "pytest", *pytest_words(everything=everything, soak=soak, arguments=arguments)]
    sys.stdout.flush()
    return run(command, {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}) == 0 and good


def pytest_words(*, everything: bool, soak: bool, arguments: Sequence[str]) -> list[str]:
    """pytest's command line for a tier: see `test`."""
    tier = "soak" if soak else "not soak" if everything else "not soak and not full"
    beside = [] if arguments or soak else ["-n", str(workers()), "--dist", "loadgroup"]
    return ["-m", tier, *beside, *arguments]


def workers() -> int:
    """How many tests at once: one more than cores, since most wait for processes, but 2 GB for each, and 8 at most."""
    memory = psutil.virtual_memory().total
    return max(1, min(len(os.sched_getaffinity(0)) + 1, memory // 2**31, 8))


def bench(name: str, rounds: int, arguments: Sequence[str]) -> bool:
    """Run one of benchmarks/; it prints ratios with their range. `arguments` are its own options."""
    if name not in BENCHMARKS:
        raise UsageError(f"there is no benchmark {name!r}", hint=f"There are: {', '.join(BENCHMARKS)}.")
    command = [sys.executable, str(ROOT / "benchmarks"), name, "--rounds", str(rounds), *arguments]
    return run(command, apart=True) == 0
