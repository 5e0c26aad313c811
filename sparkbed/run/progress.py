"""What a person sees while a campaign runs: a line per event, and on a terminal a bar with the time left."""

from __future__ import annotations

import statistics
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sparkbed.model import Cell, PlannedTrial, Trial


class Live:
    """A context manager; `say` prints a line, `trial_started` and `trial_done` move the bar."""

    def __init__(self, total: int, done: int) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not sys.stdout.isatty(),
        )
        self._total, self._done = total, done
        self._task: TaskID | None = None
        self._trial_started = time.monotonic()
        self._seconds: list[float] = []

    def __enter__(self) -> Live:
        self._bar.start()
        self._task = self._bar.add_task("starting", total=self._total, completed=self._done, left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        self._console.print(escape(text))
        if not self._console.is_terminal:
            sys.stdout.flush()

    def trial_started(self, planned: PlannedTrial, cell: Cell) -> None:
        self._trial_started = time.monotonic()
        self._update(escape(f"trial {planned.position}: {cell.label}"))

    def trial_done(
        self, planned: PlannedTrial, cell: Cell, trial: Trial, metric: str, value: float | None, submit: float
    ) -> None:
        """One line: which trial, what it took, how long the rest may take."""
        self._seconds.append(time.monotonic() - self._trial_started)
        self._done += 1
        outcome = f"{value:8.3f} s" if value is not None and metric.endswith("seconds") else f"{value}"
        if trial.status != "ok":
            outcome = f"  FAILED: {(trial.error or '').splitlines()[0][:100]}"
        width = len(str(self._total))
        self.say(
            f"[{self._done:{width}}/{self._total}] block {planned.block:2}  {cell.label}  {outcome}"
            f"  (submit {submit:.1f} s)  {self.left()}"
        )
        self._update("between trials")

    def left_out(self) -> None:
        """A planned trial is not run: there is one less to do."""
        self._total -= 1
        if self._task is not None:
            self._bar.update(self._task, total=self._total)

    def left(self) -> str:
        """How long the remaining trials may take, from the median of those done."""
        remaining = self._total - self._done
        if not self._seconds or not remaining:
            return ""
        return f"about {duration(statistics.median(self._seconds) * remaining)} left"

    def _update(self, description: str) -> None:
        if self._task is not None:
            self._bar.update(self._task, description=description, completed=self._done, left=self.left())


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
