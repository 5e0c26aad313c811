"""The suite terasort on a real cluster: its files lie in the cluster's own folder, and are gone with it."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Bed

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("only", ["test=sort", "test=generate", "test=validate"])
def test_a_step_of_terasort(bed: Bed, only: str) -> None:
    bed.inv("run-suite", "terasort", "--profile", "tiny", "--only", only)
    [cell] = bed.report()["cells"]
    [trial] = cell["trials"]
    assert trial["status"] == "ok"
    rates = [sample["value"] for sample in trial["samples"] if sample["metric"] == "megabytes_per_second"]
    assert len(rates) == 2
    bed.wait_until_nothing_is_alive()
    assert not list(bed.home.rglob("part-r-*"))
