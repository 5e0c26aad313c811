"""Campaigns whose hosts are network namespaces of this machine, and such that measure how long hosts take to come."""

from __future__ import annotations

import os

import pytest

from sparkbed.home import Home
from sparkbed.provision import tags
from sparkbed.store import Store
from tests.components import program
from tests.e2e.conftest import SUITE, Bed
from tests.provision.test_netns_nodes import left

pytestmark = pytest.mark.soak


@pytest.fixture(autouse=True)
def able() -> None:
    if os.geteuid() != 0:
        pytest.skip("netns nodes are root's")
    program("sshd", "openssh-server")


KINDS = """
factors:
  hosts:
    process: {inventory: local}
    netns: {inventory: netns}
"""


def test_a_suite_compares_kinds_of_hosts_and_leaves_nothing(bed: Bed) -> None:
    before, _, after = SUITE.partition("factors:")
    text = before + KINDS.strip() + "\n" + after[after.index("workload:") :]
    text = text.replace("baseline: {layout: one-worker}", "baseline: {hosts: process}")
    output = bed.inv("run-suite", bed.suite(trials=1, text=text))
    report = bed.report()
    assert report["campaign"]["status"] == "complete", output
    assert sorted(cell["hosts"]["inventory"] for cell in report["cells"]) == ["local", "netns"]
    assert [trial["status"] for cell in report["cells"] for trial in cell["trials"]] == ["ok", "ok"]
    with Store(bed.home / "sparkbed.db") as store:
        campaign = store.campaign()
        watched = {
            cell["hosts"]["inventory"]: {one.host for trial in cell["trials"] for one in store.series(trial["id"])}
            for cell in report["cells"]
        }
    # A namespace has interfaces of its own, so each host is watched; process nodes are this machine.
    assert watched["local"] == {"localhost"}
    assert watched["netns"] >= {"master-1", "worker-1", "worker-2"}
    names = {host: facts["hostname"] for host, facts in campaign.facts["hosts"].items()}
    assert len({name for host, name in names.items() if host.startswith("netns/")}) == 3
    bed.wait_until_nothing_is_alive()
    assert left(tags.home_id(Home(bed.home))) == []


def test_every_trials_hosts_are_its_own_and_their_times_are_samples(bed: Bed) -> None:
    only = "hosts=netns"
    output = bed.inv("run-suite", "node-up", "--profile", "tiny", "--trials", "2", "--only", only)
    report = bed.report()
    assert report["campaign"]["status"] == "complete", output
    [cell] = report["cells"]
    for trial in cell["trials"]:
        values = {name: [s["value"] for s in trial["samples"] if s["metric"] == name] for name in METRICS}
        assert {name: len(found) for name, found in values.items()} == METRICS
        for number in range(2):
            steps = [values[name][number] for name in list(METRICS)[:3]]
            assert 0 < steps[0] <= steps[1] <= steps[2]
        assert max(values["node_ssh_seconds"]) == values["all_ssh_seconds"][0]
        assert values["node_registered_seconds"] == values["all_registered_seconds"]
        assert values["node_registered_seconds"][0] > min(values["node_ssh_seconds"])
    assert cell["metrics"]["node_registered_seconds"]["n"] == 2
    bed.wait_until_nothing_is_alive()
    assert left(tags.home_id(Home(bed.home))) == []


METRICS = {
    "node_api_seconds": 2,
    "node_running_seconds": 2,
    "node_ssh_seconds": 2,
    "node_registered_seconds": 1,
    "all_ssh_seconds": 1,
    "all_registered_seconds": 1,
}
"""How many samples a trial on a master and one worker has of each."""
