"""The README's first two lines, as an ordinary user with an empty home: clone, and ./inv does the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed.home import ROOT

NOBODY = 65534


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home that belongs to the user who will run there."""
    folder = Path(tempfile.mkdtemp(prefix="sparkbed-fresh-"))
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def run(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command with nothing of ours in its environment; as nobody when we are root."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "CERT" in name}
    environment = {**kept, "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=900, check=False, **who
    )


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_commands_do_all_set_up(home: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(home / "sparkbed")], check=True)
    if os.getuid() == 0:
        for path in [home / "sparkbed", *(home / "sparkbed").rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    inv = str(home / "sparkbed" / "inv")
    done = run(home, inv, "run-suite", "--profile", "tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "95 % interval" in done.stdout
    assert "Report: " in done.stdout
    again = run(home, inv, "report", "--format", "md")
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""  # nothing is installed a second time
    assert run(home, inv, "run-suite", "--no-such-flag").returncode == 2
    assert sorted(p.name for p in home.iterdir() if not p.name.startswith(".")) == ["sparkbed"]
