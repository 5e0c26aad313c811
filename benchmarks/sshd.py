"""Hosts for benchmarks: real OpenSSH servers on loopback addresses, each with a home of its own."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sparkbed.provision import keys

DEADLINE = 60.0
PRIMARIES = 3


@dataclass(frozen=True)
class BenchHost:
    """One server; `tree` is the folder that engines fill, `home` the login's HOME around it."""

    name: str
    address: str
    port: int
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def tree(self) -> Path:
        return self.home / "tree"

    def wipe(self) -> None:
        """A home with an empty tree, as before the first run of anything."""
        shutil.rmtree(self.home)
        self.tree.mkdir(parents=True)


class Hosts:
    """The servers of one bench, their key and their known hosts file."""

    def __init__(self, folder: Path, hosts: Sequence[BenchHost], python: str) -> None:
        self.folder = folder
        self.all = list(hosts)
        self.python = python
        self.key = folder / "id"
        self.known = folder / "known_hosts"

    @property
    def pids(self) -> list[int]:
        return [host.process.pid for host in self.all]

    def variables(self, host: BenchHost) -> dict[str, Any]:
        """Ansible's variables of a host, and ours."""
        return {
            "ansible_host": host.address,
            "ansible_port": host.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": shlex.join(
                ["-o", f"UserKnownHostsFile={self.known}", "-o", "StrictHostKeyChecking=yes"]
            ),
            "sparkbed_known_hosts": str(self.known),
            "ansible_python_interpreter": self.python,
            "root": str(host.tree),
            "role": "primary" if host in self.all[:PRIMARIES] else "secondary",
        }

    def inventory(self) -> str:
        """All hosts as an inventory for Ansible and for us."""
        return yaml.safe_dump({"all": {"hosts": {host.name: self.variables(host) for host in self.all}}})

    def wipe(self) -> None:
        for host in self.all:
            host.wipe()

    def state(self) -> str:
        """A hash of all trees: names, kinds, modes, contents and where links lead."""
        summer = hashlib.sha256()
        for host in self.all:
            for path in sorted(host.tree.rglob("*")):
                about = path.lstat()
                content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else ""
                # A link's mode means nothing.
                mode = "" if path.is_symlink() else oct(stat.S_IMODE(about.st_mode))
                entry = (host.name, str(path.relative_to(host.tree)), stat.S_IFMT(about.st_mode), mode, content)
                summer.update(repr(entry).encode())
        return summer.hexdigest()

    def litter(self) -> list[str]:
        """What an engine left in the homes beside the trees."""
        return sorted({path.name for host in self.all for path in host.home.iterdir() if path != host.tree})


@contextlib.contextmanager
def hosts(folder: Path, number: int, python: str) -> Iterator[Hosts]:
    """That many servers, up and answering; ended at the end."""
    program = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("bench: no OpenSSH server on this machine (Debian, Ubuntu: apt-get install openssh-server)")
    if pwd.getpwuid(os.getuid()).pw_shell.endswith(("nologin", "false")):
        raise SystemExit("bench: this user has no login shell, which OpenSSH asks for")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # privilege separation wants it
    client = keys.make_pair()
    (folder / "id").touch(mode=0o600)
    (folder / "id").write_text(client.private)
    (folder / "authorized").write_text(client.public + "\n")
    started: list[BenchHost] = []
    try:
        for index in range(1, number + 1):
            name = f"h{index:02}"
            own = folder / name
            (own / "home" / "tree").mkdir(parents=True)
            started.append(_start(program, own, name, f"127.66.{index // 250}.{index % 250 + 1}", folder))
        made = Hosts(folder, started, python)
        for host in started:
            _until_answering(host, folder)
        yield made
    finally:
        for host in started:
            host.process.terminate()
        for host in started:
            host.process.wait(DEADLINE)


def _start(program: str, own: Path, name: str, address: str, folder: Path) -> BenchHost:
    key = keys.make_pair()
    (own / "host_key").touch(mode=0o600)
    (own / "host_key").write_text(key.private)
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = int(probe.getsockname()[1])
    options = {
        "ListenAddress": f"{address}:{port}",
        "HostKey": own / "host_key",
        "AuthorizedKeysFile": folder / "authorized",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
        "SetEnv": f"HOME={own / 'home'}",
    }
    config = own / "sshd_config"
    config.write_text("".join(f"{option} {value}\n" for option, value in options.items()))
    with (folder / "known_hosts").open("a") as known:
        known.write(f"[{address}]:{port} {key.public}\n")
    with (own / "sshd.log").open("wb") as log:
        command = [program, "-D", "-e", "-f", str(config)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return BenchHost(name, address, port, own / "home", process)


def _until_answering(host: BenchHost, folder: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((host.address, host.port)) == 0:
                return
        if host.process.poll() is not None or time.monotonic() > deadline:
            log = (folder / host.name / "sshd.log").read_text(errors="replace")
            raise SystemExit(f"bench: the SSH server of {host.name} did not come up:\n{log}")
        time.sleep(0.02)
