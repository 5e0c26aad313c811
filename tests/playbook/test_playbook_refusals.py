"""What is outside the subset is refused before any host is touched: file, line, construct, and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sparkbed import inventory
from sparkbed.errors import DocumentError, UsageError
from sparkbed.playbook import Runner
from sparkbed.remote import Connections


def _runner(folder: Path) -> Runner:
    hosts = folder / "hosts.yml"
    hosts.write_text(yaml.safe_dump({"all": {"hosts": {"h1": {"known": 1}}}}), encoding="utf-8")

    def never(host: str) -> dict[str, object]:
        raise AssertionError(f"{host} was asked for")

    return Runner(inventory.load(hosts), Connections(never))


def _play(tasks: str, head: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in tasks.strip("\n").splitlines())
    return f"- hosts: all\n  gather_facts: false\n{head}  tasks:\n{lines}\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- hosts: all\n  order: shuffle\n", 2, "order 'shuffle' is outside"),
        ("- hosts: all\n  max_fail_percent: 3\n", 2, "Did you mean 'max_fail_percentage'?"),
        (
            "- hosts: all\n  gather_facts: false\n  vars_prompt: []\n",
            3,
            "'vars_prompt' of a play is outside the subset",
        ),
        ("- hosts: all\n  gather_facts: false\n  taks: []\n", 3, "Did you mean 'tasks'?"),
        ("- gather_facts: false\n", 1, "needs `hosts`"),
        ("hosts: all\n", 1, "a list of plays"),
        (_play("- debugg: {msg: x}"), 4, "Did you mean 'debug'?"),
        (_play("- dnf: {name: x}"), 4, "module 'dnf' is outside the subset"),
        (_play("- community.general.ini_file: {path: x}"), 4, "community.general.ini_file"),
        (_play("- debug: {msg: x}\n  whenn: true"), 5, "Did you mean 'when'?"),
        (_play("- debug: {msg: x}\n  async: 5"), 5, "keyword 'async' is outside the subset"),
        (_play("- {command: x, async: 10, poll: 0}"), 4, "'async' is outside the subset"),
        (_play("- {command: x, become: true, become_flags: -i}"), 4, "'become_flags' is outside the subset"),
        (_play("- meta: end_role"), 4, "outside of a role's tasks"),
        (_play("- debug:", head="  handlers:\n    - meta: flush_handlers\n"), 4, "flush_handlers can't be a handler"),
        (_play("- debug:", head="  strategy: \"{{ 'fr' ~ 'ee' }}\"\n"), 1, "strategy 'free' is outside the subset"),
        (_play("- debug: {var: ansible_facts.kernel ~ x}"), 4, "no play gathers facts"),
        (_play('- debug: {msg: "{{ ansible_distribution }}"}'), 4, "no play gathers facts"),
        ("- hosts: all\n  tasks:\n    - debug: {msg: '{{ ansible_distributon }}'}\n", 3, "'ansible_distribution'"),
        ("- hosts: all\n  tasks:\n    - debug: {msg: '{{ ansible_facts.kernl }}'}\n", 3, "'ansible_facts.kernel'"),
        ("- hosts: all\n  module_defaults: {apt_key: {id: 1}}\n", 2, "module_defaults of 'apt_key'"),
        (_play("- debug: {msg: x}\n  with_random_choice: [1]"), 5, "with_random_choice"),
        (_play("- debug: {msg: x}\n  copy: {content: x, dest: /x}"), 5, "one module"),
        (_play("- name: nothing"), 4, "without a module"),
        (_play("- file:\n    path: /x\n    stat: file"), 6, "file has no option 'stat'"),
        (_play("- file: path=/x state=dir"), 4, "state must be one of"),
        (_play("- shell: echo 'open"), 4, "has no end"),
        (_play("- meta: end_the_world"), 4, "end_the_world"),
        (_play("- debug: {msg: !vault x}"), 4, "encrypted (!vault)"),
        (_play("- debug: {msg: !ruby x}"), 4, "not valid YAML"),
        (_play("- debug: {msg: '{{ [1] | shuffle }}'}"), 4, "'shuffle' without a seed"),
        (_play("- debug: {msg: '{{ 5 | random(1, 1) }}'}"), 4, "'random' without a seed"),
        (_play("- debug: {msg: '{{ known | json_query(1) }}'}"), 4, "filter 'json_query' is outside the subset"),
        (_play("- debug: {msg: '{{ known | password_hash }}'}"), 4, "passlib"),
        (_play("- debug: {msg: x}\n  when: known is vault_encrypted"), 4, "test 'vault_encrypted'"),
        (_play("- debug: {msg: \"{{ lookup('password', 'x') }}\"}"), 4, "lookup 'password'"),
        (_play("- debug: {msg: '{{ knwon }}'}"), 4, "nothing defines 'knwon'"),
        (_play("- copy:\n    dest: /x\n    content: '{{ nowhere }}'"), 6, "nothing defines 'nowhere'"),
        (_play("- debug: {msg: x}\n  when: nowhere == 1"), 4, "nothing defines 'nowhere'"),
        (_play("- debug: {msg: '{{ ansible_distribution }}'}"), 4, "a fact"),
        (_play("- debug: {msg: '{{ known'}"), 4, "can't be read"),
        (_play("- debug: {msg: x}\n  loop: known"), 5, 'Did you mean "{{ known }}"?'),
        (_play("- debug: {msg: x}\n  register: a-b"), 5, "can't be the name of a variable"),
        (_play("- template: {src: nothing.j2, dest: /x}"), 4, "nothing.j2"),
        (_play("- import_tasks: nothing.yml"), 4, "there is no file nothing.yml"),
        (_play("- debug: {msg: x}", head="  vars_files: [nothing.yml]\n"), 3, "there is no file nothing.yml"),
        (_play("- debug: {msg: x}", head="  vars: {a-b: 1}\n"), 3, "'a-b' can't be the name"),
        (
            _play("- command: echo\n  notify: restrat", head="  handlers: [{name: restart, command: echo}]\n"),
            5,
            "restart",
        ),
        (_play("- command: echo\n  any_errors_fatal: '{{ known }}'"), 5, "can't be a template"),
        (_play("- debug: {msg: x}", head="  vars: {größe: 1}\n"), 3, "'größe' can't be the name"),
        (_play("- rescue: []"), 4, "need a block"),
        (_play("- just text"), 4, "a task is a mapping"),
    ],
)
def test_refused_with_its_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    book = tmp_path / "book.yml"
    book.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        _runner(tmp_path).play(book)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{book}:{line}:")


def test_names_the_command_that_runs_it(tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text(_play("- dnf: {name: x}"), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        _runner(tmp_path).play(book)
    assert f"ansible-playbook -i {tmp_path / 'hosts.yml'} {book}" in str(caught.value)


def test_template_files_are_checked_with_their_own_lines(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "conf.j2").write_text("fine {{ known }}\n{% if x %}\n{{ nowhere }}\n{% endif %}\n")
    book = tmp_path / "book.yml"
    book.write_text(_play("- template: {src: '{{ item }}.j2', dest: /x}\n  loop: [conf]\n  vars: {x: 1}"))
    with pytest.raises(DocumentError) as caught:
        _runner(tmp_path).play(book)
    assert str(caught.value).startswith(f"{tmp_path / 'templates' / 'conf.j2'}:3: nothing defines 'nowhere'")


@pytest.mark.parametrize(
    "task",
    [
        "- debug: {msg: '{{ nowhere | default(1) }}'}",
        "- debug: {msg: '{{ nowhere.deep.er | default(omit) }}'}",
        "- debug: {msg: '{{ nowhere }}'}\n  when: nowhere is defined",
        "- debug: {var: nowhere}",
        "- debug: {msg: '{% set own = 1 %}{{ own }}{% for x in [1] %}{{ x }}{% endfor %}'}",
        "- debug: {msg: '{{ hostvars.h1.anything }} {{ groups.all }}'}",
        "- debug: {msg: '{{ later }}'}\n- command: echo\n  register: later",
    ],
)
def test_what_may_be_defined_is_not_refused(tmp_path: Path, task: str) -> None:
    book = tmp_path / "book.yml"
    book.write_text(_play(task), encoding="utf-8")
    _runner(tmp_path).check_syntax(book)


def test_extra_variables_define_names(tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text(_play("- debug: {msg: '{{ given }}'}"), encoding="utf-8")
    runner = _runner(tmp_path)
    runner.check_syntax(book, extra_vars={"given": 1})
    with pytest.raises(DocumentError):
        runner.check_syntax(book)


def test_an_unknown_limit_and_an_unknown_group(tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text("- hosts: wokers\n  gather_facts: false\n  tasks: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match="wokers"):
        _runner(tmp_path).play(book)
    book.write_text(_play("- debug: {msg: x}"), encoding="utf-8")
    with pytest.raises(UsageError, match="h9"):
        _runner(tmp_path).play(book, limit="h9")
