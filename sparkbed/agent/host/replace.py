import re

from .editing import existing, pattern, put
from .framing import Call, Failed
from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def replace(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Replace every match of a regular expression in a text file, or in the part of it between two others."""
    path = expand(args["path"])
    encoding = args.get("encoding") or "utf-8"
    before = existing(path, f"Path {path} does not exist !", create=False)
    assert before is not None
    try:
        text = before.decode(encoding, "surrogateescape")
    except (LookupError, UnicodeError) as error:
        raise Failed(f"{path} can't be read as {encoding}: {error}", rc=1) from None
    start, end = 0, len(text)
    section = _section(args)
    if section:
        match = pattern(section, "after/before", re.DOTALL).search(text)
        if match is None:
            return {"rc": 0, "msg": f"Pattern for before/after params did not match the given file: {section}"}
        start, end = match.span("subsection")
    find = pattern(args["regexp"], "regexp", re.MULTILINE)
    try:
        new, count = find.subn(args.get("replace", ""), text[start:end])
    except (re.error, IndexError) as error:
        raise Failed(f"Unable to process replace due to error: {error}", rc=1) from None
    changed = count > 0 and new != text[start:end]
    try:
        after = (text[:start] + new + text[end:]).encode(encoding, "surrogateescape")
    except UnicodeError as error:
        raise Failed(f"the replacement can't be written as {encoding}: {error}", rc=1) from None
    result = {"rc": 0, "msg": f"{count} replacements made" if changed else "", "changed": changed}
    return put(call, args, before, after if changed else before, result)


def _section(args: "dict[str, Any]") -> str:
    """The expression for the part of the file that is meant; none for all of it."""
    after, before = args.get("after") or "", args.get("before") or ""
    if after and before:
        return f"{after}(?P<subsection>.*?){before}"
    if after or before:
        return f"{after}(?P<subsection>.*){before}"
    return ""
