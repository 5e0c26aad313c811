"""mmdebstrap, by which the systems of container and vm nodes are made from the distribution's packages."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence

from sparkbed.errors import HostError
from sparkbed.provision.nodes.iproute import FOLDERS, program

LEFT_OUT = ("doc", "info", "locale", "man")
"""Folders of /usr/share that no node needs."""
ELSEWHERE = "bookworm"
"""The Debian release where this machine runs another distribution."""


def release(*distributions: str) -> str:
    """The release that this machine runs, if it is of one of these distributions (os-release's ID)."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return ELSEWHERE
    return system.get("VERSION_CODENAME", ELSEWHERE) if system.get("ID") in distributions else ELSEWHERE


def make(what: str, words: Sequence[str]) -> None:
    """Makes a system: `words` are mmdebstrap's, `what` is what messages call it.

    Raises:
        HostError: when there is no mmdebstrap, or it fails, as where a package can't be had.
    """
    made = subprocess.run(
        [program("mmdebstrap", "mmdebstrap"), *words],
        env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{FOLDERS}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if made.returncode:
        last = "\n  ".join(made.stderr.strip().splitlines()[-3:])
        hint = "Is its package mirror reached?"
        if os.getuid() != 0:
            hint += " Who is not root needs newuidmap for it: `apt-get install uidmap`."
        raise HostError(f"mmdebstrap could not make {what}: {last}", hint=hint)
