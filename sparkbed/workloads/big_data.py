"""What must hold between the parameters of the Big Data Benchmark's workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.workloads.parameters import refusal


def check_big_data(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse parameters that do not go together (UsageError); those of other workloads pass."""
    if "num-visits" not in resolved:
        return
    if "://" not in resolved["storage-location"]:
        raise refusal(
            f"{workload}: storage-location {resolved['storage-location']!r} is no URL",
            given,
            "storage-location",
            "Write file:///FOLDER for a folder that all hosts share, or hdfs://NAMENODE:9000/FOLDER.",
        )
    if resolved.get("keep-result") and resolved["result"] == "collect":
        raise refusal(
            f"{workload}: there is no stored result to keep with result collect",
            given,
            "keep-result",
            "Leave it out, or set result to store.",
        )
