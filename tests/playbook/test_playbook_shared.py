"""What would change the machine under a process node is refused: when the playbook is read, or at the task."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed import inventory
from sparkbed.errors import DocumentError
from sparkbed.playbook import PlayResult, Runner, Terminal, rendered_connection_variables
from sparkbed.remote import Connections
from tests.remote.conftest import process_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A real process node, by the variables that provisioning writes of it."""
    for variables in process_node(tmp_path_factory.mktemp("shared")):
        yield {**variables, "node_kind": "process"}


class Site:
    def __init__(self, folder: Path, node: dict[str, Any]) -> None:
        self.folder = folder
        self.output = io.StringIO()
        self.opened: list[str] = []
        path = folder / "hosts.yml"
        path.write_text(yaml.safe_dump({"all": {"hosts": {"node-1": node}}}), encoding="utf-8")
        self.inventory = inventory.load(path)

    def _variables(self, host: str) -> Any:
        self.opened.append(host)
        return rendered_connection_variables(self.inventory, host)

    def play(self, *tasks: dict[str, Any], **options: Any) -> PlayResult:
        book = self.folder / "book.yml"
        play = {"hosts": "all", "gather_facts": False, "tasks": list(tasks)}
        book.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
        with Connections(self._variables) as connections:
            return Runner(self.inventory, connections, output=Terminal(self.output)).play(book, **options)


@pytest.fixture
def site(tmp_path: Path, node: dict[str, Any]) -> Site:
    return Site(tmp_path, node)


TASKS: list[dict[str, Any]] = [
    {"apt": {"name": "x"}},
    {"ansible.builtin.package": {"name": "x"}},
    {"pip": {"name": "x"}},
    {"service": {"name": "x", "state": "started"}},
    {"systemd": {"daemon_reload": True}},
    {"systemd_service": {"name": "x", "state": "stopped", "scope": "user"}},
    {"user": {"name": "x"}},
    {"group": {"name": "x", "state": "absent"}},
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: next(iter(task)))
@pytest.mark.parametrize("check", [False, True])
def test_refused_before_any_host_is_touched(site: Site, task: dict[str, Any], check: bool) -> None:
    with pytest.raises(DocumentError) as refusal:
        site.play({"command": "true"}, task, check=check)
    assert "node-1 is a process node" in str(refusal.value)
    assert "book.yml:" in str(refusal.value)
    assert site.opened == []


def test_in_blocks_and_their_rescues_too(site: Site) -> None:
    with pytest.raises(DocumentError, match="is a process node"):
        site.play({"block": [{"command": "false"}], "rescue": [{"user": {"name": "x"}}]})
    assert site.opened == []


def test_what_a_condition_decides_is_refused_at_its_task(site: Site) -> None:
    result = site.play(
        {"command": "true", "register": "before"},
        {"user": {"name": "sparkbed-never"}, "when": "before is changed", "register": "made"},
    )
    made = result.registered("node-1", "made")
    assert made["failed"]
    assert "process node" in made["msg"]


def test_a_condition_may_leave_process_nodes_out(site: Site) -> None:
    result = site.play({"user": {"name": "sparkbed-never"}, "when": "node_kind | default('') != 'process'"})
    assert not result.failures


def test_tags_may_leave_the_task_out(site: Site) -> None:
    result = site.play({"user": {"name": "x"}, "tags": ["system"]}, {"command": "true"}, skip_tags=["system"])
    assert not result.failures


def test_a_virtual_environment_is_the_nodes_own(site: Site, node: dict[str, Any], tmp_path: Path) -> None:
    """It gets as far as pip itself, which has nothing to install from."""
    env = tmp_path / "env"
    result = site.play(
        {
            "pip": {
                "name": "sparkbed-no-such-package",
                "virtualenv": str(env),
                "virtualenv_command": f"{node['ansible_python_interpreter']} -m venv",
                "extra_args": "--no-index",
            },
            "register": "tried",
            "ignore_errors": True,
        }
    )
    tried = result.registered("node-1", "tried")
    assert tried["failed"]
    assert "No matching distribution" in tried["msg"]
    assert (env / "bin" / "activate").exists()
