"""Roles, imports and includes: what is refused before any host is touched, what is listed, what is shown."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sparkbed import inventory
from sparkbed.errors import DocumentError, PlaybookError
from sparkbed.playbook import Runner, Terminal, rendered_connection_variables
from sparkbed.remote import Connections

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files below the playbook's folder, and the playbook itself: the first argument."""

    def made(book: str, **files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_yml", ".yml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        path = tmp_path / "book.yml"
        path.write_text(book, encoding="utf-8")
        return path

    return made


def _runner(folder: Path, stream: io.StringIO | None = None, **options: int) -> tuple[Runner, Connections]:
    hosts = folder / "hosts.yml"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts.write_text(yaml.safe_dump({"all": {"vars": local, "hosts": {"h1": {"n": 1}, "h2": {"n": 2}}}}))
    made = inventory.load(hosts)
    connections = Connections(lambda host: rendered_connection_variables(made, host))
    return Runner(made, connections, output=Terminal(stream) if stream else None, **options), connections


def _tasks(text: str, head: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
    return f"- hosts: all\n  gather_facts: false\n{head}  tasks:\n{lines}\n"


ROLE = {"roles__one__tasks__main_yml": "- debug: {msg: '{{ role_name }}'}\n"}
RECURSIVE = {"one_yml": "- import_tasks: one.yml\n"}


@pytest.mark.parametrize(
    ("book", "files", "place", "words"),
    [
        (_tasks("- include_tasks: nowhere.yml"), {}, "book.yml:4", "there is no file nowhere.yml"),
        (_tasks("- include_role: {name: nowhere}"), {}, "book.yml:4", "there is no role 'nowhere'"),
        (_tasks("- import_role: {name: nowhere}"), {}, "book.yml:4", "there is no role 'nowhere'"),
        (_tasks("- import_role: {name: one, tasks_from: x}"), ROLE, "book.yml:4", "has no file tasks/x"),
        (_tasks("- import_role: {name: '{{ n }}'}"), {}, "book.yml:4", "literal 'name'"),
        (_tasks("- import_role: {name: one}\n  loop: [1]"), ROLE, "book.yml:5", "no keyword 'loop'"),
        (_tasks("- include_role: {tasks_from: x}"), {}, "book.yml:4", "needs name"),
        (_tasks("- include_tasks: {file: one.yml, aply: {}}"), RECURSIVE, "book.yml:4", "no option 'aply'"),
        (_tasks("- include_tasks: {file: one.yml, apply: {taks: x}}"), RECURSIVE, "book.yml:4", "'taks'"),
        (_tasks("- include_tasks: one.yml\n  become: true"), RECURSIVE, "book.yml:5", "under `apply`"),
        (_tasks("- include_tasks: one.yml\n  delegate_to: h1"), RECURSIVE, "book.yml:5", "under `apply`"),
        (_tasks("- import_tasks: one.yml"), RECURSIVE, "one.yml:1", "imports itself"),
        (_tasks("- include_tasks: one.yml"), {"one_yml": "- debugg: {}\n"}, "one.yml:1", "Did you mean 'debug'?"),
        (_tasks("- include_tasks: one.yml"), {"one_yml": "- debug: {msg: '{{ x }}'}\n"}, "one.yml:1", "defines 'x'"),
        (
            _tasks("- include_tasks: '{{ item }}.yml'\n  loop: [one, two]"),
            {"one_yml": "[]\n", "two_yml": "- debug: {msg: '{{ nowhere }}'}\n"},
            "two.yml:1",
            "nothing defines 'nowhere'",
        ),
        (_tasks("- include_vars: {file: x.yml, flie: y}"), {}, "book.yml:4", "no option 'flie'"),
        (_tasks("", head="  roles: [nowhere]\n"), {}, "book.yml:3", "there is no role 'nowhere'"),
        (_tasks("", head="  roles: [{role: one, debugger: x}]\n"), ROLE, "book.yml:3", "keyword 'debugger' of a role"),
        (_tasks("", head="  roles: [{name: one, a-b: 22}]\n"), ROLE, "book.yml:3", "'a-b' can't be the name"),
        (_tasks("", head="  roles: ['{{ n }}']\n"), ROLE, "book.yml:3", "a literal name"),
        (
            _tasks("", head="  roles: [one]\n"),
            {**ROLE, "roles__one__meta__main_yml": "dependencies:\n  - one\n"},
            "main.yml:2",
            "needs itself",
        ),
        (
            _tasks("", head="  roles: [one]\n"),
            {**ROLE, "roles__one__meta__main_yml": "dependencis: []\n"},
            "main.yml:1",
            "Did you mean 'dependencies'?",
        ),
        (
            _tasks("", head="  roles: [one]\n"),
            {**ROLE, "roles__one__handlers__main_yml": "- include_role: {name: one}\n"},
            "main.yml:1",
            "can't be a handler",
        ),
        (
            _tasks("", head="  handlers: [{block: [{name: x, debug: {}}], rescue: []}]\n"),
            {},
            "book.yml:3",
            "'rescue' means nothing among handlers",
        ),
        (_tasks("", head="  handlers: [{block: [{block: []}]}]\n"), {}, "book.yml:3", "has no block in it"),
        (
            _tasks("- {command: echo, notify: restrat}", head="  roles: [one]\n"),
            {**ROLE, "roles__one__handlers__main_yml": "- {name: restart, debug: {}}\n"},
            "book.yml:5",
            "Did you mean 'restart'?",
        ),
    ],
)
def test_refused_with_its_place(
    tmp_path: Path, write: Write, book: str, files: dict[str, str], place: str, words: str
) -> None:
    path = write(book.replace("  tasks:\n\n", ""), **files)
    with pytest.raises(DocumentError) as caught:
        _runner(tmp_path)[0].check_syntax(path)
    assert words in str(caught.value)
    assert f"{place}:" in str(caught.value).splitlines()[0]


@pytest.mark.parametrize(
    ("book", "files"),
    [
        (_tasks("- include_tasks: '{{ n }}.yml'\n- debug: {msg: '{{ anything }}'}"), {}),
        (_tasks("- include_vars: '{{ n }}.yml'\n- debug: {msg: '{{ anything }}'}"), {}),
        (_tasks("- include_vars: x.yml\n- debug: {msg: '{{ known }}'}"), {"vars__x_yml": "known: 1\n"}),
        (_tasks("- include_tasks: x.yml\n- debug: {msg: '{{ known }}'}"), {"x_yml": "- set_fact: {known: 1}\n"}),
        (_tasks("- include_tasks: x.yml\n  vars: {hop: 1}"), {"x_yml": "- include_tasks: x.yml\n  when: hop > 2\n"}),
        (
            _tasks("- include_role: {name: one}\n- debug: {msg: '{{ known }}'}"),
            {**ROLE, "roles__one__defaults__main_yml": "known: 1\n"},
        ),
        (
            _tasks("- {command: echo, notify: restart}\n- include_role: {name: one}"),
            {**ROLE, "roles__one__handlers__main_yml": "- {name: restart, debug: {}}\n"},
        ),
    ],
)
def test_what_includes_may_define_is_not_refused(
    tmp_path: Path, write: Write, book: str, files: dict[str, str]
) -> None:
    assert _runner(tmp_path)[0].check_syntax(write(book, **files)).plays


def test_a_mistake_in_a_file_that_only_the_run_can_know_ends_it(tmp_path: Path, write: Write) -> None:
    book = write(_tasks("- include_tasks: '{{ [\"x\", n] | first }}.yml'"), x_yml="- debugg: {}\n")
    runner, connections = _runner(tmp_path)
    with connections, pytest.raises(DocumentError, match=re.escape(f"{tmp_path / 'x.yml'}:1")):
        runner.play(book)


def test_tasks_are_listed_with_what_is_imported(tmp_path: Path, write: Write) -> None:
    book = write(
        _tasks(
            "- import_role: {name: one}\n  tags: t\n- include_role: {name: one}\n- {name: more, include_tasks: x.yml}",
            head="  roles: [{role: one, tags: [a, b]}]\n",
        ),
        x_yml="- debug: {msg: x}\n",
        **ROLE,
    )
    runner = _runner(tmp_path)[0]
    titles = [(listed.task, listed.tags) for listed in runner.list_tasks(book)]
    assert titles == [("one : debug", ("a", "b")), ("one : debug", ("t",)), ("include_role : one", ()), ("more", ())]
    assert [listed.task for listed in runner.list_tasks(book, tags=["b"])] == ["one : debug"]


def test_what_is_included_is_told(tmp_path: Path, write: Write) -> None:
    stream = io.StringIO()
    book = write(
        _tasks(
            "- include_tasks: x.yml\n- include_role: {name: one}\n  loop: [a, b]\n  when: n == 2 or item == 'a'\n"
            "- include_tasks: x.yml\n  when: n == 1"
        ),
        x_yml="- debug: {msg: x}\n",
        **ROLE,
    )
    runner, connections = _runner(tmp_path, stream)
    with connections:
        result = runner.play(book)
    told = [line for line in stream.getvalue().splitlines() if re.match(r"included|skipping|TASK", line)]
    assert [line.rstrip("* ") for line in told] == [
        "TASK [include_tasks]",
        f"included: {tmp_path / 'x.yml'} for h1, h2",
        "TASK [debug]",
        "TASK [include_role : one]",
        "skipping: [h1] => (item=b)",
        "included: one for h1, h2 => (item=a)",
        "included: one for h2 => (item=b)",
        "TASK [one : debug]",
        "TASK [one : debug]",
        "TASK [include_tasks]",
        "skipping: [h2]",
        f"included: {tmp_path / 'x.yml'} for h1",
        "TASK [debug]",
    ]
    assert {host: (counts.ok, counts.skipped) for host, counts in result.recap.items()} == {"h1": (6, 0), "h2": (6, 1)}


def test_a_handler_that_no_role_brings_ends_the_run(tmp_path: Path, write: Write) -> None:
    book = write(
        _tasks("- include_role: {name: '{{ [\"one\", n] | first }}'}\n- {command: echo, notify: nowhere}"), **ROLE
    )
    runner, connections = _runner(tmp_path)
    with connections, pytest.raises(PlaybookError, match="'nowhere' was not found"):
        runner.play(book)
