"""`become` with the real sudo: one agent for each user, and variables that win over keywords."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sparkbed import inventory
from sparkbed.playbook import PlayResult, Runner, rendered_connection_variables
from sparkbed.remote import Connections
from tests.components import program

pytestmark = pytest.mark.full


@pytest.fixture(autouse=True)
def sudo() -> None:
    program("sudo", "sudo")
    if subprocess.run(["sudo", "-n", "-u", "nobody", "true"], capture_output=True).returncode:
        pytest.skip("this user may not become nobody by sudo unasked")


HOSTS = """
all:
  vars: {ansible_connection: local}
  hosts:
    plain:
    always: {ansible_become: true, ansible_become_user: nobody}
"""


def play(tmp_path: Path, text: str, **extra: Any) -> PlayResult:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "book.yml").write_text(text)
    hosts = inventory.load(tmp_path / "hosts.yml")
    with Connections(lambda host: rendered_connection_variables(hosts, host)) as connections:
        return Runner(hosts, connections).play(tmp_path / "book.yml", extra_vars=extra)


def test_keywords_and_variables_of_become(tmp_path: Path) -> None:
    text = """
- hosts: all
  gather_facts: false
  tasks:
    - {command: id -un, register: by_nothing}
    - {command: id -un, become: true, become_user: nobody, register: by_keyword}
    - {command: id -un, become: true, become_user: nobody, vars: {ansible_become: false}, register: by_variable}
    - {command: id -un, delegate_to: always, register: delegated}
    - {command: id -un, delegate_to: plain, register: back}
"""
    result = play(tmp_path, text).require()
    me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    names = ("by_nothing", "by_keyword", "by_variable", "delegated", "back")
    said = {host: [result.registered(host, name)["stdout"] for name in names] for host in ("plain", "always")}
    # The variables of the host where a task runs count, so `always` works as nobody for `plain`, too.
    assert said == {"plain": [me, "nobody", me, "nobody", me], "always": ["nobody", "nobody", me, "nobody", me]}


def test_facts_are_those_of_the_user_whom_the_play_becomes(tmp_path: Path) -> None:
    text = """
- hosts: plain
  become: true
  become_user: nobody
  gather_subset: [min]
  tasks:
    - {debug: {msg: "{{ ansible_facts.user_id }}"}, register: told}
"""
    assert play(tmp_path, text).require().registered("plain", "told")["msg"] == "nobody"


def test_an_unknown_user_makes_the_host_unreachable(tmp_path: Path) -> None:
    text = """
- hosts: plain
  gather_facts: false
  tasks: [{command: id, become: true, become_user: nobody-of-that-name}]
"""
    failure = play(tmp_path, text).failures["plain"]
    assert failure.unreachable
    assert "can't become nobody-of-that-name" in failure.message


@pytest.mark.parametrize("name", ["ansible_become_password", "ansible_become_pass", "ansible_become_flags"])
def test_passwords_and_flags_are_refused_by_name(tmp_path: Path, name: str) -> None:
    canary = f"canary{os.getpid()}"
    text = """
- hosts: plain
  gather_facts: false
  tasks: [{command: id, become: true, become_user: nobody}]
"""
    failure = play(tmp_path, text, **{name: canary}).failures["plain"]
    assert name in failure.message
    assert canary not in failure.message
