"""The settings of a cluster and its applications that a suite may set, and what each must be."""

from __future__ import annotations

import re
from typing import Any

from sparkbed.documents import Map, expect_keys
from sparkbed.errors import DocumentError
from sparkbed.kinds import kind
from sparkbed.model import Position
from sparkbed.nearest import nearest
from sparkbed.suite.fields import is_scalar

CORES = ("worker_cores", "executor_cores")
MEMORY = ("worker_memory", "executor_memory", "driver_memory")
COLLECTORS_OF_GARBAGE = ("G1", "Parallel", "Serial")
SETTINGS = (*CORES, *MEMORY, "gc", "spark")

_MEMORY = re.compile(r"[1-9]\d*[kmgt]b?", re.IGNORECASE)


def check(settings: Map) -> None:
    """Refuse unknown settings, and values that they can't have.

    Raises:
        DocumentError: with the line of the setting.
    """
    expect_keys(settings, SETTINGS, "settings")
    for key, value in settings.items():
        where = settings.where(key)
        if key in CORES:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DocumentError(f"{key} must be a whole number from 1 on, not {kind(value)}", where=where)
        elif key in MEMORY:
            if not isinstance(value, str) or not _MEMORY.fullmatch(value):
                raise DocumentError(
                    f"{key} must be an amount of memory, not {kind(value)}", where=where, hint="Write it as 512m or 2g."
                )
        elif key == "gc":
            _check_gc(value, where)
        else:
            _check_spark(value, where)


def _check_gc(value: Any, where: Position) -> None:
    if value not in COLLECTORS_OF_GARBAGE:
        raise DocumentError(
            f"gc can't be {value!r}", where=where, hint=nearest(value, COLLECTORS_OF_GARBAGE, every="It is one of")
        )


def _check_spark(value: Any, where: Position) -> None:
    if not isinstance(value, Map):
        raise DocumentError(
            f"settings.spark must be a mapping of Spark's properties, not {kind(value)}",
            where=where,
            hint="Write lines such as 'spark.shuffle.compress: false' below it.",
        )
    for name, setting in value.items():
        if not isinstance(name, str) or not name.startswith("spark."):
            raise DocumentError(
                f"{name!r} is not a property of Spark",
                where=value.where(name),
                hint="Their names begin with 'spark.', as in spark.shuffle.compress.",
            )
        if not is_scalar(setting):
            raise DocumentError(f"{name} must be text or a number, not {kind(setting)}", where=value.where(name))
