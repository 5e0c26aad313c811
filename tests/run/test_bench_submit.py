"""The submit bench: two pairs on a real cluster, and what it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparkbed.home import ROOT

COMMAND = [sys.executable, str(ROOT / "benchmarks" / "submit.py")]


@pytest.mark.soak
def test_it_measures_pairs_and_leaves_nothing(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [*COMMAND, "--rounds", "2", "--tasks", "50", "--jobs", "1", "--repetitions", "3"],
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 pairs; 1 jobs of 50 tasks a repetition, 1 of 3 repetitions kept" in done.stdout
    found = re.findall(r"^(in the program|whole submit|whole trial), ours / by hand: ([\d.]+), ", done.stdout, re.M)
    assert [name for name, _ in found] == ["in the program", "whole submit", "whole trial"]
    assert all(float(ratio) > 0 for _, ratio in found)
    # A trial is its submit and more; what is timed in a program is less than its submit.
    for line in re.findall(r"([\d.]+) s \(submit ([\d.]+) s, in all ([\d.]+) s\)", done.stdout):
        program, submit, whole = map(float, line)
        assert 0 < program < submit <= whole
    assert not list(scratch.iterdir())


def test_it_takes_a_pair_or_more() -> None:
    done = subprocess.run([*COMMAND, "--rounds", "0"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "--rounds must be 1 or more" in done.stderr
