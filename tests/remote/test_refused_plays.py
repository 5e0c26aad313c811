"""What is refused names a command that runs it: here that is run, on a node, with the inventory that it names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sparkbed.home import ROOT
from tests.components import ansible, program

from .conftest import Variables

pytestmark = pytest.mark.full


@pytest.mark.parametrize(
    ("head", "task", "construct"),
    [
        ({"strategy": "free"}, {"command": "echo"}, "strategy 'free' is outside the subset"),
        ({}, {"ping": None, "debugger": "never"}, "keyword 'debugger' is outside the subset"),
        ({}, {"debug": {"msg": "{{ lookup('config', 'DEFAULT_FORKS') }}"}}, "lookup 'config' is outside the subset"),
        ({"vars": {"ansible_ssh_retries": 1}}, {"getent": {"database": "passwd"}}, "module 'getent'"),
    ],
    ids=["strategy", "keyword", "lookup", "module"],
)
def test_the_command_that_is_named_works(
    a_server: Variables, tmp_path: Path, head: dict[str, object], task: dict[str, object], construct: str
) -> None:
    program("ssh", "openssh-client")
    ansible()
    (tmp_path / "mine.yml").write_text(yaml.safe_dump({"all": {"hosts": {"far": a_server}}}))
    wanted = {"copy": {"content": "{{ inventory_hostname }}\n", "dest": str(tmp_path / "done"), "mode": "0600"}}
    play = {"hosts": "all", "gather_facts": False, **head, "tasks": [task, wanted]}
    (tmp_path / "my play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ, "PATH": path, "SPARKBED_HOME": str(tmp_path / "state"), "PYTHONPATH": str(ROOT),
        "ANSIBLE_HOME": str(tmp_path / "ansible"), "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
        "ANSIBLE_NOCOLOR": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "sparkbed", "play", "my play.yml", "-i", "mine.yml"]
    refused = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert re.match(r"inv: my play\.yml:\d+: ", refused.stderr)
    assert construct in refused.stderr
    printed = refused.stderr.split("Ansible itself runs it: ")[1].strip()
    assert not (tmp_path / "done").exists()
    done = subprocess.run(
        shlex.split(printed), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "done").read_text() == "far\n"
