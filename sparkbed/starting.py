"""A verb's start and end, made cheaper: importing what it needs is half the time of a short play."""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def begin() -> None:
    """Called before anything else is imported."""
    # Nearly all that imports make stays. Python would look for garbage among it 50 times, a tenth of a start.
    gc.set_threshold(100_000, 20, 20)
    # A thread that a host's packet wakes waits so long for one that computes, and the host with it. Python's is 5 ms.
    sys.setswitchinterval(0.001)
    _import_invoke()


def end() -> None:
    """Called last: Python's own end looks for garbage among all modules, and nobody needs the memory any more."""
    gc.freeze()


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
    import yaml

    stand_in = ModuleType(name)
    stand_in.Mock = object  # type: ignore[attr-defined]  # all that invoke.context takes from it
    sys.modules[name] = stand_in
    # Invoke's own copy of PyYAML would be a second one, 13 ms dearer; Invoke is made to do with the installed one.
    sys.modules["invoke.vendor.yaml"] = yaml
    try:
        import invoke.context  # noqa: F401  # for what it does to sys.modules
    finally:
        del sys.modules[name]
