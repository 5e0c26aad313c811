"""`ip` of iproute2, by which network namespaces, their links and their addresses are made."""

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
    argv = [program("ip", "iproute2"), *words, *(("-batch", "-") if batch else ())]
    try:
        answer = subprocess.run(argv, input=batch, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise HostError(f"`ip {' '.join(words)}` did not end within {PATIENCE:.0f} s") from None
    if answer.returncode:
        said = " ".join(answer.stderr.split())
        raise HostError(f"`ip {' '.join(words) or '-batch'}` failed: {said}")
    return answer.stdout
