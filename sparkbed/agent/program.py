"""The agent as it is sent: its loop first, and each module's files with the first message that needs them.

A host whose Python is of our own version gets what we compiled; another one gets the text and compiles it itself.
"""

from __future__ import annotations

import binascii
import functools
import importlib.util
import marshal
import re
import shlex
import threading
import types
import zlib
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from sparkbed.agent.host.main import MODULES

PACKAGE = "sparkbed_agent"
MAGIC = importlib.util.MAGIC_NUMBER.hex()
"""What a Python says whose compiled code we can give and take."""

Part = list[str]
"""A file as it is sent: `["code", BASE64]`, compiled and packed, or `["text", TEXT]`."""

_HOST = Path(__file__).parent / "host"
_CORE = ("__init__", "framing", "main", "plain_json")
_OF_ALL_CALLS = ("paths",)
"""What the loop itself uses once it has a module's result."""

_LOADER = """
import binascii, marshal, os, sys, zlib
from _frozen_importlib_external import MAGIC_NUMBER
class Parts:
    def __init__(self, magic, compiled, texts):
        self.parts = dict(compiled if magic == MAGIC_NUMBER.hex() else texts)
    def find_spec(self, name, path=None, target=None):
        if name in self.parts:
            return type(sys.__spec__)(name, self, is_package=(name == PACKAGE))
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        kind, data = self.parts[module.__name__]
        if kind == "code":
            code = marshal.loads(zlib.decompress(binascii.a2b_base64(data)))
        else:
            code = compile(data, module.__name__, "exec")
        exec(code, module.__dict__)
parts = Parts(MAGIC, COMPILED, TEXTS)
sys.meta_path.insert(0, parts)
from {package}.main import main
main(sys.argv[1], MAGIC_NUMBER.hex(), parts.parts.update)
os._exit(0)
"""
"""All is written and removed when `main` returns: Python's own end would take 2 ms more."""


_packing = threading.RLock()
"""Many hosts start at once: one thread packs what all of them get."""


def payload() -> bytes:
    """What is written to the new process first: the loop, compiled and as text, some 19 KB."""
    with _packing:
        return _payload()


@functools.lru_cache(maxsize=1)
def _payload() -> bytes:
    loader = _LOADER.replace("{package}", PACKAGE)
    core = [parts(_CORE, magic) for magic in (MAGIC, "")]
    head = f"PACKAGE = {PACKAGE!r}\nMAGIC = {MAGIC!r}\nCOMPILED = {core[0]!r}\nTEXTS = {core[1]!r}\n"
    return zlib.compress((head + loader).encode("utf-8"), 9)


def parts(files: Iterable[str], magic: str) -> dict[str, Part]:
    """These files of `host/`, by the names they have on the host, for a Python that says `magic`."""
    form = _compiled if magic == MAGIC else _text
    with _packing:
        return {PACKAGE if file == "__init__" else f"{PACKAGE}.{file}": form(file) for file in files}


def needed(message: dict[str, Any]) -> frozenset[str]:
    """The files of `host/` without which the agent can't work on the message."""
    if "call" in message:
        module = MODULES.get(message["call"])
        return _with_imports((*_OF_ALL_CALLS, module)) if module else frozenset()
    return _with_imports(("running",) if "run" in message else ("transfer",))


@functools.cache
def _with_imports(files: tuple[str, ...]) -> frozenset[str]:
    """These files and all that they import, at their top or in a function; without the loop's own."""
    found: set[str] = set()
    left = list(files)
    while left:
        file = left.pop()
        if file not in found and file not in _CORE:
            found.add(file)
            left.extend(_imported(_text(file)[1]))
    return frozenset(found)


def _imported(text: str) -> list[str]:
    """What a file imports: `from .x import`, `from . import x, y`, and by `import_module(".x_" + ...)` every x_*."""
    names = re.findall(r"^\s*from \.(\w+) import", text, re.MULTILINE)
    for listed in re.findall(r"^\s*from \. import ([\w, ]+)$", text, re.MULTILINE):
        names += listed.split(", ")
    for prefix in re.findall(r"import_module\(\"\.(\w+)", text):
        names += [path.stem for path in sorted(_HOST.glob(f"{prefix}*.py"))]
    return names


@functools.cache
def _text(file: str) -> Part:
    return ["text", (_HOST / f"{file}.py").read_text(encoding="utf-8")]


@functools.cache
def _compiled(file: str) -> Part:
    name = f"sparkbed.agent.host.{file}"
    # The loader takes it from __pycache__ where that is not older than the text.
    code = SourceFileLoader(name, str(_HOST / f"{file}.py")).get_code(name)
    assert code is not None
    code = _named(code, f"{PACKAGE}/{file}.py")
    # What goes once to each host need not be packed as tightly as what each agent starts with: level 3 takes half the
    # time of the usual 6, for 3 % more bytes.
    packed = zlib.compress(marshal.dumps(code), 6 if file in _CORE else 3)
    return ["code", binascii.b2a_base64(packed, newline=False).decode("ascii")]


def _named(code: types.CodeType, path: str) -> types.CodeType:
    """The code under this file name: what is sent must not depend on where the checkout lies."""
    inner = (_named(one, path) if isinstance(one, types.CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=path, co_consts=tuple(inner))


def start_command(python: str, nonce: str, become_user: str | None = None) -> list[str]:
    """The program that takes the payload on its standard input and becomes the agent.

    `nonce` comes back in the agent's first line, which tells it from what a login script prints.

    `-I` keeps the user's own folders and PYTHON* variables out; a buffer of one byte reads not a byte too many.
    `-X utf8` makes names UTF-8 whatever the host's locale is (Python 3.7 and later).
    """
    code = (
        f"import io,zlib;exec(zlib.decompress(io.BufferedReader(io.FileIO(0,closefd=False),1).read({len(payload())})))"
    )
    become = ["sudo", "-n", "-H", "-u", become_user, "--"] if become_user else []
    return [*become, python, "-I", "-S", "-X", "utf8", "-c", code, nonce]


def start_line(python: str, nonce: str, become_user: str | None = None) -> str:
    """`start_command` as a shell reads it; `exec` spares a process."""
    return "exec " + shlex.join(start_command(python, nonce, become_user))
