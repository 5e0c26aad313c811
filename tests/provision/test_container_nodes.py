"""Nodes that are Docker containers: by themselves, and behind the local endpoint."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import HostError, ProvisionError
from sparkbed.home import Home
from sparkbed.provision import endpoint, keys, local_provider, provider_for, tags
from sparkbed.provision.endpoint import clear_strays
from sparkbed.provision.nodes import container, containers, images, private_networks, shared_programs
from sparkbed.provision.nodes.base import OWN_HOME, NodeSpec
from sparkbed.provision.nodes.container import ContainerNodes
from tests.provision.docker_site import docker, labelled, node_image
from tests.provision.test_ec2_local import end_endpoint, quiet, run, wait_until
from tests.provision.test_process_nodes import login
from tests.provision.test_process_nodes import run as run_in

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("node_image")]
__all__ = ["node_image"]
CLIENT = keys.make_pair()
HOST = keys.make_pair()


class Site:
    """Container nodes of a state folder that is only a name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home_id = secrets.token_hex(6)
        self.kind = ContainerNodes(self.home_id)

    def spec(self, name: str = "i-1", last: int = 4) -> NodeSpec:
        address = self.kind.network(None).replace(".0/24", f".{last}")
        marker = f"{name}@{self.home_id}"
        return NodeSpec(
            f"{name}-{self.home_id}", address, 22, self.folder / name, marker, HOST.private, f"{CLIENT.public} me"
        )

    def left(self) -> tuple[list[str], list[str]]:
        return labelled(f"sparkbed.home={self.home_id}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    containers.end_strays(made.home_id, [])
    assert made.left() == ([], [])


def test_it_is_reached_at_its_own_address_with_the_key_that_it_was_given(site: Site) -> None:
    node = site.kind.start(site.spec())
    with login(node, client_key=CLIENT.private, host_key=HOST.public) as session:
        _, out, _ = run_in(session, 'id -un; pwd; echo "$SPARKBED_NODE"; hostname; ip -4 -o addr show eth0')
        user, folder, marker, name, interface = out.decode().splitlines()
    assert (user, folder, marker) == ("root", OWN_HOME, node.marker)
    assert name == f"ip-{node.address.replace('.', '-')}"
    assert f" {node.address}/24 " in interface
    with pytest.raises(paramiko.AuthenticationException):
        login(node, client_key=keys.make_pair().private, host_key=HOST.public)
    site.kind.stop(node)
    assert site.left() == ([], [])
    assert not node.folder.exists()
    site.kind.stop(node)


def test_its_keys_are_nowhere_but_in_it_and_no_port_is_published(site: Site) -> None:
    node = site.kind.start(site.spec())
    [name], _ = site.left()
    told = docker("inspect", name) + docker("image", "inspect", images.name())
    told += subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    secret = HOST.private.splitlines()[2]
    assert secret not in told
    assert CLIENT.public.split()[1] not in told
    assert docker("port", name) == ""
    script = "stat -c '%a %U' /etc/ssh/ssh_host_ed25519_key /root/.ssh/authorized_keys; ls /etc/ssh"
    assert docker("exec", name, "sh", "-c", script).split("\n")[:2] == ["600 root", "600 root"]
    assert "ssh_host_rsa_key" not in docker("exec", name, "ls", "/etc/ssh")
    site.kind.stop(node)


def test_it_is_taken_over_as_it_is_and_started_again_if_it_has_ended(site: Site) -> None:
    spec = site.spec()
    node = site.kind.start(spec)
    [name], _ = site.left()
    docker("exec", "--detach", name, "sh", "-c", "echo kept > /root/file; exec sleep 1006")
    site.kind.close()
    later = ContainerNodes(site.home_id)
    assert later.start(spec) == node
    assert "sleep 1006" in docker("top", name)
    docker("kill", name)
    assert later.start(spec) == node
    assert docker("exec", name, "cat", "/root/file") == "kept"
    docker("stop", "--time", "0", name)
    later.stop(node)


def test_one_that_never_got_its_keys_is_made_anew(site: Site) -> None:
    spec = site.spec()
    spec.folder.mkdir(parents=True)  # an endpoint's first step, before it was killed
    labels = ["--label", f"sparkbed.node={spec.marker}", "--label", f"sparkbed.home={site.home_id}"]
    docker("create", "--name", f"sparkbed-{spec.instance_id}", *labels, images.name(), "true")
    node = site.kind.start(spec)
    login(node, client_key=CLIENT.private, host_key=HOST.public).close()
    site.kind.stop(node)


def test_the_network_goes_with_the_last_one(site: Site) -> None:
    first, second = site.kind.start(site.spec()), site.kind.start(site.spec("i-2", 5))
    site.kind.stop(first)
    assert len(site.left()[1]) == 1
    site.kind.stop(second)
    assert site.left() == ([], [])
    site.kind.network(None)
    site.kind.close()
    assert site.left() == ([], []), "a launch that was refused leaves no network"


def test_a_network_that_somebody_took_away_is_made_again(site: Site) -> None:
    first = site.spec()
    assert site.kind.network(None) == f"{first.address.rpartition('.')[0]}.0/24"
    docker("network", "rm", f"sparkbed-{site.home_id}")
    with pytest.raises(HostError, match="network"):
        site.kind.start(first)
    node = site.kind.start(site.spec("i-2", 5))
    site.kind.stop(node)
    assert site.left() == ([], [])


def test_one_that_can_not_be_made_leaves_nothing_and_says_why(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    node = site.kind.start(site.spec())
    with pytest.raises(HostError, match="Address already in use"):
        site.kind.start(site.spec("i-2"))
    monkeypatch.setattr(container, "SERVER", "Nonsense yes\n")
    with pytest.raises(HostError, match="Bad configuration option: Nonsense"):
        site.kind.start(site.spec("i-3", 6))
    assert site.left()[0] == [f"sparkbed-i-1-{site.home_id}"]
    assert [path.name for path in site.folder.iterdir()] == ["i-1"]
    site.kind.stop(node)


def test_programs_of_this_machine_that_do_not_run_there_are_not_shared(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = site.kind.start(site.spec())
    assert node.shares is bool(shared_programs.folders())
    monkeypatch.setattr(shared_programs, "probe", lambda: ["/bin/false"])
    other = ContainerNodes(site.home_id).start(site.spec("i-2", 5))
    assert not other.shares
    site.kind.stop(node)
    site.kind.stop(other)


def test_networks_that_are_taken_are_passed_over(site: Site) -> None:
    choices = list(private_networks.choices(site.home_id))
    networks = docker("network", "ls", "--quiet", "--filter", "driver=bridge").split()
    subnets = docker("network", "inspect", "--format", "{{range .IPAM.Config}}{{.Subnet}} {{end}}", *networks).split()
    engines = [ipaddress.ip_network(subnet) for subnet in subnets if ":" not in subnet]
    free = [one for one in choices if not any(ipaddress.ip_network(one).overlaps(taken) for taken in engines)]
    docker("network", "create", "--subnet", free[0], f"taken-{site.home_id}")
    try:
        assert site.kind.network(None) == free[1]
        assert site.kind.network(None) == free[1], "it is kept"
    finally:
        docker("network", "rm", f"taken-{site.home_id}")
        site.kind.close()


def inventory_of(folder: Path, workers: str = "container") -> inventories.Inventory:
    path = folder / "hosts.yml"
    path.write_text(
        "all:\n"
        "  vars: {provision: {provider: ec2, endpoint: local, node: process}}\n"
        "  children:\n"
        "    near: {hosts: {near-1: }}\n"
        "    far:\n"
        "      hosts: {'far-[1:2]': }\n"
        f"      vars: {{provision: {{provider: ec2, endpoint: local, node: {workers}}}}}\n"
    )
    return inventories.load(path)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    folder = Home(tmp_path / "state")
    yield folder
    end_endpoint(folder)
    assert labelled(f"sparkbed.home={tags.home_id(folder)}") == ([], [])


def test_kinds_are_mixed_killed_endpoints_found_again_and_nothing_stays(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    deployment = provider_for(hosts, home).provision(hosts, "mixed", quiet)
    near, *far = deployment.machines
    assert near.variables["node_kind"] == "process"
    for machine in far:
        assert (machine.port, machine.user) == (22, "root")
        assert (machine.variables["node_kind"], machine.variables["node_dir"]) == ("container", "/root")
        assert machine.address in run(machine, "ip -4 addr show eth0")
    run(far[0], "echo kept > file; setsid sleep 1007 </dev/null >/dev/null 2>&1 &")
    rows = {row.host: (row.kind, row.address, row.state) for row in local_provider(home).status()}
    assert rows["far-1"] == ("container", far[0].address, "running")
    assert rows["near-1"][0] == "process"
    before = labelled(f"sparkbed.home={tags.home_id(home)}")
    first = endpoint.alive(home)
    assert first
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(home) is None, "the endpoint is gone")
    again = provider_for(hosts, home).provision(hosts, "mixed", quiet)
    assert [(m.instance_id, m.address, m.port, m.user, m.variables) for m in again.machines] == [
        (m.instance_id, m.address, m.port, m.user, m.variables) for m in deployment.machines
    ]
    assert labelled(f"sparkbed.home={tags.home_id(home)}") == before
    assert run(far[0], "cat file; pgrep -f 'sleep 1007' >/dev/null && echo runs") == "kept\nruns\n"
    assert sorted(local_provider(home).teardown("mixed", quiet)) == ["far-1", "far-2", "near-1"]
    assert labelled(f"sparkbed.home={tags.home_id(home)}") == ([], [])


def test_two_state_folders_have_a_network_each(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    hosts = inventory_of(tmp_path)
    try:
        ours = provider_for(hosts, home).provision(hosts, "same", quiet).machines
        theirs = provider_for(hosts, other).provision(hosts, "same", quiet).machines
        assert {m.address.rpartition(".")[0] for m in ours}.isdisjoint({m.address.rpartition(".")[0] for m in theirs})
        local_provider(home).teardown("same", quiet)
        assert run(theirs[1], "echo here") == "here\n"
    finally:
        end_endpoint(other)


def test_containers_are_found_by_label_when_all_state_is_lost(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    provider_for(hosts, home).provision(hosts, "lost", quiet)
    running = endpoint.alive(home)
    assert running
    assert clear_strays(home) == [], "an endpoint that lives sees to its own"
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(home) is None, "the endpoint is gone")
    assert clear_strays(home) == [], "what is written down will be taken up"
    (home.endpoint / "state.json").unlink()
    cleared: list[str] = []
    wait_until(lambda: bool(cleared.extend(clear_strays(home)) or cleared), "the endpoint's lock is free")
    assert len(cleared) == 2
    assert labelled(f"sparkbed.home={tags.home_id(home)}") == ([], [])
    endpoint.running(home, quiet)
    wait_until(lambda: list(home.nodes.iterdir()) == [], "the process node's folder goes too")


def test_a_launch_of_which_one_fails_leaves_no_network(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    hosts.path.write_text(hosts.path.read_text().replace("[1:2]", "[1:300]"))
    hosts = inventories.load(hosts.path)
    with pytest.raises(ProvisionError, match="InsufficientFreeAddressesInSubnet"):
        provider_for(hosts, home).provision(hosts, "large", quiet)
    wait_until(lambda: not (home.endpoint / "endpoint.json").exists(), "the endpoint has ended")
    wait_until(lambda: labelled(f"sparkbed.home={tags.home_id(home)}") == ([], []), "its network is gone")
    assert labelled(f"sparkbed.home={tags.home_id(home)}") == ([], [])


def test_modules_that_change_the_machine_are_let_through(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    deployment = provider_for(hosts, home).provision(hosts, "changed", quiet)
    play = tmp_path / "play.yml"
    play.write_text(
        json.dumps([{"hosts": "far", "gather_facts": False, "tasks": [{"user": {"name": "somebody", "uid": 4242}}]}])
    )
    from sparkbed.playbook import Runner, rendered_connection_variables
    from sparkbed.remote import Connections

    made = inventories.load(deployment.inventory)
    with Connections(lambda name: rendered_connection_variables(made, name)) as connections:
        assert Runner(made, connections).play(play).ok
    assert run(deployment.machines[1], "id -u somebody") == "4242\n"
