"""Compiling Scala sources with the compiler that lies among Spark's own jars: no JDK, sbt or scalac is needed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sparkbed.errors import RunError

DEADLINE = 600
"""Seconds; it takes about 8 s of CPU, and many times that on a machine that is busy."""


def build_jar(sources: Sequence[Path], folder: Path, spark_home: Path, java_home: Path) -> Path:
    """The jar of `sources`, compiled against `spark_home`; made in `folder` unless it is there already.

    Its name holds a digest of the sources' contents with the Scala and Spark versions. It appears whole or not at
    all, and two processes that want it at once make it once.

    Raises:
        RunError: when Spark has no Scala compiler, or the sources do not compile; with the compiler's words.
    """
    scala = _jar_version(spark_home, "scala-compiler", r"scala-compiler-(\d[\w.]*)\.jar")
    spark = _jar_version(spark_home, "spark-core", r"spark-core_\d[\d.]*-(\d[\w.-]*)\.jar")
    jar = folder / f"workloads-spark{spark}-scala{scala}-{_digest(sources, scala, spark)}.jar"
    if jar.is_file():
        return jar
    with _lock(folder / "workloads.lock"):
        if jar.is_file():
            return jar
        for left_over in folder.glob("compiling-*"):  # from a process that was killed: we hold the lock
            shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="compiling-", dir=folder) as temporary:
            classes = Path(temporary) / "classes"
            classes.mkdir()
            _compile(sources, classes, spark_home, java_home)
            packed = Path(temporary) / jar.name
            _pack(classes, packed)
            packed.replace(jar)
    return jar


def _jar_version(spark_home: Path, what: str, pattern: str) -> str:
    jars = spark_home / "jars"
    for jar in sorted(jars.glob(f"{what}*.jar")):
        found = re.fullmatch(pattern, jar.name)
        if found:
            return found.group(1)
    raise RunError(
        f"no {what} jar in {jars}",
        hint="The Scala workloads are compiled with the compiler that comes with Spark: use a whole Spark, such as the "
        "pyspark package's, or choose the Python workloads.",
    )


def _digest(sources: Sequence[Path], scala: str, spark: str) -> str:
    whole = hashlib.sha256(f"scala {scala}, spark {spark}\n".encode())
    for source in sources:
        whole.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel lets go of it when the process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(sources: Sequence[Path], classes: Path, spark_home: Path, java_home: Path) -> None:
    command = [
        str(java_home / "bin" / "java"),
        "-Xss8m",  # the compiler recurses deeply
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # it ends before the second compiler would pay
        "-cp",
        f"{spark_home / 'jars'}{os.sep}*",
        "scala.tools.nsc.Main",
        "-usejavacp",
        "-deprecation",
        "-d",
        str(classes),
        *(str(source) for source in sources),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "CLASSPATH"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, env=environment)
    except OSError as error:
        raise RunError(f"Java could not be started: {error.strerror}", where=command[0]) from error
    except subprocess.TimeoutExpired:
        raise RunError(
            f"the Scala workloads were not compiled within {DEADLINE} s", hint="Is the machine overloaded?"
        ) from None
    if done.returncode != 0:
        words = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[:20])
        raise RunError("the Scala workloads do not compile", hint=words or f"The compiler ended {done.returncode}.")


def _pack(classes: Path, jar: Path) -> None:
    """Zip the class files, with fixed times and order: the same sources give the same bytes."""
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(classes.rglob("*.class")):
            entry = zipfile.ZipInfo(file.relative_to(classes).as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
