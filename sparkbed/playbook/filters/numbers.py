"""Filters of numbers, sizes and times."""

from __future__ import annotations

import datetime
import math
import re
import time
from typing import Any

from sparkbed.playbook.filters.base import FilterError


def log(value: float, base: float = math.e) -> float:
    return math.log10(value) if base == 10 else math.log(value, base)


def power(value: float, exponent: float) -> float:
    return math.pow(value, exponent)


def root(value: float, base: float = 2) -> float:
    return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))


_UNITS = {"Y": 80, "Z": 70, "E": 60, "P": 50, "T": 40, "G": 30, "M": 20, "K": 10, "B": 0}


def human_readable(size: Any, isbits: bool = False, unit: str | None = None) -> str:
    if isinstance(size, str):
        raise FilterError(f"human_readable takes a number, not {size!r}")
    base = "bits" if isbits else "Bytes"
    for suffix, power in _UNITS.items():
        limit = 1 << power
        if (unit is None and float(size) >= limit) or (unit is not None and unit.upper() == suffix[0]):
            break
    name = base if power == 0 else suffix + ("b" if isbits else "B")
    return f"{float(size) / limit:.2f} {name}"


_PREFIXES = {"Y": "yotta", "Z": "zetta", "E": "exa", "P": "peta", "T": "tera", "G": "giga",
             "M": "mega", "K": "kilo", "B": ""}  # fmt: skip


def human_to_bytes(size: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    match = re.search(r"^([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*$", str(size))
    if not match:
        raise FilterError(f"human_to_bytes can't read {size!r}")
    unit = match[2] or default_unit
    if unit is None:
        return round(float(match[1]))
    suffix = unit[0].upper()
    if suffix not in _UNITS:
        raise FilterError(f"human_to_bytes can't read the unit of {size!r}")
    letter = "b" if isbits else "B"
    short = letter if suffix == "B" else suffix + letter
    if len(unit) > 1 and unit != short and unit.lower() != _PREFIXES[suffix] + ("bit" if isbits else "byte"):
        raise FilterError(f"human_to_bytes takes {short} or {suffix}, not the unit of {size!r}")
    return round(float(match[1]) * (1 << _UNITS[suffix]))


def to_datetime(text: str, format: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:
    return datetime.datetime.strptime(text, format)


def strftime(format: str, second: Any = None, utc: bool = False) -> str:
    moment = None if second is None else float(second)
    return time.strftime(format, time.gmtime(moment) if utc else time.localtime(moment))
