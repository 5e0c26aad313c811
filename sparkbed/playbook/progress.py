"""Bars for large files on their way to hosts, on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # it takes as long to import as a small play takes to run
    from rich.progress import Progress, TaskID

WORTH_A_BAR = 4 << 20
"""Bytes below which a file has come before anyone could read the bar."""


class Bars:
    """A bar for each file that is on its way; they go when the files have come. Safe to use from several threads."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._shown: Progress | None = None
        self._files: dict[tuple[str, str], TaskID] = {}

    def moved(self, host: str, name: str, sent: int, total: int) -> None:
        """So much of a file has gone to the host."""
        if total < WORTH_A_BAR:
            return
        with self._lock:
            if sent >= total:
                self._done(host, name)
                return
            bars = self._started()
            if (host, name) not in self._files:
                self._files[host, name] = bars.add_task(f"{host}: {name}", total=total)
            bars.update(self._files[host, name], completed=sent)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars off the terminal while something else is written to it."""
        with self._lock:
            if self._shown is not None:
                self._shown.stop()
            try:
                yield
            finally:
                if self._shown is not None:
                    self._shown.start()

    def _started(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        if self._shown is None:
            # The names are a playbook's, not rich's markup.
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
            )
            self._shown = Progress(*columns, console=Console(file=self._stream), transient=True)
            self._shown.start()
        return self._shown

    def _done(self, host: str, name: str) -> None:
        file = self._files.pop((host, name), None)
        if self._shown is not None and file is not None:
            self._shown.remove_task(file)
            if not self._files:
                self._shown.stop()
                self._shown = None
