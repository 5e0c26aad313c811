"""Tests beside each other: who runs alone, who stays together, and when it is one at a time."""

from __future__ import annotations

import subprocess
import sys

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

@pytest.fixture
def docker_engine():
    pass

@pytest.mark.usefixtures("docker_engine")
@pytest.mark.parametrize("n", range(4))
def test_docker(n):
    noted("docker")
"""


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, float, float, str]]:
    """What those tests wrote when three workers ran them."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "test_it.py").write_text(TESTS)
    words = ["-n", "3", "--dist", "loadgroup", "-p", "tests.conftest", "-p", "no:cacheprovider", "--noconftest"]
    command = [sys.executable, "-m", "pytest", *words, "--rootdir", str(folder), "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "13 passed" in done.stdout.splitlines()[-1], done.stdout + done.stderr
    lines = [line.split() for line in (folder / "notes").read_text().splitlines()]
    return [(name, float(begun), float(ended), worker) for name, begun, ended, worker in lines]


def test_one_that_is_marked_runs_alone_and_the_others_do_not(notes: list[tuple[str, float, float, str]]) -> None:
    def meets(one: tuple[str, float, float, str]) -> list[str]:
        return [other[0] for other in notes if other is not one and other[1] < one[2] and one[1] < other[2]]

    assert [meets(one) for one in notes if one[0] == "alone"] == [[], [], []]
    assert any(meets(one) for one in notes if one[0] == "beside"), "they never ran at the same time"


def test_all_that_need_the_docker_engine_run_on_one_worker(notes: list[tuple[str, float, float, str]]) -> None:
    assert len({worker for name, _, _, worker in notes}) > 1
    assert len({worker for name, _, _, worker in notes if name == "docker"}) == 1


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
