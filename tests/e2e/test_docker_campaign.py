"""Campaigns on clusters in containers: kills, lost containers, a missing engine; nothing of ours may be left."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkbed.provision.nodes.session import SYSTEM_PATH
from tests.components import program
from tests.e2e.conftest import Bed, until
from tests.e2e.engine import Engine, nothing_is_left

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("docker_engine")]

SUITE = """
suite: contained
question: Does a campaign on containers end whatever happens?
inventory: local
settings: {runtime: host, executor_memory: 512m, driver_memory: 512m, worker_memory: 512m}
platform: docker
workload: pagerank
parameters: {num-edges: 2000, num-vertices: 200, num-iterations: 2}
trials: TRIALS
iterations: 1
order: sequential
cluster: LIFETIME
collectors: [eventlog, host, containers]
deadline: 5m
"""


def suite(bed: Bed, trials: int = 2, lifetime: str = "shared", name: str = "contained") -> Path:
    path = bed.folder / f"{name}.yml"
    text = SUITE.replace("TRIALS", str(trials)).replace("LIFETIME", lifetime)
    path.write_text(text.replace("suite: contained", f"suite: {name}"))
    return path


def start_into_a_trial(bed: Bed, engine: Engine, path: Path) -> subprocess.Popen[str]:
    """The suite under way, with a driver's container up."""
    process = bed.start("run-suite", path)
    until(lambda: engine.containers("driver"), process)
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def statuses(report: Any) -> list[str]:
    """The trials' statuses in the order in which they were run; each position is there once."""
    trials = sorted((trial for cell in report["cells"] for trial in cell["trials"]), key=lambda one: one["position"])
    assert [trial["position"] for trial in trials] == list(range(1, len(trials) + 1))
    return [trial["status"] for trial in trials]


def test_a_killed_campaign_goes_on_and_leaves_no_container(bed: Bed, engine: Engine) -> None:
    path = suite(bed, trials=1)
    kill(start_into_a_trial(bed, engine, path))
    assert engine.left(), "the killed campaign's containers are gone before anybody ended them"
    output = bed.inv("run-suite", path)
    assert "clearing up after contained-" in output
    assert statuses(bed.report()) == ["ok"]
    nothing_is_left(bed, engine)


@pytest.mark.soak
def test_another_suite_ends_what_a_killed_one_left(bed: Bed, engine: Engine) -> None:
    kill(start_into_a_trial(bed, engine, suite(bed)))
    output = bed.inv("run-suite", suite(bed, trials=1, name="another"))
    assert "clearing up after contained-" in output
    assert statuses(bed.report()) == ["ok"]
    nothing_is_left(bed, engine)


def test_teardown_ends_what_a_killed_campaign_left(bed: Bed, engine: Engine) -> None:
    kill(start_into_a_trial(bed, engine, suite(bed)))
    assert engine.left()
    bed.inv("teardown")
    nothing_is_left(bed, engine)


def test_teardown_ends_what_a_killed_campaign_left_on_hosts_that_stay(bed: Bed, engine: Engine) -> None:
    """The campaign found these hosts, and nobody ends them: only its record names its cluster."""
    bed.inv("provision", "local")
    static = bed.folder / "static.yml"
    shutil.copy(bed.home / "inventories" / "local.yml", static)
    path = suite(bed)
    path.write_text(path.read_text().replace("inventory: local", f"inventory: {json.dumps(str(static))}"))
    kill(start_into_a_trial(bed, engine, path))
    assert engine.left()
    output = bed.inv("teardown", static)
    assert engine.left() == [], output
    assert "Ended 1 cluster on hosts that stay." in output
    assert bed.inv("status").count("  running  ") == 3
    bed.inv("teardown")
    nothing_is_left(bed, engine)


def test_a_workers_container_that_is_removed_costs_one_trial_at_most(bed: Bed, engine: Engine) -> None:
    process = start_into_a_trial(bed, engine, suite(bed))
    lost = engine.containers("worker")[0]
    # Once executors compute: before that the application would wait two minutes for executors that do not come.
    logs = bed.home / "campaigns"
    until(lambda: any("Starting task" in one.read_text() for one in logs.glob("*/trials/*/driver.log")), process)
    engine.docker("rm", "--force", lost)
    output, _ = process.communicate(timeout=600)
    report = bed.report()
    found = statuses(report)
    assert len(found) == 2, output
    assert found.count("failed") <= 1, output
    assert found[-1] == "ok", output
    assert process.returncode == (1 if "failed" in found else 0), output
    assert report["campaign"]["status"] == ("incomplete" if "failed" in found else "complete")
    assert lost not in output
    nothing_is_left(bed, engine)


def refused(bed: Bed, output: str) -> None:
    """It said what to do, ran no trial, and left nothing."""
    assert "Docker can't be used here" in output
    assert output.count("apt-get install docker.io") == 1, output
    assert "Traceback" not in output
    assert [cell["trials"] for cell in bed.report()["cells"]] == [[]]
    bed.wait_until_nothing_is_alive()


def test_where_no_engine_answers_no_trial_is_tried(bed: Bed) -> None:
    bed.environment["DOCKER_HOST"] = f"unix://{bed.folder}/none.sock"
    output = bed.inv("run-suite", suite(bed), code=1)
    assert f"{bed.folder}/none.sock" in output
    refused(bed, output)


def test_where_there_is_no_docker_program_no_trial_is_tried(bed: Bed) -> None:
    programs = {found.resolve() for one in SYSTEM_PATH.split(":") if (found := Path(one) / "docker").exists()}
    # In a mount namespace of its own, where the program can't be executed. `./inv` and its nodes live in there.
    hide = " && ".join([*(f"mount --bind /dev/null {shlex.quote(str(one))}" for one in programs), 'exec "$@"'])
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", hide, "-", "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"hiding the docker program needs root's rights: {tried.stderr.strip()}")
    bed.before = ["unshare", "--mount", "sh", "-c", hide, "-"]
    refused(bed, bed.inv("run-suite", suite(bed), code=1))


class OwnEngine:
    """A Docker engine of the test's own in a network namespace of its own, to be restarted at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "up\n"
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def start(self) -> None:
        folders = [f"--{one}={self.folder / one}" for one in ("data-root", "exec-root", "pidfile")]
        with (self.folder / "log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [*self.inside, "dockerd", "-H", self.host, *folders, "--bridge=none"], stdout=log, stderr=log
            )
        end = time.monotonic() + 120
        while subprocess.run(["docker", "-H", self.host, "info"], capture_output=True).returncode != 0:
            assert self.daemon.poll() is None, (self.folder / "log").read_text()[-3000:]
            assert time.monotonic() < end, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.2)

    def stop(self) -> None:
        self.daemon.terminate()
        self.daemon.wait(timeout=120)

    def close(self) -> None:
        if self.daemon.poll() is None:
            self.stop()
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(f"{self.folder}/"):
                subprocess.run(["umount", line.split()[1]], check=False)
        assert self.holder.stdin is not None
        self.holder.stdin.close()
        self.holder.wait(timeout=60)
        shutil.rmtree(self.folder)


@pytest.fixture
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    if os.geteuid() != 0:
        pytest.skip("only root can start a Docker engine")
    program("dockerd", "docker.io")
    made = OwnEngine(tmp_path_factory.mktemp("engine"))
    made.start()
    yield made
    made.close()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_an_engine_that_is_restarted_costs_one_trial_at_most(own_engine: OwnEngine, bed: Bed, engine: Engine) -> None:
    # The base image comes from the machine's engine: no package archive is reached from within.
    bed.inv("run-suite", suite(bed, trials=1, name="warm"))
    bases = set(engine.docker("images", "--quiet", "--filter", "label=sparkbed.image=base").split())
    assert bases
    names = {name for base in bases for name in json.loads(engine.docker("inspect", base))[0]["RepoTags"]}
    archive = own_engine.folder / "base.tar"
    engine.docker("save", "--output", str(archive), *sorted(names))
    subprocess.run(["docker", "-H", own_engine.host, "load", "--input", str(archive)], check=True, capture_output=True)
    archive.unlink()
    images = subprocess.run(["docker", "-H", own_engine.host, "images", "-aq"], capture_output=True, text=True).stdout

    bed.wait_until_nothing_is_alive()
    bed.environment["DOCKER_HOST"] = own_engine.host
    bed.before = own_engine.inside
    process = start_into_a_trial(bed, engine, suite(bed, trials=3))
    own_engine.stop()
    time.sleep(3)
    own_engine.start()
    output, _ = process.communicate(timeout=900)
    found = statuses(bed.report())
    assert len(found) == 3, output
    assert found.count("failed") <= 1, output
    assert found[-1] == "ok", output
    nothing_is_left(bed, engine)
    assert engine.docker("ps", "--all", "--quiet") == ""
    assert engine.docker("volume", "ls", "--quiet") == ""
    assert engine.docker("images", "-aq") == images


@pytest.mark.timeout(1200)  # four clusters one after the other, beside whatever else the machine does
def test_paper_000_on_few_trials(bed: Bed, engine: Engine) -> None:
    """Experiment 1 of paper 000, cut down to five cells of tiny data: like for like, and the pair of its Table 1."""
    bed.inv("run-suite", "paper-000-spark", "--profile", "tiny", "--only", "cores=one,work=kmeans,platform=*[enr]")
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    by_jvm = {
        jvm: {cell["factors"]["platform"]: cell for cell in report["cells"] if cell["factors"]["jvm"] == jvm}
        for jvm in ("pinned", "usual")
    }
    cells = by_jvm["pinned"]
    assert set(cells) == {"bare", "bare-again", "docker"}
    trials = {name: cell["trials"][0] for name, cell in cells.items()}
    assert all(len(cell["trials"]) == 1 for cell in cells.values())

    # Like for like: what the JVMs themselves say.
    said = {name: {(jvm["collector"], jvm["heap"]) for jvm in trial["facts"]["jvms"]} for name, trial in trials.items()}
    assert said["bare"] == said["docker"] == said["bare-again"] == {("G1", 512 * 2**20)}
    assert [len(trial["facts"]["jvms"]) for trial in trials.values()] == [3, 3, 3]

    # As people run it: the image's own Python and Java, and whichever collector its JVMs choose.
    assert set(by_jvm["usual"]) == {"bare", "docker-image"}
    usual = {name: cell["trials"] for name, cell in by_jvm["usual"].items()}
    assert {name: [len(trial["facts"]["jvms"]) for trial in found] for name, found in usual.items()} == {
        "bare": [3],
        "docker-image": [3],
    }
    assert {jvm["heap"] for found in usual.values() for jvm in found[0]["facts"]["jvms"]} == {512 * 2**20}
    assert usual["docker-image"][0]["values"]["packets.container-loopback"] > 0

    # Packets of the host's namespace for all, and of containers where there are some: JVM with Python, Spark's own.
    assert all(trial["values"]["packets.host-loopback"] > 0 for trial in trials.values())
    assert trials["docker"]["values"]["packets.container-loopback"] > 0
    assert trials["docker"]["values"]["packets.container-card"] > 0
    assert not {"packets.container-loopback", "packets.container-card"} & set(trials["bare"]["values"])

    against = {finding["cell"]: finding for finding in report["findings"]}
    found = against[cells["docker"]["id"]]["wall"]
    tasks = {"cpu", "python", "python_ready", "waiting", "gc", "network", "disk", "lost", "outside"}
    tasks |= {"scheduling", "serialization", "stragglers"}
    assert {part["part"] for part in found["trial_seconds"]} == tasks
    assert {part["part"] for part in found["submit_seconds"]} == {*tasks, "start_up", "ending"}
    for trial in trials.values():
        for whole in ("trial_seconds", "submit_seconds"):
            assert sum(trial["wall"][whole].values()) == pytest.approx(trial["values"][whole])
        assert all(trial["wall"]["submit_seconds"][part] > 0 for part in ("start_up", "ending", "cpu", "waiting"))
        assert 0 < trial["wall"]["trial_seconds"]["cpu"] < trial["wall"]["submit_seconds"]["cpu"]
    text = bed.inv("report", "--format", "md")
    assert "Packets that each cell really sent" in text
    assert "Where a whole submit differs" in text
    assert "Where a trial differs" in text
    nothing_is_left(bed, engine)
