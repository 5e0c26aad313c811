"""The user's crontab, read and written by the `crontab` command; one block of lines in it is ours, known by its mark.

Everything outside the block is kept byte for byte. A block is a comment line with the mark and one entry:

    # sparkbed nightly of FOLDER: install, show and remove with ./inv install-cron
    17 2 * * * env HOME=... PATH=... FOLDER/inv nightly
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping

from sparkbed.errors import SparkbedError

INSTALL = "Install it: sudo apt-get install cron (Debian, Ubuntu) or sudo dnf install cronie (Fedora)."


def read() -> bytes:
    """The whole crontab; empty when there is none.

    Raises:
        SparkbedError: when there is no `crontab` command, or it refuses us.
    """
    done = _crontab(["-l"])
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if "no crontab for" in said:
        return b""
    raise SparkbedError(f"crontab -l failed: {said or f'exit code {done.returncode}'}", hint=_WHY)


def write(content: bytes) -> None:
    """Replace the crontab; an empty one is taken away.

    Raises:
        SparkbedError: when crontab refuses it; the old one is then still there.
    """
    done = _crontab(["-"], content) if content else _crontab(["-r"])
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise SparkbedError(f"crontab refused the entry: {said or f'exit code {done.returncode}'}", hint=_WHY)


_WHY = "It may be forbidden for this user (/etc/cron.allow, /etc/cron.deny)."


def _crontab(words: list[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C"}  # its messages are read
    try:
        return subprocess.run(
            ["crontab", *words], input=given, capture_output=True, check=False, timeout=60, env=environment
        )
    except FileNotFoundError:
        raise SparkbedError("there is no crontab command on this machine", hint=INSTALL) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SparkbedError(f"crontab can't be run: {error}", hint=INSTALL) from None


def block(mark: str, schedule: str, environment: Mapping[str, str], command: list[str]) -> bytes:
    """The two lines. cron takes a percent sign for a line's end, so each gets a backslash."""
    words = ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
    line = f"{schedule} {shlex.join(words)}".replace("%", "\\%")
    return f"{mark}\n{line}\n".encode()


def without(content: bytes, mark: str) -> bytes:
    """The crontab without our block: the mark's line and the one after it."""
    kept, skip = [], False
    for line in content.splitlines(keepends=True):
        if line.rstrip(b"\r\n") == mark.encode():
            skip = True
        elif skip:
            skip = False
        else:
            kept.append(line)
    return b"".join(kept)


def with_block(content: bytes, mark: str, lines: bytes) -> bytes:
    """The crontab with our block at the place where it was, else at the end."""
    whole = content if not content or content.endswith(b"\n") else content + b"\n"
    old = find(whole, mark)
    return whole.replace(old, lines, 1) if old else whole + lines


def find(content: bytes, mark: str) -> bytes:
    """Our block as it stands there; empty when it does not."""
    lines = content.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if line.rstrip(b"\r\n") == mark.encode():
            return b"".join(lines[index : index + 2])
    return b""
