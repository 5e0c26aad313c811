"""A real Spark cluster in containers of a real Docker engine, by our engine and by ansible-core."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_site import Ansible, Ours, Site

from sparkbed import inventory as inventories
from sparkbed import platforms
from sparkbed.errors import PlatformError
from sparkbed.home import ROOT
from sparkbed.platforms import Cluster, ClusterSpec
from sparkbed.remote import Connections

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("docker_engine")]

DOCKER = platforms.get("docker")
START = ROOT / "playbooks" / "docker" / "start.yml"
STOP = ROOT / "playbooks" / "docker" / "stop.yml"

SMALL = {"worker_memory": "512m", "driver_memory": "512m", "runtime": "host"}


@pytest.fixture
def spec(site: Site) -> Iterator[Callable[..., ClusterSpec]]:
    """Makes specs under names that no other test run has; what they left is removed afterwards."""
    mine = secrets.token_hex(3)
    made: dict[str, ClusterSpec] = {}

    def make(name: str, **settings: Any) -> ClusterSpec:
        made[name] = ClusterSpec(f"{name}-{mine}", {**SMALL, **settings}, site.inventory, workers=2)
        return made[name]

    yield make
    for one in made.values():
        found = left(one)
        if found["container"]:
            docker("rm", "--force", "--volumes", *found["container"])
        if found["network"]:
            docker("network", "rm", *found["network"])


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=120).stdout


def left(cluster: ClusterSpec) -> dict[str, list[str]]:
    """The ids of the cluster's containers and networks, by the kind."""
    words = ("--quiet", "--filter", f"label=sparkbed.cluster={cluster.name}")
    return {"container": docker("ps", "--all", *words).split(), "network": docker("network", "ls", *words).split()}


NOTHING: dict[str, list[str]] = {"container": [], "network": []}


def roles(cluster: ClusterSpec) -> list[str]:
    found = [json.loads(docker("inspect", one))[0]["Config"]["Labels"] for one in left(cluster)["container"]]
    return sorted(f"{labels['sparkbed.host']}/{labels['sparkbed.role']}" for labels in found)


def play(engine: Ours | Ansible, path: Path, cluster: ClusterSpec) -> int:
    """How many tasks changed something."""
    result = engine.play(path, {"cluster_name": cluster.name, **DOCKER.resolve(cluster.settings)})
    assert result.ok, result.failures
    return sum(counts.changed for counts in result.recap.values())


def submit(cluster: Cluster, program: Path, *folders: Path) -> subprocess.CompletedProcess[str]:
    arguments = DOCKER.submit_arguments(
        cluster, {"spark.app.name": "a 'quoted' $(name)"}, [str(one) for one in folders]
    )
    return subprocess.run(
        [*arguments, str(program)],
        env={"PATH": os.environ["PATH"], **DOCKER.submit_environment(cluster)},
        cwd=cluster.folder,  # a driver on the host writes its log of collections there
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


PROGRAM = """
import os, socket, sys
from pyspark import SparkContext
sc = SparkContext()
places = sc.parallelize(range(100), 8).mapPartitions(lambda n: [(socket.gethostname(), os.getuid(), sum(n))]).collect()
print("application", sc.applicationId)
print("name", sc.appName)
print("version", sc.version)
print("driver", socket.gethostname(), os.getcwd())
print("executors", *sorted({name for name, _, _ in places}))
print("users", *{user for _, user, _ in places})
print("counted", sum(n for _, _, n in places))
open("written", "w").write("by the driver")
sc.stop()
"""


def said(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What the program above printed, by the first word."""
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def test_up_used_again_and_down_without_a_trace(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec], tmp_path: Path
) -> None:
    before = site.trees()
    given = tmp_path / "given"
    given.mkdir()
    (given / "data").write_text("of the user's")
    asked = spec(
        "one",
        gc="Serial",
        worker_cpuset="0",
        worker_cpus="0.75",
        worker_container_memory="1g",
        docker_volumes=[f"{given}:/given:ro"],
        docker_security=["no-new-privileges"],
    )
    cluster = DOCKER.start(asked, ours)
    assert len(cluster.workers) == 2
    assert cluster.containers == f"sparkbed.cluster={asked.name}"
    assert roles(asked) == ["m/master", "w1/worker", "w2/worker"]
    assert len(left(asked)["network"]) == 1
    assert DOCKER.ready(cluster, ours)
    rendered = DOCKER.rendered(cluster, ours)
    assert "-XX:+UseSerialGC" in rendered["m/spark-defaults.conf"]
    assert set(rendered) >= {f"{host}/spark-env.sh" for host in site.folders}
    worker = json.loads(docker("inspect", f"sparkbed-{asked.name}-w1-worker"))[0]["HostConfig"]
    assert (worker["CpusetCpus"], worker["NanoCpus"], worker["Memory"]) == ("0", 750_000_000, 2**30)
    master = json.loads(docker("inspect", f"sparkbed-{asked.name}-m-master"))[0]["HostConfig"]
    assert (master["NanoCpus"], master["Memory"]) == (0, 0)
    assert [one["SecurityOpt"] for one in (master, worker)] == [["no-new-privileges"]] * 2
    assert docker("exec", f"sparkbed-{asked.name}-w1-worker", "cat", "/given/data") == "of the user's"
    with pytest.raises(subprocess.CalledProcessError):
        docker("exec", f"sparkbed-{asked.name}-w1-worker", "touch", "/given/data")

    containers = left(asked)["container"]
    assert play(ours, START, asked) == 0
    with pytest.raises(PlatformError, match="other settings"):
        DOCKER.start(replace(asked, settings={**asked.settings, "gc": "Parallel"}), ours)
    assert left(asked)["container"] == containers

    # the driver in a container: in a folder outside the cluster's, whose name has to be quoted
    outside = tmp_path / "it's outside"
    outside.mkdir()
    program = outside / "program.py"
    program.write_text(PROGRAM)
    found = said(submit(cluster, program, outside))
    assert found["counted"] == "4950"
    assert found["name"] == "a 'quoted' $(name)"
    assert found["executors"] == "w1 w2"
    assert found["users"] == str(os.getuid())
    assert found["driver"].endswith(f" {outside}")
    assert (outside / "written").read_text() == "by the driver"
    assert (outside / "written").stat().st_uid == os.getuid()
    assert left(asked)["container"] == containers, "the driver's container is still there"

    logs = tmp_path / "logs"
    DOCKER.executor_logs(cluster, found["application"], ours, logs)
    brought = sorted(str(path.relative_to(logs)) for path in logs.rglob("*.stderr"))
    assert sorted(one.partition("/")[0] for one in brought) == ["w1", "w2"]

    DOCKER.stop(cluster, ours)
    assert left(asked) == NOTHING
    assert site.trees() == before
    assert play(ours, STOP, asked) == 0
    assert not DOCKER.ready(cluster, ours)


def test_a_driver_on_the_host(ours: Ours, spec: Callable[..., ClusterSpec], tmp_path: Path) -> None:
    cluster = DOCKER.start(spec("hosted", driver_in="host"), ours)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace('open("written"', f"open({str(tmp_path / 'written')!r}"))
    found = said(submit(cluster, program, tmp_path))
    assert found["counted"] == "4950"
    assert found["executors"] == "w1 w2"
    assert found["driver"].split()[0] == os.uname().nodename
    DOCKER.stop(cluster, ours)
    assert left(cluster.spec) == NOTHING


@pytest.mark.parametrize("network", ["", "host"])
def test_a_driver_on_the_host_is_reached_where_the_containers_are(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec], tmp_path: Path, network: str
) -> None:
    """Also where the master's host is not the first of its engine's, which makes the network."""
    hosts = yaml.safe_load(site.inventory.path.read_text())
    spark = hosts["all"]["children"]["spark"]
    spark["children"] = {group: spark["children"][group] for group in ("workers", "master")}
    path = tmp_path / "workers-first.yml"
    path.write_text(yaml.safe_dump(hosts, sort_keys=False))
    inventory = inventories.load(path)
    assert inventory.hosts_of("spark")[0] == "w1"
    asked = replace(spec("met", driver_in="host", docker_network=network), inventory=inventory, daemons=False)
    with Connections(inventory.variables) as connections:
        cluster = DOCKER.start(asked, Ours(replace(site, inventory=inventory), connections))
    if network:
        expected = inventory.variables("m")["ansible_host"]
    else:
        [name] = left(asked)["network"]
        expected = json.loads(docker("network", "inspect", name))[0]["IPAM"]["Config"][0]["Gateway"]
    assert cluster.driver_address == expected
    DOCKER.stop(cluster, ours)
    assert left(asked) == NOTHING


def test_a_python_inside_that_is_not_the_hosts_is_refused(
    site: Site, spec: Callable[..., ClusterSpec], tmp_path: Path
) -> None:
    """As a Python of the distribution is, whose place is the image's own, where the image has another release."""
    for name, line in (("python", f'exec {shlex.quote(sys.executable)} "$@"'), ("other", "echo 3.0 of the image")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    inventory = site.inventory
    for host in site.folders:
        inventory = inventory.with_host_variables(host, {"python": str(tmp_path / "python")})
    asked = spec("other", docker_volumes=[f"{tmp_path / 'other'}:{tmp_path / 'python'}:ro"])
    asked = replace(asked, inventory=inventory, daemons=False)
    with Connections(inventory.variables) as connections, pytest.raises(PlatformError) as caught:
        DOCKER.start(asked, Ours(replace(site, inventory=inventory), connections))
    assert (
        f"{tmp_path / 'python'} is 3.0 of the image inside and {sys.implementation.name} {sys.version.split()[0]}"
        in str(caught.value)
    )
    assert left(asked) == NOTHING


def test_places_for_plain_programs_share_memory_and_a_folder(ours: Ours, spec: Callable[..., ClusterSpec]) -> None:
    asked = replace(spec("places"), daemons=False)
    cluster = DOCKER.start(asked, ours)
    assert roles(asked) == ["m/master", "w1/worker", "w2/worker"]
    # No master will ever say where its page is: to wait for it would take as long as start_timeout, 120 s.
    web = subprocess.run([f"{cluster.folder}/daemon.sh", "web"], capture_output=True, timeout=60, check=False)
    assert web.returncode != 0

    def inside(host: str, line: str) -> str:
        return docker("exec", f"sparkbed-{asked.name}-{host}-worker", "sh", "-c", line)

    inside("w1", f"echo in memory > /dev/shm/x; echo on disk > {cluster.folder}/shared/x")
    assert inside("w2", f"cat /dev/shm/x {cluster.folder}/shared/x") == "in memory\non disk\n"
    assert DOCKER.ready(cluster, ours)
    DOCKER.stop(cluster, ours)
    assert left(asked) == NOTHING


def test_an_image_on_the_hosts_own_network(ours: Ours, spec: Callable[..., ClusterSpec], tmp_path: Path) -> None:
    events = tmp_path / "events"
    asked = spec("same-net", docker_network="host", runtime="image", event_log_dir=str(events))
    cluster = DOCKER.start(asked, ours)
    assert left(asked)["network"] == []
    assert cluster.master_url.startswith(f"spark://{asked.inventory.variables('m')['ansible_host']}:")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    found = said(submit(cluster, program, tmp_path))
    assert (found["counted"], found["version"]) == ("4950", metadata.version("pyspark"))
    assert [one.name.partition(".")[0] for one in events.iterdir()] == [found["application"]]
    DOCKER.stop(cluster, ours)
    assert left(asked) == NOTHING


def test_who_may_not_use_the_engine_is_told_what_to_do(site: Site) -> None:
    if os.geteuid() != 0 or not shutil.which("sudo"):
        pytest.skip("becoming another user needs root and sudo")
    inventory = site.inventory
    nobody = {"ansible_become": True, "ansible_become_user": "nobody", "ansible_python_interpreter": "/usr/bin/python3"}
    for host in site.folders:
        inventory = inventory.with_host_variables(host, nobody)
    with Connections(inventory.variables) as connections, pytest.raises(PlatformError) as caught:
        DOCKER.require([], Ours(replace(site, inventory=inventory), connections))
    assert "permission denied" in str(caught.value)
    assert "group docker" in str(caught.value)
    assert "m, w1, w2: " in str(caught.value)


@pytest.mark.soak
def test_both_engines_end_in_the_same_state(
    site: Site, ours: Ours, ansible: Ansible, spec: Callable[..., ClusterSpec]
) -> None:
    asked = spec("same", **{"spark.locality.wait": "0s"})
    before = site.trees()

    def state(engine: Ours | Ansible, other: Ours | Ansible) -> tuple[dict[str, str], dict[str, str], list[str]]:
        play(engine, START, asked)
        texts = {
            f"{host}/{path.relative_to(folder)}": path.read_text()
            for host, folder in site.folders.items()
            for path in (folder / f"cluster-{asked.name}").rglob("*")
            if path.parent.name in ("conf", "run") or path.name in ("inside.sh", "daemon.sh")
        }
        trees, who = site.trees(), roles(asked)
        assert play(other, START, asked) == 0  # the other one finds nothing to do
        play(engine, STOP, asked)
        assert left(asked) == NOTHING
        assert site.trees() == before
        return texts, trees, who

    by_ours = state(ours, ansible)
    assert any(name.endswith("conf/spark-defaults.conf") for name in by_ours[0])
    # The address of a network's gateway is the engine's choice each time.
    plain = [
        ({k: v for k, v in s[0].items() if not k.endswith("made.json")}, *s[1:])
        for s in (by_ours, state(ansible, ours))
    ]
    assert plain[0] == plain[1]


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"docker_network": "there-is-no-such"}, "network there-is-no-such not found"),
        (
            {"runtime": "image", "base_image": "localhost:9/no/such:image"},
            "base image localhost:9/no/such:image can't be had",
        ),
        ({"worker_cpuset": "4095"}, "4095"),
        ({"spark_daemon_memory": "1k"}, "has ended"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_start_that_fails_names_host_and_cause_and_leaves_nothing(
    site: Site, ours: Ours, spec: Callable[..., ClusterSpec], settings: dict[str, Any], cause: str
) -> None:
    before = site.trees()
    asked = spec("lame", **settings)
    with pytest.raises(PlatformError) as caught:
        DOCKER.start(asked, ours)
    assert cause in str(caught.value)
    assert any(f"{host}: " in caught.value.what for host in site.folders)
    assert left(asked) == NOTHING
    assert site.trees() == before


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("other", ["3.5.3", "4.0.1"])
def test_clusters_of_different_spark_versions_side_by_side(
    ours: Ours, spec: Callable[..., ClusterSpec], tmp_path: Path, other: str
) -> None:
    """The other version comes from the package index, once: its image stays."""
    own = metadata.version("pyspark")
    assert own != other
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    clusters = {
        own: DOCKER.start(spec("own", runtime="image"), ours),
        other: DOCKER.start(spec("other", runtime="image", spark_version=other), ours),
    }
    found = {version: said(submit(cluster, program, tmp_path)) for version, cluster in clusters.items()}
    assert {version: one["version"] for version, one in found.items()} == {own: own, other: other}
    assert {one["counted"] for one in found.values()} == {"4950"}
    images = {version: cluster.locations["image"] for version, cluster in clusters.items()}
    assert all(images[version].startswith(f"sparkbed-spark:{version}-") for version in clusters)
    assert play(ours, START, clusters[other].spec) == 0, "the second start made something anew"
    DOCKER.stop(clusters[own], ours)
    assert left(clusters[own].spec) == NOTHING
    assert DOCKER.ready(clusters[other], ours), "ending one cluster touched the other"
    DOCKER.stop(clusters[other], ours)
    assert left(clusters[other].spec) == NOTHING
