"""The client of Mesos' operator API, against a server that answers as its documentation says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from sparkbed.errors import PlatformError
from sparkbed.platforms.mesos_api import MesosMaster, scalars
from tests.platforms.mesos_double import Master


@pytest.fixture
def masters() -> Iterator[tuple[Master, Master]]:
    """Two masters; which of them leads is the test's to say."""
    both = Master(("127.0.0.1", 0)), Master(("127.0.0.1", 0))
    for one in both:
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
    yield both
    for one in both:
        one.shutdown()
        one.server_close()


@pytest.fixture
def master(masters: tuple[Master, Master]) -> Master:
    return masters[0]


def test_weights_are_set_and_read_by_both_ways(master: Master) -> None:
    client = MesosMaster(master.url)
    assert client.weights() == {}
    client.set_weights({"batch": 2, "web": 3.5})
    assert client.weights() == client.old_weights() == {"batch": 2.0, "web": 3.5}
    client.set_old_weights({"batch": 4})
    assert client.weights() == {"batch": 4.0, "web": 3.5}
    put = next(body for method, path, body in master.requests if (method, path) == ("PUT", "/weights"))
    assert json.loads(put) == [{"role": "batch", "weight": 4.0}]
    update = next(json.loads(body) for _, _, body in master.requests if "UPDATE_WEIGHTS" in (body or ""))
    assert update["update_weights"] == {
        "weight_infos": [{"role": "batch", "weight": 2.0}, {"role": "web", "weight": 3.5}]
    }


def test_agents_frameworks_roles_flags_and_metrics(master: Master) -> None:
    master.flags = {"allocation_interval": "1secs"}
    master.weights = {"web": 2.0}
    master.add_agent("a", "cpus:4;mem:1024;ports:[31000-32000]")
    master.agents["gone"] = {**master.agents["a"], "active": False}
    held = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.5}, "role": "*"}]
    info = {"id": {"value": "F-1"}, "name": "pagerank", "role": "web"}
    master.frameworks = [{"framework_info": info, "active": True, "allocated_resources": held * 2}]
    client = MesosMaster(master.url + "/")
    assert client.agents() == [{"id": "S0", "hostname": "a", "resources": {"cpus": 4.0, "mem": 1024.0}}]
    [framework] = client.frameworks()
    assert (framework["id"], framework["role"], framework["active"]) == ("F-1", "web", True)
    assert (framework["allocated"], framework["offered"]) == ({"cpus": 3.0}, {})
    assert client.roles()["web"]["weight"] == 2.0
    assert client.flags() == {"allocation_interval": "1secs"}
    assert client.metrics()["master/elected"] == client.old("/metrics/snapshot")["master/elected"] == 1.0
    assert client.tasks() == []
    assert client.state()["version"] == "1.11.0"


def test_the_leader_is_found_and_remembered(masters: tuple[Master, Master]) -> None:
    follower, leader = masters
    follower.leader = leader.url  # its Location begins with //, as Mesos writes it
    client = MesosMaster(follower.url)
    client.set_weights({"web": 2})
    assert leader.weights == {"web": 2.0}
    assert client.leader == leader.url
    client.set_old_weights({"web": 3})
    assert client.old_weights() == {"web": 3.0}
    assert len(follower.requests) == 1, "the leader is asked from then on"


def test_masters_that_point_to_each_other_are_told(masters: tuple[Master, Master]) -> None:
    masters[0].leader, masters[1].leader = masters[1].url, masters[0].url
    with pytest.raises(PlatformError, match="point to each other") as failed:
        MesosMaster(masters[0].url).weights()
    assert "try again" in str(failed.value)


def test_what_is_refused_is_told_for_people(master: Master) -> None:
    client = MesosMaster(master.url)
    with pytest.raises(PlatformError, match="with 400: Invalid weight for role 'web'") as failed:
        client.set_old_weights({"web": -1})
    assert "above 0" in str(failed.value)
    with pytest.raises(PlatformError, match="UPDATE_WEIGHTS with 400"):
        client.set_weights({"web": 0})
    with pytest.raises(PlatformError, match=r"with 400: .*unknown type"):
        client.call("GET_NOTHING")
    master.forbidden = True
    with pytest.raises(PlatformError, match="with 403") as failed:
        client.set_weights({"web": 1})
    assert "--acls" in str(failed.value)
    master.credentials = ("sparkbed", "secret")
    with pytest.raises(PlatformError, match="with 401: Unauthenticated") as failed:
        client.weights()
    assert "principal" in str(failed.value)
    assert MesosMaster(master.url, "sparkbed", "secret").weights() == {}
    with pytest.raises(PlatformError, match="with 401") as failed:
        MesosMaster(master.url, "sparkbed", "wrong").weights()
    assert "wrong" not in str(failed.value), "no secret is told"
    with pytest.raises(PlatformError, match="with 404"):
        MesosMaster(master.url, "sparkbed", "secret").old("/nothing")
    master.leader = ""
    with pytest.raises(PlatformError, match="with 503: Leader not elected") as failed:
        client.weights()
    assert "choosing a leader" in str(failed.value)


def test_nobody_there_and_something_else_there(master: Master) -> None:
    with pytest.raises(PlatformError, match="does not answer GET_WEIGHTS") as failed:
        MesosMaster("http://127.0.0.1:9", timeout=5).weights()
    assert "Is it up?" in str(failed.value)
    with pytest.raises(PlatformError, match="no JSON"):
        MesosMaster(master.url).old("/health")


def test_only_numbers_are_summed() -> None:
    ports = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]}}
    cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}}
    assert scalars([ports, cpus, cpus]) == {"cpus": 4.0}
