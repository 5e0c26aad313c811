import errno
import fnmatch
import os
import re
import stat as modes
import time

from .editing import pattern
from .framing import Call, Failed
from .paths import digest, expand, group_name, user_name, wanted_mode
from .stat import kinds, permissions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def find(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Files below some folders that fit all that is asked."""
    search = Search(args)
    for path in args["paths"]:
        search.below(expand(path))
    msg = "All paths examined"
    if search.full:
        msg = "Limit of matches reached"
    if search.warned:
        msg = "Not all paths examined, check warnings for details"
    return {
        "files": search.found,
        "matched": len(search.found),
        "examined": search.examined,
        "skipped_paths": search.skipped,
        "msg": msg,
    }


def _amount(args: "dict[str, Any]", option: str, units: "dict[str, int]") -> "int | None":
    if args.get(option) is None:
        return None
    match = re.match("^(-?[0-9]+)([{}])?$".format("".join(units)), str(args[option]).lower())
    if not match:
        raise Failed(f"failed to process {option}", **{option: args[option]})
    return int(match.group(1)) * units.get(match.group(2), 1)


def _fits(value: float, wanted: "int | None") -> bool:
    """At least `wanted`, or at most its amount when it is negative."""
    if wanted is None:
        return True
    return value >= wanted if wanted >= 0 else value <= -wanted


class Search:
    """What is looked for, and what was found so far."""

    def __init__(self, args: "dict[str, Any]") -> None:
        self.args = args
        self.found = []  # type: list[dict[str, Any]]
        self.skipped = {}  # type: dict[str, str]
        self.examined = 0
        self.warned = False
        self.full = False
        self._now = time.time()
        self._age = _amount(args, "age", _SECONDS)
        self._size = _amount(args, "size", _BYTES)
        self._kind = args.get("file_type") or "file"
        self._limit = args.get("limit")
        if self._limit is not None and self._limit <= 0:
            raise Failed(f"limit cannot be {self._limit} (use None for unlimited)")
        if args.get("mode") is not None and not isinstance(args["mode"], str):
            kind = type(args["mode"]).__name__
            raise Failed(f"argument 'mode' is not a string and conversion is not allowed, value is of type {kind}")
        wanted, unwanted = args.get("patterns") or [], args.get("excludes") or []
        if args.get("use_regex"):
            self._names = [pattern(str(text), "patterns").match for text in wanted or [".*"]]
            self._excluded = [pattern(str(text), "excludes").match for text in unwanted]
        else:
            self._names = [_glob(str(text)) for text in wanted or ["*"]]
            self._excluded = [_glob(str(text)) for text in unwanted]
        self._contains = pattern(str(args["contains"]), "contains") if args.get("contains") is not None else None

    def below(self, path: str) -> None:
        """Look through one folder. One that can't be read, or holds what can't be decoded, is left and reported."""
        try:
            if not os.path.isdir(path):
                raise Failed(f"'{path}' is not a directory")
            self._walk(path)
        except (Failed, OSError, UnicodeError, LookupError) as error:
            self.skipped[path] = str(error)
            self.warned = True

    def _walk(self, path: str) -> None:
        top = path.rstrip(os.sep) + os.sep
        for folder, folders, files in os.walk(
            path, onerror=self._unreadable, followlinks=bool(self.args.get("follow"))
        ):
            self.examined += len(files) + len(folders)
            for name in files + folders:
                entry = os.path.normpath(os.path.join(folder, name))
                if self.args.get("depth") and entry.count(os.sep) - top.count(os.sep) + 1 > self.args["depth"]:
                    del folders[:]
                    continue
                if name.startswith(".") and not self.args.get("hidden"):
                    continue
                self._look(entry, name)
                if len(self.found) == self._limit:
                    self.full = True
                    break
            if not self.args.get("recurse") or self.full:
                return

    def _unreadable(self, error: OSError) -> None:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOENT):
            raise error
        self.skipped[str(error.filename)] = str(error)

    def _look(self, entry: str, name: str) -> None:
        try:
            status = os.lstat(entry)
        except OSError as error:
            self.skipped[entry] = str(error)
            self.warned = True
            return
        if self._wanted(entry, name, status):
            self.found.append(self._facts(entry, status))

    def _wanted(self, entry: str, name: str, status: os.stat_result) -> bool:
        regular = modes.S_ISREG(status.st_mode)
        kind = {modes.S_IFREG: "file", modes.S_IFDIR: "directory", modes.S_IFLNK: "link"}.get(
            modes.S_IFMT(status.st_mode)
        )
        if self._kind not in ("any", kind):
            return False
        if not any(fits(name) for fits in self._names) or any(fits(name) for fits in self._excluded):
            return False
        stamp = getattr(status, "st_" + (self.args.get("age_stamp") or "mtime"))
        if not _fits(self._now - stamp, self._age) or not self._has_mode(status):
            return False
        if regular and not _fits(status.st_size, self._size):
            return False
        return self._kind != "file" or self._contains is None or self._has_content(entry)

    def _has_mode(self, status: os.stat_result) -> bool:
        if not self.args.get("mode"):
            return True
        mode, wanted = modes.S_IMODE(status.st_mode), wanted_mode(self.args["mode"], None)
        return mode == wanted if self.args.get("exact_mode", True) else bool(mode & wanted)

    def _has_content(self, entry: str) -> bool:
        assert self._contains is not None
        encoding = self.args.get("encoding")
        try:
            with open(entry, encoding=encoding) as file:
                if self.args.get("read_whole_file"):
                    return bool(self._contains.search(file.read()))
                return any(self._contains.match(line) for line in file)
        except UnicodeDecodeError:
            raise Failed(
                f"Failed to read the file {entry} due to an encoding error. current encoding: {encoding}"
            ) from None
        except OSError:
            return False

    def _facts(self, entry: str, status: os.stat_result) -> "dict[str, Any]":
        facts = {
            "path": entry,
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
            "pw_name": user_name(status.st_uid),
            "gr_name": group_name(status.st_gid),
        }  # type: dict[str, Any]
        facts.update(kinds(status.st_mode))
        facts.update(permissions(status.st_mode))
        if facts["isreg"] and self.args.get("get_checksum"):
            facts["checksum"] = digest(entry, self.args.get("checksum_algorithm") or "sha1")
        return facts


def _glob(text: str) -> "Any":
    return lambda name: fnmatch.fnmatch(name, text)
