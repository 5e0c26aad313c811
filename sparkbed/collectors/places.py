"""Which machines and network namespaces there are to watch, and how programs are started on this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparkbed.collectors.base import Launch, Place
from sparkbed.errors import HostError

HERE = "localhost"
"""What series of this machine carry as their host: nodes that are processes share it, so none of their names fits."""

IDENTITY = ("sh", "-c", "cat /proc/sys/kernel/random/boot_id && readlink /proc/self/ns/net")
"""The command whose output says which machine and network namespace a host is."""

STOP_SECONDS = 60.0
"""How long a program may take to hand over what it gathered."""

WAIT_SECONDS = 600.0
"""How long one may take that ends by itself."""


def this_machine() -> str:
    """What IDENTITY prints here."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}\n{Path('/proc/self/ns/net').readlink()}"


def places(identities: Mapping[str, str], launch: Callable[[str], Launch]) -> list[Place]:
    """Each machine and network namespace once, in the order of the hosts.

    Args:
        identities: what IDENTITY printed on each host, by the host's name.
        launch: the way to start programs on a host, by its name; not asked for hosts that are this machine.
    """
    hosts: dict[str, list[str]] = {}
    for host, identity in identities.items():
        hosts.setdefault(identity.strip(), []).append(host)
    here = this_machine()
    return [
        Place(HERE, launch_here) if identity == here else Place("+".join(names), launch(names[0]))
        for identity, names in hosts.items()
    ]


def here() -> Place:
    """This machine alone: all that there is to watch when every node is a process."""
    return Place(HERE, launch_here)


def launch_here(argv: Sequence[str]) -> LocalWatch:
    """Start a program on this machine (see `base.Launch`); `python3` is the Python that runs us."""
    command = [sys.executable if argv[0] == "python3" else argv[0], *argv[1:]]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: what was gathered until then is still wanted
        )
    except OSError as error:
        raise HostError(f"{command[0]} can't be started: {error.strerror}", where=HERE) from None
    return LocalWatch(command, process)


@dataclass
class LocalWatch:
    """A program on this machine. Its standard input closes with us, whatever ends us."""

    command: list[str]
    process: subprocess.Popen[bytes]

    def stop(self) -> bytes:
        return self._output(STOP_SECONDS)

    def wait(self) -> bytes:
        return self._output(WAIT_SECONDS)

    def _output(self, seconds: float) -> bytes:
        try:
            output, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise HostError(f"{self._name} did not end within {seconds:.0f} s", where=HERE) from None
        if self.process.returncode != 0:
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise HostError(f"{self._name} ended with status {self.process.returncode}: {last}", where=HERE)
        return output

    @property
    def _name(self) -> str:
        return Path(self.command[0]).name
