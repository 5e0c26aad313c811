"""What an agent loads at its start, and that its own short ways do what the long ones of Python's library do."""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkbed.agent import Agent, program
from sparkbed.agent.host import command, editing, plain_json, starting
from sparkbed.agent.host.framing import Failed
from sparkbed.remote import Connections

from .conftest import alive, eventually

HOST = Path(program.__file__).parent / "host"
EVERYDAY = ("command", "copy", "file", "lineinfile", "ping", "slurp", "stat", "wait_for")
DEAR = {"re", "enum", "json", "subprocess", "signal", "shlex", "contextlib", "collections", "functools", "threading"}
"""Together they take longer than Python's own start."""


@pytest.mark.parametrize("module", EVERYDAY)
def test_an_everyday_module_loads_nothing_dear(module: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(HOST.parent)!r}); import host.main, host.{module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", code], capture_output=True, text=True, check=True
    )
    assert f"host.{module}" in run.stdout.split()
    assert DEAR & set(run.stdout.split()) == set()


def test_a_path_that_is_no_pattern_loads_nothing_dear() -> None:
    code = f"import sys; sys.path.insert(0, {str(HOST.parent)!r}); import host.command; print(host.command._found('/'))"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", f"{code}; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found, loaded = run.stdout.splitlines()
    assert found == "True"
    assert ({"glob", "fnmatch"} | DEAR) & set(loaded.split()) == set()


# -- JSON -------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_this_python_has_the_half_in_c() -> None:
    assert plain_json._encode is not None
    assert plain_json._scan is not None


@given(VALUES)
def test_json_is_that_of_the_library(value: object) -> None:
    text = plain_json.dumps(value)
    assert text == json.dumps(value)
    assert text.isascii()
    assert "\n" not in text
    assert plain_json.loads(text + "\n") == value


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a": 1} x', "{'a': 1}", '"\n"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        plain_json.loads(text)


def test_what_json_has_not_is_refused() -> None:
    around: list[object] = []
    around.append(around)
    with pytest.raises(TypeError):
        plain_json.dumps({"a": b"bytes"})
    with pytest.raises(ValueError, match="Circular"):
        plain_json.dumps(around)


def test_a_python_without_that_half_takes_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_json, "_encode", None)
    monkeypatch.setattr(plain_json, "_scan", None)
    assert plain_json.loads(plain_json.dumps({"a": [1, "é"]})) == {"a": [1, "é"]}


# -- regular expressions that are texts -------------------------------------------------------------------------------

EXPRESSIONS = st.text(alphabet="ab .\\^$*#", max_size=8).map(str.encode)
LINES = st.tuples(st.text(alphabet="ab .$^\\*#", max_size=8), st.sampled_from(["", "\n"])).map("".join).map(str.encode)


@given(EXPRESSIONS, st.lists(LINES, max_size=5))
def test_a_line_is_found_as_by_the_regular_expression(expression: bytes, lines: list[bytes]) -> None:
    try:
        search = re.compile(expression).search
    except re.error:
        with pytest.raises(Failed, match="no regular expression"):
            editing.finder(expression, "regexp")
        return
    found = editing.finder(expression, "regexp")
    assert [bool(found(line)) for line in lines] == [bool(search(line)) for line in lines]


@pytest.mark.parametrize("expression", [b"^PermitRootLogin", rb" host\.example$", b"^#?Port ", b"a|b"])
def test_plain_texts_need_no_regular_expression(expression: bytes) -> None:
    plain = expression not in (b"^#?Port ", b"a|b")
    assert isinstance(editing.finder(expression, "regexp"), type(lambda: None)) is plain


# -- words of a command -----------------------------------------------------------------------------------------------


@given(st.text(alphabet="ab \t\r\n\v\f\xa0\u2028#;|&<>()'\"\\$`", max_size=12))
def test_a_command_falls_into_a_shells_words(line: str) -> None:
    try:
        words = shlex.split(line)
    except ValueError:
        with pytest.raises(Failed, match="can't be split"):
            command._split(line)
        return
    assert command._split(line) == words


# -- what `creates` and `removes` name --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    (folder / "a").mkdir()
    (folder / "a" / "b").write_text("")
    (folder / "b").symlink_to("nowhere")
    (folder / ".a").write_text("")
    (folder / "a[b]").write_text("")
    return folder


@given(pattern=st.text(alphabet="ab./*?[]~", max_size=8))
def test_what_is_there_is_found_as_by_patterns(tree: Path, pattern: str) -> None:
    assert command._found(f"{tree}/{pattern}") is bool(glob.glob(f"{tree}/{pattern}"))  # noqa: PTH207  # what it stands for


# -- starting programs ------------------------------------------------------------------------------------------------


@pytest.fixture
def agent() -> Agent:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    with Connections(lambda _host: local) as opened:
        yield opened.agent("here")


def run(agent: Agent, *argv: str, **more: object) -> dict[str, object]:
    [result] = agent.call("command", [{"argv": list(argv), **more}])
    return result


def test_a_program_has_our_streams_alone(agent: Agent) -> None:
    """No descriptor of the agent's, no signal that Python ignores, a session of its own, nothing to read."""
    look = (
        "import os, signal; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1], os.getsid(0) == os.getpid(),"
        " [signal.getsignal(s) == signal.SIG_DFL for s in (signal.SIGTERM, signal.SIGCHLD)], os.read(0, 9))"
    )
    assert run(agent, sys.executable, "-c", look)["stdout"] == "[0, 1, 2] True [True, True] b''"
    # What Python itself ignores, SIGPIPE and SIGXFSZ, a shell would pass on.
    shown = run(agent, "/bin/sh", "-c", "grep SigIgn /proc/self/status")["stdout"]
    assert int(str(shown).split()[1], 16) & (1 << 12 | 1 << 24) == 0


def test_what_the_login_shell_left_open_is_not_passed_on() -> None:
    """A daemon that held a lock of the shell's would hold it for ever."""
    nonce = "n"
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    process = subprocess.Popen(
        program.start_command(sys.executable, nonce), stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False
    )
    with process, os.fdopen(reading, "rb"):
        os.close(writing)
        assert process.stdin is not None
        assert process.stdout is not None
        message = {"id": 1, "call": "command", "items": [{"_raw_params": "ls /proc/self/fd"}]}
        parts = program.parts(sorted(program.needed(message)), program.MAGIC)
        process.stdin.write(program.payload() + json.dumps({**message, "parts": parts}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["agent"] == nonce
        [result] = json.loads(process.stdout.readline())["results"]
        # The last is the listing's own.
        assert result["stdout"].split() == ["0", "1", "2", "3"]
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_start_that_fails_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_fork() -> int:
        raise BlockingIOError(11, os.strerror(11))

    monkeypatch.setattr(os, "fork", no_fork)
    before = sorted(Path("/proc/self/fd").iterdir())
    for with_input in (False, True):
        with pytest.raises(BlockingIOError):
            starting.start(["true"], {}, None, with_input)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_an_agent_killed_while_it_starts_a_program_leaves_none() -> None:
    """At the worst moment: the new process is there, and the agent has had no time to tell anybody."""
    dying = f"""
import os, signal, sys
sys.path.insert(0, {str(HOST.parent)!r})
from host import guard, starting
guard.stand()
fork = os.fork
def fork_and_die():
    pid = fork()
    if pid:
        print(pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return pid
os.fork = fork_and_die
starting.start(["sleep", "1000"], dict(os.environ), None, False)
"""
    run = subprocess.run([sys.executable, "-I", "-S", "-c", dying], capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    eventually(lambda: not alive(int(run.stdout)), "the program is ended")


def test_a_program_is_looked_for_in_its_own_path(agent: Agent, tmp_path: Path) -> None:
    for folder, mode, text in (("first", 0o644, "no"), ("second", 0o755, "#!/bin/sh\necho found\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").write_text(text)
        (tmp_path / folder / "tool").chmod(mode)
    path = f"{tmp_path}/nowhere:{tmp_path}/first:{tmp_path}/second"
    [result] = agent.call("command", [{"argv": ["tool"]}], environment={"PATH": path})
    assert result["stdout"] == "found"


@pytest.mark.parametrize(
    ("argv", "more", "number"),
    [
        (["no-such-program"], {}, 2),
        (["/etc/passwd"], {}, 13),
        (["/etc/passwd/x"], {}, 20),
        (["/bin/true", "x" * 300_000], {}, 7),
    ],
)
def test_what_cant_be_started_says_why(agent: Agent, argv: list[str], more: dict[str, object], number: int) -> None:
    result = run(agent, *argv, **more)
    assert result["failed"]
    assert result["rc"] == number
    assert os.strerror(number) in str(result["msg"])
    assert run(agent, "echo", "still here")["stdout"] == "still here"


@pytest.mark.parametrize("signal", [9, 15])
def test_a_signal_is_a_negative_status(agent: Agent, signal: int) -> None:
    assert run(agent, "/bin/sh", "-c", f"kill -{signal} $$")["rc"] == -signal
