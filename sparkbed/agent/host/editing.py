"""What the modules that edit text files share: patterns, and putting the new content in place."""

import os

from .framing import Call, Failed
from .paths import apply_attributes, back_up, content_diff, expand, put_in_place, validate, written_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def encoded(text: "Any") -> bytes:
    """A text as it stands in files; what came from undecodable bytes becomes these bytes again."""
    return str(text).encode("utf-8", "surrogateescape")


def pattern(text: "Any", option: str, flags: int = 0) -> "Any":
    """A compiled regular expression; one that is none is a failure that names the option."""
    import re

    try:
        return re.compile(text, flags)
    except re.error as error:
        raise Failed(f"{option}: {text!r} is no regular expression: {error}") from None


SPECIAL = b"\\.^$*+?{}[]|()"
"""What stands for itself in a regular expression only behind a backslash."""


def finder(text: bytes, option: str) -> "Any":
    """Whether a line (one newline, at its end at most) holds the regular expression: `pattern(...).search`, as truth.

    An expression that is a mere text, perhaps between `^` and `$`, is looked for as such: loading `re` would take
    an agent as long as Python's start.
    """
    at_start, at_end = text.startswith(b"^"), text.endswith(b"$") and not text.endswith(b"\\$")
    wanted = _plain(text[at_start : len(text) - at_end])
    if wanted is None:
        return pattern(text, option).search

    def found(line: bytes) -> bool:
        body = line[:-1] if line.endswith(b"\n") else line
        if at_start and at_end:
            return wanted in (body, line)
        if at_end:
            return body.endswith(wanted) or line.endswith(wanted)
        return line.startswith(wanted) if at_start else wanted in line

    return found


def _plain(text: bytes) -> "bytes | None":
    """The text that the expression means; None when it means more than one."""
    plain = bytearray()
    escaped = False
    for byte in text:
        special = byte in SPECIAL
        if (escaped and not special) or (special and not escaped and byte != SPECIAL[0]):
            return None
        escaped = byte == SPECIAL[0] and not escaped
        if not escaped:
            plain.append(byte)
    return None if escaped else bytes(plain)


def lines_of(data: bytes) -> "list[bytes]":
    """The lines with their ends. Only a newline ends one: a lone carriage return is a character as any other."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + lines[-1:] * bool(lines[-1])


def existing(path: str, missing: str, create: bool) -> "bytes | None":
    """The content of the file at `path`; None when there is none and `create` allows that."""
    if os.path.isdir(path):
        raise Failed(f"Path {path} is a directory !", rc=256)
    if not os.path.exists(path):
        if create:
            return None
        raise Failed(missing, rc=257)
    with open(path, "rb") as file:
        return file.read()


def put(
    call: Call,
    args: "dict[str, Any]",
    before: "bytes | None",
    after: bytes,
    result: "dict[str, Any]",
    backup_key: str = "backup_file",
) -> "dict[str, Any]":
    """Make `after` the content of the file if `result` says `changed`, then see to mode and owner.

    Links are followed: the file that they lead to is the one that changes. `result` grows by what happened.
    """
    path = expand(args["path"])
    other_mode = False
    if call.diff:
        result["diff"] = content_diff(f"{path} (content)", before, after, f"{path} (content)")
    if result["changed"] and not call.check:
        target = os.path.realpath(path)
        if args.get("backup") and before is not None:
            result[backup_key] = back_up(target)
        if before is None:
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        with written_beside(target, after) as name:
            if args.get("validate"):
                validate(call, args["validate"], name)
            other_mode = put_in_place(name, target, args.get("mode"), in_place=bool(args.get("unsafe_writes")))
    if os.path.exists(path) and (apply_attributes(call, path, args) or other_mode):
        result["changed"] = True
        result["msg"] += (" and " if result["msg"] else "") + "ownership, perms or SE linux context changed"
    return result
