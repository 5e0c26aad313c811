"""Connections that are begun before they are asked for: used, given up, and none left."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

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


def test_what_a_play_loads_before_it_connects() -> None:
    """Paramiko and Fabric load while servers get ready, so not with the playbook's engine."""
    code = "import sys, sparkbed.playbook, sparkbed.verbs.playing; print({'paramiko', 'fabric'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
