"""What the platform tests share: a site of three hosts, and both engines that play playbooks on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed.inventory import Inventory
from sparkbed.playbook import Runner
from sparkbed.playbook.results import Counts, Failure, PlayResult
from sparkbed.position import Position
from sparkbed.remote import Connections


@dataclass(frozen=True)
class Site:
    """Three nodes that are up: their inventory, and each host's folder."""

    inventory: Inventory
    folders: Mapping[str, Path]
    address: str

    def trees(self) -> dict[str, str]:
        """Every file and folder of the nodes with its mode; ports and pids in names are alike."""
        return {
            f"{host}/{path.relative_to(folder)}": f"{path.lstat().st_mode:o}"
            for host, folder in self.folders.items()
            for path in sorted(folder.rglob("*"))
        }


@dataclass
class Ours:
    """Our engine; it remembers the last result."""

    site: Site
    connections: Connections
    last: PlayResult | None = None

    def play(self, path: Path, extra_vars: Mapping[str, Any], limit: str | None = None) -> PlayResult:
        runner = Runner(self.site.inventory, self.connections)
        self.last = runner.play(path, extra_vars=dict(extra_vars), limit=limit)
        return self.last


@dataclass
class Ansible:
    """ansible-playbook as an engine: the recap and the failed hosts are read from what it prints."""

    site: Site
    last: PlayResult | None = None
    environment: dict[str, str] = field(default_factory=lambda: {**os.environ, "ANSIBLE_PIPELINING": "1"})

    def play(self, path: Path, extra_vars: Mapping[str, Any], limit: str | None = None) -> PlayResult:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible", "playbook"),
                *("-i", str(self.site.inventory.path), str(path), "-e", json.dumps(dict(extra_vars))),
                *(("--limit", limit) if limit else ()),
            ],
            env={**self.environment, "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        recap = {
            found["host"]: Counts(**{name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", found["counts"])})
            for found in re.finditer(r"^(?P<host>\S+)\s+: (?P<counts>ok=.*)$", done.stdout, re.MULTILINE)
        }
        assert recap, done.stdout + done.stderr
        failures = {}
        for host, text in re.findall(r"^fatal: \[([^\]]+)\]: FAILED! => (.*)$", done.stdout, re.MULTILINE):
            result = json.loads(text)
            failures[host] = Failure(host, "a task", Position(path, 1), str(result.get("msg")), result=result)
        assert (done.returncode == 0) == (not failures), done.stdout + done.stderr
        self.last = PlayResult(recap, failures, {})
        return self.last
