"""What must hold between the parameters of TeraSort's workloads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sparkbed.workloads.parameters import refusal


def check_tera(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse parameters of a TeraSort workload that do not go together (UsageError); others pass."""
    if "expected-checksum" not in resolved:
        return
    checksum = resolved["expected-checksum"]
    if not checksum:
        return
    if not re.fullmatch("0|[1-9a-f][0-9a-f]{0,31}", checksum):
        raise refusal(
            f"{workload}: expected-checksum {checksum!r} is no hexadecimal number as teravalidate prints it",
            given,
            "expected-checksum",
            "It has at most 32 digits, small letters, and no zeros before it; quote it, or YAML may read a number.",
        )
    if not resolved["validate-folder"]:
        raise refusal(
            f"{workload}: expected-checksum needs validate-folder",
            given,
            "expected-checksum",
            "Records of its own have the checksum that their generator gives.",
        )
