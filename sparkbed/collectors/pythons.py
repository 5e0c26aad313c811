"""Times of Spark's Python workers by application (see `python_sampler.py`).

Series `cpu_seconds.APPLICATION`, and where the kernel counts it `ready_seconds.APPLICATION`: ready to run, but without
a CPU. Event logs have nothing of it: a task's thread in the JVM waits while its Python worker computes. The series
count up from 0, so that what was taken between two moments is the difference of two values.
"""

from __future__ import annotations

import json

import numpy as np

from analysis.python_workers import CPU, READY, SOURCE
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
    times = np.array([line["t"] for line in lines], dtype=np.float64)
    columns = {}
    for kind, column in (("cpu", CPU), ("ready", READY)):
        counted = [line.get(kind, {}) for line in lines]
        for name in sorted({name for one in counted for name in one}):
            columns[column.format(name)] = np.array([one.get(name, 0.0) for one in counted], dtype=np.float64)
    return Collected((Series(host, SOURCE, times, columns, dict.fromkeys(columns, "s")),))
