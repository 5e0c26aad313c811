"""What a link's latency is paid for: messages that are answered, connections and agents, a host and play."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed import inventory as inventories
from sparkbed.agent import Agent
from sparkbed.home import ROOT
from sparkbed.playbook import Runner
from sparkbed.remote import Connections

SITE = ROOT / "benchmarks" / "playbooks" / "site.yml"
"""21 tasks and 2 handlers; three of its tasks (assert, set_fact, debug) need no host, three are loops."""


class Counted(Connections):
    """Connections that keep every agent that they started."""

    def __init__(self, variables: Any) -> None:
        super().__init__(variables)
        self.started: list[Agent] = []

    def agent(self, host: str, become_user: str | None = None) -> Agent:
        agent = super().agent(host, become_user)
        if agent not in self.started:
            self.started.append(agent)
        return agent


def inventory_of(folder: Path, host: dict[str, Any]) -> inventories.Inventory:
    path = folder / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": {"h1": host}}}))
    return inventories.load(path)


def round_trips(inventory: inventories.Inventory, play: Path) -> tuple[int, int]:
    """How many messages were answered, and how many agents were started."""
    with Counted(inventory.variables) as connections:
        Runner(inventory, connections).play(play).require("the play")
        return sum(agent.round_trips for agent in connections.started), len(connections.started)


def test_the_bench_play_needs_one_message_a_task(a_server: dict[str, Any], tmp_path: Path) -> None:
    """18 of the 21 tasks, and in the first run the 2 handlers: all loops, and the block's rescue, among them."""
    (tmp_path / "tree").mkdir()
    inventory = inventory_of(tmp_path, {**a_server, "root": str(tmp_path / "tree"), "role": "primary"})
    assert round_trips(inventory, SITE) == (20, 1)
    assert round_trips(inventory, SITE) == (18, 1)


@pytest.mark.parametrize(
    "task",
    [
        'ansible.builtin.file: {path: "{{ root }}/{{ item }}", state: touch}',
        'ansible.builtin.copy: {content: "{{ item }}", dest: "{{ root }}/{{ item }}"}',
        'ansible.builtin.template: {src: "{{ root }}/t.j2", dest: "{{ root }}/{{ item }}"}',
        'ansible.builtin.lineinfile: {path: "{{ root }}/lines", line: "{{ item }}", create: true}',
        'ansible.builtin.stat: {path: "{{ root }}/{{ item }}"}',
    ],
)
@pytest.mark.parametrize("register", ["", "  register: said"], ids=["alone", "registered"])
def test_the_items_of_a_loop_go_in_one_message(
    a_server: dict[str, Any], tmp_path: Path, task: str, register: str
) -> None:
    (tmp_path / "t.j2").write_text("{{ item }}\n")
    play = tmp_path / "play.yml"
    head = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    play.write_text(f"{head}    - {task}\n      loop: [a, b, c, d, e]\n    {register}\n")
    inventory = inventory_of(tmp_path, {**a_server, "root": str(tmp_path)})
    assert round_trips(inventory, play) == (1, 1)
