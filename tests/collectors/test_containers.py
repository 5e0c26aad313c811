"""Containers are watched in their own namespaces and cgroups, those that come late too, and all of it ends."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sparkbed.collectors import get
from sparkbed.collectors.base import Context, Place
from sparkbed.collectors.containers import read
from sparkbed.collectors.places import here


def line(moment: float, **containers: dict[str, object]) -> bytes:
    return json.dumps({"t": 1000 + moment, "m": moment, "containers": containers}).encode() + b"\n"


def counters(packets: int, cpu: float = 0.0) -> dict[str, object]:
    return {"net": {"lo": [0, 0, packets * 100, packets], "eth0": [0, 0, packets, packets * 2]}, "cpu": int(cpu * 1e9)}


def test_a_container_that_was_there_counts_from_the_start_of_the_trial() -> None:
    found = read(line(0, w=counters(1000)) + line(1, w=counters(1010)) + line(2, w=counters(1050)), "h")
    assert {one.metric: one.value for one in found.samples} == {
        "packets.container-loopback": 50.0,
        "bytes.container-loopback": 5000.0,
        "packets.container-card": 100.0,
        "bytes.container-card": 50.0,
    }


def test_a_container_that_comes_late_counts_from_zero_and_one_that_goes_keeps_what_it_had() -> None:
    output = line(0, w=counters(0)) + line(1, w=counters(0), d=counters(30)) + line(2, w=counters(5))
    found = {one.metric: one.value for one in read(output, "h").samples}
    assert found["packets.container-loopback"] == 35.0


def of(namespace: str, packets: int) -> dict[str, object]:
    return {**counters(packets), "namespace": namespace}


def test_containers_that_share_a_namespace_count_it_once() -> None:
    """Whichever of them is seen: one may come late and another go early."""
    looks = [
        line(0, b=of("net:[1]", 1_000_000)),
        line(1, a=of("net:[1]", 1_000_030), b=of("net:[1]", 1_000_030), c=of("net:[2]", 7)),
        line(2, a=of("net:[1]", 1_000_100), c=of("net:[2]", 9)),
    ]
    found = read(b"".join(looks), "h")
    assert {one.metric: one.value for one in found.samples}["packets.container-loopback"] == 109.0
    shown = {series.host for series in found.series if "net.lo.tx_packets" in series.columns}
    assert {series.host for series in found.series} == {"a", "b", "c"}
    assert shown == {"b", "c"}


def test_the_hosts_own_namespace_is_left_to_the_hosts_collector() -> None:
    """Its counters began with the machine, however late a container in it came."""
    own: dict[str, object] = {"namespace": "", "cpu": 5, "memory": 7}
    found = read(line(0, w=own) + line(1, w=own, d=own) + line(2, w=own, d=own), "h")
    assert found.samples == ()
    assert [series.host for series in found.series] == ["d", "w"]
    assert all(not name.startswith("net.") for series in found.series for name in series.columns)


def test_series_are_rates() -> None:
    output = b"".join(line(moment, w=counters(10 * moment, cpu=0.5 * moment)) for moment in range(4))
    (series,) = read(output, "h").series
    assert series.host == "w"
    np.testing.assert_allclose(series.columns["cgroup.cpu"], 0.5)
    np.testing.assert_allclose(series.columns["net.eth0.tx_packets"], 20.0)
    np.testing.assert_allclose(series.times, [1001, 1002, 1003])
    assert set(series.units) == set(series.columns)


def test_the_look_at_the_end_counts_and_is_no_rate_over_a_moment() -> None:
    looks = [line(moment, w=counters(10 * moment)) for moment in range(3)]
    found = read(b"".join([*looks, line(2.001, w=counters(27))]), "h")
    assert {one.metric: one.value for one in found.samples}["packets.container-loopback"] == 27.0
    np.testing.assert_allclose(found.series[0].columns["net.lo.tx_packets"], 10.0)
    late = read(b"".join([*looks, line(2.9, w=counters(29))]), "h")
    np.testing.assert_allclose(late.series[0].columns["net.lo.tx_packets"], 10.0)
    assert len(late.series[0].times) == 3


@pytest.mark.parametrize("output", [line(0) + line(1), b""])
def test_that_no_container_was_seen_is_a_fault_and_not_a_count_of_none(output: bytes) -> None:
    with pytest.raises(ValueError, match="no container of the cluster was seen"):
        read(output, "h")


def test_a_place_that_failed_leaves_no_sum_of_the_others(tmp_path: Path) -> None:
    class Seen:
        def __init__(self, output: bytes) -> None:
            self.output = output

        def stop(self) -> bytes:
            return self.output

    outputs = [line(0, w=counters(0)) + line(1, w=counters(10)), line(0) + line(1)]
    ran = [Place(f"host-{number}", lambda _, output=output: Seen(output)) for number, output in enumerate(outputs)]
    collector = get("containers")
    collector.start(Context(tmp_path, ran, containers="a=b"))
    collected = collector.stop()
    assert collected.samples == ()
    assert "nothing from host-1" in collected.faults[0]


def test_without_containers_there_is_nothing_to_start(tmp_path: Path) -> None:
    collector = get("containers")
    collector.start(Context(tmp_path, [here()]))
    collected = collector.stop()
    assert (collected.series, collected.samples, collected.faults) == ((), (), ())


def test_what_is_no_samplers_line_is_a_fault() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        read(b"nonsense\n", "h")


@pytest.fixture
def label(image: str) -> Iterator[str]:
    """Its containers are removed before their image: in the other order, that would stay without a name."""
    name = f"sparkbed.cluster=test-{uuid.uuid4().hex[:8]}"
    yield name
    found = docker("ps", "--all", "--quiet", "--filter", f"label={name}").split()
    if found:
        docker("rm", "--force", *found)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.fixture
def image(docker_engine: object, tmp_path: Path) -> Iterator[str]:
    """An image of this machine's own shell, kept busy: no registry is needed for it."""
    name = f"sparkbed-test:{uuid.uuid4().hex[:8]}"
    listed = subprocess.run(["ldd", "/bin/sh"], check=True, capture_output=True, text=True, timeout=60).stdout
    files = ["bin/sh", *(word.lstrip("/") for word in listed.split() if word.startswith("/"))]
    archive = tmp_path / "shell.tar"
    subprocess.run(["tar", "-C", "/", "-chf", str(archive), *files], check=True, timeout=60)
    docker("import", "--change", 'ENTRYPOINT ["/bin/sh", "-c", "while :; do :; done"]', str(archive), name)
    yield name
    docker("rmi", "--force", name)


@pytest.mark.full
def test_real_containers_are_found_by_their_label(tmp_path: Path, label: str, image: str) -> None:
    def run(host: str, role: str, network: str = "none") -> str:
        roles = ["--label", f"sparkbed.role={role}"] if role else []
        words = ["--network", network, "--label", label, "--label", f"sparkbed.host={host}", *roles, image]
        return docker("run", "--detach", *words).strip()

    worker = run("worker-1", "worker")
    run("sharing", "worker", f"container:{worker}")
    run("on-the-host", "worker", "host")
    slow = get("containers")
    slow.start(Context(tmp_path, [here()], 60, label))
    collector = get("containers")
    collector.start(Context(tmp_path, [here()], 0.2, label))
    deadline = time.monotonic() + 60
    time.sleep(1.0)
    run("master-1", "")
    while time.monotonic() < deadline:
        time.sleep(1.0)
        if docker("ps", "--quiet", "--filter", f"label={label}").count("\n") == 4:
            break
    time.sleep(1.5)
    collected = collector.stop()
    assert collected.faults == ()
    found = {series.host: series.columns for series in collected.series}
    assert set(found) == {"worker-1/worker", "master-1/driver", "sharing/worker", "on-the-host/worker"}
    for columns in found.values():
        assert np.nanmax(columns["cgroup.cpu"]) > 0.01, "a busy container was not seen"
    # One loopback interface each of `worker-1` and `sharing` together, and of the driver; the host's is not theirs.
    shown = [name for name, columns in found.items() if "net.lo.tx_packets" in columns]
    assert len(shown) == 2
    assert "master-1/driver" in shown
    assert "on-the-host/worker" not in shown
    assert {one.metric: one.value for one in collected.samples}["packets.container-loopback"] < 100

    # A trial may be shorter than the interval: there is a look at its beginning, and one at its end.
    assert "worker-1/worker" in {series.host for series in slow.stop().series}
