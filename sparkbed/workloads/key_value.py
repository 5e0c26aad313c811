"""What must hold between the parameters of the key-value tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.workloads.parameters import refusal

_TAKE_HASHES = ("-int", "-sort-by-key", "-count")
"""How the names of tests end that never make numbers of their text records, or have none."""


def check_key_value(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse key-value parameters that do not go together (UsageError); others pass.

    The widths are spark-perf's guard; as there, the width of the count itself must fit.
    """
    if "key-length" not in resolved:
        return
    for count, length in (("unique-keys", "key-length"), ("unique-values", "value-length")):
        width = len(str(resolved[count]))
        if width > resolved[length]:
            raise refusal(
                f"{workload}: {count} {resolved[count]} has {width} digits; {length} is {resolved[length]}",
                given,
                length if length in given else count,
                f"Set {length} to {width} or more.",
            )
    if resolved["num-records"] < resolved["num-partitions"]:
        raise refusal(
            f"{workload}: {resolved['num-records']} records are less than one for each of "
            f"{resolved['num-partitions']} partitions",
            given,
            "num-records" if "num-records" in given else "num-partitions",
            "Set num-records to at least num-partitions.",
        )
    if resolved["hash-records"] and not workload.endswith(_TAKE_HASHES):
        raise refusal(
            f"{workload}: hash-records makes records that are not numbers, as this test needs them",
            given,
            "hash-records",
            "Leave it out.",
        )
    if resolved["wait-for-exit"] and workload.startswith("python-"):
        raise refusal(
            f"{workload}: spark-submit gives a Python program no standard input, so wait-for-exit would wait forever",
            given,
            "wait-for-exit",
            "Leave it out.",
        )
    _check_storage(workload, resolved, given)


def _check_storage(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    if resolved["persistent-type"] != "hdfs":
        return
    if not resolved["storage-location"]:
        raise refusal(
            f"{workload}: persistent-type hdfs needs a storage-location",
            given,
            "persistent-type",
            "Name the URL of a folder that every executor reaches, such as hdfs://namenode:9000/test/spark-perf-kv-data.",
        )
