"""The prototypes of paper 000 end to end: a plain workload beside a cluster without daemons."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.store import Store
from tests.e2e.conftest import Bed
from tests.e2e.engine import Engine, nothing_is_left

pytestmark = pytest.mark.full


def test_the_prototypes_run_bare_with_every_collector(bed: Bed) -> None:
    output = bed.inv(
        *("run-suite", "paper-000-ipc", "--profile", "tiny", "--only", "platform=standalone, *size=4096"),
        *("--set", "collectors=[eventlog, host]"),
    )
    assert not bed.alive()
    report = bed.report()
    assert report["campaign"]["status"] == "complete", output
    assert len(report["cells"]) == 8
    for cell in report["cells"]:
        assert cell["metrics"]["trial_seconds"]["n"] == 1
        assert cell["metrics"]["with_start_seconds"]["median"] > cell["metrics"]["trial_seconds"]["median"]
    with Store(bed.home / "sparkbed.db") as store:
        for trial in store.trials(store.campaign().id):
            assert trial.facts["faults"] == []
            assert trial.facts["collectors"] == ["host"]
            assert {one.host for one in store.series(trial.id)}
    assert not list(bed.home.rglob("exchange-*"))


def test_a_cell_that_is_tight_enough_has_no_more_trials(bed: Bed) -> None:
    output = bed.inv(
        *("run-suite", "paper-000-ipc", "--profile", "tiny", "--only", "platform=standalone, *way=tcp, *size=4096"),
        *("--set", "trials={until: 95%, max: 90}"),
    )
    report = bed.report()
    [cell] = report["cells"]
    metric = cell["metrics"]["trial_seconds"]
    assert (metric["ci_high"] - metric["ci_low"]) / 2 <= 0.95 * metric["median"]
    assert report["campaign"]["status"] == "complete"
    assert 6 <= metric["n"] < 90
    assert f"its interval is tight enough after {metric['n']} trials" in output
    page = Path(next(line for line in output.splitlines() if line.startswith("Report: ")).removeprefix("Report: "))
    assert "until half of the interval of its median is at most 95 % of it; from 6 to 90" in page.read_text()


def test_a_side_that_says_nothing_is_a_failed_trial_with_its_reason(bed: Bed) -> None:
    bed.inv(
        *("run-suite", "paper-000-ipc", "--profile", "tiny", "--only", "platform=standalone, *way=mmap, *size=4096"),
        *("--set", "parameters.step-deadline=0.001"),
        code=1,
    )
    [cell] = bed.report()["cells"]
    [trial] = cell["trials"]
    assert trial["status"] == "failed"
    assert "said nothing for 0.001 s" in trial["error"]
    assert not bed.alive()


SUITE = """
suite: exchanged
question: Do two containers hand over a dataset?
inventory: local
count: {workers: 2}
platform: docker
settings: {runtime: host}
workload: exchange
parameters: {size: 1000000, inter-trial-wait: 0}
factors:
  parameters.way: [shared-file, tcp, posix-shm]
trials: 1
iterations: 2
cluster: shared
collectors: [host, containers]
"""


def test_two_containers_exchange_by_file_network_and_memory(bed: Bed, engine: Engine) -> None:
    output = bed.inv("run-suite", bed.suite(1, SUITE))
    report = bed.report()
    assert report["campaign"]["status"] == "complete", output
    assert sorted(cell["parameters"]["way"] for cell in report["cells"]) == ["posix-shm", "shared-file", "tcp"]
    sent = {}
    with Store(bed.home / "sparkbed.db") as store:
        for trial in store.trials(store.campaign().id):
            assert trial.facts["faults"] == []
            assert {one.host for one in store.series(trial.id)} >= {"worker-1/worker", "worker-2/worker"}
    for cell in report["cells"]:
        [trial] = cell["trials"]
        assert trial["status"] == "ok"
        sent[cell["parameters"]["way"]] = trial["values"]["bytes.container-card"]
    # The reference, a plain stream, goes by their network in every trial; the dataset itself, by one way only.
    assert sent["tcp"] >= max(sent["shared-file"], sent["posix-shm"]) + 2 * 1_000_000
    nothing_is_left(bed, engine)
