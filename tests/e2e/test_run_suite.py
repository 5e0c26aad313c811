"""The main job on real Spark: one small suite from the first host to the report."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.parts import known_parts, task_parts
from analysis.values import trial_values
from sparkbed.store import Store
from tests.e2e.conftest import Bed, bed_in

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bed, str]]:
    """A campaign of two cells and four trials that is over, only to be read; and what it printed."""
    with bed_in(tmp_path_factory.mktemp("finished")) as bed:
        output = bed.inv("run-suite", bed.suite(trials=2))
        assert not bed.alive()
        yield bed, output


def test_a_suite_runs_to_its_report_and_leaves_nothing(finished: tuple[Bed, str]) -> None:
    bed, output = finished
    assert "layout=one-worker" in output
    assert "95 % interval" in output
    page = Path(next(line for line in output.splitlines() if line.startswith("Report: ")).removeprefix("Report: "))
    assert "<svg" in page.read_text()
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    assert report["campaign"]["suite"] == "e2e"
    assert set(bed.trials().values()) == {1}
    for cell in report["cells"]:
        assert [trial["status"] for trial in cell["trials"]] == ["ok", "ok"]
        assert cell["metrics"]["trial_seconds"]["n"] == 2
        for trial in cell["trials"]:
            inside = [s["value"] for s in trial["samples"] if s["metric"] == "trial_seconds"]
            [submit] = [s["value"] for s in trial["samples"] if s["metric"] == "submit_seconds"]
            assert len(inside) == 2
            assert 0 < sum(inside) < submit
            told = f"{trial['values']['trial_seconds']:8.3f} s  (submit {submit:.1f} s)"
            assert told in output, "what a run says of a trial is what its report says"
    [finding] = report["findings"]
    assert finding["verdict"] == "undecided"
    assert "page" not in bed.inv("report", "--format", "md")
    assert bed.inv("report", "--format", "csv").count("submit_seconds") == 4
    assert "driver.log" in bed.inv("logs")


def test_no_secret_is_in_the_record(finished: tuple[Bed, str]) -> None:
    bed, _ = finished
    secrets = [(bed.home / "keys" / "id_ed25519").read_text().splitlines()[2]]
    secrets.append(json.loads((bed.home / "endpoint" / "credentials.json").read_text())["secret_key"])
    with Store(bed.home / "sparkbed.db") as store:
        campaign = store.campaign()
        told = "".join(store.documents(campaign.id).values())
        for trial in store.trials(campaign.id):
            for name in store.artifacts(trial.id):
                told += store.artifact(trial.id, name).decode("utf-8", "replace")
    files = [
        path for path in bed.home.rglob("*") if path.is_file() and path.name not in ("id_ed25519", "credentials.json")
    ]
    told += "".join(path.read_bytes().decode("utf-8", "replace") for path in files)
    assert [secret for secret in secrets if secret in told] == []
    assert "PRIVATE KEY" not in told


def test_the_record_says_where_the_numbers_come_from(finished: tuple[Bed, str]) -> None:
    bed, _ = finished
    with Store(bed.home / "sparkbed.db") as store:
        campaign = store.campaign()
        documents = store.documents(campaign.id)
        trial = store.trials(campaign.id)[0]
        series = store.series(trial.id)
        tasks = store.tasks(trial.id)
        samples = store.samples(campaign.id)[trial.id]
        logs = store.artifacts(trial.id)
    # Which worker gets the first executor is the master's choice.
    assert any(re.fullmatch(r"executors/worker-1/\d+\.stderr", log) for log in logs), logs
    assert int(campaign.facts["hosts"]["worker-1"]["cores"]) >= 1
    assert any(name.endswith("spark-defaults.conf") for name in documents)
    assert "suite: e2e" in documents["suites/e2e.yml"]
    assert {"python", "java", "pyspark"} <= set(campaign.facts["versions"])
    assert campaign.facts["machine"]["cores"] >= 1
    assert campaign.plan["seed"] == 3
    [machine] = series
    assert machine.host == "localhost"
    assert {"cpu.user", "net.lo.rx_packets"} <= set(machine.columns)
    assert tasks is not None
    recorded = known_parts(trial.facts, lambda: None)
    assert recorded is not None
    each = list(map(vars, samples))
    assert recorded == task_parts(each, trial_values(samples), trial.facts, trial.finished, tasks.columns)
    assert recorded.wall["submit_seconds"] is not None
    assert 0 <= trial.facts["application"]["host"]["localhost"]["steal"] < 1
    # 2 iterations of 20 tasks; the program runs some more to warm up and to see the executors.
    assert len(tasks.columns["run_ms"]) >= 40


def test_an_interrupt_leaves_a_campaign_that_goes_on_and_nothing_running(bed: Bed) -> None:
    words = ("run-suite", bed.suite(trials=2), "--only", "*one-worker*")
    process = bed.start(*words)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[1/2]"):
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "run it again to go on" in output
    bed.wait_until_nothing_is_alive()
    assert bed.report()["campaign"]["status"] == "interrupted"
    again = bed.inv(*words)
    assert "1 of them done already" in again
    assert len(bed.trials()) == 2
    assert set(bed.trials().values()) == {1}


def test_two_campaigns_at_once_do_not_meet(bed: Bed) -> None:
    suite = bed.suite(trials=1)
    one = bed.start("run-suite", suite, "--only", "*one-worker*")
    two = bed.start("run-suite", suite, "--only", "*two-workers*")
    outputs = [process.communicate(timeout=600)[0] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], outputs
    with Store(bed.home / "sparkbed.db") as store:
        assert [campaign.status for campaign in store.campaigns()] == ["complete", "complete"]
