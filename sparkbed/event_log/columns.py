"""The task table: which columns it has, where each stands in a SparkListenerTaskEnd event, and how they are gathered.

The parts of the event that are read are declared as types, so that the decoder passes over all else (the accumulables
are most of a task's line) without making objects of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec import field

from sparkbed.model import TaskTable


class _ShuffleRead(msgspec.Struct):
    wait: int = field(default=0, name="Fetch Wait Time")
    remote: int = field(default=0, name="Remote Bytes Read")
    local: int = field(default=0, name="Local Bytes Read")


class _ShuffleWrite(msgspec.Struct):
    time: int = field(default=0, name="Shuffle Write Time")
    bytes: int = field(default=0, name="Shuffle Bytes Written")


class _Input(msgspec.Struct):
    bytes: int = field(default=0, name="Bytes Read")


class _Output(msgspec.Struct):
    bytes: int = field(default=0, name="Bytes Written")


class _Info(msgspec.Struct):
    id: int = field(default=0, name="Task ID")
    attempt: int = field(default=0, name="Attempt")
    executor: str = field(default="", name="Executor ID")
    host: str = field(default="", name="Host")
    launch: int = field(default=0, name="Launch Time")
    finish: int = field(default=0, name="Finish Time")
    getting: int = field(default=0, name="Getting Result Time")
    locality: str = field(default="", name="Locality")
    failed: bool = field(default=False, name="Failed")
    killed: bool = field(default=False, name="Killed")
    speculative: bool = field(default=False, name="Speculative")


class _Metrics(msgspec.Struct):
    deserialize: int = field(default=0, name="Executor Deserialize Time")
    deserialize_cpu: int = field(default=0, name="Executor Deserialize CPU Time")
    run: int = field(default=0, name="Executor Run Time")
    cpu: int = field(default=0, name="Executor CPU Time")
    serialization: int = field(default=0, name="Result Serialization Time")
    gc: int = field(default=0, name="JVM GC Time")
    read: _ShuffleRead | None = field(default=None, name="Shuffle Read Metrics")
    write: _ShuffleWrite | None = field(default=None, name="Shuffle Write Metrics")
    memory_spilled: int = field(default=0, name="Memory Bytes Spilled")
    disk_spilled: int = field(default=0, name="Disk Bytes Spilled")
    result: int = field(default=0, name="Result Size")
    input: _Input | None = field(default=None, name="Input Metrics")
    output: _Output | None = field(default=None, name="Output Metrics")
    peak: int = field(default=0, name="Peak Execution Memory")


class TaskEnd(msgspec.Struct):
    """What is read of the event. A task that failed early has no metrics."""

    stage: int = field(name="Stage ID")
    info: _Info = field(name="Task Info")
    stage_attempt: int = field(default=0, name="Stage Attempt ID")
    metrics: _Metrics | None = field(default=None, name="Task Metrics")


_NUMBERS = (
    *("stage", "stage_attempt", "task", "attempt", "launch_ms", "finish_ms", "getting_result_ms"),
    *("failed", "killed", "speculative"),
    *("deserialize_ms", "deserialize_cpu_ns", "run_ms", "cpu_ns", "result_serialization_ms", "gc_ms"),
    *("fetch_wait_ms", "remote_bytes_read", "local_bytes_read", "shuffle_write_ns", "shuffle_bytes_written"),
    *("memory_spilled", "disk_spilled", "result_size", "input_bytes", "output_bytes", "peak_memory"),
)
_FLAGS = ("failed", "killed", "speculative")
_TEXTS = ("executor", "host", "locality")

COLUMNS = (
    *("stage", "stage_attempt", "task", "attempt", "executor", "host", "launch_ms", "finish_ms", "getting_result_ms"),
    *("locality", "failed", "killed", "speculative"),
    *_NUMBERS[10:],
)
"""The columns of the task table. `getting_result_ms` is a moment (0: the result came with the task's end); the other
times of a task are durations. A task without metrics (one that failed early) has zeros."""

_NO_METRICS, _NO_READ, _NO_WRITE = _Metrics(), _ShuffleRead(), _ShuffleWrite()
_NO_INPUT, _NO_OUTPUT = _Input(), _Output()


_ACCUMULABLES = b'"Accumulables":['
_AFTER = (b']},"Task Executor Metrics":', b']},"Task Metrics":')


def _without_accumulables(line: bytes) -> bytes:
    """The event with that list emptied: it is most of the line. Inside a text the quotes would have backslashes."""
    begin = line.find(_ACCUMULABLES) + len(_ACCUMULABLES)
    end = max(line.find(after, begin) for after in _AFTER)
    return line[:begin] + line[end:] if len(_ACCUMULABLES) <= begin < end else line


class TaskRows:
    """Tasks as they come, some 240 bytes each: row after row in one array of numbers, texts as their numbers."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(TaskEnd)
        self._numbers = array("q")
        self._texts: list[tuple[array[int], dict[str, int]]] = [(array("i"), {}) for _ in _TEXTS]

    def add(self, line: bytes) -> None:
        """One SparkListenerTaskEnd event.

        Raises:
            msgspec.DecodeError: where it is not one; OverflowError for a number beyond 64 bits.
        """
        event = self._decoder.decode(_without_accumulables(line))
        info, metrics = event.info, event.metrics or _NO_METRICS
        read, write = metrics.read or _NO_READ, metrics.write or _NO_WRITE
        row = array(
            "q",
            (
                event.stage, event.stage_attempt, info.id, info.attempt, info.launch, info.finish, info.getting,
                info.failed, info.killed, info.speculative,
                metrics.deserialize, metrics.deserialize_cpu, metrics.run, metrics.cpu, metrics.serialization,
                metrics.gc, read.wait, read.remote, read.local, write.time, write.bytes,
                metrics.memory_spilled, metrics.disk_spilled, metrics.result,
                (metrics.input or _NO_INPUT).bytes, (metrics.output or _NO_OUTPUT).bytes, metrics.peak,
            ),
        )  # fmt: skip
        self._numbers.extend(row)
        for (codes, known), text in zip(self._texts, (info.executor, info.host, info.locality), strict=True):
            codes.append(known.setdefault(text, len(known)))

    def table(self) -> TaskTable:
        """All columns, in the order of `COLUMNS`."""
        rows = np.frombuffer(self._numbers, dtype=np.int64).reshape(-1, len(_NUMBERS))
        found: Mapping[str, Any] = {
            **{name: rows[:, place].copy() for place, name in enumerate(_NUMBERS) if name not in _FLAGS},
            **{name: rows[:, _NUMBERS.index(name)] != 0 for name in _FLAGS},
            **{
                name: np.array(list(known), dtype=np.str_)[np.frombuffer(codes, dtype=np.int32)]
                for name, (codes, known) in zip(_TEXTS, self._texts, strict=True)
            },
        }
        return TaskTable({name: found[name] for name in COLUMNS})
