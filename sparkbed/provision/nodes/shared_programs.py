"""This machine's Spark, Java and Python, as a container can have them too: read only, at their own paths."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from sparkbed.errors import HostError

PROBE = "import bz2, ctypes, lzma, sqlite3, ssl, zlib, numpy, pyspark"
"""What Python must be able to import there: the libraries that it is linked with, and what workloads use."""


def folders() -> list[Path]:
    """The folders that hold them, none inside another; none when this machine has no Spark or no Java of its own."""
    from sparkbed.java import find_java

    if find_spec("pyspark") is None:
        return []
    try:
        java = find_java()
    except HostError:
        return []
    wanted = {Path(sys.prefix), Path(sys.base_prefix), java, *_configuration(java)}
    wanted -= {Path("/usr")}  # the system's own Python is the image's own there
    return sorted(one for one in wanted if not any(other in one.parents for other in wanted))


def _configuration(java: Path) -> set[Path]:
    """The folders below /etc that a distribution's Java keeps its configuration in, and reaches by links."""
    found: set[Path] = set()
    for folder, _, files in os.walk(java):
        for name in files:
            target = Path(folder, name).resolve()
            if len(target.parts) > 3 and target.parts[1] == "etc" and target.exists():
                found.add(target.parent)
    return found


def probe() -> list[str]:
    """A command that succeeds where they run."""
    from sparkbed.java import find_java

    script = f'"$0" -c "{PROBE}" && "$1" -version'
    return ["/bin/sh", "-c", script, sys.executable, str(find_java() / "bin" / "java")]
