"""Series of a cluster's containers: each one's network namespace and cgroup (see `container_sampler.py`).

A container's series stand beside its host's, as host `worker-1/worker`: `net.*` of its own interfaces, `cgroup.cpu` in
cores, `cgroup.memory`, and bytes read and written. Containers that share a namespace count it once, and those in the
host's have no `net.*`: the host's series have it. What is on a container's own loopback interface no look at the host
shows: PySpark's JVM and Python talk there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sparkbed.collectors.base import Collected, Context
from sparkbed.collectors.host import NET, SOURCE, Floats, packet_totals
from sparkbed.collectors.scripts import ScriptCollector
from sparkbed.model import Sample, Series

Counters = Mapping[str, Sequence[int]]
"""By interface: bytes and packets received, bytes and packets sent."""


class ContainersCollector(ScriptCollector):
    """Gathers nothing for a cluster without containers."""

    def __init__(self) -> None:
        super().__init__("containers", ["lifetime.py", "container_sampler.py"], _arguments, read)


def _arguments(context: Context) -> list[str] | None:
    if not context.containers:
        return None
    return ["--label", context.containers, "--interval", str(context.interval)]


def read(output: bytes, host: str) -> Collected:  # noqa: ARG001  # containers have names of their own
    """The sampler's lines: a series a container, and what all of them sent together.

    Raises:
        ValueError: when a line is not the sampler's, or there is no container in any: the sampler then looked at
            another engine than the one that runs them, and nothing counted is not zero.
    """
    lines = [json.loads(line) for line in output.splitlines()]
    names = sorted({name for line in lines for name in line["containers"]})
    if not names:
        raise ValueError("no container of the cluster was seen at its Docker engine (DOCKER_HOST, or the usual socket)")
    sent: dict[str, Sample] = {}
    for looks in _namespaces(lines):
        # Counters begin at zero with a namespace, so for a driver's, which comes within the trial, all of them count.
        counters = [{}, *looks.values()] if 0 not in looks else list(looks.values())
        for one in packet_totals(counters, "container"):
            before = sent.get(one.metric)
            sent[one.metric] = Sample(one.metric, one.value + (before.value if before else 0.0), one.unit)
    paced = _paced(lines)
    shown = {name: [line for line in paced if name in line["containers"]] for name in names}
    owners = _owners(lines)
    series = tuple(_series(name, shown[name], name in owners) for name in names if len(shown[name]) > 1)
    return Collected(series, samples=tuple(sent.values()))


def _namespaces(lines: Sequence[Mapping[str, Any]]) -> list[dict[int, Counters]]:
    """The counters of each network namespace, by the number of the look: containers that share one are one.

    The host's own is not among them: what is in it the host's collector counts.
    """
    found: dict[str, dict[int, Counters]] = {}
    for number, line in enumerate(lines):
        for name, one in sorted(line["containers"].items()):
            if "net" in one:
                found.setdefault(one.get("namespace", name), {}).setdefault(number, one["net"])
    return [found[namespace] for namespace in sorted(found)]


def _owners(lines: Sequence[Mapping[str, Any]]) -> set[str]:
    """The containers that a namespace's interfaces are shown with: for each the first that was seen in it."""
    first: dict[str, str] = {}
    for line in lines:
        for name, one in sorted(line["containers"].items()):
            first.setdefault(one.get("namespace", name), name)
    return set(first.values())


def _paced(lines: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Without the look at the end where it came just after the one before: a rate over milliseconds is mostly noise."""
    at = [line["m"] for line in lines[-3:]]
    return lines[:-1] if len(at) == 3 and at[2] - at[1] < (at[1] - at[0]) / 2 else lines


def _series(name: str, lines: Sequence[Mapping[str, Any]], interfaces: bool) -> Series:
    at = np.array([line["m"] for line in lines], dtype=np.float64)
    seconds = np.diff(at)
    own = [line["containers"][name] for line in lines]
    columns: dict[str, Floats] = {}
    units: dict[str, str] = {}

    def add(column: str, unit: str, values: Floats) -> None:
        columns[column], units[column] = values, unit

    add("cgroup.cpu", "cores", _rate([one.get("cpu") for one in own], seconds) / 1e9)
    add("cgroup.memory", "B", _floats([one.get("memory") for one in own])[1:])
    for index, column in enumerate(("read_bytes", "write_bytes")):
        add(f"cgroup.{column}", "B/s", _rate([one["disk"][index] if "disk" in one else None for one in own], seconds))
    nets: list[Counters] = [one.get("net", {}) if interfaces else {} for one in own]
    for interface in sorted({name for net in nets for name in net}):
        for index, column in enumerate(NET):
            values = _rate([net[interface][index] if interface in net else None for net in nets], seconds)
            add(f"net.{interface}.{column}", "B/s" if "bytes" in column else "packets/s", values)
    return Series(name, SOURCE, np.array([line["t"] for line in lines], dtype=np.float64)[1:], columns, units)


def _rate(counters: Sequence[float | None], seconds: Floats) -> Floats:
    rate: Floats = np.diff(_floats(counters)) / seconds
    return rate


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
