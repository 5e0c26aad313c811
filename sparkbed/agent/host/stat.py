import os
import stat as modes

from .framing import Call
from .paths import digest, expand, group_name, user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def stat(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """What is at a path, in Ansible's keys; only `exists: false` when there is nothing."""
    path = expand(args["path"])
    try:
        status = os.stat(path) if args.get("follow") else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"stat": {"exists": False}}
    found = _numbers(path, status)
    found.update(kinds(status.st_mode))
    found.update(permissions(status.st_mode))
    found.update(_access(path))
    found.update(pw_name=user_name(status.st_uid), gr_name=group_name(status.st_gid))
    if found["islnk"]:
        found.update(lnk_source=os.path.realpath(path), lnk_target=os.readlink(path))
    if found["isreg"] and args.get("get_checksum", True) and os.access(path, os.R_OK):
        found["checksum"] = digest(path, args.get("checksum_algorithm") or "sha1")
    if args.get("get_mime"):
        found.update(_mime(call, path))
    if args.get("get_attributes"):
        found.update(_attributes(call, path))
    return {"stat": found}


def _numbers(path: str, status: os.stat_result) -> "dict[str, Any]":
    return {
        "exists": True,
        "path": path,
        "mode": f"{modes.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size,
        "inode": status.st_ino,
        "dev": status.st_dev,
        "nlink": status.st_nlink,
        "atime": status.st_atime,
        "mtime": status.st_mtime,
        "ctime": status.st_ctime,
        "blocks": status.st_blocks,
        "block_size": status.st_blksize,
        "device_type": status.st_rdev,
    }


def kinds(mode: int) -> "dict[str, bool]":
    """What kind of thing it is, and its set-id bits."""
    return {
        "isdir": modes.S_ISDIR(mode),
        "ischr": modes.S_ISCHR(mode),
        "isblk": modes.S_ISBLK(mode),
        "isreg": modes.S_ISREG(mode),
        "isfifo": modes.S_ISFIFO(mode),
        "islnk": modes.S_ISLNK(mode),
        "issock": modes.S_ISSOCK(mode),
        "isuid": bool(mode & modes.S_ISUID),
        "isgid": bool(mode & modes.S_ISGID),
    }


def permissions(mode: int) -> "dict[str, bool]":
    """Who may read, write and execute: rusr, wusr, ..."""
    classes = ((6, "usr"), (3, "grp"), (0, "oth"))
    letters = ((4, "r"), (2, "w"), (1, "x"))
    return {letter + who: bool(mode >> shift & bit) for shift, who in classes for bit, letter in letters}


def _access(path: str) -> "dict[str, bool]":
    return {
        "readable": os.access(path, os.R_OK),
        "writeable": os.access(path, os.W_OK),
        "executable": os.access(path, os.X_OK),
    }


def _mime(call: Call, path: str) -> "dict[str, str]":
    """What the program `file` says, where it is installed."""
    from .paths import text
    from .processes import capture

    unknown = {"mimetype": "unknown", "charset": "unknown"}
    try:
        status, out, _ = capture(call, ["file", "--brief", "--mime", "--", path])
    except OSError:
        return unknown
    kind, _, charset = text(out).strip().partition("; charset=")
    return {"mimetype": kind, "charset": charset or "unknown"} if status == 0 else unknown


_FLAGS = {
    "A": "noatime",
    "a": "append",
    "c": "compressed",
    "C": "nocow",
    "d": "nodump",
    "D": "dirsync",
    "e": "extents",
    "E": "encrypted",
    "h": "blocksize",
    "i": "immutable",
    "I": "indexed",
    "j": "journalled",
    "N": "inline",
    "s": "zero",
    "S": "synchronous",
    "t": "notail",
    "T": "blockroot",
    "u": "undelete",
    "X": "compressedraw",
    "Z": "compresseddirty",
}


def _attributes(call: Call, path: str) -> "dict[str, Any]":
    """The flags that `lsattr` tells, where the file system has any."""
    from .paths import text
    from .processes import capture

    none = {"version": None, "attributes": [], "attr_flags": ""}  # type: dict[str, Any]
    try:
        status, out, _ = capture(call, ["lsattr", "-vd", "--", path])
    except OSError:
        return none
    words = text(out).split(None, 2)
    if status != 0 or len(words) < 2:
        return none
    flags = words[1].replace("-", "")
    return {
        "version": words[0],
        "attr_flags": flags,
        "attributes": [_FLAGS[flag] for flag in flags if flag in _FLAGS],
    }
