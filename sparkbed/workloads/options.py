"""Parameters as the options of our own programs, in spark-perf's spelling: --name=value, and --name for a flag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_OPTIONS = ("scale-factor",)
"""What has done its work when defaults are filled, and is no option of a program."""


def option_list(
    parameters: Mapping[str, Any], samples_path: object, iterations: int | None, expected_executors: int
) -> list[str]:
    """The options of one launch, in the parameter table's order.

    A program without num-trials repeats in its own way (a streaming test, batch by batch), whatever a suite says.
    """
    values = {name: value for name, value in parameters.items() if name not in NOT_OPTIONS}
    if iterations is not None and "num-trials" in values:
        values["num-trials"] = iterations
    options = [f"--samples={samples_path}", f"--expected-executors={expected_executors}"]
    for name, value in values.items():
        if isinstance(value, bool):
            options += [f"--{name}"] if value else []
        else:
            options.append(f"--{name}={value}")
    return options
