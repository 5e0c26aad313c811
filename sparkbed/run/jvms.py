"""What the JVMs of a trial really had, by their own word: collector, heap and processors, from their GC logs.

Every driver and executor logs with `-Xlog:gc,gc+init` (templates/spark/spark-defaults.conf.j2; JEP 158). Limits of a
container change what a JVM chooses for itself, so a comparison that is meant to be like for like is checked by it
(see pinned.py).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}
_USING = re.compile(r"\[gc *\] Using (\S+)")
_CPUS = re.compile(r"\[gc,init\] CPUs: (\d+) total, (\d+) available")
_HEAP = re.compile(r"\[gc,init\] Heap Max Capacity: (\d+)([KMGT])")
_VERSION = re.compile(r"\[gc,init\] Version: (\S+)")
_PAUSE = re.compile(r"\[gc *\] GC\(\d+\) Pause .* ([0-9.]+)ms$", re.MULTILINE)

DRIVER = "driver"


@dataclass(frozen=True)
class Jvm:
    """One JVM: `heap` in bytes at the most, `pauses` their number, `pause_seconds` their sum over its life.

    `processors` are those that it may use of the `machine`'s. `name` is `driver`, or HOST/NUMBER of an executor.
    """

    name: str
    version: str
    collector: str
    machine: int
    processors: int
    heap: int
    pauses: int
    pause_seconds: float

    @property
    def executor(self) -> str | None:
        """An executor's id within its application; None for the driver."""
        return None if self.name == DRIVER else self.name.rpartition("/")[2]


def read_jvm(name: str, log: str) -> Jvm | None:
    """What a GC log says; None where it is not one of Java 17 or later."""
    using, cpus, heap = _USING.search(log), _CPUS.search(log), _HEAP.search(log)
    if not (using and cpus and heap):
        return None
    version = _VERSION.search(log)
    pauses = [float(found) for found in _PAUSE.findall(log)]
    return Jvm(
        name=name,
        version=version.group(1) if version else "",
        collector=using.group(1),
        machine=int(cpus.group(1)),
        processors=int(cpus.group(2)),
        heap=int(heap.group(1)) * 1024 ** _UNITS[heap.group(2)],
        pauses=len(pauses),
        pause_seconds=sum(pauses) / 1e3,
    )


def jvms_of(folder: Path, executors: str) -> list[Jvm]:
    """The JVMs whose logs lie in a trial's folder: the driver's, and the executors' by `HOST/NUMBER`."""
    logs = {DRIVER: folder / "gc.log"}
    for path in sorted((folder / executors).glob("*/*.gc.log")):
        logs[f"{path.parent.name}/{path.name.partition('.')[0]}"] = path
    found = (read_jvm(name, path.read_text("utf-8", "replace")) for name, path in logs.items() if path.is_file())
    return [one for one in found if one is not None]


def recorded(jvms: list[Jvm]) -> list[dict[str, Any]]:
    """For the trial's facts, as plain JSON."""
    return [asdict(jvm) for jvm in jvms]
