"""One cell under two names, bare and in containers: a report that tells them apart finds what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Bed
from tests.e2e.engine import Engine, nothing_is_left

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("docker_engine"), pytest.mark.timeout(3600)]

SUITE = """
suite: twins
question: Is a cell like itself?
inventory: local
settings: {worker_memory: 512m, executor_memory: 512m, driver_memory: 512m}
factors:
  platform:
    bare: {platform: standalone}
    docker: {platform: docker, settings: {runtime: host}}
  twin:
    one: {}
    other: {alias: the same as one}
workload: python-scheduling-throughput
parameters: {num-tasks: 20, inter-trial-wait: 0}
trials: TRIALS
iterations: 2
warmup: 1
order: randomized
seed: SEED
cluster: shared
collectors: [eventlog, host, containers]
baseline: {twin: one}
deadline: 5m
"""
BLOCKS = 7
"""What two comparisons take before a difference that is large enough always passes."""


def told_apart(bed: Bed, seed: int) -> set[str]:
    """The platforms whose twins the report of a new campaign tells apart."""
    bed.inv("run-suite", bed.suite(BLOCKS, SUITE.replace("SEED", str(seed))), "--fresh", deadline=1700)
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    cells = {cell["id"]: cell for cell in report["cells"]}
    found: dict[str, Any] = {cells[finding["cell"]]["platform"]: finding for finding in report["findings"]}
    assert set(found) == {"standalone", "docker"}
    assert len(report["findings"]) == 2
    for finding in found.values():
        assert cells[finding["cell"]]["factors"]["twin"] == "other"
        assert finding["n"] == [BLOCKS, BLOCKS]
        assert finding["smallest_p"] * 2 <= 0.05, "no verdict would have been possible"
        assert finding["ci_low"] < finding["ratio"] < finding["ci_high"]
        assert finding["verdict"] in ("undecided", "equivalent within 5 %", "slower", "faster")
    return {name for name, finding in found.items() if finding["verdict"] in ("slower", "faster")}


def test_the_same_cell_under_two_names_is_not_told_apart(bed: Bed, engine: Engine) -> None:
    """A verdict at 95 % is wrong in one of twenty campaigns; on the same platform twice in a row, in one of 400."""
    apart = told_apart(bed, 5)
    if apart:
        apart &= told_apart(bed, 6)
    assert not apart
    nothing_is_left(bed, engine)
