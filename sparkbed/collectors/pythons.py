"""CPU time of Spark's Python workers by application (see `python_sampler.py`): a series `cpu_seconds.APPLICATION`.

Event logs have nothing of it: a task's thread in the JVM waits while its Python worker computes. The series counts up
from 0, so that what was taken between two moments is the difference of two values.
"""

from __future__ import annotations

import json

import numpy as np

from analysis.python_cpu import COLUMN, SOURCE
from sparkbed.collectors.base import Collected, Context
from sparkbed.collectors.scripts import ScriptCollector
from sparkbed.model import Series

INTERVAL = 0.1
"""Seconds between two looks: what a worker takes after the last of them is not seen, as its executor ends with it."""


class PythonCollector(ScriptCollector):
    needs_spark = True

    def __init__(self) -> None:
        super().__init__("python", ["lifetime.py", "python_sampler.py"], _arguments, read)


def _arguments(context: Context) -> list[str]:
    return ["--interval", str(min(INTERVAL, context.interval))]


def read(output: bytes, host: str) -> Collected:
    """The sampler's lines as a series of seconds; without columns where no Python worker ran.

    Raises:
        ValueError: when a line is not the sampler's.
    """
    lines = [json.loads(line) for line in output.splitlines()]
    names = sorted({name for line in lines for name in line["cpu"]})
    times = np.array([line["t"] for line in lines], dtype=np.float64)
    columns = {
        COLUMN.format(name): np.array([line["cpu"].get(name, 0.0) for line in lines], dtype=np.float64)
        for name in names
    }
    return Collected((Series(host, SOURCE, times, columns, dict.fromkeys(columns, "s")),))
