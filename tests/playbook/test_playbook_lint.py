"""The project's own playbooks are good Ansible: ansible-lint has nothing to say, ansible-playbook takes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sparkbed.home import ROOT
from tests.components import ansible

pytestmark = pytest.mark.full
TOOLS = Path(sys.executable).parent
PLAYBOOKS = sorted(ROOT.glob("playbooks/**/*.yml"))


def lint(folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """ansible-lint on a copy of the playbooks, with our configuration and without any network."""
    ansible("ansible-lint")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "ANSIBLE_HOME": str(home),
        "NO_COLOR": "1",
    }
    command = [str(TOOLS / "ansible-lint"), "--offline", "playbooks"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A checkout of its own, so that ansible-lint writes its caches elsewhere than here."""
    for name in ("playbooks", "templates"):
        shutil.copytree(ROOT / name, tmp_path / "checkout" / name)
    # It looks for its configuration at the top of the project that it is in, and takes no file above it.
    shutil.copy(ROOT / ".ansible-lint", tmp_path / "checkout")
    (tmp_path / "checkout" / ".git").mkdir()
    return tmp_path / "checkout"


def test_ansible_lint_has_nothing_to_say(copied: Path, tmp_path: Path) -> None:
    done = lint(copied, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failure(s), 0 warning(s)" in done.stderr
    assert " in 0 files" not in done.stderr
    assert "production" in done.stderr


def test_ansible_lint_would_speak_up(copied: Path, tmp_path: Path) -> None:
    (copied / "playbooks" / "bad.yml").write_text("- hosts: all\n  tasks:\n    - shell: ls\n")
    done = lint(copied, tmp_path)
    assert done.returncode == 2
    assert "playbooks/bad.yml" in done.stdout


def test_no_rule_is_left_out_without_a_reason() -> None:
    text = (ROOT / ".ansible-lint").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    assert config["profile"] == "production"
    for line in text.split("skip_list:")[1].splitlines() if "skip_list" in config else ():
        assert not line.strip().startswith("-") or "#" in line, f"{line.strip()} has no reason beside it"
    marks = [path for path in PLAYBOOKS if "noqa" in path.read_text(encoding="utf-8")]
    assert marks == []


def _is_playbook(path: Path) -> bool:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return isinstance(content, list) and any("hosts" in one or "import_playbook" in one for one in content)


@pytest.mark.parametrize("path", [path for path in PLAYBOOKS if _is_playbook(path)], ids=lambda path: path.name)
def test_ansible_takes_it(path: Path, tmp_path: Path) -> None:
    program = ansible()
    inventory = tmp_path / "hosts.yml"
    groups = {"master": {"hosts": {"m": {}}}, "workers": {"hosts": {"w": {}}}}
    inventory.write_text(yaml.safe_dump({"all": {"children": {"spark": {"children": groups}}}}))
    command = [str(program), "-i", str(inventory), "--syntax-check", str(path)]
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr
