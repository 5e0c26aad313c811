"""Reading the JSON lines that a program writes beside its run.

{"metric": "trial_seconds", "value": 1.23, "unit": "s", "iteration": 1}
{"metric": "trial_seconds", "value": 1.23, "unit": "s", "iteration": 1, "kept": false}
{"fact": "executors", "value": 2}
{"error": "wrong result: ..."}
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sparkbed.model import Sample


class Reading(NamedTuple):
    """What a samples file held; `error` is the program's own, or says which line can't be read."""

    samples: list[Sample]
    facts: dict[str, Any]
    error: str | None


def read_samples(lines: Iterable[str], warmup: int = 0) -> Reading:
    """The samples, facts and error in the lines of a samples file, however its program ended.

    Samples of the first `warmup` iterations come with kept=False. A last line that was cut off (the program was
    killed while it wrote) is left out and stands under the fact `truncated_line`. Other lines that can't be read
    are left out too, and the first of them becomes the error unless the program named one.
    """
    samples: list[Sample] = []
    facts: dict[str, Any] = {}
    told: str | None = None
    unreadable: str | None = None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    for position, (number, line) in enumerate(numbered, 1):
        try:
            record = json.loads(line)
            if "error" in record:
                told = told or str(record["error"])
            elif "fact" in record:
                facts[str(record["fact"])] = _fact(str(record["fact"]), record["value"])
            else:
                samples.append(sample_of(record, warmup))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            if position == len(numbered) and isinstance(error, json.JSONDecodeError):
                facts["truncated_line"] = line.rstrip("\n")
            else:
                unreadable = unreadable or f"line {number} of the samples is not a sample: {line.strip()[:200]}"
    return Reading(samples, facts, told or unreadable)


def _fact(name: str, value: Any) -> Any:
    """The value of a fact. Those that times are worked out from have to be moments.

    Raises:
        ValueError: when it is none.
    """
    moments = value if name == "iterations_began" else [value] if name == "ended" else []
    if not isinstance(moments, list) or not all(type(one) in (int, float) and math.isfinite(one) for one in moments):
        raise ValueError(f"{name} is no moment in Unix seconds: {value!r}")
    return value


def sample_of(record: Mapping[str, Any], warmup: int = 0) -> Sample:
    """The sample in one record: metric and value are needed; unit is empty and iteration None when absent.

    One that its program says is not kept does not count, whatever `warmup` is.

    Raises:
        ValueError, KeyError, TypeError: when it holds no sample.
    """
    value, iteration = record["value"], record.get("iteration")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"not a finite number: {value!r}")
    if iteration is not None and (isinstance(iteration, bool) or not isinstance(iteration, int) or iteration < 1):
        raise ValueError(f"iterations count from 1: {iteration!r}")
    metric = record["metric"]
    if not isinstance(metric, str) or not metric:
        raise ValueError(f"not a metric's name: {metric!r}")
    told = record.get("kept", True)
    if not isinstance(told, bool):
        raise TypeError(f"kept is true or false: {told!r}")
    kept = told and (iteration is None or iteration > warmup)
    return Sample(metric, float(value), str(record.get("unit") or ""), iteration, kept)
