"""Our reading of an inventory is ansible-core's: the same listing, the same hosts for a pattern."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sparkbed.inventory import load
from tests.components import ansible

ROOT = Path(__file__).resolve().parents[2]

NESTED = """
all:
  vars: {level: all, all_only: 1}
  hosts:
    lonely: {own: x}
    both:
  children:
    zebra:
      vars: {level: zebra, tie: zebra}
      hosts: {"n[01:03]": }
    alpha:
      vars: {level: alpha, tie: alpha, nested: {a: 1, b: [1, 2]}}
      hosts:
        n01: {port: 1}
        "rack-[a:c]-[1:3:2]": {rack: "{{ inventory_hostname }}"}
    parent:
      vars: {level: parent, from_parent: yes}
      children:
        zebra:
        deep:
          children:
            deeper:
              hosts: {n02: , both: }
              vars: {level: deeper, nested: {c: 3}}
    first_wins:
      vars: {ansible_group_priority: 10, tie: priority, level: priority}
      hosts: {n03: , n01: }
top_level:
  hosts:
    plain:
    with.dots:2222:
    n03: {late: true}
one_host:
  hosts: single
empty:
"""

FILES = {
    "group_vars/all.yml": "{level: file-all, wins_over_child: file-all}\n",
    "group_vars/zebra": "{tie: file-zebra}\n",
    "group_vars/parent/10-first.yml": "{part: one, shared: one}\n",
    "group_vars/parent/20-second.yaml": "{shared: two}\n",
    "group_vars/parent/sub/30.json": '{"shared": "three"}\n',
    "group_vars/parent/.hidden.yml": "{shared: hidden}\n",
    "group_vars/parent/notes.txt": "not read\n",
    "group_vars/alpha.yaml": "# nothing\n",
    "host_vars/n01.yml": "{port: 2, host_file: yes}\n",
    "host_vars/n02/x.yml": "{host_file: folder}\n",
}


def their_listing(inventory: Path, work: Path) -> dict[str, Any]:
    """What the real ansible-inventory prints, untouched by this machine's configuration of Ansible."""
    (work / "ansible.cfg").write_text("[defaults]\n")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(work / "ansible.cfg"), "ANSIBLE_HOME": str(work / "home")}
    command = [ansible("ansible-inventory"), "-i", str(inventory), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=work, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]  # Ansible prints an object


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nested")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "hosts.yml").write_text(NESTED)
    return folder / "hosts.yml"


def test_listing_is_that_of_ansible_inventory(nested: Path, tmp_path: Path) -> None:
    theirs = their_listing(nested, tmp_path)
    ours = load(nested).listing()
    assert ours == theirs
    assert list(ours["_meta"]["hostvars"]) == list(load(nested).hosts_of("all"))


@pytest.mark.parametrize("name", ["local", "static", "ec2"])
def test_our_inventories_are_ansibles(name: str, tmp_path: Path) -> None:
    path = ROOT / "inventories" / f"{name}.yml"
    assert load(path).listing() == their_listing(path, tmp_path)


PATTERNS = [
    "all",
    "zebra",
    "zebra:alpha",
    "alpha,zebra",
    "parent:&alpha",
    "all:!parent",
    "!zebra",
    "&zebra",
    "zebra:!n02:&parent",
    "n0*",
    "rack-?-1",
    "zebra[0]",
    "zebra[-1]",
    "zebra[0:1]",
    "zebra[1:]",
    "zebra[0:1]:plain",
    "~n0[12]",
    "~(ze|al).*",
    "with.dots",
    "*.dots",
    "ungrouped",
    "plain:zebra:n02",
    "zebra[7:9],plain",
]


def test_patterns_name_the_hosts_that_ansible_names(nested: Path) -> None:
    ansible()
    from ansible.inventory.manager import InventoryManager  # type: ignore[import-untyped]  # ships no types
    from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]  # ships no types

    theirs = InventoryManager(loader=DataLoader(), sources=[str(nested)])
    ours = load(nested)
    for pattern in PATTERNS:
        assert ours.select(pattern) == [host.name for host in theirs.get_hosts(pattern)], pattern
