"""Running plays: lost hosts, round trips, what output shows, and what Python reads of the result."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed import inventory
from sparkbed.errors import HostError, PlaybookError, UsageError
from sparkbed.playbook import Failures, PlayResult, Runner, Terminal, rendered_connection_variables
from sparkbed.remote import Agent, Connections


class Site:
    """Hosts that are all this machine, and a folder for playbooks."""

    def __init__(self, folder: Path, hosts: int = 3) -> None:
        self.folder = folder
        self.stream = io.StringIO()
        path = folder / "hosts.yml"
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        names = {f"h{number}": {"n": number} for number in range(1, hosts + 1)}
        path.write_text(yaml.safe_dump({"all": {"vars": local, "hosts": names}}), encoding="utf-8")
        self.inventory = inventory.load(path)
        self.connections = Connections(lambda host: rendered_connection_variables(self.inventory, host))

    def runner(self, **options: Any) -> Runner:
        return Runner(self.inventory, self.connections, **{"output": Terminal(self.stream), **options})

    def book(self, text: str) -> Path:
        path = self.folder / "book.yml"
        path.write_text(text, encoding="utf-8")
        return path

    def play(self, tasks: str, **options: Any) -> PlayResult:
        lines = "\n".join(f"    {line}" for line in tasks.strip("\n").splitlines())
        return self.runner().play(
            self.book(f"- name: The play\n  hosts: all\n  gather_facts: false\n  tasks:\n{lines}\n"), **options
        )

    @property
    def output(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with made.connections:
        yield made


def test_a_host_that_dies_leaves_and_the_others_finish(site: Site) -> None:
    result = site.play(
        """
- name: Die
  shell: kill -9 $PPID; sleep 5
  when: n == 2
- name: Go on
  command: echo {{ n }}
  register: said
"""
    )
    assert result.recap["h2"].unreachable == 1
    assert result.recap["h2"].failed == 0
    assert [result.registered(host, "said")["stdout"] for host in ("h1", "h3")] == ["1", "3"]
    assert result.registered("h2", "said") is None
    assert list(result.failed) == ["h2"]
    assert "fatal: [h2]: UNREACHABLE! =>" in site.output
    with pytest.raises(HostError, match="h2"):
        result.require()


def test_an_unreachable_host_can_be_ignored_and_comes_back(site: Site) -> None:
    result = site.play(
        """
- shell: kill -9 $PPID; sleep 5
  when: n == 1
  ignore_unreachable: true
- command: echo back
  register: said
"""
    )
    assert result.ok
    assert result.recap["h1"].ignored == 1
    assert result.registered("h1", "said")["stdout"] == "back"


def test_require_names_host_task_place_and_words(site: Site) -> None:
    result = site.play(
        """
- name: Fine {{ n }}
  command: echo fine
- name: Breaks
  shell: echo why it broke >&2; exit 3
  when: n == 1
"""
    )
    with pytest.raises(PlaybookError) as caught:
        result.require("the start of the cluster")
    text = str(caught.value)
    assert text.startswith(f"{site.folder / 'book.yml'}:7: task [Breaks] failed on h1: ")
    assert "why it broke" in text
    assert "the start of the cluster stopped there" in text


def test_no_log_hides_everywhere(site: Site) -> None:
    result = site.play(
        """
- shell: echo hunter2; exit 1
  no_log: true
"""
    )
    with pytest.raises(PlaybookError) as caught:
        result.require()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in site.output
    assert "the output has been hidden" in site.output


def test_round_trips_are_one_a_task(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, int]] = []
    real = Agent.call

    def counted(self: Agent, module: str, items: Any, **options: Any) -> list[dict[str, Any]]:
        calls.append((module, len(items)))
        return real(self, module, items, **options)

    monkeypatch.setattr(Agent, "call", counted)
    (site.folder / "t.j2").write_text("{{ item }}\n")
    site.play(
        f"""
- file: {{path: "{site.folder}/{{{{ n }}}}-{{{{ item }}}}", state: touch}}
  loop: [1, 2, 3, 4, 5]
- template: {{src: t.j2, dest: "{site.folder}/t-{{{{ n }}}}-{{{{ item }}}}"}}
  loop: [1, 2, 3]
- command: echo {{{{ item }}}}
  loop: [1, 2]
  register: said
  changed_when: said.stdout == '1'
  when: item != 2
- debug: {{msg: no round trip}}
- set_fact: {{x: 1}}
- assert: {{that: x == 1}}
""",
        limit="h1",
    )
    assert calls == [("file", 5), ("copy", 3), ("command", 1)]


def test_hosts_run_beside_each_other_up_to_forks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()
    real = Agent.call

    def watched(self: Agent, module: str, items: Any, **options: Any) -> list[dict[str, Any]]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.2)
        try:
            return real(self, module, items, **options)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(Agent, "call", watched)
    book = site.book("- hosts: all\n  gather_facts: false\n  tasks: [{command: 'true'}, {command: 'true'}]\n")
    for forks in (1, 2, 3):
        most = 0
        assert site.runner(forks=forks).play(book).ok
        assert most == forks


def test_output_is_what_ansible_users_grep(site: Site) -> None:
    site.play(
        """
- name: Change
  command: echo {{ item }}
  loop: [a, b]
- debug: {msg: shown}
- command: echo
  when: false
- command: "false"
  ignore_errors: true
- name: Fail
  command: "false"
  when: n == 3
"""
    )
    for pattern in (
        r"^PLAY \[The play\] \*{3,}$",
        r"^TASK \[Change\] \*{3,}$",
        r"^changed: \[h1\] => \(item=a\)$",
        r'^ok: \[h2\] => \{\n    "msg": "shown"\n\}$',
        r"^skipping: \[h1\]$",
        r"^fatal: \[h1\]: FAILED! => \{.*\"rc\": 1.*\}$",
        r"^\.\.\.ignoring$",
        r"^PLAY RECAP \*{3,}$",
        r"^h1 {25}: ok=3    changed=2    unreachable=0    failed=0    skipped=2    rescued=0    ignored=1   $",
        r"^h3 {25}: ok=3    changed=2    unreachable=0    failed=1    skipped=1    rescued=0    ignored=1   $",
    ):
        assert re.search(pattern, site.output, re.MULTILINE), pattern
    assert "\033[" not in site.output


def test_failures_alone(site: Site, tmp_path: Path) -> None:
    stream = io.StringIO()
    log = tmp_path / "log"
    book = site.book(
        "- hosts: h1\n  gather_facts: false\n  tasks: [{command: 'true'}, {name: Breaks, command: 'false'}]\n"
    )
    site.runner(output=Failures(stream, log=log)).play(book)
    assert stream.getvalue().startswith(f"TASK [Breaks] {book}:3\nfatal: [h1]: FAILED!")
    assert log.read_text() == stream.getvalue()


def test_diffs_are_shown(site: Site) -> None:
    target = site.folder / "file"
    target.write_text("old\n")
    site.runner(output=Terminal(site.stream, diff=True)).play(
        site.book(
            f"- hosts: h1\n  gather_facts: false\n  tasks:\n    - copy: {{content: \"new\\n\", dest: '{target}'}}\n"
        ),
        diff=True,
        check=True,
    )
    assert "-old\n+new\n" in site.output
    assert target.read_text() == "old\n"


def test_listed_tasks_follow_the_tags(site: Site) -> None:
    book = site.book(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - {name: one, debug: {msg: 1}, tags: [a]}\n"
        "    - block: [{name: two, debug: {msg: 2}}]\n      tags: b\n"
    )
    listed = site.runner().list_tasks(book, tags=["b"])
    assert [(one.task, one.tags, one.where) for one in listed] == [("two", ("b",), f"{book}:5")]


def test_an_unknown_start_is_told(site: Site) -> None:
    with pytest.raises(UsageError, match="no task is named"):
        site.play("- {name: one, debug: {msg: 1}}", start_at_task="two")


def test_a_handler_that_is_not_there_ends_the_run(site: Site) -> None:
    with pytest.raises(PlaybookError, match="handler 'no such' was not found"):
        site.play("- command: echo\n  notify: no {{ 'such' }}")


def test_localhost_needs_no_inventory(site: Site) -> None:
    result = site.play("- command: echo {{ n }}\n  delegate_to: localhost\n  register: said")
    assert result.registered("h2", "said")["stdout"] == "2"


def test_imported_playbooks_and_their_tags(site: Site) -> None:
    (site.folder / "other.yml").write_text(
        "- hosts: h1\n  gather_facts: false\n  tasks: [{set_fact: {seen: '{{ given }}'}}]\n", encoding="utf-8"
    )
    book = site.book("- import_playbook: other.yml\n  vars: {given: 5}\n  tags: imported\n")
    assert site.runner().play(book, tags=["imported"]).registered("h1", "seen") == 5
    assert site.runner().play(book, tags=["else"]).registered("h1", "seen") is None


def test_nothing_stays_on_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(home))
    site = Site(tmp_path)
    with site.connections:
        assert site.play(f"- command: echo\n- copy: {{content: x, dest: {tmp_path}/x}}\n- shell: echo x").ok
    assert list(home.iterdir()) == []
