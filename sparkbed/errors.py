"""Errors that people read.

    SparkbedError            exit 1   something failed
      HostError                       a host can't be reached, or refused us
      ProvisionError                  hosts could not be made, adopted or ended
      PlaybookError                   a play failed on some host
      PlatformError                   a cluster did not come up, or did not go away
      StoreError                      the database can't be opened or written
      RunError                        a campaign or trial failed
    UsageError               exit 2   wrong usage: flags, names, values
      DocumentError                   a YAML document is wrong, with its file and line

Each says what happened, where, and what to do next. Whatever else escapes is a defect of ours: its traceback goes to
the log, and the person sees one line that names the log.
"""

from __future__ import annotations

from sparkbed.position import Position


class SparkbedError(Exception):
    """What went wrong (`what`), where if a place can be named, and what to do next (`hint`)."""

    exit_code = 1

    def __init__(self, what: str, *, where: Position | str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.hint}" if self.hint else text


class HostError(SparkbedError):
    """A host can't be reached, its key is wrong, or it refused us."""


class ProvisionError(SparkbedError):
    """Hosts could not be made, adopted or ended."""


class PlaybookError(SparkbedError):
    """A play failed on at least one host."""


class PlatformError(SparkbedError):
    """A cluster did not come up, or did not go away."""


class StoreError(SparkbedError):
    """The database can't be opened, read or written."""


class RunError(SparkbedError):
    """A campaign or a trial failed."""


class UsageError(SparkbedError):
    """Wrong usage: an unknown flag, name or value."""

    exit_code = 2


class DocumentError(UsageError):
    """A YAML document is wrong; `where` is its file and line."""
