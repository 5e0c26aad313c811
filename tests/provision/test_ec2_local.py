"""Hosts on the local endpoint, from the inventory to a login, and everything that may go wrong on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import paramiko
import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import HostError, ProvisionError
from sparkbed.home import Home
from sparkbed.inventory import Inventory
from sparkbed.model import Deployment, Machine
from sparkbed.provision import endpoint, keys, local_provider, provider_for, tags
from sparkbed.provision.endpoint import client as endpoint_client
from sparkbed.provision.nodes import marked
from sparkbed.provision.reach import log_in
from sparkbed.provision.user_data import cloud_config


def quiet(_: str) -> None:
    pass


def make_inventory(folder: Path, workers: int, more: str = "") -> Inventory:
    path = folder / f"hosts-{workers}.yml"
    path.write_text(
        "all:\n"
        "  children:\n"
        "    master: {hosts: {master-1: {colour: green}}}\n"
        f"    workers: {{hosts: {{'worker-[1:{workers}]': }}}}\n"
        "  vars:\n"
        "    size: 3\n"
        f"    provision: {{provider: ec2, endpoint: local, node: process{more}}}\n"
    )
    return inventories.load(path)


def provision(home: Home, hosts: Inventory, name: str = "first") -> Deployment:
    return provider_for(hosts, home).provision(hosts, name, quiet)


def wait_until(true: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so after {seconds} s: {what}"
        time.sleep(0.05)


def end_endpoint(home: Home) -> None:
    """Ends every host of a state folder, and its endpoint."""
    provider = local_provider(home)
    for name in {row.deployment for row in provider.status()}:
        provider.teardown(name, quiet)
    running = endpoint.alive(home)
    if running:
        os.kill(running.pid, signal.SIGTERM)
        wait_until(lambda: endpoint.alive(home) is None, "the endpoint has ended")
    assert list(home.nodes.iterdir()) == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = Home(tmp_path_factory.mktemp("state"))
    yield folder
    end_endpoint(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Home]:
    """A state folder of the test's own."""
    folder = Home(tmp_path / "state")
    yield folder
    end_endpoint(folder)


def login(machine: Machine) -> paramiko.SSHClient:
    session = paramiko.SSHClient()
    session.load_host_keys(str(machine.known_hosts))
    session.set_missing_host_key_policy(paramiko.RejectPolicy())
    session.connect(
        machine.address,
        machine.port,
        machine.user,
        key_filename=str(machine.private_key),
        allow_agent=False,
        look_for_keys=False,
        timeout=30,
    )
    return session


def api_of(home: Home) -> Any:
    """A plain boto3 client at the state folder's endpoint."""
    import boto3

    server = endpoint.running(home, quiet)
    return boto3.client(
        "ec2",
        region_name=server.region,
        endpoint_url=server.url,
        aws_access_key_id=server.credentials.access_key,
        aws_secret_access_key=server.credentials.secret_key,
    )


def run(machine: Machine, command: str) -> str:
    with login(machine) as session:
        _, stdout, _ = session.exec_command(command, timeout=60)
        return stdout.read().decode()


def test_three_hosts_come_up_and_can_be_logged_in_to(home: Home, tmp_path: Path) -> None:
    deployment = provision(home, make_inventory(tmp_path, 2), "new")
    assert [machine.name for machine in deployment.machines] == ["master-1", "worker-1", "worker-2"]
    assert len({machine.address for machine in deployment.machines}) == 3
    for machine in deployment.machines:
        assert not machine.adopted
        assert set(machine.timings) == {"api", "running", "ssh"}
        assert run(machine, "pwd").strip() == machine.variables["node_dir"]
        assert run(machine, "echo $SPARKBED_NODE").strip() == f"{machine.instance_id}@{tags.home_id(home)}"
        assert machine.variables["node_kind"] == "process"
    if find_spec("pyspark"):
        assert (Path(deployment.machines[0].variables["spark_home"]) / "bin" / "spark-submit").is_file()


def test_a_second_call_adopts_and_a_third_makes_what_is_missing(home: Home, tmp_path: Path) -> None:
    first = provision(home, make_inventory(tmp_path, 2), "second")
    again = provision(home, make_inventory(tmp_path, 2), "second")
    assert [machine.instance_id for machine in again.machines] == [machine.instance_id for machine in first.machines]
    assert all(machine.adopted and machine.timings == {} for machine in again.machines)
    more = provision(home, make_inventory(tmp_path, 3), "second")
    assert [machine.adopted for machine in more.machines] == [True, True, True, False]
    assert run(more.machines[0], "echo still").strip() == "still"


def test_what_the_inventory_no_longer_has_is_reported_and_kept(home: Home, tmp_path: Path) -> None:
    provision(home, make_inventory(tmp_path, 3), "third")
    fewer = make_inventory(tmp_path, 1)
    said: list[str] = []
    provider_for(fewer, home).provision(fewer, "third", said.append)
    assert any("worker-3 is running but not in this inventory" in line for line in said)
    rows = [row for row in local_provider(home).status() if row.deployment == "third"]
    assert sorted(row.host for row in rows) == ["master-1", "worker-1", "worker-2", "worker-3"]
    assert {(row.state, row.kind) for row in rows} == {("running", "process")}
    assert sorted(local_provider(home).teardown("third", quiet)) == ["master-1", "worker-1", "worker-2", "worker-3"]
    assert [row for row in local_provider(home).status() if row.deployment == "third"] == []


def test_an_instance_without_a_host_goes_to_a_host_of_its_kind(home: Home, tmp_path: Path) -> None:
    """As an interrupted call leaves it: launched, but not yet named."""
    one = provision(home, make_inventory(tmp_path, 1), "orphan")
    api = api_of(home)
    api.create_tags(Resources=[one.machines[1].instance_id], Tags=[{"Key": tags.HOST, "Value": ""}])
    again = provision(home, make_inventory(tmp_path, 1), "orphan")
    assert again.machines[1].instance_id == one.machines[1].instance_id
    local_provider(home).teardown("orphan", quiet)


def test_the_private_files_are_the_owners_alone(home: Home, tmp_path: Path) -> None:
    deployment = provision(home, make_inventory(tmp_path, 2))
    private = [
        keys.client_key(home),
        deployment.machines[0].known_hosts,
        deployment.inventory,
        home.endpoint / "state.json",
        home.endpoint / "credentials.json",
    ]
    assert [oct(path.stat().st_mode & 0o777) for path in private] == ["0o600"] * len(private)
    assert home.keys.stat().st_mode & 0o777 == 0o700


def test_a_changed_host_key_is_refused(home: Home, tmp_path: Path) -> None:
    machine = provision(home, make_inventory(tmp_path, 2)).machines[0]
    keys.write_known_hosts(machine.known_hosts, [(machine.address, machine.port, keys.make_pair().public)])
    with pytest.raises(HostError, match="another host key"):
        log_in(machine, 30)
    provision(home, make_inventory(tmp_path, 2))  # writes it anew from what the API says
    log_in(machine, 30)


def test_the_generated_inventory_says_the_same_and_how_hosts_are_reached(home: Home, tmp_path: Path) -> None:
    given = make_inventory(tmp_path, 2)
    deployment = provision(home, given)
    made = inventories.load(deployment.inventory)
    assert {name: group.hosts for name, group in made.groups.items()} == {
        name: group.hosts for name, group in given.groups.items()
    }
    for machine in deployment.machines:
        variables = made.variables(machine.name)
        assert (variables["ansible_host"], variables["ansible_port"]) == (machine.address, machine.port)
        assert variables["size"] == 3
        assert "provision" not in variables
    assert made.variables("master-1")["colour"] == "green"


@pytest.mark.full
def test_real_ansible_reaches_the_hosts_through_the_generated_inventory(home: Home, tmp_path: Path) -> None:
    deployment = provision(home, make_inventory(tmp_path, 2))
    ansible = Path(sys.executable).with_name("ansible")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    # A socket for connections that are kept would have to be within the home, whose path may be too long for one.
    environment.update(ANSIBLE_PIPELINING="1", ANSIBLE_SSH_ARGS="-o ControlMaster=no")
    answer = subprocess.run(
        [str(ansible), "all", "-i", str(deployment.inventory), "-m", "ansible.builtin.ping"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.count('"ping": "pong"') == 3


def test_teardown_ends_daemons_and_leaves_nothing(home: Home, tmp_path: Path) -> None:
    hosts = make_inventory(tmp_path, 1)
    deployment = provision(home, hosts, "ended")
    machine = deployment.machines[0]
    run(machine, "setsid sleep 1004 </dev/null >/dev/null 2>&1 &")
    marker = f"{machine.instance_id}@{tags.home_id(home)}"
    assert len(marked.carrying(marker)) == 1
    assert sorted(local_provider(home).teardown("ended", quiet)) == ["master-1", "worker-1"]
    assert marked.carrying(marker) == []
    assert not Path(machine.variables["node_dir"]).exists()
    assert not deployment.inventory.exists()
    assert not machine.known_hosts.exists()
    with pytest.raises(OSError), socket.create_connection((machine.address, machine.port), timeout=5):
        pass
    assert local_provider(home).teardown("ended", quiet) == []


def test_more_hosts_than_the_network_holds_leave_nothing(home: Home, tmp_path: Path) -> None:
    before = {row.instance_id for row in local_provider(home).status()}
    with pytest.raises(ProvisionError, match="InsufficientFreeAddressesInSubnet"):
        provision(home, make_inventory(tmp_path, 300), "large")
    assert {row.instance_id for row in local_provider(home).status()} == before
    state = json.loads((home.endpoint / "state.json").read_text())
    assert not any("large" in json.dumps(group) for group in state["groups"].values())


def test_a_launch_of_which_one_node_fails_leaves_nothing(fresh: Home, tmp_path: Path) -> None:
    server = endpoint.running(fresh, quiet)
    with socket.socket() as taken:
        taken.bind((server.cidr.replace(".0/24", ".5"), server.ssh_port))
        taken.listen()
        with pytest.raises(ProvisionError, match="no SSH server could be started"):
            provision(fresh, make_inventory(tmp_path, 2))
    assert local_provider(fresh).status() == []
    state = json.loads((fresh.endpoint / "state.json").read_text())
    assert (state["instances"], state["groups"], state["keys"], state["launches"]) == ({}, {}, {}, {})
    assert list(fresh.nodes.iterdir()) == []
    assert not (fresh.inventories / "first.yml").exists()
    network = server.cidr.removesuffix("0/24")
    used = {machine.address for machine in provision(fresh, make_inventory(tmp_path, 2)).machines}
    assert used == {f"{network}{last}" for last in (4, 5, 6)}, "the addresses were given back"


def test_an_interrupt_takes_back_what_was_made(fresh: Home, tmp_path: Path) -> None:
    hosts = make_inventory(tmp_path, 1)

    def interrupted(line: str) -> None:
        if "answer SSH" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        provider_for(hosts, fresh).provision(hosts, "first", interrupted)
    assert local_provider(fresh).status() == []
    assert list(fresh.inventories.iterdir()) == []
    assert not keys.known_hosts(fresh, "first").exists()


def test_several_commands_at_once_do_not_step_on_each_other(fresh: Home, tmp_path: Path) -> None:
    hosts = make_inventory(tmp_path, 1)

    def work(name: str) -> set[str | None]:
        made = provision(fresh, hosts, name)
        return {machine.instance_id for machine in made.machines}

    with ThreadPoolExecutor() as pool:  # two for one deployment, two for others; none finds an endpoint running
        a, b, c, d = pool.map(work, ["same", "same", "other", "third"])
    assert a == b
    assert len(a | c | d) == 6
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda name: local_provider(fresh).teardown(name, quiet), ["same", "other", "third"]))
    assert [sorted(names) for names in ended] == [["master-1", "worker-1"]] * 3


def test_the_endpoint_is_killed_and_everything_goes_on(fresh: Home, tmp_path: Path) -> None:
    hosts = make_inventory(tmp_path, 2)
    before = provision(fresh, hosts)
    run(before.machines[1], "echo kept > file; setsid sleep 1005 </dev/null >/dev/null 2>&1 &")
    first = endpoint.alive(fresh)
    assert first
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(fresh) is None, "the endpoint is gone")
    after = provision(fresh, hosts)
    second = endpoint.alive(fresh)
    assert second
    assert second.pid != first.pid
    assert [(one.instance_id, one.address, one.port) for one in after.machines] == [
        (one.instance_id, one.address, one.port) for one in before.machines
    ]
    assert all(one.adopted for one in after.machines)
    assert run(after.machines[1], "cat file") == "kept\n"
    rows = local_provider(fresh).status()
    assert {(row.state, row.deployment, bool(row.by)) for row in rows} == {("running", "first", True)}
    marker = f"{after.machines[1].instance_id}@{tags.home_id(fresh)}"
    assert len(marked.carrying(marker)) == 1
    assert len(provision(fresh, make_inventory(tmp_path, 3)).machines) == 4
    local_provider(fresh).teardown("first", quiet)
    assert marked.carrying(marker) == []


def test_instances_end_at_their_time(fresh: Home, tmp_path: Path) -> None:
    provision(fresh, make_inventory(tmp_path, 1, ", ttl: 3s"))
    wait_until(lambda: local_provider(fresh).status() == [], "both have ended")
    assert list(fresh.nodes.iterdir()) == []


def test_another_state_folder_has_another_network(home: Home, fresh: Home) -> None:
    assert endpoint.running(home, quiet).cidr != endpoint.running(fresh, quiet).cidr


def test_a_network_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    from sparkbed.provision.endpoint import daemon, state

    one = Home(tmp_path / "one")
    first_choice = next(iter(daemon._networks(one)))
    with socket.socket() as other:
        other.bind((first_choice.replace(".0/24", ".1"), daemon.PORTS[0]))
        chosen = state.load(one.endpoint / "state.json")
        daemon._reserve(chosen, one).close()
    assert chosen.cidr != first_choice


def test_the_endpoint_ends_itself_when_nothing_is_left(tmp_path: Path) -> None:
    short = Home(tmp_path / "short")
    server = endpoint.running(short, quiet, grace=0.5)
    started = marked.start_time(server.pid)
    assert started is not None
    wait_until(lambda: marked.start_time(server.pid) != started, "the endpoint has ended")
    assert endpoint.alive(short) is None
    assert not endpoint.wanted(short)
    assert local_provider(short).status() == []
    assert local_provider(short).teardown("none", quiet) == []
    assert endpoint.alive(short) is None, "neither question starts an endpoint"


def test_the_endpoint_ends_its_nodes_when_the_state_folder_is_removed(tmp_path: Path) -> None:
    gone = Home(tmp_path / "gone")
    machine = provision(gone, make_inventory(tmp_path, 1)).machines[0]
    run(machine, "setsid sleep 1006 </dev/null >/dev/null 2>&1 &")
    marker = f"{machine.instance_id}@{tags.home_id(gone)}"
    server = endpoint.alive(gone)
    assert server
    shutil.rmtree(gone.path, ignore_errors=True)
    wait_until(lambda: marked.start_time(server.pid) is None, "the endpoint has ended")
    assert marked.carrying(marker) == []


def test_only_the_owner_of_the_key_is_answered(home: Home) -> None:
    server = endpoint.running(home, quiet)
    for authorization in ("", "AWS4-HMAC-SHA256 Credential=AKIAOTHER/20000101/us-east-1/ec2/aws4_request"):
        asked = urllib.request.Request(
            server.url, data=b"Action=DescribeInstances", headers={"Authorization": authorization}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=30)
        assert refused.value.code == 401
        assert b"AuthFailure" in refused.value.read()


def test_what_the_endpoint_does_not_do_is_refused_by_name(home: Home) -> None:
    server = endpoint.running(home, quiet)
    key = server.credentials.access_key
    asked = urllib.request.Request(
        server.url,
        data=b"Action=StopInstances&InstanceId.1=i-1",
        headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20000101/us-east-1/ec2/aws4_request"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)
    assert b"UnsupportedOperation" in refused.value.read()


def test_the_same_token_launches_once(home: Home, tmp_path: Path) -> None:
    machine = provision(home, make_inventory(tmp_path, 2)).machines[0]
    api = api_of(home)
    request = launch_like(api, machine, "once", cloud_config(keys.make_pair(), None))
    first = api.run_instances(**request)["Instances"][0]["InstanceId"]
    assert api.run_instances(**request)["Instances"][0]["InstanceId"] == first
    with pytest.raises(api.exceptions.ClientError, match="IdempotentParameterMismatch"):
        api.run_instances(**{**request, "MinCount": 2, "MaxCount": 2})
    api.terminate_instances(InstanceIds=[first])
    await_end(api, first)


def test_an_instance_without_a_host_key_ends_with_the_reason(home: Home, tmp_path: Path) -> None:
    machine = provision(home, make_inventory(tmp_path, 2)).machines[0]
    api = api_of(home)
    made = api.run_instances(**launch_like(api, machine, "keyless", "#cloud-config\n{}"))["Instances"][0]["InstanceId"]
    await_end(api, made)
    ended = api.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
    assert "host key" in ended["StateReason"]["Message"]


def launch_like(api: Any, machine: Machine, token: str, user_data: str) -> dict[str, Any]:
    described = api.describe_instances(InstanceIds=[machine.instance_id])["Reservations"][0]["Instances"][0]
    return {
        "ImageId": "ami-process",
        "MinCount": 1,
        "MaxCount": 1,
        "KeyName": described["KeyName"],
        "SubnetId": described["SubnetId"],
        "ClientToken": token,
        "UserData": user_data,
    }


def await_end(api: Any, instance_id: str) -> None:
    def ended() -> bool:
        described = api.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        return bool(described["State"]["Name"] == "terminated")

    wait_until(ended, f"{instance_id} is terminated")


def test_an_endpoint_that_can_not_start_says_why(tmp_path: Path) -> None:
    broken = Home(tmp_path / "broken")
    (broken.endpoint / "state.json").write_text("{not json")
    with pytest.raises(ProvisionError, match="state can't be read"):
        endpoint.running(broken, quiet)


def test_the_users_own_aws_settings_are_not_read(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert provision(home, make_inventory(tmp_path, 2)).machines


def test_a_zombie_endpoint_is_not_taken_for_a_living_one(fresh: Home) -> None:
    endpoint.running(fresh, quiet)
    pid = endpoint_client._record(fresh)["pid"]  # type: ignore[index]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(fresh) is None, "the killed one does not count")
