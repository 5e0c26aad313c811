import os
import re

from .framing import Call, Failed
from .paths import (
    apply_attributes,
    back_up,
    content_diff,
    expand,
    put_in_place,
    validate,
    written_beside,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def lineinfile(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """See that one line is (or is not) in a text file."""
    path = expand(args["path"])
    present = (args.get("state") or "present") == "present"
    if os.path.isdir(path):
        raise Failed(f"Path {path} is a directory !", rc=256)
    if present and args.get("line") is None:
        raise Failed("line is required with state=present")
    if not present and args.get("line") is None and not args.get("regexp") and not args.get("search_string"):
        raise Failed("one of line, search_string, or regexp is required with state=absent")
    if args.get("backrefs") and not args.get("regexp"):
        raise Failed("regexp is required with backrefs=true")
    if not os.path.exists(path):
        if not present:
            return {"msg": "file not present"}
        if not args.get("create"):
            raise Failed(f"Destination {path} does not exist !", rc=257)
        lines = []  # type: list[bytes]
    else:
        with open(os.path.realpath(path), "rb") as file:
            lines = file.read().splitlines(True)
    new, msg = (_with_line if present else _without_line)(list(lines), args)
    return _finish(call, path, lines, new, msg, args)


def _matcher(args: "dict[str, Any]") -> "Any":
    if args.get("regexp"):
        return re.compile(args["regexp"].encode("utf-8")).search
    if args.get("search_string"):
        wanted = args["search_string"].encode("utf-8")
        return lambda line: wanted in line
    return None


def _with_line(lines: "list[bytes]", args: "dict[str, Any]") -> "tuple[list[bytes], str]":
    line = args["line"].encode("utf-8", "surrogateescape").rstrip(b"\r\n")
    find = _matcher(args)
    hits = [n for n, text in enumerate(lines) if find(text.rstrip(b"\r\n"))] if find else []
    if hits:
        at = hits[0] if args.get("firstmatch") else hits[-1]
        if args.get("backrefs"):
            line = find(lines[at].rstrip(b"\r\n")).expand(line)
        if lines[at].rstrip(b"\r\n") == line:
            return lines, ""
        lines[at] = line + b"\n"
        return lines, "line replaced"
    if args.get("backrefs") or any(text.rstrip(b"\r\n") == line for text in lines):
        return lines, ""
    at = _place(lines, args)
    if at > 0 and not lines[at - 1].endswith(b"\n"):
        lines[at - 1] += b"\n"
    lines.insert(at, line + b"\n")
    return lines, "line added"


def _place(lines: "list[bytes]", args: "dict[str, Any]") -> int:
    """Where a new line goes: before or after the match asked for, else at the end."""
    before, after = args.get("insertbefore"), args.get("insertafter")
    if before == "BOF":
        return 0
    pattern = before or after
    if not pattern or pattern in ("EOF", "BOF"):
        return len(lines)
    find = re.compile(pattern.encode("utf-8")).search
    hits = [n for n, text in enumerate(lines) if find(text.rstrip(b"\r\n"))]
    if not hits:
        return len(lines)
    hit = hits[0] if args.get("firstmatch") else hits[-1]
    return hit if before else hit + 1


def _without_line(lines: "list[bytes]", args: "dict[str, Any]") -> "tuple[list[bytes], str]":
    find = _matcher(args)
    if find is None:
        wanted = args["line"].encode("utf-8", "surrogateescape").rstrip(b"\r\n")
        find = wanted.__eq__
    kept = [text for text in lines if not find(text.rstrip(b"\r\n"))]
    removed = len(lines) - len(kept)
    return kept, f"{removed} line(s) removed" if removed else ""


def _finish(
    call: Call, path: str, lines: "list[bytes]", new: "list[bytes]", msg: str, args: "dict[str, Any]"
) -> "dict[str, Any]":
    result = {"msg": msg, "changed": new != lines, "backup": ""}  # type: dict[str, Any]
    if call.diff:
        result["diff"] = content_diff(path, b"".join(lines), b"".join(new), path)
    if result["changed"] and not call.check:
        target = os.path.realpath(path)
        if args.get("backup") and os.path.exists(target):
            result["backup"] = back_up(target)
        if args.get("create"):
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        with written_beside(target, b"".join(new)) as name:
            if args.get("validate"):
                validate(call, args["validate"], name)
            put_in_place(name, target, args.get("mode"))
    if os.path.exists(path) and apply_attributes(call, path, args):
        result["changed"] = True
        result["msg"] = (msg + " and " if msg else "") + "ownership, perms or SE linux context changed"
    return result
