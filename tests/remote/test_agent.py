"""The agent over real SSH: any value arrives as it is, nothing runs that was not asked for, nothing is left behind."""

from __future__ import annotations

import base64
import datetime
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparkbed.agent import program
from sparkbed.errors import HostError
from sparkbed.home import ROOT
from sparkbed.remote import Agent, Connections, Unreachable

from .conftest import Variables, alive, eventually

STRANGE = [
    "plain",
    "two words",
    " leading and trailing ",
    "quote ' and \" and `",
    "$(touch injected)",
    "`touch injected`",
    "; touch injected; #",
    "&& touch injected",
    "line one\nline two\r\n\ttab",
    "back\\slash \\n \\0",
    "-rf",
    "--help",
    "*?[a-z]{a,b}",
    "!history ~root %s %d {0} {{ braces }}",
    "žluťoučký кот 猫 🐈 \u202e",
    "\x01\x1b[31m\x7f",
]


@pytest.fixture(scope="module")
def agent(server: Variables) -> Iterator[Agent]:
    with Connections(lambda host: server) as opened:
        yield opened.agent("worker-1")


@pytest.mark.parametrize("value", STRANGE)
def test_strange_values_arrive_unchanged(agent: Agent, tmp_path: Path, value: str) -> None:
    name = value.replace("/", "_")
    path = tmp_path / name
    words = agent.call("command", [{"argv": ["printf", "%s", value], "chdir": str(tmp_path), "strip_empty_ends": False,
                                    "expand_argument_vars": False}])[0]  # fmt: skip
    assert words["stdout"] == value
    typed = agent.call("command", [{"argv": ["cat"], "stdin": value, "stdin_add_newline": False,
                                    "strip_empty_ends": False}])[0]  # fmt: skip
    assert typed["stdout"] == value
    env = agent.call("command", [{"argv": ["printenv", "VALUE"]}], environment={"VALUE": value})[0]
    assert env["stdout"] == value.rstrip("\r\n")
    written = agent.call("copy", [{"dest": str(path), "content": value}])[0]
    assert written["changed"] is True
    assert path.read_bytes() == value.encode()
    assert agent.call("stat", [{"path": str(path)}])[0]["stat"]["size"] == len(value.encode())
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=texts, content=st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_arrives_unchanged(agent: Agent, tmp_path: Path, value: str, content: str) -> None:
    path = tmp_path / f"f{value.encode().hex()[:200]}"
    results = [
        agent.call("command", [{"argv": ["printf", "%s", value], "expand_argument_vars": False,
                                "strip_empty_ends": False}]),
        agent.call("copy", [{"dest": str(path), "content": content}]),
        agent.call("slurp", [{"src": str(path)}]),
    ]  # fmt: skip
    assert results[0][0]["stdout"] == value
    assert path.read_bytes() == content.encode()
    path.unlink()


def test_a_date_of_yaml_arrives_as_text(agent: Agent) -> None:
    assert agent.call("ping", [{"data": datetime.date(2024, 2, 29)}])[0]["ping"] == "2024-02-29"


def test_nul_is_refused_by_name(agent: Agent, tmp_path: Path) -> None:
    for module, item, option in [
        ("file", {"path": f"{tmp_path}/a\0b", "state": "touch"}, "path"),
        ("command", {"argv": ["echo", "a\0b"]}, "argv"),
        ("shell", {"_raw_params": "echo a\0b"}, "_raw_params"),
        ("copy", {"dest": f"{tmp_path}/a\0b", "content": ""}, "dest"),
    ]:
        result = agent.call(module, [item])[0]
        assert result["failed"] is True
        assert result["msg"].startswith(f"{option}:")
        assert "NUL" in result["msg"]
    assert agent.call("copy", [{"dest": f"{tmp_path}/f", "content": "a\0b"}])[0]["changed"] is True
    assert list(tmp_path.iterdir()) == [tmp_path / "f"]


def test_thirty_megabytes_of_output(agent: Agent) -> None:
    line = "head -c 30000000 /dev/zero | tr '\\0' x; head -c 20000000 /dev/zero | tr '\\0' y >&2"
    result = agent.call("shell", [{"_raw_params": line}])[0]
    assert (len(result["stdout"]), len(result["stderr"])) == (30_000_000, 20_000_000)


def test_ten_megabytes_of_input(agent: Agent) -> None:
    data = "0123456789" * 1_000_000
    assert agent.call("command", [{"argv": ["wc", "-c"], "stdin": data}])[0]["stdout"] == "10000001"
    assert agent.call("command", [{"argv": ["true"], "stdin": data}])[0]["rc"] == 0


def test_a_loop_is_one_round_trip(agent: Agent, tmp_path: Path) -> None:
    before = agent.round_trips
    results = agent.call("copy", [{"dest": str(tmp_path / str(n)), "content": str(n)} for n in range(50)])
    assert [result["changed"] for result in results] == [True] * 50
    assert agent.round_trips == before + 1


def test_a_failure_stops_neither_the_loop_nor_the_agent(agent: Agent, tmp_path: Path) -> None:
    items = [{"data": "a"}, {"data": "crash"}, {"data": "b"}]
    results = agent.call("ping", items)
    assert [result.get("ping") for result in results] == ["a", None, "b"]
    assert results[1]["failed"] is True
    assert "boom" in results[1]["msg"]
    assert agent.call("no_such_module", [{}])[0]["failed"] is True
    assert agent.call("stat", [{}])[0]["failed"] is True  # a missing argument is a defect of the caller, not the end
    assert agent.call("ping", [{}])[0]["ping"] == "pong"


def test_a_daemon_that_keeps_the_pipe_does_not_hold_the_command(agent: Agent) -> None:
    start = time.monotonic()
    result = agent.call("shell", [{"_raw_params": "sleep 60 & echo $!"}])[0]
    pid = int(result["stdout"])
    assert time.monotonic() - start < 30
    assert alive(pid)  # the daemons of `command` and `shell` stay
    os.kill(pid, signal.SIGKILL)


def test_a_file_is_read_from_an_offset(agent: Agent, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    (tmp_path / "f").write_bytes(data)
    assert agent.read(str(tmp_path / "f")) == data
    assert agent.read(str(tmp_path / "f"), offset=4_999_990) == data[-10:]
    assert agent.read(str(tmp_path / "f"), offset=10, limit=5) == data[10:15]
    assert agent.read(str(tmp_path / "f"), offset=9_000_000) == b""
    os.mkfifo(tmp_path / "fifo")
    for path in ("nothing", "fifo", "."):
        with pytest.raises(HostError, match=r"nothing|regular|irectory"):
            agent.read(str(tmp_path / path))
    assert agent.call("ping", [{}])[0]["ping"] == "pong"


# -- long runs --------------------------------------------------------------------------------------------------------


def test_run_gives_status_time_and_files(agent: Agent, tmp_path: Path) -> None:
    pids: list[int] = []
    done = agent.run(
        ["sh", "-c", 'echo "$VALUE"; pwd; echo err >&2; sleep 0.2; exit 3'],
        env={"VALUE": "a  'b'"},
        cwd=str(tmp_path),
        stdout=str(tmp_path / "out"),
        stderr=str(tmp_path / "err"),
        on_started=pids.append,
    )
    assert (done.rc, done.timed_out, done.cancelled) == (3, False, False)
    assert 0.2 <= done.seconds < 30
    assert (tmp_path / "out").read_text() == f"a  'b'\n{tmp_path}\n"
    assert (tmp_path / "err").read_text() == "err\n"
    assert len(pids) == 1
    assert not alive(pids[0])


def test_run_says_why_it_can_not_start(agent: Agent, tmp_path: Path) -> None:
    files = {"stdout": str(tmp_path / "out"), "stderr": str(tmp_path / "err")}
    with pytest.raises(HostError, match="no-such-program"):
        agent.run(["no-such-program"], **files)
    with pytest.raises(HostError, match="nowhere"):
        agent.run(["true"], stdout=str(tmp_path / "nowhere" / "out"), stderr=str(tmp_path / "err"))
    with pytest.raises(HostError, match="NUL"):
        agent.run(["echo", "a\0b"], **files)
    assert agent.run(["true"], **files).rc == 0


# One child in the group, one in a session of its own, one that is a daemon twice over: all write their pid.
FAMILY = """
sleep 300 & echo $! >> pids
setsid sleep 300 & echo $! >> pids
setsid sh -c 'sh -c "sleep 300 & echo \\$! >> pids" & ' &
echo $$ >> pids
while [ "$(wc -l < pids)" -lt 4 ]; do sleep 0.05; done
touch ready
"""
STUBBORN = "trap '' TERM; while true; do sleep 0.2; done"


def family(folder: Path) -> list[int]:
    eventually((folder / "ready").exists, "they start")
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def run_in(agent: Agent, folder: Path, script: str, deadline: float | None = None) -> tuple[int, bool, bool]:
    files = {"stdout": str(folder / "out"), "stderr": str(folder / "err")}
    done = agent.run(["sh", "-c", script], cwd=str(folder), deadline=deadline, **files)
    return done.rc, done.timed_out, done.cancelled


def test_nothing_outlives_a_deadline(agent: Agent, tmp_path: Path) -> None:
    rc, timed_out, cancelled = run_in(agent, tmp_path, FAMILY + STUBBORN, deadline=2)
    assert (rc, timed_out, cancelled) == (-signal.SIGKILL, True, False)
    assert [pid for pid in family(tmp_path) if alive(pid)] == []


def test_nothing_outlives_a_cancellation(agent: Agent, tmp_path: Path) -> None:
    canceller = threading.Thread(target=lambda: (family(tmp_path), agent.cancel()))
    canceller.start()
    rc, timed_out, cancelled = run_in(agent, tmp_path, FAMILY + "sleep 300")
    canceller.join()
    assert (rc, timed_out, cancelled) == (-signal.SIGTERM, False, True)
    assert [pid for pid in family(tmp_path) if alive(pid)] == []
    assert agent.call("ping", [{}])[0]["ping"] == "pong"


def test_nothing_outlives_the_program_itself(agent: Agent, tmp_path: Path) -> None:
    assert run_in(agent, tmp_path, FAMILY + "exit 5") == (5, False, False)
    assert [pid for pid in family(tmp_path) if alive(pid)] == []


def test_a_command_can_be_cancelled_too(agent: Agent) -> None:
    canceller = threading.Timer(0.5, agent.cancel)
    canceller.start()
    result = agent.call("command", [{"argv": ["sleep", "100"]}])[0]
    assert result["failed"] is True
    assert "cancel" in result["msg"]
    agent.cancel()  # nothing runs: nothing happens
    assert agent.call("ping", [{}])[0]["ping"] == "pong"


CONTROLLER = """
import json, sys
from sparkbed.remote import Connections
variables, folder, script = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
with Connections(lambda host: variables) as connections:
    agent = connections.agent("worker-1")
    agent.run(["sh", "-c", script], cwd=folder, stdout=folder + "/out", stderr=folder + "/err")
"""


def test_nothing_outlives_the_controller(server: Variables, tmp_path: Path) -> None:
    import json

    argv = [sys.executable, "-c", CONTROLLER, json.dumps(server), str(tmp_path), FAMILY + STUBBORN]
    with subprocess.Popen(argv) as controller:
        pids = family(tmp_path)
        controller.send_signal(signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in pids), "all that it ran ends")


def test_a_running_command_ends_with_the_controller(server: Variables) -> None:
    connections = Connections(lambda host: server)
    agent = connections.agent("worker-1")
    mark = f"9{os.getpid()}"

    def call() -> None:
        with pytest.raises(Unreachable):
            agent.call("command", [{"argv": ["sleep", mark]}])

    caller = threading.Thread(target=call)
    caller.start()

    def running() -> bool:
        return any(
            path.read_bytes() == f"sleep\0{mark}\0".encode()
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if _there(path)
        )

    eventually(running, "the command runs")
    connections.close()
    caller.join(60)
    assert not caller.is_alive()
    eventually(lambda: not running(), "the command ends")


def _there(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_nothing_outlives_an_agent_that_is_killed(server: Variables, tmp_path: Path) -> None:
    with Connections(lambda host: server) as connections:
        agent = connections.agent("worker-1")

        def kill(_: int) -> None:
            family(tmp_path)
            os.kill(agent.pid, signal.SIGKILL)

        files = {"stdout": str(tmp_path / "out"), "stderr": str(tmp_path / "err")}
        with pytest.raises(Unreachable):
            agent.run(["sh", "-c", FAMILY + STUBBORN], cwd=str(tmp_path), on_started=kill, **files)
        eventually(lambda: not any(alive(pid) for pid in family(tmp_path)), "all that it ran ends")


# -- the text that is sent --------------------------------------------------------------------------------------------


def test_what_is_sent_is_small() -> None:
    assert len(program.payload()) < 20_000


def test_what_is_sent_does_not_tell_where_the_checkout_lies() -> None:
    """A longer path would be more to send, and it is nobody's business on the host."""
    for file in ("main", "copy"):
        packed = program.parts([file], program.MAGIC)[f"{program.PACKAGE}.{file}"][1]
        assert str(ROOT).encode() not in zlib.decompress(base64.b64decode(packed))


def test_the_agent_runs_on_old_and_new_pythons(tmp_path: Path) -> None:
    """Every Python of this machine, at least the one that runs the tests."""
    found = {sys.executable}
    for pattern in (
        "/usr/bin/python3.[0-9]*",
        "/usr/local/bin/python3.[0-9]*",
        str(Path.home() / ".pyenv/versions/3.*/bin/python3"),
    ):
        found.update(str(path) for path in Path("/").glob(pattern.lstrip("/")) if path.name[-1].isdigit())
    for python in sorted(found):
        variables = {"ansible_connection": "local", "ansible_python_interpreter": python}
        with Connections(lambda host, v=variables: v) as connections:
            agent = connections.agent("here")
            folder = tmp_path / python.replace("/", "_")
            calls = [
                ("file", {"path": str(folder), "state": "directory", "mode": "0750"}),
                ("copy", {"dest": str(folder / "kočka"), "content": "mňau\n"}),
                ("lineinfile", {"path": str(folder / "kočka"), "line": "haf"}),
                ("stat", {"path": str(folder / "kočka")}),
                ("shell", {"_raw_params": "cat k*", "chdir": str(folder)}),
                ("wait_for", {"path": str(folder / "kočka"), "search_regex": "(haf)", "timeout": 5}),
                ("tempfile", {"path": str(folder)}),
                ("slurp", {"src": str(folder / "kočka")}),
            ]
            for module, item in calls:
                result = agent.call(module, [item])[0]
                assert not result.get("failed"), (python, module, result)
            uri = agent.call("uri", [{"url": "http://127.0.0.1:1/"}])[0]
            assert uri["status"] == -1, (python, uri)
            done = agent.run(["sh", "-c", "exit 3"], stdout=str(folder / "out"), stderr=str(folder / "err"))
            assert done.rc == 3, python


# -- full disks -------------------------------------------------------------------------------------------------------


def test_a_full_disk_fails_clearly_and_keeps_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk's end: the write fails in the same way, with another number."""
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -f 200\nexec {sys.executable} "$@"\n')
    limited.chmod(0o755)
    target, large = tmp_path / "target", tmp_path / "large"
    target.write_text("old")
    large.write_bytes(os.urandom(400_000))
    variables = {"ansible_connection": "local", "ansible_python_interpreter": str(limited)}
    with Connections(lambda host: variables) as connections:
        agent = connections.agent("here")
        result = agent.call("copy", [{"dest": str(target), "content": "x" * 200_000}])[0]
        assert result["failed"] is True
        assert "too large" in result["msg"]
        with pytest.raises(HostError, match="too large"):
            agent.upload(large, str(target))
        assert agent.call("ping", [{}])[0]["ping"] == "pong"
    assert target.read_text() == "old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["large", "python", "target"]


def test_a_received_file_that_nobody_takes_is_removed(local_agent: Agent, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1_000_000))
    with Connections(lambda host: {"ansible_connection": "local"}) as connections:
        agent = connections.agent("here")
        staged = Path(agent.upload(source, str(tmp_path / "target")))
        assert staged.read_bytes() == source.read_bytes()
        assert staged.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["source"]


def test_become_asks_sudo_without_a_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text(
        '#!/bin/sh\n[ "$1 $2 $3 $4 $5" = "-n -H -u spark --" ] || exit 9\nshift 5\nBECAME=spark exec "$@"\n'
    )
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Connections(lambda host: {"ansible_connection": "local"}) as connections:
        agent = connections.agent("here", become_user="spark")
        assert agent.call("command", [{"argv": ["printenv", "BECAME"]}])[0]["stdout"] == "spark"
        assert connections.agent("here") is not agent
