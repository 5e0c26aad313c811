"""Any value reaches its place unchanged, or is refused by name; none is ever executed.

Each example is a play of its own: the value goes into names, contents, words,
environments, lines, blocks and expressions. A value that ran as code would make the canary.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sparkbed import inventory
from sparkbed.playbook import Runner, Silent
from sparkbed.remote import Connections

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
PLAY = """
- hosts: h1
  gather_facts: false
  vars:
    f: "{{ out }}/f"
    value: "{{ encoded | b64decode }}"  # an extra variable's own text may hold templates, what comes of a filter not
  tasks:
    - copy: {content: "{{ value }}", dest: "{{ out }}/content"}
      register: content
      ignore_errors: true
    - command: {argv: [printf, "%s", "{{ value }}"], expand_argument_vars: false, strip_empty_ends: false}
      register: argv
      ignore_errors: true
    - shell: printf %s {{ value | quote }}
      args: {chdir: "{{ out }}"}
      register: quoted
      ignore_errors: true
    - command: {argv: [printenv, VALUE], chdir: "{{ out }}", strip_empty_ends: false}
      environment: {VALUE: "{{ value }}"}
      register: environment
      ignore_errors: true
    - command: {argv: [cat], stdin: "{{ value }}", stdin_add_newline: false, strip_empty_ends: false}
      register: stdin
      ignore_errors: true
    - lineinfile: {path: "{{ f }}", line: "{{ value }}", create: true}
      register: line
      ignore_errors: true
    - lineinfile: {path: "{{ f }}", regexp: "^{{ value | regex_escape }}$", state: absent}
      register: without
      ignore_errors: true
    - blockinfile: {path: "{{ out }}/block", block: "{{ value }}", create: true}
      register: block
      ignore_errors: true
    - copy: {content: "{{ 'before ' ~ value ~ ' after' }}", dest: "{{ out }}/replaced"}
      register: around
      ignore_errors: true
    - replace: {path: "{{ out }}/replaced", regexp: "{{ value | regex_escape }}", replace: "-"}
      register: replaced
      ignore_errors: true
    - copy: {content: named, dest: "{{ out }}/names/{{ value | replace('/', '_') }}"}
      register: named
      ignore_errors: true
    - find: {paths: "{{ out }}/names", hidden: true}
      register: found
    - set_fact: {kept: "{{ value }}"}
"""
CODE = [
    "$(touch canary)",
    "`touch canary`",
    "; touch canary; #",
    "' ; touch canary ; '",
    '" ; touch canary ; "',
    "\n touch canary \n",
    "{{ lookup('env', 'HOME') }}",
    "{% for x in [1] %}x{% endfor %}",
    "back\\slash \\1 \\n \\g<0>",
    "-rf --help =x",
    "nul \0 in it",
    "ž 猫 \u202e \U0001f408",
    " both ends ",
    "line\r\nend\r",
    "\ttab\x0b\x0c\x1c\x85\u2028",
    "~root $HOME ${HOME}",
    "key=value creates=/ chdir=/",
    "[1, 2]",
    "null",
    "5",
    "",
]
VALUES = st.one_of(
    st.sampled_from(CODE),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text(alphabet="'\"\\$`;&|{}%#\n\r \0=~*ab", max_size=30),
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runner, Path]]:
    folder = tmp_path_factory.mktemp("any")
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"h1": LOCAL}}}))
    (folder / "play.yml").write_text(PLAY)
    with Connections(lambda host: LOCAL) as connections:
        yield Runner(inventory.load(folder / "hosts.yml"), connections, output=Silent()), folder / "play.yml"


def registered(runner: tuple[Runner, Path], value: str, out: Path) -> dict[str, Any]:
    encoded = base64.b64encode(value.encode()).decode()
    result = runner[0].play(runner[1], extra_vars={"encoded": encoded, "out": str(out)})
    result.require("the play")
    names = "content argv quoted environment stdin line without block around replaced named found"
    return {name: result.registered("h1", name) for name in names.split()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
@example(CODE[0])
@example("nul \0 in it")
@example("line\r\nend\r")
def test_any_value_arrives_or_is_refused(runner: tuple[Runner, Path], value: str) -> None:
    out = Path(tempfile.mkdtemp(prefix="any-value-"))
    (out / "names").mkdir()
    try:
        seen = registered(runner, value, out)
        assert not list(out.rglob("canary"))
        assert not Path("canary").exists()
        assert (out / "content").read_bytes().decode() == value
        if "\0" in value:
            for name in ("argv", "quoted", "environment", "line", "named"):
                assert seen[name]["failed"] is True, name
                assert "NUL" in seen[name]["msg"] or "null" in seen[name]["msg"].lower(), seen[name]["msg"]
            return
        assert seen["argv"]["stdout"] == value
        assert seen["quoted"]["stdout"].rstrip("\r\n") == value.rstrip("\r\n")
        assert seen["environment"]["stdout"] == value + "\n"
        assert seen["stdin"]["stdout"] == value
        assert seen["block"]["changed"] is True
        block = (out / "block").read_bytes().decode()
        assert (value in block) or value == ""
        if "\n" not in value:
            assert seen["line"]["changed"] is True
            assert seen["without"]["found"] >= 1
            assert (out / "f").read_bytes() == b""
        text = "before " + value + " after"
        assert (out / "replaced").read_bytes().decode() == (text.replace(value, "-") if value else _spread(text))
        name = value.replace("/", "_")
        if name not in ("", ".", "..") and len(name.encode()) <= 255 and not name.startswith("~") and "$" not in name:
            assert (out / "names" / name).read_bytes() == b"named"
            assert [entry["path"] for entry in seen["found"]["files"]] == [f"{out}/names/{name}"]
    finally:
        shutil.rmtree(out)


def _spread(text: str) -> str:
    """What replacing the empty match makes of a text."""
    return "-" + "".join(letter + "-" for letter in text)
