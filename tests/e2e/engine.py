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
    """Finds what is the bed's: by the labels that name its state folder, else by what was there before it.

    Tests that use the engine run one after the other, so what is new there is this one's.
    """

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._before = self.volumes(), self.images()

    def docker(self, *words: str) -> str:
        run = subprocess.run(
            ["docker", *words], env=self._bed.environment, capture_output=True, text=True, check=True, timeout=120
        )
        return run.stdout

    def left(self) -> list[str]:
        """Containers and networks of this bed (its nodes', and its nodes themselves), new volumes and stray layers."""
        volumes, images = self._before
        strays = self.images() - images - self._caches()
        return [*self._labelled(), *sorted(self.volumes() - volumes), *sorted(strays)]

    def images(self) -> set[str]:
        """The ids of all images and of the layers that builds leave, named or not."""
        return set(self.docker("images", "--all", "--quiet", "--no-trunc").split())

    def _caches(self) -> set[str]:
        """The images that are made to stay, with the layers that they stand on."""
        named = self.docker("images", "--quiet", "--no-trunc", "--filter", "label=sparkbed.image").split()
        return {layer for one in set(named) for layer in self.docker("history", "--quiet", "--no-trunc", one).split()}

    def _labelled(self) -> list[str]:
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
