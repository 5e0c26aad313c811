import os
import re

from .framing import Call, Failed
from .paths import text
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
# What `tar --diff` says of a member, and the option that makes it our own business.
_DIFFERENCES = {
    "Uid differs": "owner",
    "Gid differs": "group",
    "Mode differs": "mode",
    "Mod time differs": None,
    "Size differs": None,
    "Contents differ": None,
    "File type differs": None,
    "Symlink differs": None,
    "No such file or directory": None,
}


class TarArchive:
    """A tar file, compressed or not, by GNU tar."""

    foretells = False  # `tar --diff` could, but in Ansible this check mode is skipped

    def __init__(self, call: Call, source: str, dest: str, args: "dict[str, Any]") -> None:
        self.source = source
        self.dest = dest
        self._call = call
        self._args = args
        self._include = [str(name) for name in args.get("include") or []]
        self._exclude = [str(name).rstrip("/") for name in args.get("exclude") or []]
        self._extra = [str(option) for option in args.get("extra_opts") or []]
        if any(re.match("^(-[a-zA-Z]*P|--absolute-n)", option) for option in self._extra):
            raise Failed("extra_opts: -P (--absolute-names) would let members lead out of dest, which is refused")

    def _run(self, action: str, more: "list[str]") -> "dict[str, Any]":
        argv = [action, "-C", self.dest]
        if self._extra:
            argv += ["--show-transformed-names", *self._extra]
        argv += more + ["--exclude=" + name for name in self._exclude]
        argv += ["-f", self.source] + (["--", *self._include] if self._include else [])
        environment = dict(self._call.environment, LC_ALL="C", LANGUAGE="C")
        call = Call(self._call.session, False, False, environment)
        for program in ("gtar", "tar"):
            try:
                status, out, err = capture(call, [program, *argv], cwd=self.dest)
            except FileNotFoundError:
                continue
            return {"rc": status, "out": out, "err": err}
        raise Failed("Unable to find required 'gtar' or 'tar' binary in the path")

    def members(self) -> "list[str]":
        """The names as they come to lie below `dest`."""
        listed = self._run("--list", ["--quoting-style=escape"])
        if listed["rc"] != 0:
            raise Failed('Failed to find handler for "{}": {}'.format(self.source, text(listed["err"]).strip()))
        return [_unescaped(line).lstrip("/") for line in listed["out"].split(b"\n") if line.strip(b"/")]

    def _options(self) -> "list[str]":
        return ["--keep-newer-files"] if self._args.get("keep_newer") else []

    def is_unpacked(self) -> bool:
        """Whether all members are in place; what an option of ours will set does not count."""
        compared = self._run("--diff", self._options())
        owner = [option for option in ("owner", "group") if os.getuid() != 0]
        for line in text(compared["out"] + b"\n" + compared["err"]).splitlines():
            if ": : Warning: " in line:  # a name of which options left nothing
                continue
            for words, option in _DIFFERENCES.items():
                if line.endswith(words) and not (option and (self._args.get(option) is not None or option in owner)):
                    return False
        return True

    def unpack(self) -> "dict[str, Any]":
        done = self._run("--extract", self._options())
        return {"rc": done["rc"], "out": text(done["out"]), "err": text(done["err"])}


def _unescaped(line: bytes) -> str:
    def plain(match: "Any") -> bytes:
        escape = match.group(1)
        return bytes([int(escape, 8)]) if len(escape) == 3 else _LETTERS.get(escape, escape)

    return _ESCAPE.sub(plain, line).decode("utf-8", "surrogateescape")
