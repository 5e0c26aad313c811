"""`inv install-cron`: one tagged entry with the environment that cron lacks; what others wrote stays byte for byte.

Against a stand-in that keeps to the crontab command's contract, and against the real one where it is installed, whose
content is put back at the end.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed.home import ROOT
from tests import components
from tests.verbs.command import inv

OTHERS = (
    b"# my own\nMAILTO=me@example.org\n\n*/5 * * * * /usr/bin/true 100\\%\n"
    b"@reboot echo \xff\xfe not UTF-8\n   # sparkbed nightly of somewhere else\n"
)


class Cron:
    """A machine's crontab command, the state folder, and the verb run there."""

    def __init__(self, folder: Path, double: bool) -> None:
        self.home = folder / "state 100%"
        self.home.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.spool = folder / "spool"
        self.environment = {"CRONTAB_DOUBLE": str(self.spool)}
        if double:
            program = self.bin / "crontab"
            double_file = Path(__file__).with_name("crontab_double.py")
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {double_file} "$@"\n')
            program.chmod(0o755)
            self.environment["PATH"] = f"{self.bin}:{os.environ['PATH']}"

    def inv(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return inv(self.home, "install-cron", *words, environment={**self.environment, **environment})

    def content(self) -> bytes | None:
        done = subprocess.run(
            ["crontab", "-l"], capture_output=True, check=False, env={**os.environ, **self.environment, "LC_ALL": "C"}
        )
        return done.stdout if done.returncode == 0 else None

    def put(self, content: bytes) -> None:
        environment = {**os.environ, **self.environment}
        subprocess.run(["crontab", "-"], input=content, check=True, env=environment)


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.xdist_group("crontab"))])
def cron(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cron]:
    if request.param == "double":
        yield Cron(tmp_path, double=True)
        return
    components.program("crontab", "cron")
    made = Cron(tmp_path, double=False)
    before = made.content()
    try:
        subprocess.run(["crontab", "-r"], check=False, capture_output=True)
        yield made
    finally:
        if before is None:
            subprocess.run(["crontab", "-r"], check=False, capture_output=True)
        else:
            made.put(before)


def test_it_is_installed_once_shown_and_taken_away_and_others_stay(cron: Cron) -> None:
    cron.put(OTHERS)
    for _ in range(2):
        done = cron.inv()
        assert done.returncode == 0, done.stderr
    content = cron.content()
    assert content is not None
    assert content.startswith(OTHERS)
    added = content[len(OTHERS) :].decode().splitlines()
    assert len(added) == 2
    assert added[1].startswith("17 2 * * * env ")
    shown = cron.inv("--show")
    assert shown.stdout.splitlines() == added
    assert cron.inv("--at", "3:05").returncode == 0
    changed = (cron.content() or b"")[len(OTHERS) :].decode().splitlines()
    assert changed == [added[0], added[1].replace("17 2 ", "5 3 ", 1)]
    assert cron.inv("--remove").returncode == 0
    assert cron.content() == OTHERS
    again = cron.inv("--remove")
    assert (again.returncode, again.stdout) == (0, "There was no entry.\n")


def test_without_any_other_entry_no_crontab_is_left(cron: Cron) -> None:
    assert cron.inv().returncode == 0
    assert cron.content()
    assert cron.inv("--remove").returncode == 0
    assert cron.content() is None
    assert "There is no entry" in cron.inv("--show").stdout


def test_the_entry_runs_as_cron_would_run_it(cron: Cron, tmp_path: Path) -> None:
    """By /bin/sh, in an empty environment, up to the first percent sign that has no backslash."""
    assert cron.inv().returncode == 0
    line = (cron.content() or b"").decode().splitlines()[1]
    command = line.split(" ", 5)[5]
    assert "%" in command
    assert "%" not in command.replace("\\%", "")
    command = command.replace("\\%", "%")
    assert command.endswith(f"{ROOT / 'inv'} nightly")
    seen = subprocess.run(
        ["/bin/sh", "-c", command.removesuffix(f"{ROOT / 'inv'} nightly") + "env"],
        env={}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    variables = dict(one.split("=", 1) for one in seen.stdout.splitlines() if "=" in one)
    assert variables["SPARKBED_HOME"] == str(cron.home)
    assert variables["PATH"].endswith(os.environ["PATH"])
    assert variables["HOME"] == str(Path.home())
    assert Path(variables["JAVA_HOME"], "bin", "java").exists()


def test_each_state_folder_has_an_entry_of_its_own(cron: Cron, tmp_path: Path) -> None:
    assert cron.inv().returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    assert inv(other, "install-cron", environment=cron.environment).returncode == 0
    assert len((cron.content() or b"").splitlines()) == 4
    assert cron.inv("--remove").returncode == 0
    assert str(other) in (cron.content() or b"").decode()


@pytest.mark.parametrize("at", ["25:00", "2:60", "night", "02:17 * * *", "-1:00"])
def test_a_wrong_time_is_refused(tmp_path: Path, at: str) -> None:
    cron = Cron(tmp_path, double=True)
    done = cron.inv(f"--at={at}")
    assert done.returncode == 2
    assert "--at must be a time of day" in done.stderr
    assert cron.content() is None


def test_a_machine_without_crontab_is_told_how_to_get_it(tmp_path: Path) -> None:
    cron = Cron(tmp_path, double=False)
    done = cron.inv(PATH=str(cron.bin))
    assert done.returncode == 1
    assert "there is no crontab command on this machine" in done.stderr
    assert "apt-get install cron" in done.stderr


def test_what_crontab_refuses_is_told_and_changes_nothing(tmp_path: Path) -> None:
    cron = Cron(tmp_path, double=True)
    cron.put(OTHERS)
    done = cron.inv(DOCKER_HOST="unix://" + "x" * 1000)
    assert done.returncode == 1
    assert "crontab refused the entry" in done.stderr
    assert cron.content() == OTHERS
