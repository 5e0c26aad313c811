"""What the JVMs of a trial really had, by their own word: collector, heap and processors, from their GC logs.

Every driver and executor logs with `-Xlog:gc,gc+init` (templates/spark/spark-defaults.conf.j2; JEP 158). Limits of a
container change what a JVM chooses for itself, so a comparison that is meant to be like for like is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparkbed.platforms.settings import memory_bytes

_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}
_USING = re.compile(r"\[gc *\] Using (\S+)")
_CPUS = re.compile(r"\[gc,init\] CPUs: (\d+) total, (\d+) available")
_HEAP = re.compile(r"\[gc,init\] Heap Max Capacity: (\d+)([KMGT])")
_VERSION = re.compile(r"\[gc,init\] Version: (\S+)")
_PAUSE = re.compile(r"\[gc *\] GC\(\d+\) Pause .* ([0-9.]+)ms$", re.MULTILINE)

_SLACK = 0.02
"""A heap is rounded to the collector's own unit of memory."""


@dataclass(frozen=True)
class Jvm:
    """One JVM: `heap` in bytes at the most, `pauses` their number, `pause_seconds` their sum over its life."""

    name: str
    version: str
    collector: str
    processors: int
    heap: int
    pauses: int
    pause_seconds: float


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
        processors=int(cpus.group(2)),
        heap=int(heap.group(1)) * 1024 ** _UNITS[heap.group(2)],
        pauses=len(pauses),
        pause_seconds=sum(pauses) / 1e3,
    )


def jvms_of(folder: Path, executors: str) -> list[Jvm]:
    """The JVMs whose logs lie in a trial's folder: the driver's, and the executors' by `HOST/NUMBER`."""
    logs = {"driver": folder / "gc.log"}
    for path in sorted((folder / executors).glob("*/*.gc.log")):
        logs[f"{path.parent.name}/{path.name.partition('.')[0]}"] = path
    found = (read_jvm(name, path.read_text("utf-8", "replace")) for name, path in logs.items() if path.is_file())
    return [one for one in found if one is not None]


def otherwise(jvms: list[Jvm], settings: Mapping[str, Any]) -> str | None:
    """How the JVMs differ from what the cell pins, in a sentence; None where all are as asked for.

    Args:
        settings: the cluster's, complete; `gc: JVM` pins no collector.
    """
    for jvm in jvms:
        asked = "driver_memory" if jvm.name == "driver" else "executor_memory"
        heap = memory_bytes(settings[asked])
        if abs(jvm.heap - heap) > heap * _SLACK:
            return f"the JVM of {jvm.name} has a heap of {jvm.heap // 1024**2} MiB where {asked} is {settings[asked]}"
        if settings["gc"] not in ("JVM", jvm.collector):
            return f"the JVM of {jvm.name} runs the {jvm.collector} collector where gc is {settings['gc']}"
    return None


def recorded(jvms: list[Jvm]) -> list[dict[str, Any]]:
    """For the trial's facts, as plain JSON."""
    return [asdict(jvm) for jvm in jvms]
