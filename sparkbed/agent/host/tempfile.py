import os
import tempfile as standard

from .framing import Call, Failed
from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def tempfile(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A new empty file or directory with a name of its own; the play removes it."""
    folder = expand(args["path"]) if args.get("path") else None
    prefix, suffix = args.get("prefix", "ansible."), args.get("suffix", "")
    for name, part in (("prefix", prefix), ("suffix", suffix)):
        if part != os.path.basename(part):
            raise Failed(f"{name} must be a part of a file's name, not {part!r}")
    if args.get("state", "file") == "directory":
        path = standard.mkdtemp(prefix=prefix, suffix=suffix, dir=folder)
    else:
        descriptor, path = standard.mkstemp(prefix=prefix, suffix=suffix, dir=folder)
        os.close(descriptor)
    return {"path": path, "changed": True}
