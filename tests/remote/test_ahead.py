"""Connections that are begun before they are asked for: used, given up, and none left."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sparkbed.inventory import load
from sparkbed.playbook import Runner
from sparkbed.playbook.expecting import asks_its_hosts
from sparkbed.remote import Connections, sockets
from sparkbed.remote.sockets import Ahead


@pytest.fixture
def server() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def waiting(server: socket.socket, seconds: float) -> bool:
    return bool(select.select([server], [], [], seconds)[0])


def test_the_server_has_it_before_it_is_taken(server: socket.socket) -> None:
    ahead = Ahead()
    ahead.begin(*server.getsockname())
    ahead.begin(*server.getsockname())  # once is enough
    assert waiting(server, 60)
    theirs, _ = server.accept()
    with theirs, ahead.taken(*server.getsockname()) as ours:
        theirs.sendall(b"SSH-2.0-x\r\n")
        assert ours.recv(100) == b"SSH-2.0-x\r\n"
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert ours.gettimeout() is None
    assert not waiting(server, 0)


def test_what_nobody_takes_is_closed(server: socket.socket) -> None:
    ahead = Ahead()
    ahead.begin(*server.getsockname())
    theirs, _ = server.accept()
    ahead.close()
    with theirs:
        theirs.settimeout(60)
        assert theirs.recv(1) == b""


def test_one_that_failed_is_made_anew(server: socket.socket) -> None:
    """The port refuses first, and a server listens there when the connection is asked for."""
    address = server.getsockname()
    server.close()
    ahead = Ahead()
    ahead.begin(*address)
    with socket.create_server(address), ahead.taken(*address) as ours:
        assert ours.getpeername() == address
    ahead.begin(*address)
    with pytest.raises(ConnectionRefusedError):
        ahead.taken(*address)


def test_an_old_one_is_made_anew(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers close what does not log in."""
    monkeypatch.setattr(sockets, "FRESH", -1.0)
    ahead = Ahead()
    ahead.begin(*server.getsockname())
    first, _ = server.accept()
    with first, ahead.taken(*server.getsockname()):
        first.settimeout(60)
        assert first.recv(1) == b""
        assert waiting(server, 60)


def test_a_name_is_not_looked_up() -> None:
    ahead = Ahead()
    ahead.begin("nothing.invalid", 22)
    assert ahead._begun == {}


@pytest.mark.parametrize(
    ("variables", "begun"),
    [
        ({"sparkbed_known_hosts": "/k"}, True),
        ({}, False),  # the user's own SSH settings may lead elsewhere
        ({"sparkbed_known_hosts": "/k", "ansible_connection": "local"}, False),
    ],
)
def test_only_addresses_that_the_inventory_alone_says(
    server: socket.socket, variables: Mapping[str, Any], begun: bool
) -> None:
    host, port = server.getsockname()
    with Connections(lambda _: {"ansible_host": host, "ansible_port": port, **variables}) as connections:
        connections.expect(["h1"])
        assert waiting(server, 60 if begun else 0.2) is begun


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("::1", 1), ("fe80::1", 22)])
def test_what_cant_be_begun_is_told_by_whoever_asks(host: str, port: int) -> None:
    ahead = Ahead()
    ahead.begin(host, port)
    with pytest.raises((OSError, OverflowError)):
        ahead.taken(host, port)


def test_a_silent_address_costs_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose queue is full neither takes nor refuses."""
    monkeypatch.setattr(sockets, "CONNECT_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            held.append(one)
        ahead = Ahead()
        ahead.begin(*full.getsockname())
        asked = []
        monkeypatch.setattr(sockets, "connected", lambda *address: asked.append(address))
        with pytest.raises(TimeoutError):
            ahead.taken(*full.getsockname())
        assert asked == []
        for one in held:
            one.close()


def test_hosts_that_are_connected_or_wrong_are_let_be(server: socket.socket) -> None:
    host, port = server.getsockname()
    every: dict[str, Mapping[str, Any]] = {
        "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "wrong": {"sparkbed_known_hosts": "/k", "ansible_host": host, "ansible_port": "{{ port }}"},
        "right": {"sparkbed_known_hosts": "/k", "ansible_host": host, "ansible_port": port},
    }
    with Connections(lambda name: every[name]) as connections:
        connections.agent("here")
        every["here"] = every["right"]
        connections.expect(["wrong", "here"])
        assert not waiting(server, 0.2)
        connections.expect(["right"])
        theirs, _ = server.accept()
        connections.unexpect()
        with theirs:
            theirs.settimeout(60)
            assert theirs.recv(1) == b""


def test_plays_on_this_machine_alone_load_no_ssh() -> None:
    code = (
        "import sys; from sparkbed.remote import Connections\n"
        "with Connections(lambda _: {'ansible_connection': 'local'}) as connections: connections.expect(['h1'])\n"
        "print('paramiko' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "False\n"


PLAY = "- hosts: all\n  gather_facts: false\n  tasks: [{TASK: }]\n"


@pytest.mark.parametrize(
    ("text", "extra", "asks"),
    [
        (PLAY.replace("TASK", "ping"), {}, True),
        (PLAY.replace("TASK: ", "debug: {msg: x}"), {}, False),
        (PLAY.replace("TASK: ", "ping: , delegate_to: localhost"), {}, False),
        (PLAY.replace("TASK", "ping").replace("hosts: all", "hosts: all\n  connection: local"), {}, False),
        (PLAY.replace("TASK", "ping").replace("hosts: all", "hosts: all\n  serial: 1"), {}, False),
        (PLAY.replace("TASK", "ping").replace("hosts: all", "hosts: all\n  vars: {ansible_port: 1}"), {}, False),
        (PLAY.replace("TASK", "ping"), {"ansible_host": "elsewhere"}, False),
    ],
)
def test_plays_that_ask_their_hosts_where_the_inventory_says(
    tmp_path: Path, text: str, extra: dict[str, Any], asks: bool
) -> None:
    (tmp_path / "play.yml").write_text(text)
    (tmp_path / "hosts.yml").write_text("all: {hosts: {h1: {}}}\n")
    inventory = load(tmp_path / "hosts.yml")
    with Connections(lambda _: {}) as connections:
        [play] = Runner(inventory, connections).check_syntax(tmp_path / "play.yml", extra_vars=extra).plays
    assert asks_its_hosts(play, extra) is asks
