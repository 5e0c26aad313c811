from .editing import encoded, existing, finder, lines_of, pattern, put
from .framing import Call, Failed
from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def lineinfile(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """See that one line is (or is not) in a text file."""
    path = expand(args["path"])
    present = (args.get("state") or "present") == "present"
    if present and args.get("line") is None:
        raise Failed("line is required with state=present")
    if not present and args.get("line") is None and args.get("regexp") is None and args.get("search_string") is None:
        raise Failed("one of line, search_string, or regexp is required with state=absent")
    if present and args.get("backrefs") and args.get("regexp") is None:
        raise Failed("regexp is required with backrefs=true")
    before = existing(path, f"Destination {path} does not exist !", create=not present or bool(args.get("create")))
    if before is None and not present:
        return {"msg": "file not present"}
    lines = lines_of(before or b"")
    if present:
        new, msg = _with_line(list(lines), args)
        result = {"msg": msg, "changed": bool(msg), "backup": ""}  # type: dict[str, Any]
    else:
        new = _without_line(lines, args)
        gone = len(lines) - len(new)
        result = {"msg": f"{gone} line(s) removed" if gone else "", "changed": gone > 0, "found": gone, "backup": ""}
    return put(call, args, before, b"".join(new), result, backup_key="backup")


def _matcher(args: "dict[str, Any]") -> "Any":
    """What says whether a line is the one meant by `regexp` or `search_string`; None when neither is given."""
    if args.get("regexp") is not None:
        regexp = encoded(args["regexp"])
        return pattern(regexp, "regexp").search if args.get("backrefs") else finder(regexp, "regexp")
    if args.get("search_string") is not None:
        wanted = encoded(args["search_string"])
        return lambda line: wanted in line
    return None


def _bare(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


def _with_line(lines: "list[bytes]", args: "dict[str, Any]") -> "tuple[list[bytes], str]":
    """The new lines, and what was done to them: nothing, when the line is there already."""
    line = encoded(args["line"])
    find = _matcher(args)
    hits = [at for at, text in enumerate(lines) if find(text)] if find else []
    if hits:
        at = hits[0] if args.get("firstmatch") else hits[-1]
        if args.get("backrefs"):
            line = find(lines[at]).expand(line)
        return _replaced(lines, at, line)
    same, insert = _place(lines, line, args)
    if same is not None:
        return _replaced(lines, same, line)
    if args.get("backrefs"):  # without a match there is nothing to refer back to
        return lines, ""
    return _inserted(lines, insert, line, args)


def _replaced(lines: "list[bytes]", at: int, line: bytes) -> "tuple[list[bytes], str]":
    if not line.endswith(b"\n"):
        line += b"\n"
    if lines[at] == line:
        return lines, ""
    lines[at] = line
    return lines, "line replaced"


def _place(lines: "list[bytes]", line: bytes, args: "dict[str, Any]") -> "tuple[int | None, int]":
    """Where the very line stands already (None: nowhere), and where it would be inserted (-1: no place matched)."""
    before, after = args.get("insertbefore"), args.get("insertafter")
    asked = after if after not in (None, "BOF", "EOF") else before if before not in (None, "BOF") else None
    option = "insertafter" if asked is not None and asked == after else "insertbefore"
    find = finder(encoded(asked), option) if asked is not None else None
    same, insert = None, -1
    for at, text in enumerate(lines):
        if _bare(text) == line:
            same = at
        elif find and find(text):
            insert = at + 1 if option == "insertafter" else at
            if args.get("firstmatch"):
                break
    return same, insert


def _inserted(lines: "list[bytes]", at: int, line: bytes, args: "dict[str, Any]") -> "tuple[list[bytes], str]":
    if "BOF" in (args.get("insertbefore"), args.get("insertafter")):
        return [line + b"\n", *lines], "line added"
    last_is_open = bool(lines) and lines[-1][-1:] not in (b"\n", b"\r")
    if at == -1:
        return lines + [b"\n"] * last_is_open + [line + b"\n"], "line added"
    if args.get("insertafter") and at < len(lines) and _bare(lines[at]) == line:
        return lines, ""
    if at == len(lines) and last_is_open:  # behind a last line without an end
        lines[-1] += b"\n"
    return [*lines[:at], line + b"\n", *lines[at:]], "line added"


def _without_line(lines: "list[bytes]", args: "dict[str, Any]") -> "list[bytes]":
    find = _matcher(args)
    if find is None:
        wanted = encoded(args["line"])
        return [text for text in lines if _bare(text) != wanted]
    return [text for text in lines if not find(text)]
