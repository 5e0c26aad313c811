"""Whether a trial ran with what its cell asks for: JVMs by their own word, executors and properties by Spark's.

A trial that ran with something else is a failed trial: its numbers would be another cell's. What nobody tells can't
be held against anything, so a JVM without a word counts as another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparkbed.platforms.settings import memory_bytes
from sparkbed.run.jvms import DRIVER, Jvm

_SLACK = 0.02
"""A heap is rounded to the collector's own unit of memory."""

_JOINED = ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions")
"""Spark and templates/spark/spark-defaults.conf.j2 put options of their own before these."""

_PROCESSORS = "-XX:ActiveProcessorCount="
_REDACTED = "*********(redacted)"
"""What Spark writes in place of a secret (spark.redaction.regex)."""


@dataclass(frozen=True)
class Asked:
    """What a trial is held against.

    Args:
        settings: the cluster's, complete; `gc: JVM` pins no collector.
        executors: how many there have to be; None for a program that does not wait for them.
        processor_limit: how many processors an executor may use; None for all of its machine's.
        launched: the properties that the launch itself gave, which go over the cell's.
    """

    settings: Mapping[str, Any]
    executors: int | None = None
    processor_limit: int | None = None
    launched: Collection[str] = field(default=())


def otherwise(jvms: Sequence[Jvm], application: Mapping[str, Any], asked: Asked) -> str | None:
    """How a trial differs from what was asked for, in a sentence; None where it does not.

    Args:
        application: what the event log says (`EventLog.facts`); empty where there is none.
    """
    checks = (
        _missing(jvms, application, asked),
        _jvms(jvms, asked.settings),
        _processors(jvms, asked),
        _cores(application, asked.settings),
        _properties(application, asked),
    )
    return next((found for check in checks for found in check), None)


def _missing(jvms: Sequence[Jvm], application: Mapping[str, Any], asked: Asked) -> Iterator[str]:
    unknown = "so that its heap and collector can't be held against the cell's"
    if all(jvm.name != DRIVER for jvm in jvms):
        yield f"the driver left no GC log of Java 17 or later, {unknown}"
    logged = Counter(jvm.executor for jvm in jvms if jvm.executor is not None)
    for one in _executors(application):
        if one["id"] not in logged:
            yield f"executor {one['id']} on {one['host']} left no GC log of Java 17 or later, {unknown}"
    if asked.executors is not None and logged.total() != asked.executors:
        yield f"{logged.total()} executors left GC logs where the cell has {asked.executors} executors"


def _jvms(jvms: Sequence[Jvm], settings: Mapping[str, Any]) -> Iterator[str]:
    for jvm in jvms:
        setting = "driver_memory" if jvm.name == DRIVER else "executor_memory"
        heap = memory_bytes(settings[setting])
        if abs(jvm.heap - heap) > heap * _SLACK:
            had = f"{jvm.heap // 1024**2} MiB"
            yield f"the JVM of {jvm.name} has a heap of {had} where {setting} is {settings[setting]}"
        if settings["gc"] not in ("JVM", jvm.collector):
            yield f"the JVM of {jvm.name} runs the {jvm.collector} collector where gc is {settings['gc']}"


def _processors(jvms: Sequence[Jvm], asked: Asked) -> Iterator[str]:
    """Executors see what their limit leaves of the driver's processors, where the machines have the same number.

    Compared with the driver and not with the machine, since the whole test bed may be confined to a part of that.
    """
    options = asked.settings["spark_properties"]
    if any(_PROCESSORS in str(options.get(name, "")) for name in _JOINED):
        return  # as the cell wants it
    driver = next((jvm for jvm in jvms if jvm.name == DRIVER), None)
    for jvm in jvms:
        if jvm is driver or driver is None or jvm.machine != driver.machine:
            continue
        expected = min(driver.processors, asked.processor_limit or driver.processors)
        if jvm.processors != expected:
            yield f"the JVM of {jvm.name} sees {jvm.processors} processors where the cell gives it {expected}"


def _executors(application: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All that ever registered, without the driver, which is one of its own where a program runs in local mode."""
    return [one for one in application.get("executors", ()) if one["id"] != DRIVER]


def _cores(application: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    for one in _executors(application):
        if one["cores"] != settings["executor_cores"]:
            yield f"executor {one['id']} has {one['cores']} cores where executor_cores is {settings['executor_cores']}"


def _properties(application: Mapping[str, Any], asked: Asked) -> Iterator[str]:
    """The cell's properties against those that Spark ran with; a program's own code goes over them, for one."""
    had = application.get("properties")
    if not had:
        return
    for name, wanted in asked.settings["spark_properties"].items():
        if name in asked.launched or had.get(name) == _REDACTED:
            continue
        value, wanted = str(had.get(name, "")).strip(), str(wanted).strip()
        if not (value.endswith(wanted) if name in _JOINED else value == wanted):
            yield f"Spark ran with {name}={value} where the cell has {name}={wanted}"
