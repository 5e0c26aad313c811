"""How plays reach hosts: added while they run, said by variables and keywords, connected anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sparkbed import inventory
from sparkbed.playbook import PlayResult, Runner, rendered_connection_variables
from sparkbed.remote import Connections

from .conftest import Variables

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def play(tmp_path: Path, hosts: dict[str, Any], plays: list[dict[str, Any]], **extra: Any) -> PlayResult:
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    (tmp_path / "book.yml").write_text(json.dumps(plays))
    read = inventory.load(tmp_path / "hosts.yml")
    with Connections(lambda host: rendered_connection_variables(read, host)) as connections:
        return Runner(read, connections).play(tmp_path / "book.yml", extra_vars=extra)


def one(*tasks: dict[str, Any], hosts: str = "all", **keywords: Any) -> dict[str, Any]:
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **keywords}


WHERE = {"shell": "echo $SSH_CONNECTION", "register": "where"}


def test_a_host_that_the_run_adds_is_reached_by_its_variables(server: Variables, tmp_path: Path) -> None:
    added = {"add_host": {"name": "new", "groups": "made", **server}}
    result = play(
        tmp_path, {"here": LOCAL}, [one(added, {**WHERE, "delegate_to": "new"}), one(WHERE, hosts="made")]
    ).require()
    for host in ("here", "new"):
        assert f" {server['ansible_host']} {server['ansible_port']}" in result.registered(host, "where")["stdout"]


def test_keywords_say_what_no_variable_does(server: Variables, tmp_path: Path) -> None:
    lacking = {name: value for name, value in server.items() if name not in ("ansible_port", "ansible_user")}
    keywords = {"port": server["ansible_port"], "remote_user": "{{ login }}"}
    result = play(tmp_path, {"there": lacking}, [one(WHERE, **keywords)], login=server["ansible_user"]).require()
    assert str(server["ansible_port"]) in result.registered("there", "where")["stdout"]
    wrong = {"port": 1, "connection": "local", "remote_user": "nobody-of-that-name"}
    result = play(tmp_path, {"there": server}, [one(WHERE, port=1, remote_user="nobody")]).require()
    assert str(server["ansible_port"]) in result.registered("there", "where")["stdout"]
    result = play(tmp_path, {"there": server}, [one(WHERE, **wrong)]).require()
    assert result.registered("there", "where")["stdout"] == ""


def test_variables_of_tasks_and_facts_win_over_the_inventory(server: Variables, tmp_path: Path) -> None:
    wrong = {**server, "ansible_port": 1}
    right = {**WHERE, "vars": {"ansible_port": server["ansible_port"]}}
    tasks = [right, {"set_fact": {"ansible_port": server["ansible_port"]}}, {**WHERE, "register": "later"}]
    result = play(tmp_path, {"there": wrong}, [one(*tasks)]).require()
    assert result.registered("there", "where")["stdout"] == result.registered("there", "later")["stdout"] != ""


def test_reset_connection_connects_anew(server: Variables, tmp_path: Path) -> None:
    tasks = [WHERE, {**WHERE, "register": "same"}, {"meta": "reset_connection"}, {**WHERE, "register": "anew"}]
    result = play(tmp_path, {"there": server}, [one(*tasks)]).require()
    first, same, anew = (result.registered("there", name)["stdout"] for name in ("where", "same", "anew"))
    assert first == same != anew


def test_wait_for_connection_takes_a_host_that_answers_and_gives_up_on_one_that_does_not(
    server: Variables, tmp_path: Path
) -> None:
    wait = {"wait_for_connection": {"timeout": 1, "sleep": 0}, "register": "waited"}
    result = play(tmp_path, {"there": server, "gone": {**server, "ansible_port": 1}}, [one(wait)])
    assert set(result.failures) == {"gone"}
    assert "timed out waiting" in result.failures["gone"].message
    assert not result.failures["gone"].unreachable
    assert not result.registered("there", "waited")["failed"]


def test_facts_of_a_host_over_ssh(server: Variables, tmp_path: Path) -> None:
    told = {"debug": {"msg": "{{ ansible_facts.user_id }} {{ ansible_system }}"}, "register": "told"}
    plays = [{"hosts": "all", "gather_subset": ["min"], "tasks": [told]}]
    result = play(tmp_path, {"there": server}, plays).require()
    assert result.registered("there", "told")["msg"] == f"{server['ansible_user']} Linux"


def test_refresh_inventory_reads_the_file_again_and_keeps_what_was_added(tmp_path: Path) -> None:
    hosts = {"here": LOCAL}
    text = json.dumps({"all": {"hosts": {**hosts, "late": {**LOCAL, "colour": "red"}}}})
    tasks = [
        {"add_host": {"name": "added", "groups": "made", **LOCAL}},
        {"copy": {"content": text, "dest": str(tmp_path / "hosts.yml")}},
        {"meta": "refresh_inventory"},
        {"debug": {"msg": "{{ groups.all | sort }} {{ hostvars.late.colour }}"}, "register": "seen"},
    ]
    result = play(tmp_path, hosts, [one(*tasks), one(WHERE, hosts="late:made")]).require()
    assert result.registered("here", "seen")["msg"] == "['added', 'here', 'late'] red"
    assert result.registered("late", "where")["rc"] == result.registered("added", "where")["rc"] == 0


@pytest.mark.parametrize("kind", ["docker", "{{ 'paramiko' }}"])
def test_other_connections_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    failure = play(tmp_path, {"here": {}}, [one(WHERE, connection=kind)]).failures["here"]
    assert "is outside the subset: it has local and ssh" in failure.message
