"""The modules, or halves of them, that work on the controller, with a real agent behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sparkbed.agent import Agent, Unreachable
from sparkbed.errors import PlaybookError
from sparkbed.playbook.modules import controller
from sparkbed.remote import Connections


@dataclass
class Context:
    """What the play knows, for these tests: names are looked up, a template's `@` is replaced by the host."""

    agent: Agent
    folders: list[Path]
    host: str = "worker-1"
    check: bool = False
    diff: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[str, int, int]] = field(default_factory=list)

    def evaluate(self, expression: str) -> Any:
        if expression not in self.names:
            raise PlaybookError(f"{expression!r} is undefined")
        return self.names[expression]

    def shown(self, expression: str) -> Any:
        return self.names.get(expression, f"<< error 1 - {expression!r} is undefined >>")

    def conditions(self, raw: Any) -> list[Any]:
        return raw if isinstance(raw, list) else [raw]

    def conditional(self, expression: Any) -> bool:
        return expression if isinstance(expression, bool) else bool(self.evaluate(expression))

    def progress(self, name: str, sent: int, total: int) -> None:
        self.sent.append((name, sent, total))

    def execute(self, line: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def find_file(self, kind: str, name: str) -> Path:
        path = self.folders[0] / kind / name
        if not path.exists():
            raise PlaybookError(f"there is no file {path}")
        return path

    def render_file(self, path: Path, dest: str = "", **options: Any) -> str:
        return path.read_text().replace("@", self.host).replace("\n", options.get("newline_sequence", "\n"))


@pytest.fixture
def context(local_agent: Agent, tmp_path: Path) -> Context:
    for name in ("files", "templates", "host"):
        (tmp_path / name).mkdir()
    return Context(local_agent, [tmp_path])


def twice(name: str, args: dict[str, Any], context: Context) -> dict[str, Any]:
    context.check = True
    foretold = controller.run(name, args, context)
    context.check = False
    first = controller.run(name, args, context)
    assert not first.get("failed"), first
    assert foretold["changed"] == first["changed"]
    assert controller.run(name, args, context)["changed"] is False
    return first


# -- without a host ---------------------------------------------------------------------------------------------------


def test_debug(context: Context) -> None:
    context.names["x"] = [1, 2]
    assert controller.run("debug", {}, context)["msg"] == "Hello world!"
    assert controller.run("debug", {"msg": {"a": 1}}, context)["msg"] == {"a": 1}
    assert controller.run("debug", {"var": "x"}, context)["x"] == [1, 2]
    assert controller.run("debug", {"var": "y"}, context)["y"] == "<< error 1 - 'y' is undefined >>"
    assert controller.run("debug", {"msg": "m", "verbosity": 1}, context)["skipped"] is True


def test_assert(context: Context) -> None:
    context.names.update(good=True, bad=False)
    assert controller.run("assert", {"that": ["good", True]}, context)["msg"] == "All assertions passed"
    failed = controller.run("assert", {"that": ["good", "bad"], "fail_msg": "no"}, context)
    assert {key: failed[key] for key in ("failed", "msg", "assertion", "evaluated_to")} == {
        "failed": True,
        "msg": "no",
        "assertion": "bad",
        "evaluated_to": False,
    }
    assert "undefined" in controller.run("assert", {"that": "nothing"}, context)["msg"]


def test_fail_and_set_fact(context: Context) -> None:
    assert controller.run("fail", {"msg": "why"}, context)["msg"] == "why"
    assert controller.run("set_fact", {"a": 1, "cacheable": True}, context)["ansible_facts"] == {"a": 1}
    assert controller.run("set_fact", {"not a name": 1}, context)["failed"] is True
    assert controller.run("set_fact", {}, context)["failed"] is True


# -- copy and template ------------------------------------------------------------------------------------------------


def test_copy_of_a_small_file_is_one_round_trip(context: Context, tmp_path: Path) -> None:
    (tmp_path / "files" / "f").write_bytes(b"\xff\0binary")
    (tmp_path / "files" / "f").chmod(0o751)
    before = context.agent.round_trips
    args = {"src": "f", "dest": f"{tmp_path}/host/", "mode": "preserve"}
    assert controller.run("copy", args, context)["changed"] is True
    assert context.agent.round_trips == before + 1
    written = tmp_path / "host" / "f"
    assert written.read_bytes() == b"\xff\0binary"
    assert written.stat().st_mode & 0o777 == 0o751
    assert controller.run("copy", args, context)["changed"] is False


def test_a_large_file_goes_only_when_it_differs(context: Context, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "files" / "large").write_bytes(data)
    args = {"src": "large", "dest": f"{tmp_path}/host/large", "mode": "0600", "backup": True}
    result = twice("copy", args, context)
    assert (tmp_path / "host" / "large").read_bytes() == data
    assert (result["size"], result["mode"]) == (3_000_000, "0600")
    before = context.agent.round_trips
    controller.run("copy", args, context)
    assert context.agent.round_trips == before + 1
    assert [entry.name for entry in (tmp_path / "host").iterdir()] == ["large"]


def test_a_large_file_that_can_not_be_written_fails(context: Context, tmp_path: Path) -> None:
    (tmp_path / "files" / "large").write_bytes(bytes(400_000))
    result = controller.run("copy", {"src": "large", "dest": f"{tmp_path}/no/large"}, context)
    assert result["failed"] is True
    assert "does not exist" in result["msg"]


def test_content_may_be_data(context: Context, tmp_path: Path) -> None:
    twice("copy", {"content": {"a": [1, None]}, "dest": f"{tmp_path}/host/f"}, context)
    assert (tmp_path / "host" / "f").read_text() == '{"a": [1, null]}'


def test_a_directory_is_copied_whole(context: Context, tmp_path: Path) -> None:
    tree = tmp_path / "files" / "tree"
    (tree / "sub" / "empty").mkdir(parents=True)
    (tree / "a").write_text("a")
    (tree / "sub" / "large").write_bytes(os.urandom(300_000))
    before = context.agent.round_trips
    twice("copy", {"src": "tree", "dest": f"{tmp_path}/host", "mode": "0640", "directory_mode": "0750"}, context)
    copied = tmp_path / "host" / "tree"
    assert (copied / "sub" / "large").read_bytes() == (tree / "sub" / "large").read_bytes()
    assert (copied / "sub" / "empty").is_dir()
    assert [oct((copied / name).stat().st_mode)[-3:] for name in ("a", "sub")] == ["640", "750"]
    assert context.agent.round_trips - before <= 2 + 4 + 2  # foretold, done, found done
    twice("copy", {"src": "tree/", "dest": f"{tmp_path}/host/flat"}, context)
    assert (tmp_path / "host" / "flat" / "a").read_text() == "a"


def test_template(context: Context, tmp_path: Path) -> None:
    (tmp_path / "templates" / "t.j2").write_text("host: @\n")
    context.diff = True
    args = {"src": "t.j2", "dest": f"{tmp_path}/host/t", "mode": "0644"}
    result = twice("template", args, context)
    assert (tmp_path / "host" / "t").read_text() == "host: worker-1\n"
    assert result["diff"]["after"] == "host: worker-1\n"
    twice("template", {**args, "newline_sequence": "\\r\\n"}, context)
    assert (tmp_path / "host" / "t").read_bytes() == b"host: worker-1\r\n"


def test_a_loop_is_one_round_trip_and_one_failure_is_its_own(context: Context, tmp_path: Path) -> None:
    (tmp_path / "templates" / "t").write_text("@")
    calls = [
        ({"src": "t", "dest": f"{tmp_path}/host/1"}, context),
        ({"src": "missing", "dest": f"{tmp_path}/host/2"}, context),
        ({"src": "t", "dest": f"{tmp_path}/no/3"}, context),
        ({"src": "t", "dest": f"{tmp_path}/host/4"}, context),
    ]
    before = context.agent.round_trips
    results = controller.run_many("template", calls)
    assert [result.get("failed", False) for result in results] == [False, True, True, False]
    assert "missing" in results[1]["msg"]
    assert context.agent.round_trips == before + 1


# -- fetch ------------------------------------------------------------------------------------------------------------


def test_fetch(context: Context, tmp_path: Path) -> None:
    source = tmp_path / "host" / "f"
    source.write_bytes(os.urandom(2_000_000))
    args = {"src": str(source), "dest": "fetched"}
    result = controller.run("fetch", args, context)
    target = tmp_path / "fetched" / "worker-1" / str(source).lstrip("/")
    assert (result["changed"], result["dest"]) == (True, str(target))
    assert target.read_bytes() == source.read_bytes()
    assert controller.run("fetch", args, context)["changed"] is False
    flat = controller.run("fetch", {"src": str(source), "dest": f"{tmp_path}/flat/", "flat": True}, context)
    assert flat["dest"] == f"{tmp_path}/flat/f"
    assert [entry.name for entry in (tmp_path / "flat").iterdir()] == ["f"]


def test_fetch_refusals(context: Context, tmp_path: Path) -> None:
    missing = {"src": f"{tmp_path}/host/no", "dest": "fetched"}
    assert controller.run("fetch", missing, context)["failed"] is True
    assert not controller.run("fetch", {**missing, "fail_on_missing": False}, context).get("failed")
    assert "directory" in controller.run("fetch", {"src": str(tmp_path), "dest": "fetched"}, context)["msg"]
    (tmp_path / "host" / "f").touch()
    away = {"src": f"../../../../../../..{tmp_path}/host/f", "dest": "fetched"}
    assert "leads out" in str(controller.run("fetch", away, context)["msg"]) or not (tmp_path / "fetched").exists()
    context.check = True
    assert controller.run("fetch", missing, context)["skipped"] is True


def test_a_lost_agent_is_not_a_failed_task(tmp_path: Path) -> None:
    with Connections(lambda host: {"ansible_connection": "local"}) as connections:
        context = Context(connections.agent("here"), [tmp_path])
        context.agent.close()
        with pytest.raises(Unreachable):
            controller.run("copy", {"content": "x", "dest": f"{tmp_path}/f"}, context)
        with pytest.raises(Unreachable):
            controller.run("fetch", {"src": "/etc/hostname", "dest": f"{tmp_path}/f"}, context)


def test_the_way_of_a_large_file_is_told(context: Context, tmp_path: Path) -> None:
    (tmp_path / "files/large").write_bytes(b"x" * 3_000_000)
    controller.run("copy", {"src": "large", "dest": f"{tmp_path}/host/large"}, context)
    names, sent, totals = zip(*context.sent, strict=True)
    assert (set(names), set(totals)) == ({"large"}, {3_000_000})
    assert list(sent) == sorted(sent)
    assert (sent[0], sent[-1], len(sent) > 5) == (0, 3_000_000, True)
