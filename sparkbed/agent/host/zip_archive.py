import fnmatch
import os
import shutil
import stat as modes
import struct
import time
import zipfile
import zlib

from .framing import Call, Failed
from .paths import temporary_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ZipArchive:
    """A zip file, by Python itself: the host needs no `unzip`."""

    foretells = True

    def __init__(self, call: Call, source: str, dest: str, args: "dict[str, Any]") -> None:
        self.source = source
        self.dest = dest
        self._call = call
        self._keep_newer = bool(args.get("keep_newer"))
        self._attributes = args
        if args.get("extra_opts"):
            raise Failed("extra_opts are for tar; zip files are unpacked without a program that could take them")
        include, exclude = args.get("include") or [], args.get("exclude") or []
        try:
            with zipfile.ZipFile(source) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, OSError) as error:
            raise Failed(f'Failed to find handler for "{source}": {error}') from None
        self._entries = [
            entry
            for entry in entries
            if (not include or any(fnmatch.fnmatch(entry.filename, str(name)) for name in include))
            and not any(fnmatch.fnmatch(entry.filename, str(name)) for name in exclude)
        ]

    def members(self) -> "list[str]":
        return [entry.filename.lstrip("/") for entry in self._entries if entry.filename.strip("/")]

    def is_unpacked(self) -> bool:
        with zipfile.ZipFile(self.source) as archive:
            return not any(self._differs(archive, entry) for entry in self._entries)

    def _path(self, entry: zipfile.ZipInfo) -> str:
        return os.path.join(self.dest, entry.filename.strip("/"))

    def _differs(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
        """Whether it is missing or another: by kind, time, size, content, and mode unless an option sets that."""
        path = self._path(entry)
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        if _is_link(entry):
            return not modes.S_ISLNK(status.st_mode) or os.readlink(path) != archive.read(entry).decode("utf-8")
        if entry.filename.endswith("/"):
            return not modes.S_ISDIR(status.st_mode) or self._has_other_mode(entry, status)
        if not modes.S_ISREG(status.st_mode):
            return True
        moment = _moment(entry)
        if self._keep_newer and status.st_mtime > moment:
            return False
        if int(status.st_mtime) != moment or status.st_size != entry.file_size:
            return True
        return _crc(path) != entry.CRC or self._has_other_mode(entry, status)

    def _has_other_mode(self, entry: zipfile.ZipInfo, status: os.stat_result) -> bool:
        mode = _mode(entry)
        return mode is not None and self._attributes.get("mode") is None and modes.S_IMODE(status.st_mode) != mode

    def unpack(self) -> "dict[str, Any]":
        links, folders = [], []
        with zipfile.ZipFile(self.source) as archive:
            for entry in self._entries:
                self._call.session.poll({}, 0)
                path = self._path(entry)
                if _is_link(entry):
                    links.append((path, archive.read(entry).decode("utf-8")))
                elif entry.filename.endswith("/"):
                    os.makedirs(path, exist_ok=True)
                    folders.append((path, entry))
                elif not (self._keep_newer and os.path.exists(path) and os.path.getmtime(path) > _moment(entry)):
                    self._write(archive, entry, path)
        # Links come last, so that nothing is written through one of them.
        for path, target in links:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.islink(path) or os.path.isfile(path):
                os.unlink(path)
            os.symlink(target, path)
        for path, entry in reversed(folders):
            mode = _mode(entry)
            if mode is not None:
                os.chmod(path, mode)
            os.utime(path, (_moment(entry), _moment(entry)))
        return {"rc": 0, "err": ""}

    def _write(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor, name = temporary_beside(path)
        try:
            with os.fdopen(descriptor, "wb") as target, archive.open(entry) as source:
                shutil.copyfileobj(source, target, 1 << 20)
            umask = os.umask(0)
            os.umask(umask)
            mode = _mode(entry)
            os.chmod(name, 0o666 & ~umask if mode is None else mode)
            os.utime(name, (_moment(entry), _moment(entry)))
            os.replace(name, path)
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise Failed(f"failed to unpack {entry.filename!r} of {self.source}: {error}") from None
        finally:
            if os.path.lexists(name):
                os.unlink(name)


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return entry.create_system == 3 and modes.S_ISLNK(entry.external_attr >> 16)


def _mode(entry: zipfile.ZipInfo) -> "int | None":
    """The permission bits, where a Unix packed it; set-id bits are left out, as unzip does it."""
    mode = (entry.external_attr >> 16) & 0o777
    return mode if entry.create_system == 3 and mode else None


def _moment(entry: zipfile.ZipInfo) -> int:
    """The time of change: the exact one where the archive has it, else local time in steps of two seconds."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and size >= 5 and extra[4] & 1:
            return int(struct.unpack("<i", extra[5:9])[0])
        extra = extra[4 + size :]
    return int(time.mktime((*entry.date_time, 0, 0, -1)))


def _crc(path: str) -> int:
    value = 0
    with open(path, "rb", 0) as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            value = zlib.crc32(piece, value)
    return value & 0xFFFFFFFF
