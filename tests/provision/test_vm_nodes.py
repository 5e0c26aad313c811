"""Nodes that are virtual machines of QEMU's, behind the local endpoint; emulated where KVM does not work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed import inventory as inventories
from sparkbed.home import Home
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.provision import endpoint, local_provider, provider_for, tags
from sparkbed.provision.endpoint import clear_strays
from sparkbed.remote import Connections
from tests.components import program
from tests.provision.test_ec2_local import end_endpoint, quiet, run, wait_until
from tests.provision.test_netns_nodes import left

# The image is made at the first use (some minutes), and an emulated machine boots for many seconds on a busy one.
pytestmark = pytest.mark.soak


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    program("qemu-system-x86_64", "qemu-system-x86")
    program("qemu-img", "qemu-utils")
    program("mmdebstrap", "mmdebstrap")
    folder = Home(tmp_path / "state")
    yield folder
    end_endpoint(folder)
    clear_strays(folder)
    assert left(tags.home_id(folder)) == []


def inventory_of(folder: Path) -> inventories.Inventory:
    path = folder / "hosts.yml"
    path.write_text(
        "all:\n  hosts: {machine-1: }\n"
        "  vars: {provision: {provider: ec2, endpoint: local, node: vm, cpus: 1, memory: 768m}}\n"
    )
    return inventories.load(path)


def test_one_boots_runs_java_through_a_playbook_and_goes_away(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    deployment = provider_for(hosts, home).provision(hosts, "vm", quiet)
    [machine] = deployment.machines
    assert (machine.user, machine.variables) == ("root", {"node_kind": "vm", "node_dir": "/root"})
    assert run(machine, "id -un; pwd; hostname; cat /proc/1/comm").split() == [
        *("root", "/root", f"ip-{machine.address.replace('.', '-')}", "sshd"),
    ]
    kernel = run(machine, "uname -v").strip()
    assert kernel != os.uname().version, "a kernel of its own"
    assert 600 < int(run(machine, "awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo")) < 768
    play = tmp_path / "play.yml"
    tasks = [
        {"command": "java -version", "register": "java"},
        {"assert": {"that": ["'openjdk' in java.stderr"]}},
        {"user": {"name": "somebody", "uid": 4242}},
    ]
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    made = inventories.load(deployment.inventory)
    with Connections(lambda name: rendered_connection_variables(made, name)) as connections:
        assert Runner(made, connections).play(play).ok
    told = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    seed = next((home.nodes / str(machine.instance_id)).glob("seed.tar"))
    assert seed.stat().st_mode & 0o777 == 0o600
    secret = seed.read_bytes().partition(b"OPENSSH PRIVATE KEY-----\n")[2].split(b"\n")[1].decode()
    assert len(secret) > 20
    assert secret not in told
    # A killed endpoint's machine is taken over as it is.
    run(machine, "echo kept > file")
    first = endpoint.alive(home)
    assert first
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(home) is None, "the endpoint is gone")
    [again] = provider_for(hosts, home).provision(hosts, "vm", quiet).machines
    assert again.instance_id == machine.instance_id
    assert run(again, "cat file; uname -v").split("\n")[:2] == ["kept", kernel]
    assert local_provider(home).teardown("vm", quiet) == ["machine-1"]
    assert left(tags.home_id(home)) == []


def test_a_machine_is_found_when_all_state_is_lost(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    provider_for(hosts, home).provision(hosts, "lost", quiet)
    running = endpoint.alive(home)
    assert running
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(home) is None, "the endpoint is gone")
    (home.endpoint / "state.json").unlink()
    cleared: list[str] = []
    wait_until(lambda: bool(cleared.extend(clear_strays(home)) or cleared), "the endpoint's lock is free")
    assert len(cleared) == 1
    assert left(tags.home_id(home)) == []
    endpoint.running(home, quiet)
    wait_until(lambda: list(home.nodes.iterdir()) == [], "its folder goes too")
