"""Connecting: who is let in, who is refused, with which words; and what is left when all is closed."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import termios
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import HostError
from sparkbed.provision import keys
from sparkbed.remote import Connections, Unreachable, ssh
from sparkbed.remote.keys import host_keys

from .conftest import Variables, alive, eventually, free_port, loopback


def refused(variables: Variables) -> Unreachable:
    with Connections(lambda host: variables) as connections, pytest.raises(Unreachable) as caught:
        connections.agent("worker-1")
    assert "worker-1" in caught.value.what
    assert caught.value.hint
    return caught.value


def test_an_agent_answers_and_is_started_once(connections: Connections) -> None:
    agent = connections.agent("worker-1")
    assert agent.call("ping", [{}]) == [{"ping": "pong", "changed": False}]
    assert connections.agent("worker-1") is agent
    assert agent.round_trips == 1


def test_the_socket_sends_at_once(connections: Connections) -> None:
    connections.agent("worker-1")
    # Looked at from outside would be better, but no tool shows the option of a socket.
    connection: Any = connections._hosts["worker-1"]._connection  # type: ignore[attr-defined]
    assert connection.transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_files_go_and_come_whole(connections: Connections, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "there").write_bytes(data)
    connections.put("worker-1", tmp_path / "there", str(tmp_path / "on host"))
    connections.get("worker-1", str(tmp_path / "on host"), tmp_path / "new" / "back")
    assert (tmp_path / "new" / "back").read_bytes() == data
    with pytest.raises(HostError, match="nothing-here"):
        connections.get("worker-1", str(tmp_path / "nothing-here"), tmp_path / "x")


def test_closing_ends_the_agents_and_opens_nothing_again(server: Variables) -> None:
    connections = Connections(lambda host: server)
    pids = [connections.agent(name).pid for name in ("worker-1", "worker-2")]
    assert all(alive(pid) for pid in pids)
    connections.close()
    eventually(lambda: not any(alive(pid) for pid in pids), "the agents end")
    with pytest.raises(HostError, match="closed"):
        connections.agent("worker-1")


def test_hosts_are_worked_on_at_the_same_time(server: Variables) -> None:
    meeting = threading.Barrier(4, timeout=60)

    def work(name: str) -> str:
        agent = connections.agent(name)
        meeting.wait()  # all four agents are open at once
        result = agent.call("command", [{"argv": ["echo", name]}])[0]
        return str(result["stdout"])

    names = [f"worker-{number}" for number in range(4)]
    with Connections(lambda host: server) as connections, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, names)) == names


def test_threads_that_share_an_agent_take_turns(connections: Connections) -> None:
    agent = connections.agent("worker-1")

    def work(number: int) -> str:
        return str(agent.call("command", [{"argv": ["echo", str(number)]}])[0]["stdout"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == [str(number) for number in range(40)]


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_another_host_key_is_refused(server: Variables, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    name = f"[{server['ansible_host']}]:{server['ansible_port']}"
    known.write_text(f"{name} {keys.make_pair().public}\n")
    error = refused({**server, "sparkbed_known_hosts": str(known)})
    assert "another host key" in error.what
    assert "SHA256:" in str(error.hint)


def test_an_unknown_host_key_is_refused_and_not_learned(server: Variables, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("")
    error = refused({**server, "sparkbed_known_hosts": str(known)})
    assert "not known" in error.what
    assert known.read_text() == ""


def test_a_missing_known_hosts_file_is_named(server: Variables, tmp_path: Path) -> None:
    error = refused({**server, "sparkbed_known_hosts": str(tmp_path / "none")})
    assert str(tmp_path / "none") in str(error)


def test_a_key_that_is_not_accepted_is_named(server: Variables, tmp_path: Path) -> None:
    key = tmp_path / "other"
    key.write_text(keys.make_pair().private)
    error = refused({**server, "ansible_ssh_private_key_file": str(key)})
    assert str(key) in error.what
    assert "authorized" in str(error.hint)


def test_a_missing_key_is_named(server: Variables, tmp_path: Path) -> None:
    assert str(tmp_path / "none") in refused({**server, "ansible_ssh_private_key_file": str(tmp_path / "none")}).what


def test_a_closed_port_is_refused(a_server: Variables) -> None:
    error = refused({**a_server, "ansible_port": free_port(loopback(9)), "ansible_host": loopback(9)})
    assert "refused the connection" in error.what


def test_a_name_without_address_is_refused(a_server: Variables) -> None:
    assert "no address" in refused({**a_server, "ansible_host": "nothing.invalid"}).what


def test_a_server_that_is_silent_times_out(a_server: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparkbed.remote.ssh.CONNECT_TIMEOUT", 1)
    with socket.create_server((loopback(10), 0)) as silent:
        port = silent.getsockname()[1]
        error = refused({**a_server, "ansible_host": loopback(10), "ansible_port": port})
    assert loopback(10) in error.what


def test_a_missing_python_is_named(server: Variables) -> None:
    error = refused({**server, "ansible_python_interpreter": "/no/python3"})
    assert "/no/python3" in error.what
    assert "ansible_python_interpreter" in str(error.hint)


def test_a_user_that_sudo_does_not_grant_is_refused(server: Variables) -> None:
    with (
        Connections(lambda host: server) as connections,
        pytest.raises(Unreachable, match="no-such-user-here") as caught,
    ):
        connections.agent("worker-1", become_user="no-such-user-here")
    assert "sudo" in str(caught.value)


def test_a_login_script_that_prints_does_no_harm(a_server: Variables, tmp_path: Path) -> None:
    noisy = tmp_path / "python"
    noisy.write_text(
        f'#!/bin/sh\necho "Welcome! $*"\necho \'{{"agent": 1}}\'\nexec {a_server["ansible_python_interpreter"]} "$@"\n'
    )
    noisy.chmod(0o755)
    with Connections(lambda host: {**a_server, "ansible_python_interpreter": str(noisy)}) as connections:
        assert connections.agent("worker-1").call("ping", [{}])[0]["ping"] == "pong"


# -- in the middle ----------------------------------------------------------------------------------------------------


def test_an_agent_that_is_killed_makes_the_host_unreachable_and_a_new_one_can_be_had(connections: Connections) -> None:
    agent = connections.agent("worker-1")
    killer = threading.Timer(0.3, lambda: os.kill(agent.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(Unreachable, match="lost") as caught:
        agent.call("command", [{"argv": ["sleep", "100"]}])
    killer.join()
    assert "worker-1" in caught.value.what
    assert "command" in caught.value.what
    with pytest.raises(Unreachable):
        agent.call("ping", [{}])
    again = connections.agent("worker-1")
    assert again is not agent
    assert again.call("ping", [{}])[0]["ping"] == "pong"


def test_a_connection_that_is_cut_makes_the_host_unreachable(connections: Connections) -> None:
    agent = connections.agent("worker-1")
    connection: Any = connections._hosts["worker-1"]._connection  # type: ignore[attr-defined]
    cutter = threading.Timer(0.3, lambda: connection.transport.sock.shutdown(socket.SHUT_RDWR))
    cutter.start()
    with pytest.raises(Unreachable):
        agent.call("wait_for", [{"path": "/nothing/here"}])
    cutter.join()
    eventually(lambda: not alive(agent.pid), "the agent sees the end of its input")
    assert connections.agent("worker-1").call("ping", [{}])[0]["ping"] == "pong"


def test_a_shell_gives_output_and_exit_status(a_server: Variables, tmp_path: Path) -> None:
    script = f"""
import sys
from sparkbed.remote import Connections
with Connections(lambda host: {a_server!r}) as connections:
    sys.exit(connections.shell("worker-1", "cat; echo to-stderr >&2; exit 7"))
"""
    done = subprocess.run(
        [a_server["ansible_python_interpreter"], "-c", script],
        input=b"typed\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, b"typed\n", b"to-stderr\n")


def test_a_shell_at_a_terminal_gets_a_terminal(a_server: Variables) -> None:
    script = f"""
import sys
from sparkbed.remote import Connections
with Connections(lambda host: {a_server!r}) as connections:
    sys.exit(connections.shell("worker-1", "stty size; read line; echo got $line; exit 5"))
"""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (33, 99)) if hasattr(termios, "tcsetwinsize") else None
    with subprocess.Popen(
        [a_server["ansible_python_interpreter"], "-c", script], stdin=theirs, stdout=theirs, stderr=theirs
    ) as shell:
        os.close(theirs)
        shown = b""
        typed = False
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            shown += piece
            if not typed and b"\n" in shown:
                os.write(ours, b"keys\r")
                typed = True
            if not piece:
                break
    os.close(ours)
    assert shell.returncode == 5, shown
    assert b"got keys" in shown
    if hasattr(termios, "tcsetwinsize"):
        assert b"33 99" in shown


def test_a_login_script_that_hangs_does_not_hold_us(
    a_server: Variables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparkbed.remote.host.START_TIMEOUT", 1)
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 120\n")
    hanging.chmod(0o755)
    assert str(hanging) in refused({**a_server, "ansible_python_interpreter": str(hanging)}).what


def test_a_port_that_speaks_something_else_shows_no_traceback(a_server: Variables) -> None:
    script = f"""
from sparkbed.remote import Connections
variables = {a_server!r}
try:
    Connections(lambda host: variables).agent("worker-1")
except Exception as error:
    print(error)
"""
    with socket.create_server((loopback(11), 0)) as web:
        port = web.getsockname()[1]

        def answer() -> None:
            connection, _ = web.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        script = script.replace(repr(a_server), repr({**a_server, "ansible_host": loopback(11), "ansible_port": port}))
        done = subprocess.run(
            [a_server["ansible_python_interpreter"], "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert "the SSH connection failed" in done.stdout
    assert done.stderr == ""


def test_a_line_without_an_agent(server: Variables) -> None:
    variables = {**server, "ansible_python_interpreter": "/no/python/here"}
    with Connections(lambda host: variables) as connections:
        assert connections.execute("worker-1", "echo 'a  b'; echo err >&2; exit 3") == (3, b"a  b\n", b"err\n")
        both = "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero"
        status, out, err = connections.execute("worker-1", both)
        assert (status, len(out), len(err)) == (0, 3_000_000, 3_000_000)
        with pytest.raises(Unreachable):
            connections.agent("worker-1")


@pytest.mark.full
def test_an_output_of_tens_of_megabytes(server: Variables) -> None:
    with Connections(lambda host: server) as connections:
        agent = connections.agent("worker-1")
        line = "head -c 50000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' '\\n'; echo end"
        result = agent.call("shell", [{"_raw_params": line}])[0]
        assert (result["rc"], len(result["stdout"])) == (0, 51_000_003)
        assert len(result["stdout_lines"]) == 1_000_001
        assert agent.call("ping", [{}])[0]["ping"] == "pong"


def test_a_known_hosts_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    """For each host anew it would cost hosts times hosts: 7 ms a host with 50 of them."""
    first, second = keys.make_pair().public, keys.make_pair().public
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.9]:2222 {first}\n[127.0.0.9]:2222 {second}\n")
    assert host_keys(known) is host_keys(known)
    variables = {"ansible_host": "127.0.0.9", "ansible_port": 2222, "sparkbed_known_hosts": str(known)}
    held = ssh._connection_for("h", variables).client.get_host_keys().lookup("[127.0.0.9]:2222")
    assert held is not None
    assert held["ssh-ed25519"].get_base64() == first.split()[1]
    known.write_text(f"[127.0.0.9]:2222 {second}\n# changed\n")
    held = ssh._connection_for("h", variables).client.get_host_keys().lookup("[127.0.0.9]:2222")
    assert held is not None
    assert held["ssh-ed25519"].get_base64() == second.split()[1]
