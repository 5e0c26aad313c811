"""Files written beside their place and renamed into it, so that a full disk or a kill leaves the old one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparkbed.errors import UsageError


@contextmanager
def replacing(target: Path, flag: str = "--output") -> Iterator[Path]:
    """The temporary name to write to; it takes the target's place at the end, and is gone after an error.

    Raises:
        UsageError: when it can't be written there; its hint names the flag that names another place.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise UsageError(
            f"{target} can't be written: {error.strerror or error}", hint=f"Name another place with {flag}."
        ) from None
    finally:
        with suppress(OSError):  # the place was no folder, or can't be written: nothing of ours is there
            temporary.unlink(missing_ok=True)


def write_whole(target: Path, text: str) -> None:
    """Write a text beside its place and rename it.

    Raises:
        UsageError: when it can't be written there.
    """
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
