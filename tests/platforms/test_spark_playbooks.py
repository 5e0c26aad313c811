"""The platforms' playbooks are of the documented subset; tests/playbook/test_playbook_lint.py is about Ansible."""

from __future__ import annotations

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
    "osv": ("image", "require", "start", "status", "logs", "stop"),
    "mesos": ("install", "start", "status", "logs", "stop"),
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
