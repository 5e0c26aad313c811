"""A verb's start and end, made cheaper: importing what it needs is half the time of a short play."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import re
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn


def begin() -> None:
    """Called before anything else is imported."""
    # Nearly all that imports make stays. Python would look for garbage among it 50 times, a tenth of a start.
    gc.set_threshold(100_000, 20, 20)
    # A thread that a host's packet wakes waits so long for one that computes, and the host with it. Python's is 5 ms.
    sys.setswitchinterval(0.001)
    _import_invoke()


def end(code: int) -> NoReturn:
    """Called last: what is registered for the end is done and what was written arrives, then this process is gone.

    Python's own end would take all modules apart, one by one, for 10 ms.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does first
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # gone, closed, or never there
            stream.flush()
    os._exit(code)


def import_paramiko() -> None:
    """Paramiko, without importlib.metadata: it asks that for its own version, and 20 ms go into how mail is written."""
    name = "importlib.metadata"
    if name in sys.modules or "paramiko" in sys.modules:
        return
    found = find_spec("paramiko")
    if found is None or found.origin is None:
        return
    installed = list(Path(found.origin).parent.parent.glob("paramiko-*.dist-info"))
    if len(installed) != 1:
        return
    version = installed[0].name[len("paramiko-") : -len(".dist-info")]
    stand_in = ModuleType(name)
    stand_in.version = lambda _distribution: version  # type: ignore[attr-defined]  # all that Paramiko takes from it
    sys.modules[name] = stand_in
    try:
        import paramiko  # noqa: F401  # for what it does to sys.modules
    finally:
        del sys.modules[name]


def _import_invoke() -> None:
    """Invoke, without unittest.mock: a class for tests of tasks wants it, and it brings asyncio and ssl with it."""
    name = "unittest.mock"
    if name in sys.modules:
        return
    yaml = _import_yaml()
    stand_in = ModuleType(name)
    stand_in.Mock = object  # type: ignore[attr-defined]  # all that invoke.context takes from it
    sys.modules[name] = stand_in
    # Invoke's own copy of PyYAML would be a second one, 13 ms dearer; Invoke is made to do with the installed one.
    sys.modules["invoke.vendor.yaml"] = yaml
    try:
        import invoke.context  # noqa: F401  # for what it does to sys.modules
    finally:
        del sys.modules[name]


def _import_yaml() -> ModuleType:
    """PyYAML, whose reader's pattern is compiled when it is used: that takes 4 ms, and the reader in C has none."""
    real = re.compile

    def compile_later(pattern: str, flags: int = 0) -> Any:
        return _Late(pattern) if "\U0010ffff" in pattern else real(pattern, flags)

    re.compile = compile_later  # type: ignore[assignment]
    try:
        import yaml
    finally:
        re.compile = real
    return yaml


class _Late:
    """A pattern that is compiled when something is asked of it; `re` keeps it then."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __getattr__(self, name: str) -> Any:
        return getattr(re.compile(self._pattern), name)
