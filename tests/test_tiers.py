"""Tests beside each other: who runs alone, who stays together, and when it is one at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sparkbed import checks
from sparkbed.home import ROOT

# Each test writes when it began and ended, and which worker it ran on.
TESTS = """
import os, pathlib, time, pytest

def noted(name):
    begun = time.monotonic()
    time.sleep(0.2)
    with pathlib.Path(__file__).with_name("notes").open("a") as notes:
        notes.write(f"{name} {begun} {time.monotonic()} {os.environ['PYTEST_XDIST_WORKER']}\\n")

@pytest.mark.parametrize("n", range(6))
def test_beside(n):
    noted("beside")

@pytest.mark.alone("to see that it is")
@pytest.mark.parametrize("n", range(3))
def test_alone(n):
    noted("alone")
"""


def test_one_that_is_marked_runs_alone_and_the_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    words = ["-n", "3", "--dist", "loadgroup", "-p", "tests.conftest", "-p", "no:cacheprovider", "--noconftest"]
    command = [sys.executable, "-m", "pytest", *words, "--rootdir", str(tmp_path), "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "9 passed" in done.stdout.splitlines()[-1], done.stdout + done.stderr
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    spans = [(name, float(begun), float(ended)) for name, begun, ended, _ in notes]

    def meets(one: tuple[str, float, float]) -> list[str]:
        return [name for name, begun, ended in spans if begun < one[2] and one[1] < ended and (begun, ended) != one[1:]]

    assert [meets(one) for one in spans if one[0] == "alone"] == [[], [], []]
    assert any(meets(one) for one in spans if one[0] == "beside"), "they never ran at the same time"


@pytest.mark.parametrize(
    ("everything", "soak", "arguments", "expected"),
    [
        (False, True, [], ["-m", "soak"]),
        (False, False, ["tests/suite", "-k", "order"], ["-m", "not soak and not full", "tests/suite", "-k", "order"]),
        (True, False, ["tests/suite"], ["-m", "not soak", "tests/suite"]),
    ],
)
def test_soak_and_what_a_person_picks_run_one_at_a_time(
    everything: bool, soak: bool, arguments: list[str], expected: list[str]
) -> None:
    assert checks.pytest_words(everything=everything, soak=soak, arguments=arguments) == expected


@pytest.mark.parametrize("everything", [False, True])
def test_a_whole_tier_runs_several_at_once(everything: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "workers", lambda: 3)
    words = checks.pytest_words(everything=everything, soak=False, arguments=[])
    assert words[2:] == ["-n", "3", "--dist", "loadgroup"]


@pytest.mark.parametrize(("cores", "gigabytes", "expected"), [(2, 16, 3), (2, 4, 2), (1, 1, 1), (64, 256, 8)])
def test_workers_fit_the_machine(cores: int, gigabytes: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)))
    memory = type("Memory", (), {"total": gigabytes * 2**30})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert checks.workers() == expected
