"""`inv play` from the shell: flags as ansible-playbook has them, the log, secrets, exit codes."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sparkbed.home import ROOT
from sparkbed.playbook import logfile
from sparkbed.program import Inv
from tests.components import ansible

BOOK = """
- name: First
  hosts: all
  gather_facts: false
  tags: [p]
  tasks:
    - {name: one, debug: {msg: "{{ a | default('none') }} {{ b | default('none') | type_debug }}"}, tags: [x, y]}
    - {name: two, command: "echo {{ ansible_check_mode }} {{ ansible_verbosity }} {{ ansible_forks }}", tags: z}
- hosts: h2
  gather_facts: false
  tasks: [{debug: {}}]
"""


class Shell:
    """A folder with an inventory of two hosts that are this machine, a playbook, and a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "state" / "logs" / "play.log"
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {"all": {"vars": local, "hosts": {"h1": {"n": 1}, "h2": {"n": 2}}}}
        (folder / "mine.yml").write_text(json.dumps(hosts), encoding="utf-8")
        self.book(BOOK)

    def book(self, text: str) -> None:
        (self.folder / "book.yml").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SPARKBED_HOME": str(self.folder / "state"), "PYTHONPATH": str(ROOT)}

    def inv(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The verb in this process: most tests need no other."""
        argv = ["inv", "play", "book.yml", "-i", "mine.yml", *words]
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setenv("SPARKBED_HOME", str(self.folder / "state"))
            code = Inv(name="inv", binary="inv").run_verb(argv)
        return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())

    def process(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The verb in a process of its own, with its logging."""
        command = [sys.executable, "-m", "sparkbed", "play", "book.yml", "-i", "mine.yml", *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_lists_are_ansibles(shell: Shell) -> None:
    done = shell.inv("--list-tasks", "--list-tags", "--list-hosts")
    assert done.stdout.strip() == (
        "playbook: book.yml\n\n  play #1 (all): First\tTAGS: [p]\n    pattern: ['all']\n    hosts (2):\n      h1\n"
        "      h2\n    tasks:\n      one\tTAGS: [p, x, y]\n      two\tTAGS: [p, z]\n      TASK TAGS: [p, x, y, z]\n\n"
        "  play #2 (h2): h2\tTAGS: []\n    pattern: ['h2']\n    hosts (1):\n      h2\n    tasks:\n"
        "      debug\tTAGS: []\n      TASK TAGS: []"
    )
    assert done.returncode == 0
    assert not shell.log.exists()


@pytest.mark.full
@pytest.mark.parametrize("flags", [["--list-hosts", "--list-tasks", "--list-tags"], ["--syntax-check"]])
def test_ansible_lists_the_same(shell: Shell, flags: list[str]) -> None:
    program = ansible()
    command = [str(program), "-i", "mine.yml", "book.yml", *flags]
    theirs = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, timeout=120, check=True)
    # It lists hosts in any order.
    assert sorted(shell.inv(*flags).stdout.split()) == sorted(theirs.stdout.split())


def test_short_flags_run_together(shell: Shell) -> None:
    done = shell.inv("-CDvvf3", "-lh1", "-t", "z")
    assert '"msg": "Command would have run if not in check mode"' in done.stdout
    assert "task path: " in done.stdout
    assert "TASK [one]" not in done.stdout
    assert "h2 " not in done.stdout
    assert done.returncode == 0
    assert '"stdout": "False 1 2"' in shell.inv("-v", "-f", "2", "--tags=z").stdout


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["-e", "a=1 b='2 3'"], "1 str"),
        (["-e", "{a: 1, b: 2}"], "1 int"),
        (["-e", '{"a": [1], "b": {}}'], "[1] dict"),
        (["-e", "@vars.yml", "-ea=over"], "over list"),
        (["--extra-vars", "a=over", "--extra-vars=@vars.yml"], "file list"),
    ],
)
def test_extra_variables(shell: Shell, given: list[str], shown: str) -> None:
    (shell.folder / "vars.yml").write_text("a: file\nb: [1]\n", encoding="utf-8")
    done = shell.inv("-l", "h1", "-t", "x", *given)
    assert f'"msg": "{shown}"' in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--step"], "play has no flag --step; ansible-playbook has it"),
        (["-K"], "play has no flag -K"),
        (["-Cx"], "play has no flag -x"),
        (["-e", "@nothing.yml"], "there is no file nothing.yml"),
        (["-e", "[1]"], "extra variables are a mapping"),
        (["-e", "a='1"], "has no end"),
        (["-e", "a-b=1"], "is neither key=value nor a mapping"),
        (["-e", "{a-b: 1}"], "can't be the name of a variable"),
        (["-f", "0"], "--forks must be a whole number"),
        (["-l"], "needs a value"),
        (["-l", "h9"], "no host or group 'h9'"),
    ],
)
def test_wrong_flags(shell: Shell, flags: list[str], words: str) -> None:
    done = shell.inv(*flags)
    assert words in done.stderr
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_failed_host_is_exit_code_1(shell: Shell) -> None:
    shell.book("- hosts: all\n  gather_facts: false\n  tasks: [{command: 'false', when: n == 2}]\n")
    done = shell.inv()
    assert done.returncode == 1
    assert "h2                         : ok=0    changed=0    unreachable=0    failed=1" in done.stdout
    assert done.stderr.startswith("inv: book.yml:3: task [command] failed on h2: non-zero return code")


def test_the_log_has_every_run_and_is_private(shell: Shell) -> None:
    first, second = shell.inv("-l", "h1"), shell.inv("-l", "h2", "-v")
    text = shell.log.read_text(encoding="utf-8")
    assert stat.S_IMODE(shell.log.stat().st_mode) == 0o600
    assert first.stdout in text
    assert second.stdout in text
    assert text.index(first.stdout) < text.index(second.stdout)
    assert text.count("inv play book.yml") == 2


def test_a_large_log_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "play.log"
    for name in ("play.log", "play.log.1", "play.log.2", "play.log.3"):
        (tmp_path / name).write_text(name)
    with path.open("w") as file:
        file.truncate(logfile.LARGEST + 1)
    logfile.LogFile(path).write("new\n")
    assert path.read_text() == "new\n"
    assert (tmp_path / "play.log.1").stat().st_size == logfile.LARGEST + 1
    assert (tmp_path / "play.log.2").read_text() == "play.log.1"
    assert (tmp_path / "play.log.3").read_text() == "play.log.2"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["play.log", "play.log.1", "play.log.2", "play.log.3"]


def test_a_log_that_cannot_be_written_stops_nothing(shell: Shell) -> None:
    shell.log.mkdir(parents=True)
    done = shell.inv("-l", "h1")
    assert done.returncode == 0
    assert "PLAY RECAP" in done.stdout
    assert done.stderr.count("can't be written: Is a directory; the play goes on") == 1


SECRETS = """
- hosts: h1
  gather_facts: false
  vars: {canary: "{{ lookup('env', 'CANARY') }}"}
  tasks:
    - name: A command
      command: echo {{ canary }}
      no_log: true
      register: kept
    - name: Items
      command: {argv: [echo, "{{ item }}"]}
      loop: ["{{ canary }}", x]
      loop_control: {label: "{{ item }}"}
      no_log: true
      changed_when: false
    - name: A file
      copy: {content: "{{ canary }}\\n", dest: "{{ playbook_dir }}/file", mode: "0600"}
      no_log: true
      diff: true
    - name: A content
      copy: {content: "{{ canary }}\\n", dest: "{{ playbook_dir }}/other", mode: "0600"}
      diff: false
    - name: A failure
      shell: echo {{ canary }}; echo {{ canary }} >&2; exit 1
      no_log: true
      ignore_errors: true
      register: failed
    - name: Failing items
      shell: echo {{ item }}; exit 1
      loop: ["{{ canary }}"]
      no_log: true
      ignore_errors: true
    - name: A template that fails
      debug: {msg: "{{ canary | from_json }}"}
      no_log: true
      ignore_errors: true
    - name: A condition that fails
      command: echo
      when: canary | int(default=canary) == canary and (canary | mandatory).nothing
      no_log: true
      ignore_errors: true
    - name: Retried
      shell: echo {{ canary }}; exit 1
      no_log: true
      retries: 1
      delay: 0
      until: false
      ignore_errors: true
    - name: A debug
      debug: {var: canary}
      no_log: true
    - name: What was registered is usable
      assert: {that: [kept.stdout == canary, failed.stdout == canary, failed is failed], quiet: true}
    - name: The last failure
      shell: echo {{ canary }}; exit 1
      no_log: true
"""


@pytest.mark.parametrize("flags", [[], ["-v", "-D"], ["-vvvv", "-D"]], ids=" ".join)
def test_no_log_hides_everywhere(shell: Shell, monkeypatch: pytest.MonkeyPatch, flags: list[str]) -> None:
    monkeypatch.setenv("CANARY", "canary-7f3a")
    shell.book(SECRETS)
    done = shell.process(*flags)
    assert done.returncode == 1
    assert "ok=11 " in done.stdout, done.stdout + done.stderr
    assert "failed=1 " in done.stdout
    seen = {"stdout": done.stdout, "stderr": done.stderr}
    logs = [one for one in (shell.folder / "state").rglob("*") if one.is_file()]
    seen |= {str(one): one.read_text(encoding="utf-8", errors="replace") for one in logs}
    assert [name for name, text in seen.items() if "canary-7f3a" in text] == []
    assert (shell.folder / "file").read_text() == "canary-7f3a\n"


def test_three_v_show_connections_and_arguments(shell: Shell) -> None:
    shell.book(
        "- hosts: h1\n  gather_facts: false\n  tasks: [{file: {path: '{{ playbook_dir }}', state: directory}}]\n"
    )
    done = shell.inv("-vvv")
    assert "<h1> agent started: process " in done.stdout
    shown = done.stdout[done.stdout.index("ok: [h1] => ") + len("ok: [h1] => ") :]
    result = json.JSONDecoder().raw_decode(shown)[0]
    assert result["invocation"]["module_args"]["state"] == "directory"
    assert "invocation" not in shell.inv("-vv").stdout


def test_an_inventory_of_hosts_that_exist_needs_no_provisioning(shell: Shell) -> None:
    assert shell.inv("-t", "z").stdout.count("changed: [") == 2
    generated = shell.folder / "state" / "inventories" / "mine.yml"
    assert generated.is_file()
    hosts = json.loads((shell.folder / "mine.yml").read_text())
    hosts["all"]["hosts"]["h3"] = {}
    (shell.folder / "mine.yml").write_text(json.dumps(hosts))
    later = generated.stat().st_mtime + 5
    os.utime(shell.folder / "mine.yml", (later, later))
    assert shell.inv("-t", "z").stdout.count("changed: [") == 3


def test_localhost_without_an_inventory_of_its_own(shell: Shell) -> None:
    shell.book("- hosts: localhost\n  gather_facts: false\n  tasks: [{command: echo here}]\n")
    done = shell.inv("-v")
    assert '"stdout": "here"' in done.stdout
    assert done.returncode == 0


def test_a_reader_that_goes_away_is_no_failure(shell: Shell) -> None:
    command = f"{sys.executable} -m sparkbed play book.yml -i mine.yml | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command], cwd=shell.folder, env=shell.environment(), capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
