"""The node layer by itself: an SSH server on an address of its own, without any API in front of it."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from sparkbed.errors import HostError
from sparkbed.provision import keys
from sparkbed.provision.nodes import marked
from sparkbed.provision.nodes.base import Node, NodeSpec
from sparkbed.provision.nodes.process import ProcessNodes

CLIENT = keys.make_pair()
HOST = keys.make_pair()


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def spec_in(folder: Path, name: str = "i-1") -> NodeSpec:
    address = "127.60.1.4"
    return NodeSpec(name, address, free_port(address), folder / name, f"{name}@{folder}", HOST.private, CLIENT.public)


def login(node: Node, client_key: str = CLIENT.private, host_key: str = HOST.public) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    kind, blob = host_key.split()
    name = node.address if node.port == 22 else f"[{node.address}]:{node.port}"
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {kind} {blob}")
    assert entry is not None
    assert entry.key is not None
    client.get_host_keys().add(name, kind, entry.key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(client_key))
    client.connect(node.address, node.port, node.user, pkey=key, allow_agent=False, look_for_keys=False, timeout=30)
    return client


@pytest.fixture(scope="module")
def nodes() -> Iterator[ProcessNodes]:
    kind = ProcessNodes()
    yield kind
    kind.close()


@pytest.fixture(scope="module")
def node(nodes: ProcessNodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    started = nodes.start(spec_in(tmp_path_factory.mktemp("nodes")))
    yield started
    nodes.stop(started)
    assert not started.folder.exists()


@pytest.fixture(scope="module")
def client(node: Node) -> Iterator[paramiko.SSHClient]:
    with login(node) as connected:
        yield connected


def run(client: paramiko.SSHClient, command: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
    stdin, stdout, stderr = client.exec_command(command, timeout=60)
    stdin.write(data)
    stdin.channel.shutdown_write()
    out, err = stdout.read(), stderr.read()
    return stdout.channel.recv_exit_status(), out, err


def wait_until(true: object, what: str, seconds: float = 60) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so after {seconds} s: {what}"
        time.sleep(0.05)


def test_exit_status_and_both_streams_come_back(client: paramiko.SSHClient) -> None:
    assert run(client, "echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")


def test_a_session_starts_in_the_nodes_folder_and_carries_its_marker(client: paramiko.SSHClient, node: Node) -> None:
    _, out, _ = run(client, 'pwd; echo "$HOME"; echo "$TMPDIR"; echo "$SPARKBED_NODE"')
    assert out.decode().split("\n")[:4] == [str(node.folder), str(node.folder), f"{node.folder}/tmp", node.marker]


def test_input_reaches_the_command_and_can_be_opened_as_a_file(client: paramiko.SSHClient) -> None:
    assert run(client, "wc -c < /dev/stdin", b"x" * 1_000_000)[1].strip() == b"1000000"


def test_thirty_megabytes_arrive_whole(client: paramiko.SSHClient) -> None:
    status, out, _ = run(client, "head -c 30000000 /dev/zero; echo end >&2")
    assert (status, len(out)) == (0, 30_000_000)


def test_a_killed_command_has_no_exit_status_of_its_own(client: paramiko.SSHClient) -> None:
    assert run(client, "kill -9 $$")[0] == -1


def test_a_background_process_that_holds_the_output_does_not_hold_the_session(client: paramiko.SSHClient) -> None:
    begun = time.monotonic()
    assert run(client, "sleep 47 & echo started")[:2] == (0, b"started\n")
    assert time.monotonic() - begun < 30


def test_environment_is_taken_over_but_not_the_marker(node: Node, client: paramiko.SSHClient) -> None:
    _, stdout, _ = client.exec_command(
        'echo "$COLOUR $SPARKBED_NODE"', environment={"COLOUR": "dark green", "SPARKBED_NODE": "x"}
    )
    assert stdout.read().decode() == f"dark green {node.marker}\n"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("unix:///run/me/docker.sock", "unix:///run/me/docker.sock"), ("tcp://10.0.0.1:2375", ""), ("", "")],
)
def test_an_engine_at_a_socket_of_its_own_is_the_nodes_too(
    client: paramiko.SSHClient, monkeypatch: pytest.MonkeyPatch, ours: str, theirs: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", ours)
    assert run(client, 'echo "$DOCKER_HOST"') == (0, f"{theirs}\n".encode(), b"")


def test_a_terminal_is_one(client: paramiko.SSHClient) -> None:
    channel = client.invoke_shell(term="xterm", width=97, height=31)
    channel.sendall(b"tty; stty size; echo $TERM; exit 3\n")
    seen = b""
    while data := channel.recv(4096):
        seen += data
    assert b"/dev/pts/" in seen
    assert b"31 97" in seen
    assert b"xterm" in seen
    assert channel.recv_exit_status() == 3


def test_files_go_both_ways_and_relative_paths_start_in_the_folder(client: paramiko.SSHClient, node: Node) -> None:
    content = bytes(range(256)) * 8000
    with client.open_sftp() as sftp:
        sftp.putfo(io.BytesIO(content), "data.bin")
        assert (node.folder / "data.bin").read_bytes() == content
        back = io.BytesIO()
        sftp.getfo(str(node.folder / "data.bin"), back)
        assert back.getvalue() == content
        sftp.chmod("data.bin", 0o600)
        assert (node.folder / "data.bin").stat().st_mode & 0o777 == 0o600


def test_another_key_is_refused(node: Node) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        login(node, client_key=keys.make_pair().private)


def test_a_server_with_another_host_key_is_refused(node: Node) -> None:
    with pytest.raises(paramiko.BadHostKeyException):
        login(node, host_key=keys.make_pair().public)


def test_forwarding_is_refused(client: paramiko.SSHClient, node: Node) -> None:
    transport = client.get_transport()
    assert transport
    with pytest.raises(paramiko.ChannelException):
        transport.open_channel("direct-tcpip", (node.address, node.port), ("127.0.0.1", 1))


def test_a_lost_connection_ends_the_command_but_not_a_daemon(node: Node) -> None:
    with login(node) as lost:
        lost.exec_command("setsid sleep 1001 </dev/null >/dev/null 2>&1 & sleep 1002; true")
        wait_until(lambda: len(_sleeps(node)) == 2, "both run")
    wait_until(lambda: _sleeps(node) == ["1001"], "only the daemon is left")


def _sleeps(node: Node) -> list[str]:
    found = []
    for process in marked.carrying(node.marker):
        try:
            arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0] == b"sleep" and arguments[1].startswith(b"100"):
            found.append(arguments[1].decode())
    return found


def test_stopping_a_node_ends_its_daemons_and_frees_its_address(nodes: ProcessNodes, tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "i-2")
    node = nodes.start(spec)
    with login(node) as connected:
        run(connected, "setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' </dev/null >/dev/null 2>&1 &")
        assert marked.carrying(node.marker)
        nodes.stop(node)
    assert marked.carrying(node.marker) == []
    assert not spec.folder.exists()
    nodes.stop(nodes.start(spec))


def test_a_node_can_be_taken_up_again_with_what_runs_on_it(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "i-3")
    first = ProcessNodes()
    with login(first.start(spec)) as connected:
        run(connected, "echo kept > file; setsid sleep 1003 </dev/null >/dev/null 2>&1 &")
    first.close()
    assert marked.carrying(spec.marker)
    second = ProcessNodes()
    node = second.start(spec)
    with login(node) as connected:
        assert run(connected, "cat file")[1] == b"kept\n"
    second.stop(node)
    assert marked.carrying(spec.marker) == []
    second.close()


def test_an_address_in_use_is_named(nodes: ProcessNodes, tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "i-4")
    with socket.socket() as taken:
        taken.bind((spec.address, spec.port))
        taken.listen()
        with pytest.raises(HostError, match=f"{spec.address} port {spec.port}"):
            nodes.start(spec)
    assert not spec.folder.exists()


def test_only_the_exact_marker_is_found() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(100)"], env={"SPARKBED_NODE": "i-5@some-home-longer"}
    ) as other:
        try:
            assert marked.carrying("i-5@some-home") == []
            assert [process.pid for process in marked.carrying("i-5@some-home-longer")] == [other.pid]
        finally:
            other.kill()


def test_a_daemon_that_ends_leaves_no_zombie() -> None:
    """The endpoint adopts what its sessions leave behind; its sweep waits for those that ended."""
    program = (
        "import ctypes, os, subprocess, time\n"
        "from sparkbed.provision.nodes import marked\n"
        "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
        "subprocess.run(['sh', '-c', 'setsid sleep 0.2 &'])\n"
        "seen, end = set(), time.monotonic() + 60\n"
        "while not seen and time.monotonic() < end:\n"
        "    time.sleep(0.1)\n"
        "    seen = marked.reap(seen)\n"
        "assert seen, 'it ended and was seen'\n"
        "assert marked.reap(seen) == set()\n"
        "assert marked.reap(set()) == set(), 'it is gone'\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
