"""The task table: which columns it has, where each stands in a SparkListenerTaskEnd event, and how they are gathered.

The parts of the event that are read are declared as types, so that the decoder passes over all else (the accumulables
are most of a task's line) without making objects of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from struct import Struct
from typing import Any

import msgspec
import numpy as np
from msgspec import field

from sparkbed.model import TaskTable

# Fields stand in the order in which Spark writes them, where the decoder finds each at its first look.


class _ShuffleRead(msgspec.Struct, gc=False):
    wait: int = field(default=0, name="Fetch Wait Time")
    remote: int = field(default=0, name="Remote Bytes Read")
    local: int = field(default=0, name="Local Bytes Read")


class _ShuffleWrite(msgspec.Struct, gc=False):
    bytes: int = field(default=0, name="Shuffle Bytes Written")
    time: int = field(default=0, name="Shuffle Write Time")


class _Input(msgspec.Struct, gc=False):
    bytes: int = field(default=0, name="Bytes Read")


class _Output(msgspec.Struct, gc=False):
    bytes: int = field(default=0, name="Bytes Written")


class _Info(msgspec.Struct, gc=False):
    id: int = field(default=0, name="Task ID")
    attempt: int = field(default=0, name="Attempt")
    launch: int = field(default=0, name="Launch Time")
    executor: str = field(default="", name="Executor ID")
    host: str = field(default="", name="Host")
    locality: str = field(default="", name="Locality")
    speculative: bool = field(default=False, name="Speculative")
    getting: int = field(default=0, name="Getting Result Time")
    finish: int = field(default=0, name="Finish Time")
    failed: bool = field(default=False, name="Failed")
    killed: bool = field(default=False, name="Killed")


class _Metrics(msgspec.Struct, gc=False):
    deserialize: int = field(default=0, name="Executor Deserialize Time")
    deserialize_cpu: int = field(default=0, name="Executor Deserialize CPU Time")
    run: int = field(default=0, name="Executor Run Time")
    cpu: int = field(default=0, name="Executor CPU Time")
    peak: int = field(default=0, name="Peak Execution Memory")
    result: int = field(default=0, name="Result Size")
    gc: int = field(default=0, name="JVM GC Time")
    serialization: int = field(default=0, name="Result Serialization Time")
    memory_spilled: int = field(default=0, name="Memory Bytes Spilled")
    disk_spilled: int = field(default=0, name="Disk Bytes Spilled")
    read: _ShuffleRead | None = field(default=None, name="Shuffle Read Metrics")
    write: _ShuffleWrite | None = field(default=None, name="Shuffle Write Metrics")
    input: _Input | None = field(default=None, name="Input Metrics")
    output: _Output | None = field(default=None, name="Output Metrics")


class TaskEnd(msgspec.Struct, gc=False, kw_only=True):
    """What is read of the event. A task that failed early has no metrics."""

    stage: int = field(name="Stage ID")
    stage_attempt: int = field(default=0, name="Stage Attempt ID")
    info: _Info = field(name="Task Info")
    metrics: _Metrics | None = field(default=None, name="Task Metrics")


# The columns of numbers as rows hold them: in the order of the structs above, field by field.
_OF_INFO = {
    "task": "id",
    "attempt": "attempt",
    "launch_ms": "launch",
    "speculative": "speculative",
    "getting_result_ms": "getting",
    "finish_ms": "finish",
    "failed": "failed",
    "killed": "killed",
}
_OF_METRICS = {
    "deserialize_ms": "deserialize",
    "deserialize_cpu_ns": "deserialize_cpu",
    "run_ms": "run",
    "cpu_ns": "cpu",
    "peak_memory": "peak",
    "result_size": "result",
    "gc_ms": "gc",
    "result_serialization_ms": "serialization",
    "memory_spilled": "memory_spilled",
    "disk_spilled": "disk_spilled",
}
_OF_READ = {"fetch_wait_ms": "wait", "remote_bytes_read": "remote", "local_bytes_read": "local"}
_OF_WRITE = {"shuffle_bytes_written": "bytes", "shuffle_write_ns": "time"}
_NUMBERS = (
    *("stage", "stage_attempt", *_OF_INFO, *_OF_METRICS, *_OF_READ, *_OF_WRITE),
    *("input_bytes", "output_bytes", "texts"),
)
_FLAGS = ("failed", "killed", "speculative")
_TEXTS = ("executor", "host", "locality")

COLUMNS = (
    *("stage", "stage_attempt", "task", "attempt", "executor", "host", "launch_ms", "finish_ms", "getting_result_ms"),
    *("locality", "failed", "killed", "speculative"),
    *("deserialize_ms", "deserialize_cpu_ns", "run_ms", "cpu_ns", "result_serialization_ms", "gc_ms"),
    *("fetch_wait_ms", "remote_bytes_read", "local_bytes_read", "shuffle_write_ns", "shuffle_bytes_written"),
    *("memory_spilled", "disk_spilled", "result_size", "input_bytes", "output_bytes", "peak_memory"),
)
"""The columns of the task table. `getting_result_ms` is a moment (0: the result came with the task's end); the other
times of a task are durations. A task without metrics (one that failed early) has zeros."""

_NO_METRICS, _NO_READ, _NO_WRITE = _Metrics(), _ShuffleRead(), _ShuffleWrite()
_NO_INPUT, _NO_OUTPUT = _Input(), _Output()

_of_info: Callable[[_Info], tuple[int, ...]] = attrgetter(*_OF_INFO.values())
_of_metrics: Callable[[_Metrics], tuple[int, ...]] = attrgetter(*_OF_METRICS.values())
_texts_of: Callable[[_Info], tuple[str, ...]] = attrgetter(*_TEXTS)

_ACCUMULABLES, _NEXT, _METRICS = b'"Accumulables":[', b']},"Task ', b'"Task Metrics":'


def _shortened(line: bytes) -> bytes:
    """The event without that list's content and what stands between it and the metrics, which are most of the line.

    Inside a text the quotes would have backslashes. A bracket is found sooner than a name, and mostly it is the right
    one.
    """
    begin = line.find(b"[") + 1
    if line[begin - len(_ACCUMULABLES) : begin] != _ACCUMULABLES:
        begin = line.find(_ACCUMULABLES) + len(_ACCUMULABLES)
    end = line.find(b"]", begin)
    if not line.startswith(_NEXT, end):
        end = line.find(_NEXT, begin)
    metrics = line.find(b"}", end + 2) + len("},")
    if not line.startswith(_METRICS, metrics):
        metrics = line.find(_METRICS, end)
    return line[:begin] + b"]}," + line[metrics:] if len(_ACCUMULABLES) <= begin <= end < metrics else line


class TaskRows:
    """Tasks as they come, some 230 bytes each: row after row of numbers, the last of which stands for its texts."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(TaskEnd).decode
        self._packed = Struct(f"{len(_NUMBERS)}q").pack
        self._rows = bytearray()
        self._texts: dict[tuple[str, ...], int] = {}

    def add(self, line: bytes) -> None:
        """One SparkListenerTaskEnd event.

        Raises:
            msgspec.DecodeError: where it is not one; struct.error for a number beyond 64 bits.
        """
        event = self._decode(_shortened(line))
        info, metrics = event.info, event.metrics or _NO_METRICS
        read, write = metrics.read or _NO_READ, metrics.write or _NO_WRITE
        known = self._texts
        self._rows += self._packed(
            event.stage,
            event.stage_attempt,
            *_of_info(info),
            *_of_metrics(metrics),
            read.wait,
            read.remote,
            read.local,
            write.bytes,
            write.time,
            (metrics.input or _NO_INPUT).bytes,
            (metrics.output or _NO_OUTPUT).bytes,
            known.setdefault(_texts_of(info), len(known)),
        )

    def table(self) -> TaskTable:
        """All columns, in the order of `COLUMNS`."""
        rows = np.frombuffer(self._rows, dtype=np.int64).reshape(-1, len(_NUMBERS))
        columns = {name: rows[:, place] for place, name in enumerate(_NUMBERS)}
        found: Mapping[str, Any] = {
            **{name: column.copy() for name, column in columns.items() if name not in _FLAGS},
            **{name: columns[name] != 0 for name in _FLAGS},
            **{
                name: np.array([one[place] for one in self._texts], dtype=np.str_)[columns["texts"]]
                for place, name in enumerate(_TEXTS)
            },
        }
        return TaskTable({name: found[name] for name in COLUMNS})
