"""Packages, services, users: the answers and end states of ansible-core, whose record stands beside each play."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sparkbed.playbook import Terminal
from tests.system.comparing import PLAYS, compared, playbook, results, seed, state
from tests.system.machines import Machine, machine
from tests.system.observe import observe

every_play = pytest.mark.parametrize("play", PLAYS, ids=lambda path: path.stem)


@pytest.fixture
def ours(play: Path, tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "ours", "127.62.0.1", seed(play.stem, tmp_path / "tree")) as started:
        yield started


@pytest.mark.full
@every_play
def test_the_same_answers_and_end_states(play: Path, ours: Machine, tmp_path: Path) -> None:
    record = json.loads(play.with_suffix(".json").read_text(encoding="utf-8"))
    book, tasks = playbook(play, tmp_path)
    before = state(ours, play.stem)
    ours.by_us(book, check=True)
    assert state(ours, play.stem) == before, "check mode changed something"
    ours.by_us(book).require("the play")
    differences = []
    for task, mine, expected in zip(tasks, results(ours), record["results"], strict=True):
        got = compared(mine)
        wrong = {key: (value, got.get(key)) for key, value in expected.items() if got.get(key) != value}
        if wrong or ("failed" in got) != ("failed" in expected):
            differences.append(f"{task}: theirs, ours: {wrong} {mine.get('msg')!r}")
        if "again" in task.get("name", "") and mine["changed"]:
            differences.append(f"{task}: changed something again")
    assert not differences, "\n".join(differences)
    assert state(ours, play.stem) == record["state"]


@pytest.mark.soak
@every_play
def test_the_record_is_ansibles(play: Path, tmp_path: Path) -> None:
    assert json.loads(json.dumps(observe(play, tmp_path))) == json.loads(play.with_suffix(".json").read_text("utf-8"))


HASH = "$6$sparkbed$" + "S3cretHash" * 8 + "S3cret"


@pytest.mark.full
def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    """Neither in results, nor on the terminal at its most talkative, nor in the log, also when the task fails."""
    said = io.StringIO()
    book = tmp_path / "play.yml"
    given = {"name": "keeper", "password": "{{ secret }}"}
    tasks = [
        {"user": given, "register": "made"},
        {"user": {**given, "comment": "again"}, "register": "again"},
        {"user": {"name": "bad:name", "password": "{{ secret }}"}, "register": "failed", "ignore_errors": True},
    ]
    for number, task in enumerate(tasks):
        task["name"] = f"task {number}"
    book.write_text(yaml.safe_dump([{"hosts": "machine", "gather_facts": False, "tasks": tasks}]))
    with machine(tmp_path / "machine", "127.62.0.3", seed("users", tmp_path / "tree")) as host:
        output = Terminal(said, verbosity=3, diff=True, log=tmp_path / "play.log")
        result = host.by_us(book, output=output, diff=True, extra_vars={"secret": HASH})
        assert f"keeper:{HASH}:" in (host.view / "etc/shadow").read_text()
    shown = [result.registered("machine", name) for name in ("made", "again", "failed")]
    assert shown[0]["password"] == "NOT_LOGGING_PASSWORD"
    assert shown[2]["failed"]
    for text in (said.getvalue(), (tmp_path / "play.log").read_text(), json.dumps(shown)):
        assert "task 2" in text or "NOT_LOGGING_PASSWORD" in text
        assert "S3cret" not in text
