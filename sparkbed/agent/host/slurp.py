import binascii
import os

from .framing import Call, Failed
from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def slurp(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A file's content in base64."""
    path = expand(args["src"])
    if not os.path.exists(path):
        raise Failed(f"file not found: {path}")
    if os.path.isdir(path):
        raise Failed(f"source is a directory and must be a file: {path}")
    with open(path, "rb") as file:
        return {
            "content": binascii.b2a_base64(file.read(), newline=False).decode("ascii"),
            "source": path,
            "encoding": "base64",
        }
