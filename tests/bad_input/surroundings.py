"""What a case of bad input can't say as data: each function makes it true, and gives the names that stand for it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sparkbed.provision import keys
from sparkbed.provision.nodes.base import NodeSpec
from sparkbed.provision.nodes.process import ProcessNodes
from sparkbed.store import Store

Values = dict[str, str]
Setup = Callable[[Path, Values], AbstractContextManager[Values]]

HERE = """
all:
  children:
    master: {hosts: {here: }}
    workers: {hosts: {here: }}
  vars:
    ansible_connection: local
    ansible_python_interpreter: {python}
"""


@contextmanager
def hosts_up(folder: Path, values: Values) -> Iterator[Values]:
    """The deployment `here`: this machine itself, as `inv provision` would have written it."""
    path = folder / "state" / "inventories" / "here.yml"
    path.parent.mkdir(parents=True)
    path.write_text(HERE.replace("{python}", sys.executable))
    yield {}


@contextmanager
def ssh_server(folder: Path, values: Values) -> Iterator[Values]:
    """A real SSH server with the right key and host key, and wrong ones of either."""
    address = f"127.{90 + secrets.randbelow(100)}.{1 + secrets.randbelow(250)}.4"
    client, stranger, server, other = (keys.make_pair() for _ in range(4))
    keys.write_private(folder / "key", client.private)
    keys.write_private(folder / "other_key", stranger.private)
    keys.write_known_hosts(folder / "known_hosts", [(address, 2222, server.public)])
    keys.write_known_hosts(folder / "other_known_hosts", [(address, 2222, other.public)])
    (folder / "empty_known_hosts").touch()
    kind = ProcessNodes()
    try:
        marker = f"i-bad@{folder / 'node'}"
        node = kind.start(NodeSpec("i-bad", address, 2222, folder / "node", marker, server.private, client.public))
        try:
            yield {"address": address, "user": node.user, "node": str(node.folder)}
        finally:
            kind.stop(node)
    finally:
        kind.close()


@contextmanager
def taken_port(folder: Path, values: Values) -> Iterator[Values]:
    """A port of the SSH server's address at which another program listens."""
    with socket.socket() as holder:
        holder.bind((values["address"], 0))
        holder.listen()
        yield {"taken": str(holder.getsockname()[1])}


@contextmanager
def closed_port(folder: Path, values: Values) -> Iterator[Values]:
    """A port at which nobody listens: bound, so that nobody else takes it meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield {"closed": str(holder.getsockname()[1])}


@contextmanager
def old_database(folder: Path, values: Values) -> Iterator[Values]:
    """An empty database of ours."""
    (folder / "state").mkdir()
    with Store(folder / "state" / "sparkbed.db"):
        pass
    yield {}


@contextmanager
def newer_database(folder: Path, values: Values) -> Iterator[Values]:
    with old_database(folder, values), _sql(folder / "state" / "sparkbed.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    yield {}


@contextmanager
def damaged_database(folder: Path, values: Values) -> Iterator[Values]:
    """Its first page is right, the rest was overwritten."""
    with old_database(folder, values):
        path = folder / "state" / "sparkbed.db"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    yield {}


@contextmanager
def foreign_database(folder: Path, values: Values) -> Iterator[Values]:
    (folder / "state").mkdir()
    with _sql(folder / "state" / "sparkbed.db") as database:
        database.execute("CREATE TABLE music (title TEXT)")
    yield {}


@contextmanager
def _sql(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


@contextmanager
def own_mounts(folder: Path, values: Values) -> Iterator[Values]:
    """The case's shell commands may mount: they run in a mount namespace of their own."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    probe = [*words, f"mount -t tmpfs -o size=64k none {folder}"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces on this machine: a small disk can't be mounted")
    yield {}


@contextmanager
def empty_jar(folder: Path, values: Values) -> Iterator[Values]:
    """program.jar, with no class in it."""
    with zipfile.ZipFile(folder / "program.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    yield {}


@contextmanager
def campaign_under_way(folder: Path, values: Values) -> Iterator[Values]:
    """Another process runs the case's suite; it is interrupted at the end."""
    command = [sys.executable, "-m", "sparkbed", "run-suite", "bad.yml"]
    environment = {**os.environ, "SPARKBED_HOME": values["state"], "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("campaign "):
                break
        assert process.poll() is None
        yield {"pid": str(process.pid)}
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.wait(120)


def wait_until(holds: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)


BY_NAME: dict[str, Setup] = {
    function.__name__: function
    for function in (
        hosts_up,
        ssh_server,
        taken_port,
        closed_port,
        old_database,
        newer_database,
        damaged_database,
        foreign_database,
        own_mounts,
        empty_jar,
        campaign_under_way,
    )
}
