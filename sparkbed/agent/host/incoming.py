"""A file of the controller's that a module needs for as long as it works: in a private folder, gone afterwards."""

import base64
import contextlib
import os
import shutil
import tempfile

from . import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def awaited(args: "dict[str, Any]") -> "dict[str, Any] | None":
    """The answer that asks for a large file, of which only size and checksum came so far; None when it is here."""
    if "size" in args and "staged" not in args:
        return {"send": os.path.join(tempfile.gettempdir(), "incoming")}
    return None


def dropped(args: "dict[str, Any]") -> None:
    """Remove what was sent for a call that does not need it."""
    if "staged" in args:
        from .transfer import drop

        drop(args["staged"])


@contextlib.contextmanager
def received(args: "dict[str, Any]", name: str, program: bool = False) -> "Iterator[str]":
    """The path of the file that came as `content_base64` or `staged`; executable when it is a `program`."""
    folder = tempfile.mkdtemp(prefix=".sparkbed-", dir=_where_programs_run() if program else None)
    guard.made(folder)
    path = os.path.join(folder, name)
    try:
        if "staged" in args:
            from .transfer import take

            shutil.move(take(args["staged"]), path)
        else:
            with open(path, "wb") as file:
                file.write(base64.b64decode(args["content_base64"]))
        os.chmod(path, 0o700 if program else 0o600)
        yield path
    finally:
        dropped(args)
        shutil.rmtree(folder, ignore_errors=True)
        guard.gone(folder)


def _where_programs_run() -> "str | None":
    """The folder for temporary files, or another one where that is mounted `noexec`."""
    for folder in (tempfile.gettempdir(), os.path.expanduser("~"), "/var/tmp"):  # noqa: S108  # mkdtemp makes a private one
        try:
            forbidden = os.statvfs(folder).f_flag & os.ST_NOEXEC
        except OSError:
            continue
        if not forbidden and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None
