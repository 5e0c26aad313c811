"""Host series from /proc: CPU by state, memory, disk, packets and bytes by interface (see `sampler.py`).

Rates are differences of counters over the time between two samples, and stand at the end of that time.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.interfaces import interface_kind
from sparkbed.collectors.base import Collected
from sparkbed.collectors.scripts import ScriptCollector
from sparkbed.model import Sample, Series

SOURCE = "proc"

Sampled = dict[str, Any]
Floats = NDArray[np.float64]

CPU = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
NET = ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets")


class HostCollector(ScriptCollector):
    def __init__(self) -> None:
        super().__init__("host", ["sampler.py"], lambda context: ["--interval", str(context.interval)], _read)


def _read(output: bytes, host: str) -> Collected:
    return Collected((parse(output, host),), samples=totals(output), facts=disturbances(output))


def disturbances(output: bytes) -> dict[str, float]:
    """What came from outside during the trial, to be held against its time: facts of the place.

    steal:       the share of the CPUs' time that the host of this virtual machine gave to others.
    clock_step:  seconds by which the wall clock was set. It and CLOCK_MONOTONIC are slewed alike, so that only a clock
                 that was set moves against it.
    """
    samples = [json.loads(line) for line in output.splitlines()]
    if len(samples) < 2:
        return {}
    ahead = _column(samples, lambda sample: sample["t"]) - _column(samples, lambda sample: sample["m"])
    found = {"clock_step": _step(ahead)}
    ticks = [_pick([samples[0], samples[-1]], "cpu", index) for index in range(len(CPU))]
    spent = {name: max(float(after - before), 0.0) for name, (before, after) in zip(CPU, ticks, strict=True)}
    total = sum(spent.values())
    return {**found, "steal": spent["steal"] / total} if total > 0 else found


def totals(output: bytes) -> tuple[Sample, ...]:
    """Packets and bytes that the host's interfaces sent during the trial, by kind (see `packet_totals`)."""
    lines = [json.loads(line) for line in output.splitlines()]
    kinds = {name: kind for line in lines for name, kind in line.get("kinds", {}).items()}
    return packet_totals([line.get("net", {}) for line in lines], "host", kinds)


def packet_totals(
    samples: Sequence[Mapping[str, Sequence[int]]], where: str, kinds: Mapping[str, str] | None = None
) -> tuple[Sample, ...]:
    """What one network namespace sent, as samples `packets.WHERE-KIND` and `bytes.WHERE-KIND` (analysis/interfaces.py).

    Args:
        samples: counters by interface, in the order of NET; an interface may come and go.
        kinds: what the kernel says of interfaces, where it was asked.
    """
    sent: dict[str, list[float]] = {}
    for before, after in itertools.pairwise(samples):
        for interface, counters in after.items():
            # An interface that is new since the last look began at zero.
            first = before.get(interface, (0, 0, 0, 0))
            added = sent.setdefault(interface_kind(interface, (kinds or {}).get(interface)), [0.0, 0.0])
            for place, index in enumerate((NET.index("tx_packets"), NET.index("tx_bytes"))):
                added[place] += max(counters[index] - first[index], 0)
    return tuple(
        Sample(f"{what}.{where}-{kind}", values[place], unit)
        for kind, values in sorted(sent.items())
        for place, (what, unit) in enumerate((("packets", "packets"), ("bytes", "B")))
    )


def _step(ahead: Floats) -> float:
    """The largest lasting change of the wall clock's lead.

    A sampler that had to wait between its two looks at the clocks shows too small a lead, once: so the largest of
    what came before and after are compared, of two samples at least where there are enough.
    """
    least = 2 if ahead.size >= 4 else 1
    steps = [float(ahead[i:].max() - ahead[:i].max()) for i in range(least, ahead.size - least + 1)]
    return max(steps, key=abs)


def parse(output: bytes, host: str) -> Series:
    """The sampler's lines as a series: one point fewer than lines, since rates need two.

    Raises:
        ValueError: when a line is not the sampler's.
    """
    samples = [json.loads(line) for line in output.splitlines()]
    columns: dict[str, Floats] = {}
    units: dict[str, str] = {}

    def add(name: str, unit: str, values: Floats) -> None:
        columns[name], units[name] = values, unit

    if len(samples) < 2:
        return Series(host, SOURCE, np.empty(0), {}, {})
    seconds = np.diff(_column(samples, lambda sample: sample["m"]))
    for name, share in _shares(samples).items():
        add(f"cpu.{name}", "share", share)
    total, available = (_pick(samples, "memory", index)[1:] for index in (0, 1))
    add("memory.used", "B", total - available)
    add("memory.available", "B", available)
    for index, name in enumerate(("read_bytes", "write_bytes")):
        add(f"disk.{name}", "B/s", _rate(_pick(samples, "disk", index), seconds))
    for interface in sorted({name for sample in samples for name in sample.get("net", ())}):
        for index, name in enumerate(NET):
            counters = _column(samples, _net(interface, index))
            add(f"net.{interface}.{name}", "B/s" if "bytes" in name else "packets/s", _rate(counters, seconds))
    add("tcp.retransmits", "segments/s", _rate(_column(samples, lambda sample: sample.get("tcp")), seconds))
    add("load.1m", "processes", _column(samples, lambda sample: sample.get("load"))[1:])
    times = _column(samples, lambda sample: sample["t"])[1:]
    return Series(host, SOURCE, times, columns, units)


def _shares(samples: Sequence[Sampled]) -> dict[str, Floats]:
    """Each state's share of all CPUs' time: they sum to 1. irq is hardware's and software's."""
    ticks = np.stack([np.diff(_pick(samples, "cpu", index)) for index in range(len(CPU))])
    # Linux's iowait and idle can step back by a tick or so (proc(5)): no time was spent then.
    ticks = np.maximum(ticks, 0.0)
    total = ticks.sum(axis=0)
    shares = dict(zip(CPU, np.divide(ticks, total, out=np.full_like(ticks, np.nan), where=total > 0), strict=True))
    shares["irq"] = shares["irq"] + shares.pop("softirq")
    return shares


def _rate(counters: Floats, seconds: Floats) -> Floats:
    """Per second; NaN where a counter is missing or has begun anew, as that of an interface made again."""
    change = np.diff(counters)
    rate: Floats = np.divide(change, seconds, out=np.full_like(change, np.nan), where=(seconds > 0) & (change >= 0))
    return rate


def _column(samples: Sequence[Sampled], value: Callable[[Sampled], float | None]) -> Floats:
    found = (value(sample) for sample in samples)
    return np.array([np.nan if one is None else one for one in found], dtype=np.float64)


def _pick(samples: Sequence[Sampled], name: str, index: int) -> Floats:
    return _column(samples, lambda sample: sample[name][index] if name in sample else None)


def _net(interface: str, index: int) -> Callable[[Sampled], float | None]:
    def value(sample: Sampled) -> float | None:
        counters = sample.get("net", {}).get(interface)
        return None if counters is None else counters[index]

    return value
