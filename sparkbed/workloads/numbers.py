"""The numbers of a user's own program: by pattern from what it printed, or from a file that it wrote."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from sparkbed.errors import RunError, UsageError
from sparkbed.model import Sample
from sparkbed.nearest import nearest
from sparkbed.workloads.parameters import refusal
from sparkbed.workloads.samples import sample_of

RESERVED = ("submit_seconds",)
"""Metrics that sparkbed measures itself around every submit."""


def check_numbers(numbers: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse patterns that can't yield a number (UsageError)."""
    for metric, wanted in numbers.items():
        if not isinstance(metric, str) or not re.fullmatch(r"[A-Za-z_][\w.-]*", metric):
            raise refusal(
                f"numbers: {metric!r} can't be a metric's name", given, "numbers", "Use letters, digits and _ . -"
            )
        if metric in RESERVED:
            raise refusal(f"numbers: {metric} is measured already", given, "numbers", "Choose another name.")
        try:
            compile_pattern(metric, wanted)
        except UsageError as error:
            raise refusal(error.what, given, "numbers", error.hint) from None


def compile_pattern(metric: str, wanted: Any) -> tuple[re.Pattern[str], str]:
    """The pattern and unit of one entry of `numbers`; ^ and $ match at every line.

    Raises:
        UsageError: when it is not a regular expression with exactly one group.
    """
    if isinstance(wanted, Mapping):
        for key in wanted:
            if key not in ("pattern", "unit"):
                raise UsageError(f"numbers: {metric} has no key {key!r}", hint=nearest(key, ("pattern", "unit")))
        pattern, unit = wanted.get("pattern"), wanted.get("unit", "")
    else:
        pattern, unit = wanted, ""
    if not isinstance(pattern, str) or not isinstance(unit, str):
        raise UsageError(
            f"numbers: {metric} needs a regular expression",
            hint="Write metric: 'took ([0-9.]+) s', or metric: {pattern: 'took ([0-9.]+) s', unit: s}.",
        )
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise UsageError(
            f"numbers: the pattern of {metric} is no regular expression: {error}: {pattern}",
            hint="It is one of Python's; a bracket that means itself needs a backslash.",
        ) from None
    if compiled.groups != 1:
        raise UsageError(
            f"numbers: the pattern of {metric} must have one group, not {compiled.groups}: {pattern}",
            hint="Put round brackets around the number, and (?:...) around other alternatives.",
        )
    return compiled, unit


def extract_numbers(text: str, patterns: Mapping[str, Any], warmup: int = 0) -> list[Sample]:
    """The samples that `patterns` (the parameter `numbers`) find in `text`, the driver's output.

    One match is a figure of the whole trial (iteration None); several are iterations 1, 2, ..., of which the first
    `warmup` are not kept.

    Raises:
        RunError: when a pattern is not found, or what it found is no number; it names the pattern.
        UsageError: when a pattern is no regular expression with one group.
    """
    samples: list[Sample] = []
    for metric, wanted in patterns.items():
        pattern, unit = compile_pattern(metric, wanted)
        found = [match.group(1) for match in pattern.finditer(text)]
        if not found:
            raise RunError(
                f"the program printed nothing that matches {metric}'s pattern: {pattern.pattern}",
                hint="Look at what it printed in the trial's driver log.",
            )
        for index, value in enumerate(found, 1):
            iteration = index if len(found) > 1 else None
            record = {"metric": metric, "value": _number(value, metric), "unit": unit, "iteration": iteration}
            samples.append(_sample(record, warmup, f"{metric}'s pattern {pattern.pattern} found"))
    return samples


def read_numbers(text: str, name: str, warmup: int = 0) -> list[Sample]:
    """The samples in a numbers file; `name` is its file name: CSV when it ends in .csv, else JSON lines.

    CSV has a header with metric and value, and may have unit and iteration. A JSON line is a record of the same keys,
    or a plain object of metrics and values.

    Raises:
        RunError: when it holds no number, or something else; it names the line.
    """
    records = _csv_records(text, name) if name.lower().endswith(".csv") else _json_records(text, name)
    samples = [_sample(record, warmup, f"{name}, line {line}:") for line, record in records]
    if not samples:
        raise RunError(f"the numbers file {name} is empty", hint="Does the program write it to this very path?")
    return samples


def _csv_records(text: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    rows = csv.DictReader(io.StringIO(text))
    missing = {"metric", "value"} - set(rows.fieldnames or ())
    if text.strip() and missing:
        raise RunError(f"the numbers file {name} has no column {' and no column '.join(sorted(missing))}")
    records: list[tuple[int, dict[str, Any]]] = []
    for row in rows:
        iteration = _number(row.get("iteration") or "", name) if row.get("iteration") else None
        whole = int(iteration) if isinstance(iteration, float) and iteration.is_integer() else iteration
        value = _number(row["value"] or "", str(row["metric"]))
        records.append((rows.line_num, {**row, "value": value, "iteration": whole}))
    return records


def _json_records(text: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    records: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise RunError(f"{name}, line {number}: not JSON: {error}: {line[:200]}") from None
        if not isinstance(record, dict):
            raise RunError(f"{name}, line {number}: not a JSON object: {line[:200]}")
        if "metric" in record:
            records.append((number, record))
        else:
            records += [(number, {"metric": metric, "value": value}) for metric, value in record.items()]
    return records


def _number(text: str | None, metric: str) -> float:
    """The number in `text`, in which commas may part the thousands; None is what an optional group leaves."""
    if text is None:
        raise RunError(f"{metric}: nothing was found where the number should be, so it is not a number")
    try:
        return float(text.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text) else text)
    except ValueError:
        raise RunError(f"{metric}: {text!r} is not a number") from None


def _sample(record: Mapping[str, Any], warmup: int, where: str) -> Sample:
    try:
        return sample_of(record, warmup)
    except (ValueError, KeyError, TypeError) as error:
        words = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise RunError(f"{where} {words}") from None
