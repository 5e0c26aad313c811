"""A platform's plays: run one, and turn a failed one into an error that names host and daemon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkbed.errors import PlatformError
from sparkbed.platforms.base import PlayRunner


def play(runner: PlayRunner, path: Path, extra_vars: Mapping[str, Any], what: str) -> None:
    """Run the playbook at `path`.

    Raises:
        PlatformError: `what`, then each host that failed with what it said, when a task failed or a host is gone.
    """
    result = runner.play(path, extra_vars=extra_vars)
    if result.ok:
        return
    reasons = "; ".join(f"{one.host}: {_said(one.result)}" for one in result.failures)
    raise PlatformError(f"{what}: {reasons}", where=str(path), hint="Whole logs: inv logs.")


def _said(result: Mapping[str, Any]) -> str:
    """What a failed task said: a command's standard error, else the message."""
    for key in ("stderr", "msg", "stdout"):
        text = str(result.get(key) or "").strip()
        if text:
            return text
    return "no reason given"
