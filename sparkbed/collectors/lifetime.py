"""How a collector's script ends: nobody wants more at SIGTERM, when its standard input closes, or its parent is gone.

It travels to the hosts in front of a script (see `scripts.py`), so it needs nothing but Python 3.6 and later.
"""

import os
import select
import signal
import stat
import time

ENDED = []  # type: list[bool]
"""Not empty once nobody wants more."""


def _end(_number: int, _frame: object) -> None:
    ENDED.append(True)


def _inputs() -> "list[int]":
    """Standard input, if somebody holds its other end: /dev/null and files are at their end from the start."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return []
    return [0] if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else []


def wanted(seconds: float, parent: int) -> bool:
    """Sleep so long at the most; False as soon as nobody wants more."""
    watched = _inputs()
    deadline = time.monotonic() + seconds
    while not ENDED and os.getppid() == parent:
        # A quarter of a second is how soon a signal that came just before `select` is noticed.
        left = deadline - time.monotonic()
        ready, _, _ = select.select(watched, [], [], max(0.0, min(left, 0.25)))
        if ready and not os.read(0, 4096):
            ENDED.append(True)
        elif left <= 0:
            return True
    return False


if __name__ == "__main__":
    # In front of the script, before its first line: what it sets up, it will also take down.
    signal.signal(signal.SIGTERM, _end)
