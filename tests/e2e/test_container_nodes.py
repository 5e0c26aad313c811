"""A campaign whose hosts are containers of this machine's Docker engine, each with a network of its own."""

from __future__ import annotations

import pytest

from sparkbed.store import Store
from tests.e2e.conftest import Bed
from tests.e2e.engine import Engine, nothing_is_left

pytestmark = pytest.mark.soak  # tests/provision and tests/platforms have the parts in every run


def test_a_suite_runs_on_containers_as_hosts_and_leaves_nothing(bed: Bed, engine: Engine) -> None:
    output = bed.inv("run-suite", bed.suite(trials=1), "--inventory", "containers", "--only", "layout=two-workers")
    assert "launching master-1, worker-1, worker-2 (container)" in output
    assert "Report: " in output
    report = bed.report()
    assert report["campaign"]["status"] == "complete", output
    [cell] = report["cells"]
    assert cell["hosts"]["inventory"] == "containers"
    assert [trial["status"] for trial in cell["trials"]] == ["ok"]
    with Store(bed.home / "sparkbed.db") as store:
        campaign = store.campaign()
        [trial] = store.trials(campaign.id)
        assert trial.facts["faults"] == []
        # Each host has a network namespace, so each is watched, and none is this machine.
        assert {one.host for one in store.series(trial.id)} >= {"master-1", "worker-1", "worker-2"}
    assert len({facts["hostname"] for facts in campaign.facts["hosts"].values()}) == 3
    nothing_is_left(bed, engine)
