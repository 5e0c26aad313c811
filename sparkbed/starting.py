"""A verb's start and end, made cheaper: importing what it needs is half the time of a short play."""

from __future__ import annotations

import gc
import sys
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
