"""What of a bed is in the Docker engine."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from sparkbed.home import Home
from sparkbed.provision.nodes import containers
from sparkbed.provision.tags import home_id

if TYPE_CHECKING:
    from tests.e2e.conftest import Bed


class Engine:
    """Finds what is the bed's by the labels that name its state folder."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed

    def docker(self, *words: str) -> str:
        run = subprocess.run(
            ["docker", *words], env=self._bed.environment, capture_output=True, text=True, check=True, timeout=120
        )
        return run.stdout

    def left(self) -> list[str]:
        """Containers and networks of this bed: its nodes', and its nodes themselves."""
        found = []
        for kind in (("ps", "--all"), ("network", "ls")):
            for label in (containers.NODE, containers.HOME):
                words = ("--filter", f"label={label}", "--format", f'{{{{.ID}}}} {{{{.Label "{label}"}}}}')
                found += [line for line in self.docker(*kind, *words).splitlines() if self._ours(line)]
        return found

    def containers(self, role: str) -> list[str]:
        """The ids of the running containers of this bed in that role."""
        words = ("--filter", f"label=sparkbed.role={role}", "--format", '{{.ID}} {{.Label "sparkbed.node"}}')
        return [line.split()[0] for line in self.docker("ps", *words).splitlines() if self._ours(line)]

    def volumes(self) -> set[str]:
        """All volumes of the engine: those without a name carry no label."""
        return set(self.docker("volume", "ls", "--quiet").split())

    def _ours(self, line: str) -> bool:
        return line.split()[1].rpartition("@")[2] == home_id(Home(self._bed.home))


def nothing_is_left(bed: Bed, engine: Engine) -> None:
    bed.wait_until_nothing_is_alive()
    assert engine.left() == []
