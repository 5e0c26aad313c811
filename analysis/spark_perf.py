"""A report as spark-perf printed its results: a line of text for each test, or the JSON of its test runners.

A cell's trials are put together: the iterations that are kept, of all trials that succeeded, in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis import stats

Data = Mapping[str, Any]

HEAD = "# Test name, test options, median, std dev, min, first, last"
_OWN_OPTIONS = ("scale-factor", "executor-deadline")
"""Parameters that spark-perf has not, or not as options."""
_PREDICTIONS = {
    "Training time": ("trial_seconds", "trainingTime"),
    "Test time": ("test_seconds", "testTime"),
    "Training Set Metric": ("training_metric", "trainingMetric"),
    "Test Set Metric": ("test_metric", "testMetric"),
}
"""spark-perf's names of what a test that predicts gives: in its text, ours, in its JSON."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def as_spark_perf(report: Data) -> str:
    """The summary file: `name, options, median, std dev, min, first, last`; MLlib's tests name each number's line.

    A test without results has FAILED in place of its numbers. Where two cells have the same name and options, as they
    differ in settings or hosts, the lines say which is which.
    """
    heads = [_head(report, cell) for cell in report["cells"]]
    lines = [HEAD]
    for cell, head in zip(report["cells"], heads, strict=True):
        if heads.count(head) > 1:
            lines.append(f"# {_one_line(cell['label'])}")
        lines += _lines(cell, head)
    return "\n".join(lines) + "\n"


def as_spark_perf_json(report: Data) -> str:
    """A list with what each test's runner printed: name, options, properties, versions, and all repetitions' results.

    As with spark-perf, repetitions that the summary leaves out are among them.
    """
    return json.dumps([_runner(report, cell) for cell in report["cells"]], indent=1, ensure_ascii=False) + "\n"


def _head(report: Data, cell: Data) -> str:
    words = [f"--{name}={text}" if text is not None else f"--{name}" for name, text in _options(report, cell).items()]
    return _one_line(f"{_test(cell)['short_name']}, {' '.join(words)}")


def _lines(cell: Data, head: str) -> list[str]:
    if not _numbers(cell, "trial_seconds"):
        return [f"{head}, FAILED"]
    if _predicts(cell):
        named = [f"{title}: {_five(_numbers(cell, metric))}" for title, (metric, _) in _PREDICTIONS.items()]
        return [head, *named]
    five = _five(_numbers(cell, "trial_seconds"))
    return [head, f"Time: {five}"] if "MLlib" in _test(cell)["source"] else [f"{head}, {five}"]


def _five(values: Sequence[float]) -> str:
    found = stats.five_numbers(values)
    if found is None:
        return "FAILED"
    return ", ".join(f"{one:.3f}" for one in (found.median, found.std, found.min, found.first, found.last))


def _runner(report: Data, cell: Data) -> dict[str, Any]:
    facts = _facts(cell)
    java = facts.get("java_version")
    if _predicts(cell):
        columns = {title: _numbers(cell, metric, every=True) for metric, title in _PREDICTIONS.values()}
        results = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=False)]
    else:
        results = [{"time": value} for value in _numbers(cell, "trial_seconds", every=True)]
    return {
        "testName": _test(cell)["short_name"],
        "options": {name: "true" if text is None else text for name, text in _options(report, cell).items()},
        "sparkConf": {name: str(value) for name, value in cell["settings"].items() if name.startswith("spark.")},
        "sparkVersion": facts.get("spark_version"),
        "systemProperties": {"java.version": java} if java else {},
        "results": results,
    }


def _options(report: Data, cell: Data) -> dict[str, str | None]:
    """The options that the launches had; None marks a flag. A flag that is off is none, as with spark-perf."""
    resolved = next((t["facts"]["parameters"] for t in cell["trials"] if t["facts"].get("parameters")), None)
    values = dict(resolved if resolved is not None else cell["parameters"])
    if "num-trials" in values:
        values["num-trials"] = report["campaign"]["plan"].get("iterations", values["num-trials"])
    return {
        name: None if value is True else str(value)
        for name, value in values.items()
        if name not in _OWN_OPTIONS and value is not False
    }


def _test(cell: Data) -> dict[str, str]:
    """The test's name at spark-perf, and which of its suites it is of."""
    found = next((t["facts"]["test"] for t in cell["trials"] if t["facts"].get("test")), None)
    return found or {"short_name": cell["workload"], "source": ""}


def _facts(cell: Data) -> dict[str, Any]:
    return next((t["facts"].get("workload") or {} for t in cell["trials"] if t["status"] == "ok"), {})


def _predicts(cell: Data) -> bool:
    return bool(_numbers(cell, "training_metric"))


def _numbers(cell: Data, metric: str, every: bool = False) -> list[float]:
    """The metric's values of the kept iterations (or of every one), trial after trial."""
    done = [trial for trial in cell["trials"] if trial["status"] == "ok"]
    return [
        one["value"] for trial in done for one in trial["samples"] if one["metric"] == metric and (every or one["kept"])
    ]


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8")
