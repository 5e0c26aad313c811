"""The agent as it is sent: every file of `host/`, compressed, with a few lines that start it."""

from __future__ import annotations

import functools
import json
import shlex
import zlib
from pathlib import Path

PACKAGE = "sparkbed_agent"

# A file is compiled when it is first imported: what a play does not use costs its bytes only.
_LOADER = """
import json, sys
class Sources:
    def __init__(self, texts):
        self.texts = texts
    def find_spec(self, name, path=None, target=None):
        if name in self.texts:
            return type(sys.__spec__)(name, self, is_package=(name == PACKAGE))
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__name__
        exec(compile(self.texts[name], name, "exec"), module.__dict__)
sys.meta_path.insert(0, Sources(json.loads(TEXTS)))
from {package}.main import main
main(sys.argv[1])
"""


def _texts() -> str:
    texts = {}
    for path in sorted((Path(__file__).parent / "host").glob("*.py")):
        name = PACKAGE if path.stem == "__init__" else f"{PACKAGE}.{path.stem}"
        texts[name] = path.read_text(encoding="utf-8")
    return json.dumps(texts)


@functools.lru_cache(maxsize=1)
def payload() -> bytes:
    """What is written to the new process first: some 23 KB."""
    loader = _LOADER.replace("{package}", PACKAGE)
    text = f"PACKAGE = {PACKAGE!r}\nTEXTS = {_texts()!r}\n{loader}"
    return zlib.compress(text.encode("utf-8"), 9)


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
