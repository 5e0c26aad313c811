"""Host series by sysstat, where it is installed: `sar` recorded and `sadf -j` converted on the host itself.

The same columns as `host.py` where sysstat has them, from its own counters. It samples once a second at most, and not
memory.used, which it counts otherwise than as total less available.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from sparkbed.collectors.base import Collected, Context
from sparkbed.collectors.scripts import ScriptCollector
from sparkbed.model import Series

SOURCE = "sar"

_SECTOR = 512  # sadf's bread and bwrtn count blocks of this many bytes
_KIB = 1024

Statistics = dict[str, Any]


class SarCollector(ScriptCollector):
    def __init__(self) -> None:
        super().__init__("sar", ["sar_recorder.py"], _arguments, lambda output, host: Collected((parse(output, host),)))


def _arguments(context: Context) -> list[str]:
    return ["--interval", str(max(1, round(context.interval)))]


_COLUMNS: dict[str, tuple[str, Callable[[Statistics], float]]] = {
    # column: its unit, and where sadf has it. User time is without guests' there, and with it in /proc and here.
    "cpu.user": ("share", lambda row: (_cpu(row)["usr"] + _cpu(row)["guest"]) / 100),
    "cpu.nice": ("share", lambda row: (_cpu(row)["nice"] + _cpu(row)["gnice"]) / 100),
    "cpu.system": ("share", lambda row: _cpu(row)["sys"] / 100),
    "cpu.iowait": ("share", lambda row: _cpu(row)["iowait"] / 100),
    "cpu.steal": ("share", lambda row: _cpu(row)["steal"] / 100),
    "cpu.idle": ("share", lambda row: _cpu(row)["idle"] / 100),
    "cpu.irq": ("share", lambda row: (_cpu(row)["irq"] + _cpu(row)["soft"]) / 100),
    "memory.available": ("B", lambda row: row["memory"]["avail"] * _KIB),
    "disk.read_bytes": ("B/s", lambda row: row["io"]["io-reads"]["bread"] * _SECTOR),
    "disk.write_bytes": ("B/s", lambda row: row["io"]["io-writes"]["bwrtn"] * _SECTOR),
    "tcp.retransmits": ("segments/s", lambda row: row["network"]["net-etcp"]["retrans"]),
    "load.1m": ("processes", lambda row: row["queue"]["ldavg-1"]),
}

_INTERFACE = {
    "rx_packets": ("packets/s", "rxpck", 1),
    "tx_packets": ("packets/s", "txpck", 1),
    "rx_bytes": ("B/s", "rxkB", _KIB),
    "tx_bytes": ("B/s", "txkB", _KIB),
}


def parse(output: bytes, host: str) -> Series:
    """What `sadf -j` printed as a series; empty when the trial was over before sar's first second.

    Raises:
        ValueError: when it is not what sadf prints.
    """
    if not output.strip():
        return Series(host, SOURCE, np.empty(0), {}, {})
    try:
        statistics = json.loads(output)["sysstat"]["hosts"][0]["statistics"]
        rows = [row for row in statistics if "timestamp" in row and "cpu-load" in row]
        times = np.array([_time(row["timestamp"]) for row in rows], dtype=np.float64)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"sadf printed something else than sysstat 12 does: {error!r}") from None
    columns, units = {}, {}
    for name, (unit, value) in _COLUMNS.items():
        columns[name], units[name] = np.array([_or_nan(value, row) for row in rows], dtype=np.float64), unit
    interfaces = [_interfaces(row) for row in rows]
    for interface in sorted({name for row in interfaces for name in row}):
        for name, (unit, key, factor) in _INTERFACE.items():
            values = [row.get(interface, {}).get(key, np.nan) * factor for row in interfaces]
            columns[f"net.{interface}.{name}"] = np.array(values, dtype=np.float64)
            units[f"net.{interface}.{name}"] = unit
    return Series(host, SOURCE, times, columns, units)


def _cpu(row: Statistics) -> Statistics:
    found: Statistics = next(cpu for cpu in row["cpu-load"] if cpu["cpu"] in ("all", "-1"))
    return found


def _interfaces(row: Statistics) -> dict[str, Statistics]:
    return {found["iface"]: found for found in row.get("network", {}).get("net-dev", ())}


def _or_nan(value: Callable[[Statistics], float], row: Statistics) -> float:
    """Which activities there are depends on the kernel and on how sysstat was built."""
    try:
        return value(row)
    except (KeyError, StopIteration):
        return np.nan


def _time(stamp: Statistics) -> float:
    # The recorder runs sadf with TZ=UTC, so that this is UTC whatever the host's zone.
    return datetime.fromisoformat(f"{stamp['date']}T{stamp['time']}+00:00").timestamp()
