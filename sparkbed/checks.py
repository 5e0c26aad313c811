"""Running the project's own checks: lint, types, tests by tier, benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from sparkbed.errors import UsageError
from sparkbed.home import ROOT

LINT = (
    ("ruff check", [sys.executable, "-m", "ruff", "check", "."]),
    ("ruff format", [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."]),
    ("mypy", [sys.executable, "-m", "mypy", "--no-error-summary"]),
)
BENCHMARKS = ("harness", "playbooks", "ipc")


def lint() -> bool:
    """Whether ruff and mypy are content; what they say goes to the terminal."""
    good = True
    for name, command in LINT:
        done = subprocess.run(command, cwd=ROOT, check=False)
        print(f"{name}: {'ok' if done.returncode == 0 else 'failed'}", flush=True)
        good = good and done.returncode == 0
    return good


def test(*, everything: bool, soak: bool, arguments: Sequence[str]) -> bool:
    """Lint and the tests of a tier; pytest's own summary is the last line.

    Args:
        everything: the tests marked `full` too.
        soak: only the tests marked `soak`.
        arguments: passed on to pytest; with any, lint is left out.
    """
    good = True if arguments or soak else lint()
    tier = "soak" if soak else "not soak" if everything else "not soak and not full"
    command = [sys.executable, "-m", "pytest", "-m", tier, *arguments]
    sys.stdout.flush()
    done = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    return good and done.returncode == 0


def bench(name: str, rounds: int, arguments: Sequence[str]) -> bool:
    """Run one of benchmarks/; it prints ratios with their range. `arguments` are its own options."""
    if name not in BENCHMARKS:
        raise UsageError(f"there is no benchmark {name!r}", hint=f"There are: {', '.join(BENCHMARKS)}.")
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--rounds", str(rounds), *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0
