"""Hosts to talk to: a real OpenSSH server where there is one, and the node that the local endpoint makes."""

from __future__ import annotations

import getpass
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkbed.provision import keys
from sparkbed.provision.nodes.base import NodeSpec
from sparkbed.provision.nodes.process import ProcessNodes
from sparkbed.remote import Agent, Connections
from tests import components

Variables = dict[str, Any]
DEADLINE = 60


def loopback(last: int) -> str:
    """A loopback address with this end that is the worker's own: what it found free there, no other takes."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"127.61.{worker % 250 + 1}.{last}"


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def eventually(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < until, f"not within {DEADLINE} s: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether the process runs: a zombie, which only its parent has yet to bury, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def variables_for(folder: Path, address: str, port: int, client: keys.KeyPair, host_key: str) -> Variables:
    private, known = folder / "id", folder / "known_hosts"
    private.write_text(client.private)
    private.chmod(0o600)
    known.write_text(f"[{address}]:{port} {host_key}\n")
    return {
        "ansible_host": address,
        "ansible_port": port,
        "ansible_user": getpass.getuser(),
        "ansible_ssh_private_key_file": str(private),
        "sparkbed_known_hosts": str(known),
        "ansible_python_interpreter": sys.executable,
    }


def openssh(folder: Path) -> Iterator[Variables]:
    program = components.program("sshd", "openssh-server")
    if pwd.getpwuid(os.getuid()).pw_shell.endswith(("nologin", "false")):
        pytest.skip("this user has no login shell, which OpenSSH asks for")
    address = loopback(4)
    client, host = keys.make_pair(), keys.make_pair()
    for name, text in (("host_key", host.private), ("authorized", client.public + "\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    port = free_port(address)
    options = {
        "ListenAddress": f"{address}:{port}",
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "MaxSessions": "50",
        "Subsystem": "sftp internal-sftp",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # privilege separation wants it
    with (folder / "sshd.log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=log)
    try:

        def answers() -> bool:
            assert server.poll() is None, (folder / "sshd.log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex((address, port)) == 0

        eventually(answers, "the OpenSSH server answers")
        yield variables_for(folder, address, port, client, host.public)
    finally:
        server.terminate()
        server.wait(DEADLINE)


def process_node(folder: Path) -> Iterator[Variables]:
    address = loopback(5)
    client, host = keys.make_pair(), keys.make_pair()
    spec = NodeSpec("i-1", address, free_port(address), folder / "node", f"i-1@{folder}", host.private, client.public)
    kind = ProcessNodes()
    node = kind.start(spec)
    try:
        yield variables_for(folder, address, node.port, client, host.public)
    finally:
        kind.stop(node)
        kind.close()


@pytest.fixture(scope="session", params=[openssh, process_node], ids=["openssh", "node"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variables]:
    """The variables of a host that lets us in: one run of the test a kind of server."""
    yield from request.param(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def a_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variables]:
    """The same where one kind of server is enough."""
    yield from process_node(tmp_path_factory.mktemp("server"))


@pytest.fixture
def connections(server: Variables) -> Iterator[Connections]:
    with Connections(lambda host: server) as opened:
        yield opened


@pytest.fixture(scope="session")
def local_agent() -> Iterator[Agent]:
    """The agent without SSH in between: what modules do does not depend on the way to them."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    with Connections(lambda host: local) as opened:
        yield opened.agent("here")
