import os
import tempfile as standard

from .framing import Call
from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def tempfile(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A new empty file or directory with a name of its own; the play removes it."""
    folder = expand(args["path"]) if args.get("path") else None
    prefix, suffix = args.get("prefix", "ansible."), args.get("suffix", "")
    if args.get("state", "file") == "directory":
        path = standard.mkdtemp(prefix=prefix, suffix=suffix, dir=folder)
    else:
        descriptor, path = standard.mkstemp(prefix=prefix, suffix=suffix, dir=folder)
        os.close(descriptor)
    return {"path": path, "changed": True}
