"""A trial's folder on the driver's host, and its way back to the campaign's folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Protocol

from sparkbed.errors import HostError
from sparkbed.remote import Connections


class Workspace(Protocol):
    """`path` is the folder on the driver's host; it exists between `make` and `bring_back`."""

    path: PurePosixPath

    def make(self) -> None: ...

    def bring_back(self) -> None:
        """Everything in the folder is in the campaign's folder afterwards, and no longer on the host."""


class LocalWorkspace:
    """The driver's host is this machine: the campaign's own folder serves."""

    def __init__(self, folder: Path) -> None:
        self.path = PurePosixPath(folder)

    def make(self) -> None:
        return

    def bring_back(self) -> None:
        return


class RemoteWorkspace:
    """The driver's host is another machine: its files come over SFTP."""

    def __init__(self, folder: Path, remote: PurePosixPath, connections: Connections, host: str) -> None:
        self._folder, self.path, self._connections, self._host = folder, remote, connections, host

    def make(self) -> None:
        self._file(self.path / "event-log", "directory")

    def bring_back(self) -> None:
        agent = self._connections.agent(self._host)
        [listed] = agent.call("command", [{"argv": ["find", str(self.path), "-type", "f", "-print"]}])
        for line in listed.get("stdout_lines", []):
            self._connections.get(self._host, line, self._folder / PurePosixPath(line).relative_to(self.path))
        self._file(self.path, "absent")

    def _file(self, path: PurePosixPath, state: str) -> None:
        [result] = self._connections.agent(self._host).call("file", [{"path": str(path), "state": state}])
        if result.get("failed"):
            raise HostError(f"{path} on {self._host}: {result.get('msg')}", hint="Is its disk full?")
