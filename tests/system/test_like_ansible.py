"""Packages, services, users: by Ansible on one machine and by us on another, with the same answers and end states."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system import seeds
from tests.system.machines import Machine, machine, root

pytestmark = pytest.mark.full

PLAYS = sorted((Path(__file__).parent / "plays").glob("*.yml"))
# Texts, and what differs from run to run. `status` is looked at apart.
IGNORED = {
    "stdout", "stdout_lines", "stderr", "stderr_lines", "msg", "diff", "warnings", "exception", "deprecations",
    "status", "cache_update_time", "ssh_fingerprint", "ssh_public_key", "ansible_facts", "invocation", "cmd", "rc",
    "failed_when_result", "details", "module_stdout", "module_stderr",
}  # fmt: skip


@pytest.fixture(scope="session")
def base() -> Path:
    return root()


@pytest.fixture
def pair(request: pytest.FixtureRequest, base: Path, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Two machines that are the same: ours and theirs."""
    write = seeds.with_systemctl if request.node.callspec.params["play"].stem == "systemd" else seeds.write
    seed = write(tmp_path / "tree")
    with ExitStack() as stack:
        ours = stack.enter_context(machine(tmp_path / "ours", "127.62.0.1", seed))
        theirs = stack.enter_context(machine(tmp_path / "theirs", "127.62.0.2", seed))
        yield ours, theirs


def playbook(file: Path, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The tasks with a register each, failures passed over, and their results in a file at the end."""
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    tasks = [{**task, "register": f"r{number}", "ignore_errors": True} for number, task in enumerate(given)]
    names = ", ".join(f"r{number}" for number in range(len(tasks)))
    last = {"check_mode": False, "copy": {"dest": "/results.json", "content": f"{{{{ [{names}] | to_json }}}}"}}
    play = {"hosts": "machine", "gather_facts": False, "tasks": [*tasks, last]}
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([play], sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path, given


def results(machine: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((machine.view / "results.json").read_text())
    return found


def tree(view: Path, *folders: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for folder in folders:
        for path in sorted((view / folder).rglob("*")):
            about = path.lstat()
            link = str(path.readlink()) if stat.S_ISLNK(about.st_mode) else None
            found[str(path.relative_to(view))] = (oct(about.st_mode), about.st_uid, about.st_gid, link)
    return found


def contents(view: Path, *names: str) -> dict[str, str | None]:
    return {name: (view / name).read_text() if (view / name).exists() else None for name in names}


def state(machine: Machine, kind: str) -> dict[str, Any]:
    """The end state that a kind of play is about."""
    view = machine.view
    if kind == "users":
        files = contents(view, "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")
        return {**files, "homes": tree(view, "home", "srv")}
    if kind == "packages":
        shown = machine.run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status} ${Version}\n")
        marks = contents(view, "var/lib/apt/extended_states")["var/lib/apt/extended_states"] or ""
        automatic = sorted(re.findall(r"Package: (\S+)\nArchitecture: \S+\nAuto-Installed: 1", marks))
        said = contents(view, "run/policy-said", "usr/sbin/policy-rc.d", "etc/sb-conf.conf")
        return {"packages": shown.splitlines(), "automatic": automatic, **said}
    if kind == "pip":
        # Compiled files hold times; the rest of an environment is what pip made.
        every = tree(view, "opt", "usr/local/lib")
        return {name: value[0] for name, value in every.items() if "__pycache__" not in name}
    if kind == "services":
        links = {name: value for name, value in tree(view, "etc").items() if re.match(r"etc/rc.\.d/", name)}
        running = "sleep" in "".join(path.read_text() for path in view.glob("proc/[0-9]*/comm"))
        # How often each engine looks at the service is its own affair.
        asked = (contents(view, "run/sbd.log")["run/sbd.log"] or "").splitlines()
        return {**links, "asked": [line for line in asked if line != "status"], "running": running}
    return {**tree(view, "etc/systemd", "run/units"), **contents(view, "run/systemctl.log")}


def compared(result: dict[str, Any]) -> dict[str, Any]:
    seen = {key: value for key, value in result.items() if key not in IGNORED and value not in (None, "")}
    if seen.get("failed"):
        seen = {"failed": True}
    seen.setdefault("failed", False)
    return seen


@pytest.mark.parametrize("play", PLAYS, ids=lambda path: path.stem)
def test_the_same_answers_and_end_states(play: Path, pair: tuple[Machine, Machine], tmp_path: Path) -> None:
    ours, theirs = pair
    book, tasks = playbook(play, tmp_path)
    before = state(ours, play.stem)
    ours.by_us(book, check=True)
    assert state(ours, play.stem) == before, "check mode changed something"
    ours.by_us(book).require("the play")
    theirs.by_ansible(book)
    differences = []
    for task, mine, reference in zip(tasks, results(ours), results(theirs), strict=True):
        got, expected = compared(mine), compared(reference)
        wrong = {key: (value, got.get(key)) for key, value in expected.items() if got.get(key) != value}
        if wrong:
            differences.append(f"{task}: theirs, ours: {wrong} {mine.get('msg')!r} {reference.get('msg')!r}")
        if "again" in task.get("name", "") and mine["changed"]:
            differences.append(f"{task}: changed something again")
    assert not differences, "\n".join(differences)
    assert state(ours, play.stem) == state(theirs, play.stem)
