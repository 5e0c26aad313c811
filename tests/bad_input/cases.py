"""The kinds of bad input as data: cases/*.yml. Each is run by test_bad_input.py and is a row of docs/bad-input.md.

    name         the test's name
    kind         what is wrong, in words
    example      the wrong piece of it, where the command alone doesn't show it
    files        what stands in the folder where the command runs: path -> text
    setup        what has to be the case around it: names of functions in surroundings.py
    environment  variables over those of the tests
    shell        shell commands just before the command, which is "$@"
    before       verbs that have to work first
    command      the words after `./inv`
    exit         its exit code
    message      all of standard error
    full         true when it takes real Spark, and so longer than the fast tests may

In files, environment, commands and messages {folder} stands for that folder, {state} for the state folder below it,
{root} for the checkout, {python} for the interpreter, and other names for what the setups give; in messages {*} is any
text within a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOMS = ("words", "suites", "inventories", "playbooks", "hosts", "machine", "campaigns")
"""The files of cases/, in the order of the page."""


@dataclass(frozen=True)
class Case:
    """One kind of bad input; the fields are described above."""

    name: str
    kind: str
    command: str
    exit: int
    message: str
    example: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    shell: str = ""
    before: tuple[str, ...] = ()
    full: bool = False


def of(room: str) -> list[Case]:
    """The cases of one file."""
    documents: list[dict[str, Any]] = yaml.safe_load((HERE / "cases" / f"{room}.yml").read_text(encoding="utf-8"))
    return [
        Case(**{**one, "setup": tuple(one.get("setup", ())), "before": tuple(one.get("before", ()))})
        for one in documents
    ]


def every() -> list[Case]:
    return [case for room in ROOMS for case in of(room)]


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with the places filled; other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found.group(1), found.group(0)), text)


def matches(message: str, values: Mapping[str, str], said: str) -> bool:
    """Whether `said` is the message, all of it."""
    pieces = [re.escape(piece) for piece in filled(message.strip(), values).split("{*}")]
    return re.fullmatch("[^\n]*".join(pieces), said.strip()) is not None


def page() -> str:
    """docs/bad-input.md."""
    lines = [_TOP.strip()]
    for room in ROOMS:
        lines += ["", f"## {room.capitalize()}", "", "| what is wrong | example | what it says | exit code |"]
        lines += ["|---|---|---|---|"]
        lines += [
            f"| {case.kind} | {_example(case)} | {_code(case.message.strip())} | {case.exit} |" for case in of(room)
        ]
    return "\n".join(lines) + "\n"


_TOP = """
# Bad input, and what is said of it

<!-- Made from tests/bad_input/cases/ by `python -m tests.bad_input`; a test holds the two together. -->

Every message says what is wrong, where (for YAML: file and line) and what to do next, on standard error. Exit code 1
means that something failed, 2 that it was asked for wrongly. Nothing is left behind, and no traceback is shown. Each
row is a test. `{folder}` is the folder where the command was run, `{state}` the state folder, `{root}` the checkout;
`{*}` stands for words that differ from machine to machine.
"""


def _example(case: Case) -> str:
    shown = [_code(case.example.strip())] if case.example else []
    command = f"./inv {case.command}"
    return "<br>".join(shown if command in case.example else [*shown, _code(command)])


def _code(text: str) -> str:
    """Preformatted text inside a table's cell."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "&#124;")
    return "<br>".join(f"<code>{line.replace('  ', '&nbsp;&nbsp;', 1)}</code>" for line in escaped.splitlines())
