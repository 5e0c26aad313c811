"""Machines to change at will: private copies of a Debian root, each with an SSH server, in namespaces of its own.

They need root and mmdebstrap. The root is made once per machine that the tests run on, and kept in the user's cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed import inventory
from sparkbed.playbook import Output, PlayResult, Runner, rendered_connection_variables
from sparkbed.provision import keys
from sparkbed.remote import Connections
from tests import components
from tests.remote.conftest import eventually, free_port

HERE = Path(__file__).parent
SUITE = "bookworm"
# python3-apt is for Ansible; ours does without it.
INSIDE = "python3,python3-apt,python3-venv,python3-pip,sudo,openssh-server,init-system-helpers"
DOCS = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


def root() -> Path:
    """The root that machines are copies of; made when it is not there."""
    if os.getuid() != 0:
        pytest.skip("only root can make machines of namespaces")
    components.program("mmdebstrap", "mmdebstrap")
    probe = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        pytest.skip(f"no namespaces for us here: {probe.stderr.strip()}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparkbed-tests"
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={INSIDE}"]
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in DOCS]
    argv += ["--aptopt=APT::Install-Recommends false", SUITE]
    made = cache / f"{SUITE}-{hashlib.sha256(repr(argv).encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            building = cache / f"{made.name}.building"
            shutil.rmtree(building, ignore_errors=True)
            done = subprocess.run([*argv, str(building)], capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(building, ignore_errors=True)
                raise RuntimeError(f"mmdebstrap failed:\n{done.stderr[-3000:]}")
            building.rename(made)
    return made


class Machine:
    """A running machine: `view` is its root as seen from outside."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], variables: dict[str, Any]) -> None:
        self.folder = folder
        self._process = process
        self.hosts = folder / "hosts.yml"
        self.hosts.write_text(yaml.safe_dump({"all": {"hosts": {"machine": variables}}}))
        self.root = root()
        self._known_hosts = variables["sparkbed_known_hosts"]

    @property
    def view(self) -> Path:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return Path(f"/proc/{children[0]}/root")

    def run(self, *argv: str) -> str:
        """A program's output, run inside without SSH."""
        pid = self.view.parent.name
        enter = ["nsenter", f"--target={pid}", "--mount", "--pid", "--uts", "--root", "--wd=/", *argv]
        return subprocess.run(enter, capture_output=True, text=True, check=True).stdout

    def by_us(self, play: Path, output: Output | None = None, **options: Any) -> PlayResult:
        inside = inventory.load(self.hosts)
        with Connections(lambda host: rendered_connection_variables(inside, host)) as connections:
            return Runner(inside, connections, output=output).play(play, **options)

    def by_ansible(self, play: Path, *options: str) -> None:
        program = components.ansible()
        ssh = f"-o ControlMaster=auto -o ControlPersist=30s -o UserKnownHostsFile={self._known_hosts}"
        env = {**os.environ, "ANSIBLE_HOME": str(self.folder / "ansible"), "ANSIBLE_SSH_ARGS": ssh, "LC_ALL": "C.UTF-8"}
        argv = [str(program), "-i", str(self.hosts), str(play), *options]
        with tempfile.TemporaryDirectory() as short:  # a path that a socket may have
            env.update(ANSIBLE_PIPELINING="1", ANSIBLE_SSH_CONTROL_PATH=f"{short}/control")
            done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@contextmanager
def machine(folder: Path, address: str, seed: Path) -> Iterator[Machine]:
    """A machine whose root also has the files of `seed`; it is gone afterwards, whatever happened."""
    scratch, mine = folder / "scratch", folder / "seed"
    scratch.mkdir(parents=True)
    shutil.copytree(seed, mine)
    client, host = keys.make_pair(), keys.make_pair()
    port = free_port(address)
    _login(mine, address, port, client.public, host.private)
    for name, text in (("id", client.private), ("known_hosts", f"[{address}]:{port} {host.public}\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    argv = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "sh", str(HERE / "enter.sh")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*argv, str(root()), str(scratch), str(mine), "machine"], stdin=subprocess.PIPE, stdout=log, stderr=log
        )
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex((address, port)) == 0

        eventually(answers, "the machine's SSH server answers")
        variables = {
            "ansible_host": address,
            "ansible_port": port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(folder / "id"),
            "sparkbed_known_hosts": str(folder / "known_hosts"),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        yield Machine(folder, process, variables)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()  # unshare takes its child with it
            process.wait()


def _login(seed: Path, address: str, port: int, authorized: str, host_key: str) -> None:
    for name, text, mode in (
        ("root/.ssh/authorized_keys", authorized + "\n", 0o600),
        ("etc/ssh/test_host_key", host_key, 0o600),
        (
            "etc/ssh/test_config",
            f"ListenAddress {address}:{port}\nHostKey /etc/ssh/test_host_key\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin prohibit-password\nPidFile none\nMaxSessions 50\nSubsystem sftp internal-sftp\n",
            0o644,
        ),
    ):
        path = seed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
