"""The file that a user's own program writes its numbers to, on the driver's host."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.errors import RunError
from sparkbed.model import Sample
from sparkbed.remote import Connections
from sparkbed.workloads import read_numbers


class NumbersFile:
    """Made before the launch, read after it: what lay there before, and was left as it was, are no numbers of it.

    Args:
        connections, host: how the driver's host is reached.
        folder: where the launch's own folder is brought back to; relative names start there.
        name: the file's, as the user gave it.
    """

    def __init__(self, connections: Connections, host: str, folder: Path, name: str) -> None:
        self._connections, self._host, self._folder, self._name = connections, host, folder, name
        self._elsewhere = PurePosixPath(name).is_absolute()
        self._before = _content_of(self._stat()) if self._elsewhere else None

    def read(self, warmup: int) -> list[Sample]:
        """The samples in it.

        Raises:
            RunError: when the program did not write it, or it can't be read. The trial did take place.
        """
        kept = self._fetched() if self._elsewhere else self._folder / self._name
        if not kept.is_file():
            raise RunError(f"the program did not write {self._name}", hint="Does it write to this very path?")
        return read_numbers(kept.read_text(encoding="utf-8", errors="replace"), kept.name, warmup)

    def _fetched(self) -> Path:
        """Where its copy is, if there is one."""
        kept, found = self._folder / PurePosixPath(self._name).name, self._stat()
        there = found.get("stat", {})
        if found.get("failed") or (there["exists"] and not (there["isreg"] and there["readable"])):
            raise RunError(
                f"{self._name} on {self._host} can't be read: {found.get('msg', 'it is no file that may be')}"
            )
        if there["exists"]:
            if _content_of(found) == self._before:
                raise RunError(f"the program did not write {self._name}, which was there before")
            self._connections.get(self._host, self._name, kept)
        return kept

    def _stat(self) -> dict[str, Any]:
        wanted = {"path": self._name, "follow": True, "get_checksum": False}
        [found] = self._connections.agent(self._host).call("stat", [wanted])
        return dict(found)


def _content_of(found: dict[str, Any]) -> tuple[Any, ...] | None:
    """What changes when a file is written; None where there is none."""
    there = found.get("stat", {})
    return tuple(there[key] for key in ("inode", "size", "mtime")) if there.get("exists") else None
