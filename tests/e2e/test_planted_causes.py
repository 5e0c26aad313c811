"""On real Spark, a job that one known cause made slow: the report gives the difference to that cause."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.e2e.conftest import Bed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

PARTS: Mapping[str, Sequence[str]] = {
    "sleep": ("waiting",),
    "gc": ("gc",),
    "slow-shuffle": ("network",),
    "tiny-tasks": ("scheduling", "serialization"),  # what tasks cost beyond their work
    "python": ("python", "python_ready"),
}
"""By planted cause, the parts of a trial (analysis/wall.py) that it belongs to."""
CAMPAIGNS, ENOUGH = 10, 9
BLOCKS = 1
"""One trial a cell: more of them could only make it easier, and take hours."""
SHARE = 0.8


def shares(report: Mapping[str, Any]) -> dict[str, float]:
    """By cause, how much of all that differs, either way, is given to it."""
    causes = {cell["id"]: cell["factors"]["cause"] for cell in report["cells"]}
    found = {}
    for finding in report["findings"]:
        parts = {part["part"]: part["difference"] for part in finding["wall"]["trial_seconds"]}
        own = sum(parts[name] for name in PARTS[causes[finding["cell"]]])
        found[causes[finding["cell"]]] = own / sum(map(abs, parts.values()))
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="hosts with slow links are root's")
def test_a_difference_is_put_down_to_what_brought_it_about(bed: Bed) -> None:
    right: Counter[str] = Counter()
    for number in range(CAMPAIGNS):
        given = ("--trials", str(BLOCKS), "--set", f"seed={number + 1}", "--fresh")
        bed.inv("run-suite", "planted-causes", *given, deadline=1800)
        report = bed.report()
        assert report["campaign"]["status"] == "complete"
        found = shares(report)
        print(number + 1, {cause: round(share, 2) for cause, share in found.items()}, flush=True)
        assert set(found) == set(PARTS)
        right.update(cause for cause, share in found.items() if share >= SHARE)
    assert all(right[cause] >= ENOUGH for cause in PARTS), right
