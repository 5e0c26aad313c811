"""What the agent is sent: each module's files with its first call, compiled or as text."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed.agent import Agent, program
from sparkbed.agent.host.main import MODULES
from sparkbed.remote import Connections

HOST = Path(program.__file__).parent / "host"


@pytest.fixture(params=["compiled", "text"])
def new_agents(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    """Connections to this machine whose agents get compiled files, or text as another version's Python would."""
    if request.param == "text":
        monkeypatch.setattr(program, "MAGIC", "another version's")
    program._payload.cache_clear()
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    with Connections(lambda host: local) as opened:
        yield opened
    program._payload.cache_clear()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_can_be_an_agents_first(new_agents: Connections, module: str) -> None:
    """A call without items imports the module: what it needs has come with it."""
    assert new_agents.agent("here").call(module, []) == []


def test_text_and_compiled_files_do_the_same(new_agents: Connections, tmp_path: Path) -> None:
    agent = new_agents.agent("here")
    assert agent.call("copy", [{"dest": str(tmp_path / "a"), "content": "ä\n"}])[0]["changed"]
    assert agent.call("command", [{"_raw_params": f"cat {tmp_path / 'a'}"}])[0]["stdout"] == "ä"
    assert agent.read(str(tmp_path / "a")) == "ä\n".encode()


def sent(agent: Agent, message: dict[str, object]) -> frozenset[str]:
    return program.needed(message) - agent._sent


def test_files_go_once_and_only_what_is_used(new_agents: Connections) -> None:
    agent = new_agents.agent("here")
    assert {"stat", "paths", "processes"} <= sent(agent, {"call": "stat"})
    agent.call("stat", [{"path": "/"}])
    assert sent(agent, {"call": "stat"}) == set()
    assert sent(agent, {"call": "slurp"}) == {"slurp"}


@pytest.mark.parametrize("path", sorted(HOST.glob("*.py")), ids=lambda path: path.stem)
def test_every_import_is_seen(path: Path) -> None:
    """What Python itself sees imported of the agent's files, the search by pattern has found."""
    imports = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and node.level
    ]
    named = {node.module or alias.name for node in imports for alias in node.names}
    assert named <= set(program._imported(path.read_text()))
