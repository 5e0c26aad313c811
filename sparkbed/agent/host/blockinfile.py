import re

from .editing import encoded, existing, lines_of, pattern, put
from .framing import Call
from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def blockinfile(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """See that a block of lines, between two marker lines, is (or is not) in a text file."""
    path = expand(args["path"])
    before = existing(path, f"Path {path} does not exist !", create=bool(args.get("create")))
    present = (args.get("state") or "present") == "present"
    if before is None and not present:
        return {"msg": f"File {path} not present"}
    block = _block(args) if present else []
    after = b"".join(_with_block(lines_of(before or b""), block, before or b"", args, present))
    if before == after:
        msg = ""
    elif before is None:
        msg = "File created"
    else:
        msg = "Block inserted" if block else "Block removed"
    return put(call, args, before, after, {"msg": msg, "changed": before != after})


def _markers(args: "dict[str, Any]") -> "list[bytes]":
    marker = encoded(args.get("marker", "# {mark} ANSIBLE MANAGED BLOCK"))
    words = (args.get("marker_begin", "BEGIN"), args.get("marker_end", "END"))
    return [marker.replace(b"{mark}", encoded(word)) + b"\n" for word in words]


def _block(args: "dict[str, Any]") -> "list[bytes]":
    """The lines with their markers; none for an empty block, which is as good as `absent`."""
    text = encoded(args.get("block", ""))
    if not text:
        return []
    begin, end = _markers(args)
    return [begin, *lines_of(text if text.endswith(b"\n") else text + b"\n"), end]


def _with_block(
    lines: "list[bytes]", block: "list[bytes]", text: bytes, args: "dict[str, Any]", present: bool
) -> "list[bytes]":
    begin, end = (_last(lines, marker) for marker in _markers(args))
    if begin is None or end is None:
        at = _place(lines, text, args)
    else:
        at, last = min(begin, end), max(begin, end)
        del lines[at : last + 1]
    if at > 0 and not lines[at - 1].endswith(b"\n"):
        lines[at - 1] += b"\n"
    if args.get("prepend_newline") and present and at != 0 and lines[at - 1] != b"\n":
        lines.insert(at, b"\n")
        at += 1
    lines[at:at] = block
    behind = at + len(block)
    if args.get("append_newline") and present and behind < len(lines) and lines[behind] != b"\n":
        lines.insert(behind, b"\n")
    return lines


def _last(lines: "list[bytes]", wanted: bytes) -> "int | None":
    return next((at for at in range(len(lines) - 1, -1, -1) if lines[at] == wanted), None)


def _place(lines: "list[bytes]", text: bytes, args: "dict[str, Any]") -> int:
    """Where a new block goes: at a match of insertafter or insertbefore (the last one), else at the end."""
    before, after = args.get("insertbefore"), args.get("insertafter")
    if after in (None, "EOF") and before in (None, "BOF"):
        return 0 if before == "BOF" and after is None else len(lines)
    behind = after not in (None, "EOF")
    find = pattern(encoded(after if behind else before), "insertafter" if behind else "insertbefore")
    if find.flags & re.MULTILINE:
        match = find.search(text)
        if match is None:
            return len(lines)
        return int(text.count(b"\n", 0, match.end()) + 1 if behind else text.count(b"\n", 0, match.start()))
    hits = [at for at, line in enumerate(lines) if find.search(line)]
    if not hits:
        return len(lines)
    return hits[-1] + 1 if behind else hits[-1]
