"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from sparkbed.durations import seconds
from sparkbed.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), ("1.5m", 90), (45, 45), ("45", 45)],
)
def test_durations(text: object, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "5x", "m", "-5s", 0, -1, True, None, [], "0s", float("inf"), float("nan")]
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(UsageError, match="ttl must be a length of time") as caught:
        seconds(text, what="ttl", where="hosts.yml:4")
    assert str(caught.value).startswith("hosts.yml:4: ")
