"""The Spark that a cluster asks for: the installed one, or one of another version in the state folder."""

from __future__ import annotations

import fcntl
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.home import Home

DEADLINE = 1800
"""Seconds for an installation: some 450 MB are downloaded, and packed by pip."""


def installed_spark() -> Path:
    """The folder of the installed pyspark package, found without importing it.

    Raises:
        HostError: when there is none.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise HostError("pyspark is not installed", hint="./inv installs it; run your verb by ./inv.")
    return Path(spec.origin).parent


def spark_of(home: Home, version: str) -> Path:
    """The folder of a Spark of `version`, `sparks/VERSION/pyspark` in the state folder; empty for the installed one.

    One that is not there yet is installed there by pip, once; two processes that want it at once install it once. The
    installed one's version is a link to it, so that hosts that share this machine's files find each at the same place.

    Raises:
        HostError: when it can't be installed.
    """
    if not version:
        return installed_spark()
    target = home.sparks / version
    if version == importlib.metadata.version("pyspark"):
        return _linked(target, installed_spark())
    if _whole(target):
        return target / "pyspark"
    with (home.sparks / "installing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _whole(target):
            for left_over in home.sparks.glob("installing-*"):  # from a process that was killed: we hold the lock
                if left_over.is_dir():
                    shutil.rmtree(left_over, ignore_errors=True)
            _install(version, target)
    return target / "pyspark"


def _whole(target: Path) -> bool:
    return (target / "pyspark" / "bin" / "spark-submit").is_file()


def _linked(target: Path, spark: Path) -> Path:
    link = target / "pyspark"
    if not link.is_symlink() or link.readlink() != spark:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        link.symlink_to(spark)
    return link


def _install(version: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="installing-", dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--target", str(made), f"pyspark=={version}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except subprocess.TimeoutExpired:
            raise HostError(
                f"Spark {version} was not installed within {DEADLINE} s", hint="Is the network slow?"
            ) from None
        if done.returncode != 0 or not _whole(made):
            told = next(iter(reversed(done.stderr.strip().splitlines())), f"pip ended {done.returncode}")
            raise HostError(
                f"Spark {version} can't be installed: {told.removeprefix('ERROR: ')}",
                hint="The setting spark_version takes the versions of the package pyspark; pip index versions pyspark "
                "lists them.",
            )
        shutil.rmtree(target, ignore_errors=True)
        made.replace(target)
