"""A host that dies in the middle of a play is told with its last task; the others finish, nothing stays or hangs."""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed import inventory
from sparkbed.errors import HostError, PlaybookError
from sparkbed.home import ROOT
from sparkbed.playbook import PlayResult, Runner, Silent, rendered_connection_variables
from sparkbed.provision import keys
from sparkbed.remote import Agent, Connections, ssh

from .conftest import DEADLINE, Variables, alive, eventually, free_port, loopback, process_node

pytestmark = pytest.mark.timeout(120)  # a run that hangs is a failure


class Proxy:
    """A TCP proxy in front of a server. `cut` ends every connection; `freeze` keeps them, and forwards nothing more."""

    def __init__(self, address: str, port: int) -> None:
        self._target = address, port
        self._listener = socket.create_server((loopback(9), 0))
        self.address, self.port = self._listener.getsockname()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._frozen = False
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._ready.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._forward)
        self._thread.start()

    def cut(self) -> None:
        self._wake.send(b"c")

    def freeze(self) -> None:
        self._wake.send(b"f")

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self._wake.send(b"q")
        self._thread.join(DEADLINE)
        for one in (*self._pairs, self._listener, self._wake, self._woken):
            one.close()
        self._ready.close()

    def _forward(self) -> None:
        while True:
            for key, _ in self._ready.select():
                one: Any = key.fileobj
                if one is self._woken:
                    order = one.recv(1)
                    if order == b"q":
                        return
                    self._frozen |= order == b"f"
                    if order == b"c":
                        for end in list(self._pairs):
                            self._drop(end)
                elif one is self._listener:
                    near, far = one.accept()[0], socket.create_connection(self._target)
                    self._pairs |= {near: far, far: near}
                    for end in (near, far):
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        self._ready.register(end, selectors.EVENT_READ)
                elif self._frozen:
                    self._ready.unregister(one)
                elif one in self._pairs:
                    self._pass_on(one)

    def _pass_on(self, one: socket.socket) -> None:
        try:
            data = one.recv(1 << 16)
            self._pairs[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        for end in (one, self._pairs.get(one)):
            if end is not None and self._pairs.pop(end, None) is not None:
                self._ready.unregister(end)
                end.close()


class Seen(Silent):
    """Notes every agent that was started."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.of_host: dict[str, int] = {}

    def connected(self, host: str, agent: Agent, become_user: str | None) -> None:
        self.pids.append(agent.pid)
        self.of_host[host] = agent.pid


class Site:
    """Hosts a, b and c on one server; b is the one to die. `folder` is theirs, `marker` is in what they run."""

    def __init__(self, server: Variables, folder: Path) -> None:
        self.folder = folder / "hosts"
        self.folder.mkdir()
        self.base = folder
        self.marker = f"7{secrets.randbelow(10**8):08}"
        self.server = server
        self.hosts: dict[str, Variables] = {name: {**server, "me": name} for name in "abc"}
        self.seen = Seen()

    def write(self) -> Path:
        path = self.base / "dying.yml"
        path.write_text(yaml.safe_dump({"all": {"hosts": self.hosts}}), encoding="utf-8")
        return path

    def book(self, tasks: list[dict[str, Any]]) -> Path:
        """A play that says `before`, does `tasks` and says `after`."""
        say: list[dict[str, Any]] = [
            {"name": name, "command": f"echo {name} {{{{ me }}}}", "register": name} for name in ("before", "after")
        ]
        path = self.base / "book.yml"
        play = {"hosts": "all", "gather_facts": False, "vars": {"folder": str(self.folder), "marker": self.marker}}
        path.write_text(yaml.safe_dump([{**play, "tasks": [say[0], *tasks, say[1]]}], sort_keys=False))
        return path

    def play(self, *tasks: dict[str, Any]) -> PlayResult:
        known = inventory.load(self.write())
        with Connections(lambda host: rendered_connection_variables(known, host)) as connections:
            return Runner(known, connections, output=self.seen).play(self.book(list(tasks)))

    def nothing_is_left(self, *expected: str) -> None:
        """No agent, nothing that a task started, no file beside the expected ones."""
        eventually(lambda: not [pid for pid in self.seen.pids if alive(pid)], "the agents end")
        eventually(lambda: not self.running(), "what the tasks started ends")
        assert sorted(path.name for path in self.folder.iterdir()) == sorted(expected)

    def running(self) -> list[tuple[int, str]]:
        """The processes that have the marker among their words."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:
                continue
            pid = int(path.parent.name)
            if self.marker.encode() in words and alive(pid):
                found.append((pid, words.replace(b"\0", b" ").decode("utf-8", "replace")))
        return found


@pytest.fixture
def site(server: Variables, tmp_path: Path) -> Site:
    return Site(server, tmp_path)


@pytest.fixture
def proxy(site: Site) -> Iterator[Proxy]:
    """In front of b."""
    made = Proxy(site.server["ansible_host"], site.server["ansible_port"])
    known = Path(site.server["sparkbed_known_hosts"]).read_text().split(maxsplit=1)[1]
    (site.base / "known_hosts").write_text(f"[{made.address}]:{made.port} {known}")
    site.hosts["b"] |= {
        "ansible_host": made.address,
        "ansible_port": made.port,
        "sparkbed_known_hosts": str(site.base / "known_hosts"),
    }
    try:
        yield made
    finally:
        made.close()


def unreachable(result: PlayResult, task: str) -> str:
    """b was lost in `task`, a and c came to the end. Gives what is said of it."""
    assert list(result.failures) == ["b"]
    assert (result.failures["b"].task, result.failures["b"].unreachable) == (task, True)
    counts = result.recap["b"]
    assert (counts.unreachable, counts.failed) == (1, 0)
    the_others_finished(result)
    with pytest.raises(HostError, match="b") as caught:
        result.require()
    assert caught.value.exit_code == 1
    return result.failures["b"].message


def the_others_finished(result: PlayResult) -> None:
    assert [result.registered(host, "after")["stdout"] for host in "ac"] == ["after a", "after c"]
    assert result.registered("b", "after") is None


def when_there(path: Path, act: Callable[[], None]) -> threading.Thread:
    """Does `act` as soon as the file at `path` has something in it."""

    def wait() -> None:
        eventually(lambda: path.exists() and path.read_text() != "", f"{path.name} is there")
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def sleeping(site: Site) -> dict[str, Any]:
    """A task that goes on for long on b, with a child, and says when it has begun."""
    return {
        "name": "Work",
        "shell": "sleep {{ marker }} & echo $! > {{ folder }}/begun; sleep {{ marker }}",
        "when": "me == 'b'",
    }


def test_an_agent_is_killed(site: Site) -> None:
    killer = when_there(site.folder / "begun", lambda: os.kill(site.seen.of_host["b"], signal.SIGKILL))
    said = unreachable(site.play(sleeping(site)), "Work")
    killer.join(DEADLINE)
    assert "the connection to its agent was lost while running the module 'shell'" in said
    site.nothing_is_left("begun")


@pytest.mark.parametrize("module", ["copy", "script"])
def test_an_agent_is_killed_with_a_file_of_ours(site: Site, module: str) -> None:
    """In the middle of a large file that is on its way, and in the middle of a script of ours."""
    source = site.base / "source"
    if module == "copy":
        with source.open("wb") as file:
            file.truncate(200_000_000)
        task = {"copy": {"src": str(source), "dest": "{{ folder }}/large"}}
        begun = site.folder
    else:
        source.write_text(f"#!/bin/sh\necho $0 > {site.folder}/begun\nsleep {site.marker}\n")
        task = {"script": str(source)}
        begun = site.folder / "begun"
    ours: list[Path] = []

    def kill() -> None:
        if module == "copy":
            eventually(lambda: any(path.stat().st_size > 1_000_000 for path in begun.iterdir()), "some of it is there")
            ours.extend(begun.iterdir())
        else:
            eventually(lambda: begun.exists() and begun.read_text() != "", "the script runs")
            ours.append(Path(begun.read_text().strip()))
        assert all(path.exists() for path in ours)
        os.kill(site.seen.of_host["b"], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    unreachable(site.play({"name": "Die", **task, "when": "me == 'b'"}), "Die")
    killer.join(DEADLINE)
    assert len(ours) == 1
    eventually(lambda: not ours[0].exists(), "our file is removed")
    site.nothing_is_left(*["begun"][module == "copy" :])


def test_a_connection_is_cut(site: Site, proxy: Proxy) -> None:
    cutter = when_there(site.folder / "begun", proxy.cut)
    said = unreachable(site.play(sleeping(site)), "Work")
    cutter.join(DEADLINE)
    assert "the connection to its agent was lost" in said
    site.nothing_is_left("begun")


def test_a_host_falls_silent(site: Site, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """No end of the connection is to be seen: packets only stop to come, as when a machine hangs."""
    monkeypatch.setattr(ssh, "SILENCE", 4)
    freezer = when_there(site.folder / "begun", proxy.freeze)
    said = unreachable(site.play(sleeping(site)), "Work")
    freezer.join(DEADLINE)
    assert "does not answer" in said
    proxy.close()  # the host sees its end only now
    site.nothing_is_left("begun")


def test_a_long_task_is_no_silence(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "SILENCE", 1)
    assert site.play({"name": "Work", "command": "sleep 4"}).ok
    site.nothing_is_left()


def test_a_connection_is_cut_in_the_middle_of_a_large_file(site: Site, proxy: Proxy) -> None:
    source = site.base / "large"
    with source.open("wb") as file:
        file.truncate(200_000_000)
    staged = threading.Event()

    def watch() -> None:
        eventually(
            lambda: any(path.stat().st_size > 1_000_000 for path in site.folder.iterdir()), "some of it is there"
        )
        staged.set()
        proxy.cut()

    watcher = threading.Thread(target=watch)
    watcher.start()
    copy = {"name": "Send", "copy": {"src": str(source), "dest": "{{ folder }}/large"}, "when": "me == 'b'"}
    unreachable(site.play(copy), "Send")
    watcher.join(DEADLINE)
    assert staged.is_set()
    eventually(lambda: not list(site.folder.iterdir()), "the part that was sent is removed")
    site.nothing_is_left()


def test_a_session_of_openssh_is_killed(site: Site) -> None:
    """The server's own process for this one connection goes, as by a restart of the host's SSH server."""
    kill = {
        "name": "Die",
        "shell": "kill -9 $(ps -o ppid= -p $PPID); sleep {{ marker }}",
        "when": "me == 'b'",
    }
    parent = "ps -o comm= -p $(ps -o ppid= -p $PPID)"
    probe = site.play({"name": "Look", "shell": parent, "register": "found"})
    if not probe.registered("a", "found")["stdout"].startswith("sshd"):
        pytest.skip("the node serves all connections in one process")
    unreachable(site.play(kill), "Die")
    site.nothing_is_left()


def test_a_node_is_killed(site: Site, tmp_path: Path) -> None:
    """The whole SSH server of b goes; it is one of its own."""
    (tmp_path / "b").mkdir()
    own = process_node(tmp_path / "b")
    variables = next(own)
    site.hosts["b"] = {**variables, "me": "b"}
    begun = site.folder / "begun"
    stopper = when_there(begun, lambda: next(own, None))
    said = unreachable(site.play(sleeping(site)), "Work")
    stopper.join(DEADLINE)
    assert "lost" in said
    site.nothing_is_left("begun")


def limited(site: Site) -> None:
    """b's Python may write no file larger than a few KB, which to a module is what a full disk is."""
    script = site.base / "python-limited"
    script.write_text(f'#!/bin/sh\nulimit -f 8\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    site.hosts["b"]["ansible_python_interpreter"] = str(script)


def test_a_disk_is_full(site: Site) -> None:
    limited(site)
    source = site.base / "source"
    source.write_bytes(os.urandom(400_000))
    (site.folder / "b").write_text("as it was")
    result = site.play({"name": "Write", "copy": {"src": str(source), "dest": "{{ folder }}/{{ me }}"}})
    assert result.failures["b"].task == "Write"
    assert not result.failures["b"].unreachable
    assert result.recap["b"].failed == 1
    the_others_finished(result)
    with pytest.raises(PlaybookError, match="task \\[Write\\] failed on b"):
        result.require()
    assert (site.folder / "b").read_text() == "as it was"
    site.nothing_is_left("a", "b", "c")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_file_system_is_full(site: Site) -> None:
    disk = site.folder / "b"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"mount: {made.stderr.strip()}")
    try:
        for name in "ac":
            (site.folder / name).mkdir()
        source = site.base / "source"
        source.write_bytes(os.urandom(400_000))
        result = site.play({"name": "Write", "copy": {"src": str(source), "dest": "{{ folder }}/{{ me }}/file"}})
        assert "No space left on device" in result.failures["b"].message
        the_others_finished(result)
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    site.nothing_is_left("a", "b", "c")


def test_python_is_missing(site: Site) -> None:
    site.hosts["b"]["ansible_python_interpreter"] = "/nowhere/python3"
    assert "Install Python 3.6 or later there" in unreachable(site.play(), "before")
    site.nothing_is_left()


def test_python_is_too_old(site: Site) -> None:
    """Python 2 does not know the option -I, says so with its usage, and ends with 2."""
    old = site.base / "python2"
    old.write_text("#!/bin/sh\necho 'Unknown option: -I' >&2\necho 'usage: python [option] ...' >&2\nexit 2\n")
    old.chmod(0o755)
    site.hosts["b"]["ansible_python_interpreter"] = str(old)
    said = unreachable(site.play(), "before")
    assert "Unknown option: -I" in said
    assert "Install Python 3.6 or later there" in said
    site.nothing_is_left()


def test_a_server_refuses(site: Site) -> None:
    site.hosts["b"]["ansible_port"] = free_port(site.server["ansible_host"])
    assert "refused the connection" in unreachable(site.play(), "before")
    site.nothing_is_left()


def test_a_host_key_changed(site: Site) -> None:
    known = site.base / "other_known_hosts"
    known.write_text(f"[{site.server['ansible_host']}]:{site.server['ansible_port']} {keys.make_pair().public}\n")
    site.hosts["b"]["sparkbed_known_hosts"] = str(known)
    assert "shows another host key than the known one" in unreachable(site.play(), "before")
    site.nothing_is_left()


def test_sudo_refuses(site: Site) -> None:
    site.hosts["b"] |= {"ansible_become": True, "ansible_become_user": "nobody_such"}
    assert "can't become nobody_such by sudo" in unreachable(site.play(), "before")
    site.nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
@pytest.mark.parametrize(
    "task",
    [
        {"name": "Work", "shell": "sleep {{ marker }} & echo x > {{ folder }}/{{ me }}; sleep {{ marker }}"},
        {"name": "Retry", "shell": "echo x > {{ folder }}/{{ me }}", "until": False, "retries": 3, "delay": 900},
        {"name": "Wait", "shell": "echo x > {{ folder }}/{{ me }}"},
    ],
    ids=["command", "delay", "wait_for"],
)
def test_a_run_is_ended(site: Site, number: signal.Signals, task: dict[str, Any]) -> None:
    tasks = [task]
    if task["name"] == "Wait":
        tasks.append({"name": "Wait on", "wait_for": {"path": "{{ folder }}/never", "timeout": 900}})
    command = [sys.executable, "-m", "sparkbed", "play", str(site.book(tasks)), "-i", str(site.write()), "-vvv"]
    environment = {**os.environ, "SPARKBED_HOME": str(site.base / "state"), "PYTHONPATH": str(ROOT)}
    with (site.base / "out").open("w") as out, (site.base / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, start_new_session=True)
    try:

        def begun() -> bool:
            assert process.poll() is None, (site.base / "err").read_text()
            return len(list(site.folder.iterdir())) == 3

        eventually(begun, "all hosts are at work")
        process.send_signal(number)
        assert process.wait(DEADLINE) == 1
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    text = (site.base / "out").read_text()
    started = [line for line in text.splitlines() if "agent started: process" in line]
    site.seen.pids = [int(line.split("process ")[1].split(",")[0]) for line in started]
    assert len(started) == 3
    assert (site.base / "err").read_text() == "inv: interrupted\n"
    site.nothing_is_left("a", "b", "c")
