"""Files as raw bytes beside the messages: in pieces to the controller, whole from it."""

import os
import stat as modes

from . import digests, guard
from .framing import Failed, Session
from .paths import temporary_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PIECE = 1 << 20
_staged = set()  # type: set[str]


def read(session: Session, message: "dict[str, Any]") -> "dict[str, Any]":
    """Send a regular file from `offset`, at most `limit` bytes if given, in pieces; then its size and digests."""
    path = os.path.expanduser(message["read"])
    # A FIFO would block for ever without O_NONBLOCK; it changes nothing for a regular file.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", 0) as file:
        status = os.fstat(descriptor)
        if not modes.S_ISREG(status.st_mode):
            return {"error": f"{path}: not a regular file"}
        file.seek(message.get("offset", 0))
        left = message.get("limit")
        sha1, md5, size = digests.sha1(), _md5(), 0
        while left is None or left > 0:
            piece = file.read(PIECE if left is None else min(PIECE, left))
            if not piece:
                break
            sha1.update(piece)
            if md5 is not None:
                md5.update(piece)
            size += len(piece)
            left = None if left is None else left - len(piece)
            session.send({"id": message["id"], "event": "piece"}, piece)
    return {"size": size, "checksum": sha1.hexdigest(), "md5sum": md5 and md5.hexdigest()}


def _md5() -> "Any":
    """None where the system's policy forbids MD5."""
    try:
        return digests.new("md5")
    except ValueError:
        return None


def receive(session: Session, message: "dict[str, Any]") -> "dict[str, Any]":
    """Take `size` raw bytes into a new file beside `receive`; the `copy` that follows renames it.

    All bytes are taken off the pipe even when they can't be written: the next message stands behind them.
    """
    left = message["size"]
    trouble = None  # type: Exception | None
    descriptor, name = -1, ""
    try:
        descriptor, name = temporary_beside(message["receive"])
        _staged.add(name)
        guard.made(name)
    except OSError as error:
        trouble = error
    while left:
        piece = session.raw(min(PIECE, left))
        left -= len(piece)
        if trouble is None:
            try:
                _write(descriptor, piece)
            except OSError as error:
                trouble = error
    if descriptor >= 0:
        os.close(descriptor)
    if trouble is not None:
        drop(name)
        raise trouble
    return {"staged": name}


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def drop(name: str) -> None:
    """Forget a received file, and remove it if it is still there."""
    if name in _staged:
        _staged.discard(name)
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass
        guard.gone(name)


def take(name: str) -> str:
    """A received file by the name that `receive` gave."""
    if name not in _staged:
        raise Failed(f"no file was received under {name!r}")
    return name


def remove_staged() -> None:
    for name in list(_staged):
        drop(name)
