"""The log of plays: what the terminal shows, without colour, appended to one file that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST = 5_000_000
"""Bytes at which a log is set aside when the next run begins."""
KEPT = 3


class LogFile:
    """Appends to the file at `path`; a run that finds it too large sets it aside first, as `path.1` and so on.

    A log that can't be written is told once on standard error and stops nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        try:
            if path.exists() and path.stat().st_size > LARGEST:
                rotate(path)
        except OSError as error:
            self._failed(error)

    def write(self, text: str) -> None:
        """Append `text`. Several runs may write at once: each call arrives whole."""
        if self.problem is not None:
            return
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(descriptor, 0o600)  # it may have been made by an older version
                os.write(descriptor, text.encode("utf-8", "backslashreplace"))
            finally:
                os.close(descriptor)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        import sys

        self.problem = error.strerror or str(error)
        print(f"inv: the log {self.path} can't be written: {self.problem}; the play goes on", file=sys.stderr)


def rotate(path: Path) -> None:
    """Set `path` aside as `path.1`, the former `path.1` as `path.2`; the oldest goes."""
    for number in range(KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))
