"""kill -9 of the orchestrator at any moment: the next run goes on, counts nothing twice, and leaves nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Bed, until


def kill_somewhere(bed: Bed, suite: Path, seconds: float) -> bool:
    """Start the suite and kill it after so long; False when it had ended by itself."""
    process = bed.start("run-suite", suite)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    killed = process.poll() is None
    process.kill()
    process.communicate()
    return killed


def check_whole(bed: Bed, trials: int) -> None:
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    assert [len(cell["trials"]) for cell in report["cells"]] == [trials, trials]
    assert sorted(position for _, position in bed.trials()) == list(range(1, 2 * trials + 1))
    bed.wait_until_nothing_is_alive()


@pytest.mark.full
def test_a_killed_campaign_goes_on(bed: Bed) -> None:
    suite = bed.suite(trials=1)
    process = bed.start("run-suite", suite)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[1/2]"):
            break
    # Into the second trial, which is the other cell's.
    until(lambda: len(list(bed.home.glob("campaigns/*/trials/*/driver.log"))) == 2, process)
    time.sleep(2)
    process.kill()
    process.communicate()
    output = bed.inv("run-suite", suite)
    assert "clearing up after" in output
    assert "1 of them done already" in output
    check_whole(bed, 1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_kills_at_random_moments(bed: Bed) -> None:
    """From the first host to the last trial: the moments are spread over what is left of the campaign."""
    suite = bed.suite(trials=6)
    chance = random.Random(20261120)
    kills = 0
    while kills < 10:
        if not kill_somewhere(bed, suite, chance.uniform(0.3, 30)):
            break
        kills += 1
    assert kills >= 5, "the campaign ended too early to have been killed often enough"
    bed.inv("run-suite", suite)
    check_whole(bed, 6)
