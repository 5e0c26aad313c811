"""A component that a machine does not have: the tests of it are skipped there, and fail where CI=true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sparkbed.home import ROOT
from tests import components

HIDDEN = """
import os, shutil
found = shutil.which
shutil.which = lambda name, *a, **k: None if name in os.environ["HIDDEN"].split() else found(name, *a, **k)
"""
# One test of each component: by it the others of its kind ask too.
TESTS = {
    "sshd": "tests/remote/test_bench_playbooks.py::test_it_measures_ours_and_leaves_nothing",
    "sar": "tests/collectors/test_host_series.py::test_sar_sees_the_same_as_proc",
    "chromium": "tests/analysis/test_page_in_chromium.py::test_nothing_is_fetched_and_nothing_is_refused",
}
if os.getuid() == 0:  # others skip it for their want of rights
    TESTS["mmdebstrap"] = "tests/system/test_like_ansible.py::test_a_password_is_shown_nowhere"
PACKAGES = {"sshd": "openssh-server", "sar": "sysstat", "chromium": "chromium", "mmdebstrap": "mmdebstrap"}


def outcomes(folder: Path, ci: str, tests: list[str]) -> tuple[Counter[str], str]:
    """How those tests end where none of the components is, and what pytest prints."""
    (folder / "hidden.py").write_text(HIDDEN)
    environment = {
        **os.environ,
        "CI": ci,
        "HIDDEN": " ".join([*TESTS, "chromium-browser", "google-chrome"]),
        "PYTHONPATH": str(folder),
    }
    command = [sys.executable, "-m", "pytest", "-p", "hidden", "-p", "no:cacheprovider", "-q", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    found = re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout.splitlines()[-1])
    return Counter({outcome: int(number) for number, outcome in found}), done.stdout


def test_where_ci_is_true_a_missing_component_is_a_failure(tmp_path: Path) -> None:
    found, said = outcomes(tmp_path, "true", list(TESTS.values()))
    assert not found["passed"], said
    assert not found["skipped"], said
    assert found["failed"] + found["error"] >= len(TESTS), said
    for name in TESTS:
        assert f"apt-get install {PACKAGES[name]}" in said


def test_elsewhere_it_is_skipped_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="no such-thing on this machine: apt-get install things"):
        components.program("such-thing", "things")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install things"):
        components.program("such-thing", "things")


def test_ci_installs_every_package_that_a_test_may_miss() -> None:
    installed = (ROOT / ".ci" / "run").read_text().split()
    asked: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path != Path(__file__) and "\npytestmark = pytest.mark.soak\n" not in text:  # those that CI never runs
            asked |= set(re.findall(r'\bprogram\("[\w-]+", "([\w.-]+)"\)', text))
    assert {"openssh-server", "sysstat", "mmdebstrap", "iptables"} <= asked
    assert asked <= set(installed)
