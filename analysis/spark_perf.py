"""A report as spark-perf printed its results: a line of text for each test, or the JSON of its test runners.

A cell's trials are put together: the iterations that are kept, of all trials that succeeded, in order.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis import stats

Data = Mapping[str, Any]

HEAD = "# Test name, test options, median, std dev, min, first, last"
_TIME = "trial_seconds"
_OWN_OPTIONS = ("scale-factor", "executor-deadline", "ignored-batches")
"""Parameters that spark-perf has not, or not as options."""
_PREDICTIONS = {
    "Training time": (_TIME, "trainingTime"),
    "Test time": ("test_seconds", "testTime"),
    "Training Set Metric": ("training_metric", "trainingMetric"),
    "Test Set Metric": ("test_metric", "testMetric"),
}
"""spark-perf's names of what a test that predicts gives: in its text, ours, in its JSON."""
_PERCENTILES = (25, 50, 75, 90, 95, 99)
"""Of a streaming test's batches."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def as_spark_perf(report: Data) -> str:
    """The summary file: `name, options, median, std dev, min, first, last`; MLlib's tests name each number's line.

    A test of which no trial succeeded has FAILED in place of its numbers. One that has no time has the metric that its
    suite compares, and a comment says so; with none of both it has NO TIME. Where two cells have the same name and
    options, as they differ in settings or hosts, the lines say which is which.
    """
    heads = [_head(report, cell) for cell in report["cells"]]
    lines = [HEAD]
    for cell, head in zip(report["cells"], heads, strict=True):
        if heads.count(head) > 1:
            lines.append(f"# {_one_line(cell['label'])}")
        lines += lines_of(report, cell)
    return "\n".join(lines) + "\n"


def lines_of(report: Data, cell: Data) -> list[str]:
    """One cell's lines of the summary file."""
    head, metric = _head(report, cell), _measured(report, cell)
    if "streaming" in _test(cell)["source"]:
        return [f"{head} - {_streamed(cell, metric)}"]
    if metric is None:
        return [f"{head}, {'NO TIME' if _succeeded(cell) else 'FAILED'}"]
    if _predicts(cell):
        named = [f"{title}: {_five(_numbers(cell, one))}" for title, (one, _) in _PREDICTIONS.items()]
        return [head, *named]
    five = _five(_numbers(cell, metric))
    if metric != _TIME:
        return [_one_line(f"# no time, but {metric} [{_unit(cell, metric)}]"), f"{head}, {five}"]
    return [head, f"Time: {five}"] if "MLlib" in _test(cell)["source"] else [f"{head}, {five}"]


def _streamed(cell: Data, metric: str | None) -> str:
    """What stands in a streaming test's line: its batches' times in seconds, or only how it went.

    As with spark-perf, `count` has the batches that do not count, too.
    """
    if metric is None or not _succeeded(cell):
        return "FAILED"
    result = _facts(cell).get("result")
    if isinstance(result, Mapping) and "verdict" in result:
        return str(result["verdict"])
    kept = _numbers(cell, metric)
    figures = {"avg": float(np.mean(kept)), "stdev": float(np.std(kept)), "min": min(kept)}
    figures |= {f"{one}%": float(np.percentile(kept, one)) for one in _PERCENTILES}
    figures["max"] = max(kept)
    told = ", ".join(f"{name}: {value:.3f}" for name, value in figures.items())
    return f"count: {len(_numbers(cell, metric, every=True))}, {told}"


def as_spark_perf_json(report: Data) -> str:
    """A list with what each test's runner printed: name, options, properties, versions, and all repetitions' results.

    As with spark-perf, repetitions that the summary leaves out are among them.
    """
    return json.dumps([_runner(report, cell) for cell in report["cells"]], indent=1, ensure_ascii=False) + "\n"


def _head(report: Data, cell: Data) -> str:
    """Name and options; a streaming test's options stand in brackets."""
    words = [f"--{name}={text}" if text is not None else f"--{name}" for name, text in _options(report, cell).items()]
    test = _test(cell)
    if "streaming" in test["source"]:
        return _one_line(f"{test['short_name']} [ {' '.join(words)} ]")
    return _one_line(f"{test['short_name']}, {' '.join(words)}")


def _measured(report: Data, cell: Data) -> str | None:
    """What stands in a cell's line: its time, or the metric that the suite compares; None without either."""
    return next((one for one in (_TIME, report["campaign"]["metric"]) if _numbers(cell, one)), None)


def _five(values: Sequence[float]) -> str:
    found = stats.five_numbers(values)
    if found is None:
        return "FAILED"
    std = f"{found.std:.3f}"
    return ", ".join([_plain(found.median), std, _plain(found.min), _plain(found.first), _plain(found.last)])


def _plain(value: float) -> str:
    """As Python 2, which spark-perf ran in, printed a number: twelve digits. Only std has three places there."""
    text = f"{value:.12g}"
    return f"{text}.0" if text.lstrip("-").isdecimal() else text


def _runner(report: Data, cell: Data) -> dict[str, Any]:
    facts = _facts(cell)
    java = facts.get("java_version")
    if _predicts(cell):
        columns = {title: _numbers(cell, metric, every=True) for metric, title in _PREDICTIONS.values()}
        results = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=False)]
    else:
        metric = _measured(report, cell) or _TIME
        named = "time" if metric == _TIME else metric
        results = [{named: value} for value in _numbers(cell, metric, every=True)]
    return {
        "testName": _test(cell).get("runner") or _test(cell)["short_name"],
        "options": {name: "true" if text is None else text for name, text in _options(report, cell).items()},
        "sparkConf": {name: str(value) for name, value in cell["settings"].items() if name.startswith("spark.")},
        "sparkVersion": facts.get("spark_version"),
        "systemProperties": {"java.version": java} if java else {},
        "results": results,
    }


def _options(report: Data, cell: Data) -> dict[str, str | None]:
    """The options that the launches had; None marks a flag. What is off or empty is none."""
    resolved = next((t["facts"]["parameters"] for t in cell["trials"] if t["facts"].get("parameters")), None)
    values = dict(resolved if resolved is not None else cell["parameters"])
    if "num-trials" in values:
        values["num-trials"] = report["campaign"]["plan"].get("iterations", values["num-trials"])
    return {
        name: None if value is True else _text(value)
        for name, value in values.items()
        if name not in _OWN_OPTIONS and value is not False and _text(value)
    }


def _text(value: Any) -> str:
    """A value as one word: lists and mappings with commas and without blanks between."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_text(item)}" for name, item in value.items())
    return ",".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)


def _test(cell: Data) -> dict[str, str]:
    """The test's name at spark-perf, and which of its suites it is of."""
    found = next((t["facts"]["test"] for t in cell["trials"] if t["facts"].get("test")), None)
    return found or {"short_name": cell["workload"], "source": ""}


def _facts(cell: Data) -> dict[str, Any]:
    return next((t["facts"].get("workload") or {} for t in cell["trials"] if t["status"] == "ok"), {})


def _succeeded(cell: Data) -> bool:
    return any(trial["status"] == "ok" for trial in cell["trials"])


def _unit(cell: Data, metric: str) -> str:
    return str(next(one["unit"] for trial in cell["trials"] for one in trial["samples"] if one["metric"] == metric))


def _predicts(cell: Data) -> bool:
    return bool(_numbers(cell, "training_metric"))


def _numbers(cell: Data, metric: str, every: bool = False) -> list[float]:
    """The metric's values of the kept iterations (or of every one), trial after trial."""
    done = [trial for trial in cell["trials"] if trial["status"] == "ok"]
    samples = [one for trial in done for one in trial["samples"] if one["metric"] == metric and (every or one["kept"])]
    return [one["value"] for one in samples if math.isfinite(one["value"])]


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8")
