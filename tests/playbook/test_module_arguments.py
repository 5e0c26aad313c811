"""What a task's arguments may be: told before anything runs, and converted as Ansible converts them."""

from __future__ import annotations

from typing import Any

import pytest

from sparkbed.playbook import modules
from sparkbed.playbook.modules import SPECS, ArgumentError


@pytest.mark.parametrize("name", ["copy", "ansible.builtin.copy", "ansible.legacy.copy"])
def test_short_and_full_names(name: str) -> None:
    assert modules.resolve(name) is SPECS["copy"]


@pytest.mark.parametrize("name", ["dnf", "ansible.builtin.dnf", "community.general.copy", ""])
def test_what_is_outside_the_subset(name: str) -> None:
    assert modules.resolve(name) is None


@pytest.mark.parametrize(
    ("module", "args", "option", "words"),
    [
        ("file", {"path": "/x", "stat": "file"}, "stat", "no option 'stat'"),
        ("file", {"state": "file"}, None, "needs the option 'path'"),
        ("file", {"path": None}, None, "needs the option 'path'"),
        ("file", {"path": "/x", "state": "dir"}, "state", "one of absent, directory"),
        ("file", {"path": "/x", "mode": "rwx"}, "mode", "permission bits"),
        ("file", {"path": "/x", "mode": "0999"}, "mode", "permission bits"),
        ("file", {"path": "/x", "recurse": "maybe"}, "recurse", "true or false"),
        ("file", {"path": "/x", "dest": "/y"}, "dest", "same option"),
        ("file", {"path": ["/x"]}, "path", "a path"),
        ("file", {"path": "a\0b"}, "path", "NUL"),
        ("copy", {"dest": "/x"}, None, "src or content"),
        ("copy", {"dest": "/x", "src": "a", "content": "b"}, "content", "only one of src, content"),
        ("wait_for", {"port": "http"}, "port", "whole number"),
        ("wait_for", {"port": 80, "path": "/x"}, "path", "only one of"),
        ("command", {}, None, "needs a command"),
        ("command", {"_raw_params": "ls", "argv": ["ls"]}, "argv", "only one of"),
        ("uri", {"url": "http://x", "headers": ["a"]}, "headers", "a mapping"),
    ],
)
def test_mistakes_are_named(module: str, args: dict[str, Any], option: str | None, words: str) -> None:
    problems = modules.check_arguments(SPECS[module], args)
    assert len(problems) == 1
    assert problems[0][1] == option
    assert words in problems[0][0]
    with pytest.raises(ArgumentError, match=module):
        modules.coerce(SPECS[module], args)


@pytest.mark.parametrize(
    ("module", "args"),
    [
        ("file", {"path": "{{ a }}", "mode": "{{ b }}", "state": "{{ c }}", "recurse": "{{ d }}"}),
        ("file", {"dest": "/x", "mode": "preserve"}),
        ("wait_for", {"port": "{{ port }}"}),
        ("set_fact", {"anything": 1, "cacheable": "yes"}),
        ("uri", {"url": "http://x", "headers": {"A": "{{ b }}"}, "status_code": [200, "{{ c }}"]}),
        ("assert", {"that": "a == 1"}),
        ("command", {"argv": ["echo", "{{ x }}"]}),
    ],
)
def test_what_only_the_run_knows_is_left_alone(module: str, args: dict[str, Any]) -> None:
    assert modules.check_arguments(SPECS[module], args) == []


def test_a_rendered_value_that_holds_braces_is_content() -> None:
    args = {"dest": "/x", "content": "{{ not a template }}"}
    assert modules.coerce(SPECS["copy"], args) == args
    with pytest.raises(ArgumentError):
        modules.coerce(SPECS["wait_for"], {"port": "{{ 80 }}"})


@pytest.mark.parametrize(
    ("module", "given", "converted"),
    [
        ("file", {"dest": "/x", "recurse": "yes", "mode": "0644"}, {"path": "/x", "recurse": True, "mode": "0644"}),
        ("file", {"name": "/x", "force": 0, "mode": 420}, {"path": "/x", "force": False, "mode": 420}),
        ("file", {"path": "/x", "owner": 0, "group": None}, {"path": "/x", "owner": "0"}),
        ("wait_for", {"port": "80", "timeout": 5.0}, {"port": 80, "timeout": 5}),
        ("uri", {"url": "u", "status_code": "200, 202"}, {"url": "u", "status_code": ["200", "202"]}),
        ("uri", {"url": "u", "status_code": 201}, {"url": "u", "status_code": [201]}),
        ("uri", {"url": "u", "headers": '{"a": "b"}'}, {"url": "u", "headers": {"a": "b"}}),
        ("copy", {"dest": "/x", "content": {"a": 1}}, {"dest": "/x", "content": {"a": 1}}),
        ("command", {"argv": "a,b", "chdir": ""}, {"argv": ["a", "b"], "chdir": ""}),
        ("stat", {"path": 5, "mime": True}, {"path": "5", "get_mime": True}),
    ],
)
def test_conversion(module: str, given: dict[str, Any], converted: dict[str, Any]) -> None:
    assert modules.coerce(SPECS[module], given) == converted


def test_every_module_that_runs_on_hosts_is_in_the_agent() -> None:
    from sparkbed.agent.host import main

    on_hosts = {name for name, spec in SPECS.items() if spec.runs_on == "host"}
    halves = {"copy", "script", "unarchive", "uri"}  # the other half, on the controller, has the files
    assert on_hosts | halves == set(main.MODULES)
    skipped = {name for name in on_hosts | halves if SPECS[name].check == "skipped"}
    assert skipped == set(main.WITHOUT_CHECK)
