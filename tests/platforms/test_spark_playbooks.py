"""The platforms' playbooks are valid YAML of the documented subset, and ansible-playbook accepts them too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sparkbed import inventory
from sparkbed.home import ROOT
from sparkbed.playbook import Runner
from sparkbed.remote import Connections

LOCAL = ROOT / "inventories" / "local.yml"
NAMES = {
    "shared": ("spark",),
    "standalone": ("start", "status", "logs", "stop"),
    "docker": ("engine", "start", "stop", "images"),
}
PLAYBOOKS = [ROOT / "playbooks" / folder / f"{name}.yml" for folder, names in NAMES.items() for name in names]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_our_engine_takes_it(path: Path) -> None:
    hosts = inventory.load(LOCAL)
    with Connections(hosts.variables) as connections:
        runner = Runner(hosts, connections)
        assert runner.check_syntax(
            path, extra_vars={"into": "/tmp/x", "application": "app", "ansible_user": "someone"}
        ).plays


@pytest.mark.full
@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_ansible_takes_it(path: Path) -> None:
    command = [sys.executable, "-m", "ansible", "playbook", "--syntax-check", "-i", str(LOCAL), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
