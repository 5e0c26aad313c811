"""Orders of version numbers: loose (any parts), strict (a.b.c with a1, b2), semantic (semver.org), and PEP 440."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_STRICT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", re.ASCII)
_NUMBER = r"(0|[1-9]\d*)"
_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMANTIC = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?", re.ASCII
)


def _loose(text: str) -> Any:
    """Numbers, runs of small letters, and whatever stands between them; numbers and texts have no order."""
    parts = [part for part in re.split(r"(\d+|[a-z]+|\.)", text) if part and part != "."]
    return [int(part) if part.isdecimal() else part for part in parts]


def _strict(text: str) -> Any:
    found = _STRICT.fullmatch(text)
    if not found:
        raise ValueError(f"invalid version number {text!r}")
    major, minor, patch, stage, number = found.groups()
    return int(major), int(minor), int(patch or 0), (stage, int(number)) if stage else ("z", 0)


def _semantic(text: str) -> Any:
    found = _SEMANTIC.fullmatch(text)
    if not found:
        raise ValueError(f"invalid semantic version {text!r}")
    *core, before = found.groups()
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in before.split(".")] if before else []
    return [int(part) for part in core], not before, parts


def _pep440(text: str) -> Any:
    try:
        from packaging.version import Version
    except ImportError:
        raise ValueError("pep440 needs Python's package `packaging`") from None
    return Version(text)


KINDS: dict[str, Callable[[str], Any]] = {
    "loose": _loose,
    "strict": _strict,
    "semver": _semantic,
    "semantic": _semantic,
    "pep440": _pep440,
}
"""What can be compared with Python's operators, for each kind of version."""
