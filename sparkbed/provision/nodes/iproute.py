"""`ip` and `tc` of iproute2, by which network namespaces, their links, addresses and speeds are made."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

from sparkbed.errors import HostError

FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a distribution has its programs; an ordinary PATH may lack those of the administrator."""
PATIENCE = 60.0
"""Seconds that one call may take: the kernel answers in milliseconds."""


def program(name: str, package: str) -> str:
    """The path of a program of the distribution's.

    Raises:
        HostError: when it isn't there; the hint installs it.
    """
    found = shutil.which(name, path=FOLDERS)
    if found is None:
        raise HostError(f"there is no {name} on this machine", hint=f"`apt-get install {package}`.")
    return found


def ip(*words: str, lines: Iterable[str] = ()) -> str:
    """What `ip WORDS` prints; with `lines`, one call for all of these, which ends at the first that fails.

    Raises:
        HostError: when `ip` refuses or fails, with what it says.
    """
    batch = "".join(f"{line}\n" for line in lines)
    return _said("ip", [*words, *(("-batch", "-") if batch else ())], batch)


def tc(*words: str) -> None:
    """Has `tc WORDS` done.

    Raises:
        HostError: when it refuses or fails, with what it says.
    """
    _said("tc", list(words))


def _said(name: str, words: list[str], text: str = "") -> str:
    command = f"`{name} {' '.join(words)}`"
    try:
        answer = subprocess.run(
            [program(name, "iproute2"), *words],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{command} did not end within {PATIENCE:.0f} s") from None
    if answer.returncode:
        raise HostError(f"{command} failed: {' '.join(answer.stderr.split())}")
    return answer.stdout
