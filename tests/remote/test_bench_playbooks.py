"""The playbook bench: the whole command on two servers, by our engine alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparkbed.home import ROOT
from tests.components import program


@pytest.mark.full
def test_it_measures_ours_and_leaves_nothing(tmp_path: Path) -> None:
    program("sshd", "openssh-server")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, str(ROOT / "benchmarks" / "playbooks.py"), "--rounds", "1"]
    done = subprocess.run(
        [*command, "--hosts", "2", "--engines", "ours"],
        env={**os.environ, "TMPDIR": str(scratch), "SPARKBED_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = re.search(r"^\| sparkbed \| ([\d.]+) \(.*?\) \| ([\d.]+) \+ ([\d.]+) \|", done.stdout, re.MULTILINE)
    assert row, done.stdout
    wall, controller, _ = (float(number) for number in row.groups())
    # A process that starts Python costs something, and not more than two cores have.
    assert 0 < controller < wall * (os.cpu_count() or 1) + 0.1
    assert "left in HOME: nothing" in done.stdout
    assert not list(scratch.iterdir())


def test_it_knows_its_engines() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "playbooks.py"), "--engines", "ours,chef"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "--engines takes some of ours,ansible,pipelining,mitogen,pyinfra" in done.stderr
