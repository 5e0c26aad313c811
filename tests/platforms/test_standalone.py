"""A real Spark standalone cluster on real SSH servers, by our engine and by ansible-core."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster_site import Ansible, Ours, Site

from sparkbed import platforms
from sparkbed.errors import PlatformError, UsageError
from sparkbed.home import ROOT
from sparkbed.platforms import Cluster, ClusterSpec

pytestmark = pytest.mark.full

STANDALONE = platforms.get("standalone")
START = ROOT / "playbooks" / "standalone" / "start.yml"
LOGS = ROOT / "playbooks" / "standalone" / "logs.yml"

SMALL = {"worker_memory": "512m", "driver_memory": "512m"}


@pytest.fixture
def spec(site: Site) -> Iterator[Callable[..., ClusterSpec]]:
    """Makes specs; their clusters are ended afterwards, also when the test failed."""
    made: list[ClusterSpec] = []

    def make(name: str, **settings: Any) -> ClusterSpec:
        made.append(ClusterSpec(name, {**SMALL, **settings}, site.inventory, workers=2))
        return made[-1]

    yield make
    for one in made:
        for pid in marked(site, one.name):
            os.kill(pid, signal.SIGKILL)


def marked(site: Site, name: str) -> list[int]:
    """The processes that carry the mark of the cluster `name`, on any host."""
    marks = {f"SPARKBED_CLUSTER={folder / f'cluster-{name}'}".encode() for folder in site.folders.values()}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if marks & set(environment):
                found.append(int(entry.name))
    return sorted(found)


def changed(engine: Ours | Ansible) -> int:
    assert engine.last is not None
    return sum(counts.changed for counts in engine.last.recap.values())


def play_start(engine: Ours | Ansible, cluster: ClusterSpec) -> None:
    settings = STANDALONE.resolve(cluster.settings)
    assert engine.play(START, {"cluster_name": cluster.name, **settings}).ok


def count_to(number: int, cluster: Cluster) -> str:
    """What a small application on the cluster prints: it has to use the executors."""
    program = Path(cluster.folder) / "count.py"
    program.write_text(
        "from pyspark import SparkContext\n"
        "sc = SparkContext()\n"
        f"print('counted', sc.parallelize(range({number}), 4).map(lambda n: n * 2).sum())\n"
        "sc.stop()\n"
    )
    done = subprocess.run(
        [*STANDALONE.submit_arguments(cluster, {"spark.app.name": "a 'quoted' $(name)"}), str(program)],
        env={"PATH": os.environ["PATH"], **STANDALONE.submit_environment(cluster)},
        cwd=cluster.folder,  # the driver writes its log of collections there
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def start_endless(cluster: Cluster) -> subprocess.Popen[bytes]:
    """An application that keeps every executor busy, by the driver's own command line."""
    program = Path(cluster.folder) / "endless.py"
    program.write_text(
        "import time\n"
        "from pyspark import SparkContext\n"
        "SparkContext().parallelize(range(2), 2).foreach(lambda n: time.sleep(600))\n"
    )
    return subprocess.Popen(
        [*STANDALONE.submit_arguments(cluster), str(program)],
        env={"PATH": os.environ["PATH"], **STANDALONE.submit_environment(cluster)},
        cwd=cluster.folder,  # the driver writes its log of collections there
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def until(holds: Callable[[], bool], deadline: float = 90) -> None:
    """Wait until `holds`."""
    end = time.monotonic() + deadline
    while not holds():
        assert time.monotonic() < end, f"not so within {deadline} s"
        time.sleep(0.2)


def test_up_used_again_and_down_without_a_trace(
    site: Site, engine: Ours | Ansible, spec: Callable[..., ClusterSpec]
) -> None:
    before = site.trees()
    asked = spec("one", gc="Serial")
    cluster = STANDALONE.start(asked, engine)
    assert len(cluster.workers) == 2
    daemons = marked(site, "one")
    assert len(daemons) == 3
    assert STANDALONE.ready(cluster, engine)
    assert STANDALONE.expected_executors(cluster) == 2
    rendered = STANDALONE.rendered(cluster, engine)
    assert "-XX:+UseSerialGC" in rendered["m/spark-defaults.conf"]
    assert set(rendered) >= {f"{host}/spark-env.sh" for host in site.folders}

    play_start(engine, asked)
    assert changed(engine) == 0
    with pytest.raises(PlatformError, match="other settings"):
        STANDALONE.start(replace(asked, settings={**asked.settings, "gc": "Parallel"}), engine)
    assert marked(site, "one") == daemons

    assert "counted 9900" in count_to(100, cluster)

    STANDALONE.stop(cluster, engine)
    assert marked(site, "one") == []
    assert site.trees() == before
    assert not [pid for pid in daemons if list(Path("/tmp").glob(f"hsperfdata_*/{pid}"))]
    STANDALONE.stop(cluster, engine)
    assert changed(engine) == 0
    assert not STANDALONE.ready(cluster, engine)


def test_without_daemons_there_are_the_places_and_nothing_runs(
    site: Site, engine: Ours | Ansible, spec: Callable[..., ClusterSpec]
) -> None:
    before = site.trees()
    cluster = STANDALONE.start(replace(spec("plain"), daemons=False), engine)
    assert (cluster.master_url, cluster.workers) == ("", ())
    assert marked(site, "plain") == []
    assert STANDALONE.ready(cluster, engine)
    assert all((folder / "cluster-plain" / "shared").is_dir() for folder in site.folders.values())
    python = STANDALONE.plain_command(cluster)
    done = subprocess.run([*python, "-c", "print(1)"], env=STANDALONE.submit_environment(cluster), capture_output=True)
    assert done.stdout == b"1\n"

    with pytest.raises(PlatformError, match="other settings"), running_marked(cluster):
        STANDALONE.start(replace(cluster.spec, daemons=True), engine)

    STANDALONE.stop(cluster, engine)
    assert site.trees() == before
    assert not STANDALONE.ready(cluster, engine)


@contextmanager
def running_marked(cluster: Cluster) -> Iterator[None]:
    """A program that carries the cluster's mark."""
    environment = STANDALONE.submit_environment(cluster)
    program = subprocess.Popen(
        [*STANDALONE.plain_command(cluster), "-c", "input()"], env=environment, stdin=subprocess.PIPE
    )
    try:
        yield
    finally:
        program.communicate(b"\n", timeout=60)


def test_a_plain_program_reaches_workers_of_this_machine_only(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec]
) -> None:
    cluster = STANDALONE.start(replace(spec("near"), daemons=False), ours)
    assert STANDALONE.inside(cluster, cluster.driver_host) == []
    with pytest.raises(UsageError, match="w1 may be another machine"):
        STANDALONE.inside(cluster, "w1")
    inventory = cluster.spec.inventory
    for host in site.folders:
        inventory = inventory.with_host_variables(host, {"node_kind": "process"})
    assert STANDALONE.inside(replace(cluster, spec=replace(cluster.spec, inventory=inventory)), "w1") == []
    STANDALONE.stop(cluster, ours)


def test_two_clusters_side_by_side(site: Site, ours: Ours, spec: Callable[..., ClusterSpec]) -> None:
    first = STANDALONE.start(spec("left"), ours)
    second = STANDALONE.start(spec("right", worker_cores=2, log_level="error"), ours)
    assert first.master_url != second.master_url
    assert not set(first.workers) & set(second.workers)
    STANDALONE.stop(first, ours)
    assert marked(site, "left") == []
    assert STANDALONE.ready(second, ours)
    STANDALONE.stop(second, ours)


def test_both_engines_end_in_the_same_state(
    site: Site, ours: Ours, ansible: Ansible, spec: Callable[..., ClusterSpec]
) -> None:
    def state(engine: Ours | Ansible) -> tuple[dict[str, str], dict[str, str]]:
        cluster = STANDALONE.start(spec("same", **{"spark.locality.wait": "0s"}), engine)
        texts = STANDALONE.rendered(cluster, engine)
        trees = site.trees()
        other = ansible if engine is ours else ours
        play_start(other, cluster.spec)  # the other one finds nothing to do
        assert changed(other) == 0
        STANDALONE.stop(cluster, engine)
        assert marked(site, "same") == []
        assert site.trees() == before
        STANDALONE.stop(cluster, other)
        assert changed(other) == 0
        return texts, trees

    before = site.trees()
    assert state(ours) == state(ansible)


@pytest.mark.soak  # ours alone fetches them in every campaign
def test_both_engines_fetch_the_same_logs(
    site: Site, ours: Ours, ansible: Ansible, spec: Callable[..., ClusterSpec], tmp_path: Path
) -> None:
    cluster = STANDALONE.start(spec("told"), ours)
    assert "counted 9900" in count_to(100, cluster)
    until(lambda: len(marked(site, "told")) == 3)  # executors have ended, so what they wrote is complete
    works = [site.folders[host] / "cluster-told" / "work" for host in ("w1", "w2")]
    (application,) = {path.name for work in works for path in work.iterdir()}
    fetched = []
    for name, engine in (("ours", ours), ("theirs", ansible)):
        asked = {"cluster_name": "told", "application": application, "into": str(tmp_path / name)}
        assert engine.play(LOGS, asked).ok
        assert changed(engine) == 0
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        fetched.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert fetched[0] == fetched[1]
    assert {name.split("/")[0] for name in fetched[0]} == {"w1", "w2"}
    assert any(b"Running task" in text for text in fetched[0].values())
    STANDALONE.stop(cluster, ours)


def test_a_taken_port_is_named_and_nothing_is_left(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec], taken_port: int
) -> None:
    before = site.trees()
    with pytest.raises(PlatformError, match=rf"port {taken_port} on {re.escape(site.address)} is taken"):
        STANDALONE.start(spec("late", spark_master_port=taken_port), ours)
    assert marked(site, "late") == []
    assert site.trees() == before


def test_a_daemon_that_dies_fails_the_start_at_once_with_its_last_lines(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec]
) -> None:
    with pytest.raises(PlatformError) as caught:
        STANDALONE.start(spec("tiny", spark_daemon_memory="1k"), ours)
    assert "the master on" in str(caught.value)
    assert "has ended" in str(caught.value)
    assert "heap" in str(caught.value)
    assert marked(site, "tiny") == []


def test_a_worker_that_does_not_start_fails_the_start_and_ends_the_others(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec]
) -> None:
    before = site.trees()
    asked = spec("lame")
    broken = asked.inventory.with_host_variables("w2", {"java_home": "/nonexistent"})
    runner = Ours(replace(site, inventory=broken), ours.connections)
    with pytest.raises(PlatformError, match=r"w2: the worker on \S+ has ended[\s\S]*nonexistent"):
        STANDALONE.start(replace(asked, inventory=broken), runner)
    assert marked(site, "lame") == []
    assert site.trees() == before


def test_a_worker_that_is_gone_is_noticed(site: Site, ours: Ours, spec: Callable[..., ClusterSpec]) -> None:
    cluster = STANDALONE.start(spec("half"), ours)
    pid = int((site.folders["w1"] / "cluster-half" / "run" / "worker.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: not STANDALONE.ready(cluster, ours))
    STANDALONE.stop(cluster, ours)


def test_hosts_that_do_not_fit_are_refused(site: Site, ours: Ours) -> None:
    with pytest.raises(UsageError, match="group workers has 2 hosts"):
        STANDALONE.start(ClusterSpec("many", SMALL, site.inventory, workers=3), ours)


def test_stop_finds_what_a_crash_left(site: Site, ours: Ours, spec: Callable[..., ClusterSpec]) -> None:
    cluster = STANDALONE.start(spec("crashed"), ours)
    before = {name: mode for name, mode in site.trees().items() if "cluster-crashed" not in name}
    application = start_endless(cluster)
    # three daemons, the driver's JVM and Python, two executors with a Python daemon and a worker each
    until(lambda: len(marked(site, "crashed")) >= 3 + 2 + 6)
    for host in site.folders.values():  # pid files and settings are lost
        for path in (host / "cluster-crashed" / "run").iterdir():
            path.unlink()
    STANDALONE.stop(cluster.spec, ours)
    assert application.wait(timeout=60) != 0
    assert marked(site, "crashed") == []
    assert site.trees() == before
