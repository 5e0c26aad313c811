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
platform: PLATFORM
settings: {worker_memory: 512m, executor_memory: 512m, driver_memory: 512m}
factors:
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
BLOCKS = 6
"""What one comparison takes before a difference that is large enough always passes."""


def verdict(bed: Bed, platform: str, seed: int) -> Any:
    """The one finding's verdict in a new campaign, in which any would have been possible."""
    suite = SUITE.replace("PLATFORM", platform).replace("SEED", str(seed))
    bed.inv("run-suite", bed.suite(BLOCKS, suite), "--fresh", deadline=1700)
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    [finding] = report["findings"]
    assert finding["n"] == [BLOCKS, BLOCKS]
    assert finding["smallest_p"] <= 0.05
    assert finding["ci_low"] < finding["ratio"] < finding["ci_high"]
    print(platform, finding["verdict"], finding["ratio"], finding["ci_low"], finding["ci_high"], finding["p"])
    return finding["verdict"]


@pytest.mark.parametrize("platform", ["standalone", "docker"])
def test_the_same_cell_under_two_names_is_not_told_apart(bed: Bed, engine: Engine, platform: str) -> None:
    """A verdict at 95 % is wrong in one of twenty campaigns; in two on end, in one of 400."""
    alike = ("undecided", "equivalent within 5 %")
    assert verdict(bed, platform, 5) in alike or verdict(bed, platform, 6) in alike
    nothing_is_left(bed, engine)
