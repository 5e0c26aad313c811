"""What must hold between the parameters of the streaming tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.workloads.parameters import refusal


def check_streaming(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse parameters of a streaming test that do not go together (UsageError); others pass."""
    if "total-duration" not in resolved or workload == "basic":
        return
    batches = resolved["total-duration"] * 1000 // resolved["batch-duration"]
    if batches <= resolved["ignored-batches"]:
        keys = ("ignored-batches", "batch-duration", "total-duration")
        raise refusal(
            f"{workload}: {resolved['total-duration']} s have {batches} batches of {resolved['batch-duration']} ms, "
            f"and the first {resolved['ignored-batches']} do not count",
            given,
            next((key for key in keys if key in given), keys[0]),
            "Set total-duration higher, or ignored-batches lower.",
        )
    window = resolved.get("window-duration", 0)
    if window % resolved["batch-duration"] != 0:
        raise refusal(
            f"{workload}: window-duration {window} is no multiple of batch-duration {resolved['batch-duration']}",
            given,
            "window-duration" if "window-duration" in given else "batch-duration",
            "A window moves on by a batch each time.",
        )
