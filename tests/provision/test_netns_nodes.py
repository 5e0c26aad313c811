"""Nodes that are namespaces of this machine: by themselves, and behind the local endpoint."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import DocumentError, HostError
from sparkbed.home import Home
from sparkbed.provision import endpoint, keys, local_provider, provider_for, tags
from sparkbed.provision.endpoint import clear_strays
from sparkbed.provision.nodes import cgroups, marked, namespaces, netns, switch
from sparkbed.provision.nodes.base import Limits, Node, NodeSpec
from sparkbed.provision.nodes.netns import NetnsNodes
from sparkbed.provision.nodes.switch import Switch
from tests.components import program
from tests.provision.test_ec2_local import end_endpoint, quiet, run, wait_until
from tests.provision.test_process_nodes import login
from tests.provision.test_process_nodes import run as run_in

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("able")]
CLIENT = keys.make_pair()
HOST = keys.make_pair()
UNLIMITED = Limits()


@pytest.fixture(scope="module")
def able() -> None:
    if os.geteuid() != 0:
        pytest.skip("netns nodes are root's")
    program("sshd", "openssh-server")
    program("ip", "iproute2")


def left(home_id: str) -> list[str]:
    """What this machine has of a state folder's nodes: namespaces, interfaces, control groups, mounts, processes."""
    names = [path.name for path in namespaces.FOLDER.glob(f"sparkbed-{home_id}*")] if namespaces.FOLDER.exists() else []
    interfaces = [path.name for path in Path("/sys/class/net").iterdir() if home_id in path.name]
    groups = sorted(cgroups.names(f"sparkbed-{home_id}"))
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if home_id in line]
    processes = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"@{home_id}".encode() in environment_of(entry)
    ]
    return [*names, *interfaces, *groups, *mounts, *processes]


def environment_of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


class Site:
    """Netns nodes of a state folder that is only a name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home_id = secrets.token_hex(6)
        self.kind = NetnsNodes(Switch(self.home_id))

    def spec(self, name: str = "i-1", last: int = 4, limits: Limits = UNLIMITED) -> NodeSpec:
        address = self.kind.network(None).replace(".0/24", f".{last}")
        marker = f"{name}@{self.home_id}"
        folder = self.folder / name
        return NodeSpec(name, address, 22, folder, marker, HOST.private, f"{CLIENT.public} me", limits)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    switch.end_strays(made.home_id, [])
    assert left(made.home_id) == []


def on(node: Node, command: str) -> str:
    with login(node, client_key=CLIENT.private, host_key=HOST.public) as session:
        _, out, errors = run_in(session, command)
    return out.decode() + errors.decode()


def running(name: str, words: str) -> list[int]:
    """The processes of a namespace with these words in their command lines."""
    found = []
    for process in namespaces.processes(name):
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ")
            found += [process.pid] if words.encode() in line else []
    return found


def test_it_has_an_address_a_name_processes_and_a_home_of_its_own(site: Site) -> None:
    node = site.kind.start(site.spec())
    said = on(
        node,
        'id -un; pwd; echo "$HOME" "$SPARKBED_NODE"; hostname; ip -4 -o addr show eth0; cat /proc/1/comm; '
        "ls /sys/class/net; python3 -c 'import os, socket; "
        'print(os.path.expanduser("~root"), socket.gethostbyname(socket.gethostname()))\'; ls -d /proc/[0-9]* | wc -l',
    ).splitlines()
    name = f"ip-{node.address.replace('.', '-')}"
    assert said[:4] == ["root", str(node.folder), f"{node.folder} {node.marker}", name]
    assert f" {node.address}/24 " in said[4]
    assert said[5:9] == ["sshd", "eth0", "lo", f"{node.folder} {node.address}"]
    assert int(said[9]) < 10, "processes of others are not seen"
    assert Path("/proc/sys/kernel/hostname").read_text().strip() != name
    with pytest.raises(paramiko.AuthenticationException):
        login(node, client_key=keys.make_pair().private, host_key=HOST.public)
    site.kind.stop(node)
    assert left(site.home_id) == []
    assert not node.folder.exists()
    site.kind.stop(node)


def test_its_folder_may_be_called_what_people_call_folders(site: Site) -> None:
    site.folder = site.folder / "über bed #1 'x'"
    node = site.kind.start(site.spec())
    said = on(node, "pwd; getent passwd root; findmnt -no FSTYPE /sys; ls /sys/class/net /sys/fs/cgroup | head -3")
    assert said.splitlines()[0] == str(node.folder)
    assert f":{node.folder}:" in said.splitlines()[1]
    assert said.splitlines()[2] == "sysfs"
    assert "eth0" in said
    site.kind.stop(node)
    assert left(site.home_id) == []


def test_what_listens_elsewhere_is_not_its_server() -> None:
    with socket.create_server(("0.0.0.0", 0)) as machines:  # as a machine's own SSH server does
        port = machines.getsockname()[1]
        assert not netns._listens(os.getpid(), "127.3.2.1", port)
    with socket.create_server(("127.3.2.1", 0)) as server:
        port = server.getsockname()[1]
        assert netns._listens(os.getpid(), "127.3.2.1", port)
        assert not netns._listens(os.getpid(), "127.3.2.2", port)
        with socket.create_connection(("127.3.2.1", port)):
            pass
    assert not netns._listens(os.getpid(), "127.3.2.1", port), "a connection that was is no server"


def test_its_keys_are_roots_alone_and_it_listens_where_it_should(site: Site) -> None:
    node = site.kind.start(site.spec())
    assert [line.split()[3] for line in on(node, "ss -Hltn").splitlines()] == [f"{node.address}:22"]
    secret = HOST.private.splitlines()[2]
    private = [path for path in node.folder.rglob("*") if path.is_file() and secret in path.read_text()]
    assert [(path.name, path.stat().st_mode & 0o777) for path in private] == [("host_key", 0o600)]
    assert (node.folder / ".node" / "authorized_keys").stat().st_mode & 0o777 == 0o600
    assert node.folder.stat().st_mode & 0o777 == 0o700
    told = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    assert secret not in told
    site.kind.stop(node)


def test_nodes_reach_each_other_and_this_machine(site: Site) -> None:
    first, second = site.kind.start(site.spec()), site.kind.start(site.spec("i-2", 5))
    greeting = f"import socket; print(socket.create_connection(('{second.address}', 22), 30).recv(4))"
    assert on(first, f'python3 -c "{greeting}"') == "b'SSH-'\n"
    gateway = second.address.rpartition(".")[0] + ".1"
    refused = f"import socket; socket.create_connection(('{gateway}', 1), 30)"
    assert "ConnectionRefusedError" in on(first, f'python3 -c "{refused}"'), "this machine answers"
    for node in (first, second):
        site.kind.stop(node)


def test_it_is_held_to_its_limits(site: Site) -> None:
    node = site.kind.start(site.spec(limits=Limits(cpus=0.05, memory=128 << 20)))
    group = next(Path("/sys/fs/cgroup").glob(f"**/sparkbed-{site.home_id}-i-1/cpu.stat"))
    on(node, "setsid timeout 100 sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 & echo $! > busy")
    # A busy machine may give it no more than the limit for a while.
    wait_until(lambda: "nr_throttled 0\n" not in group.read_text(), "it is throttled", 90)
    on(node, "kill $(cat busy)")
    hungry = "python3 -c 'x = bytearray(400 << 20); x[::4096] = bytes(len(x[::4096])); print(len(x))'"
    with login(node, client_key=CLIENT.private, host_key=HOST.public) as session:
        status, out, _ = run_in(session, hungry)
    assert (status, out) != (0, b"419430400\n")
    assert on(node, "echo here") == "here\n", "the server stays"
    site.kind.stop(node)
    assert left(site.home_id) == []


def test_its_link_is_as_slow_as_is_said_each_way(site: Site) -> None:
    node = site.kind.start(site.spec(limits=Limits(bandwidth=1_000_000)))
    size, at_once = 300_000, 40_000
    with login(node, client_key=CLIENT.private, host_key=HOST.public) as session:
        for command, given in ((f"head -c {size} /dev/zero", b""), ("wc -c", bytes(size))):
            began = time.monotonic()
            status, out, _ = run_in(session, command, given)
            # A slow machine takes longer; none takes less than the link does.
            assert time.monotonic() - began > (size - at_once) * 8 / 1_000_000
            assert (status, len(out) if not given else int(out)) == (0, size)
    site.kind.stop(node)
    assert left(site.home_id) == []


def test_it_is_taken_over_as_it_is_and_made_again_if_its_server_has_ended(site: Site) -> None:
    spec = site.spec()
    node = site.kind.start(spec)
    on(node, "echo kept > file; setsid sleep 1006 </dev/null >/dev/null 2>&1 &")
    name = namespaces.of_node(spec.marker)
    [sleeper] = running(name, "sleep 1006")
    site.kind.close()
    later = NetnsNodes(Switch(site.home_id))
    assert later.start(spec) == node
    assert running(name, "sleep 1006") == [sleeper]
    assert on(node, "cat file") == "kept\n"
    [server] = running(name, "listener")
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: not namespaces.processes(name), "all of it has ended")
    assert later.start(spec) == node
    assert on(node, "cat file") == "kept\n"
    assert running(name, "sleep 1006") == []
    later.stop(node)


def test_what_cleared_its_environment_ends_with_it_too(site: Site) -> None:
    node = site.kind.start(site.spec())
    on(node, "setsid env -i /bin/sleep 1009 </dev/null >/dev/null 2>&1 &")

    def without() -> list[int]:
        carrying = {process.pid for process in marked.carrying(node.marker)}
        return [pid for pid in running(namespaces.of_node(node.marker), "sleep 1009") if pid not in carrying]

    wait_until(lambda: len(without()) == 1, "the program has no marker any more: setsid and env still had it")
    [bare] = without()
    site.kind.stop(node)
    assert marked.start_time(bare) is None


def test_its_mounts_are_not_this_machines(site: Site) -> None:
    before = Path("/proc/self/mountinfo").read_text().splitlines()
    node = site.kind.start(site.spec())
    assert on(node, "mount -t tmpfs tmpfs /mnt && touch /mnt/inside && ls /mnt") == "inside\n"
    assert not Path("/mnt/inside").exists()
    new = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if line not in before]
    assert all("/netns" in line for line in new), "namespaces' names are mounts"
    site.kind.stop(node)


def test_the_switch_goes_with_the_last_one(site: Site) -> None:
    first, second = site.kind.start(site.spec()), site.kind.start(site.spec("i-2", 5))
    site.kind.stop(first)
    assert left(site.home_id) != []
    site.kind.stop(second)
    assert left(site.home_id) == []
    site.kind.network(None)
    site.kind.close()
    assert left(site.home_id) == [], "a launch that was refused leaves no network"


def test_one_that_can_not_be_made_leaves_nothing_and_says_why(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "SERVER", "Nonsense yes\n")
    with pytest.raises(HostError, match="Bad configuration option: Nonsense"):
        site.kind.start(site.spec(limits=Limits(cpus=1)))
    assert left(site.home_id) == []
    assert list(site.folder.iterdir()) == []


def inventory_of(folder: Path, count: int = 2) -> inventories.Inventory:
    path = folder / "hosts.yml"
    path.write_text(
        "all:\n"
        "  vars: {provision: {provider: ec2, endpoint: local, node: process}}\n"
        "  children:\n"
        "    near: {hosts: {near-1: }}\n"
        "    far:\n"
        f"      hosts: {{'far-[1:{count}]': }}\n"
        "      vars: {provision: {provider: ec2, endpoint: local, node: netns, cpus: 1, memory: 1g}}\n"
    )
    return inventories.load(path)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    folder = Home(tmp_path / "state")
    yield folder
    end_endpoint(folder)
    clear_strays(folder)
    assert left(tags.home_id(folder)) == []


def test_kinds_are_mixed_killed_endpoints_found_again_and_nothing_stays(home: Home, tmp_path: Path) -> None:
    hosts = inventory_of(tmp_path)
    deployment = provider_for(hosts, home).provision(hosts, "mixed", quiet)
    near, *far = deployment.machines
    assert near.variables["node_kind"] == "process"
    for machine in far:
        assert (machine.port, machine.user) == (22, "root")
        assert machine.variables["node_kind"] == "netns"
        assert machine.variables["spark_home"] == near.variables["spark_home"]
        assert run(machine, "pwd").strip() == machine.variables["node_dir"]
        assert machine.address in run(machine, "ip -4 addr show eth0")
        assert f"sparkbed-{tags.home_id(home)}-{machine.instance_id}" in run(machine, "cat /proc/self/cgroup")
    run(far[0], "echo kept > file; setsid sleep 1007 </dev/null >/dev/null 2>&1 &")
    [sleeper] = running(namespaces.of_node(f"{far[0].instance_id}@{tags.home_id(home)}"), "sleep 1007")
    rows = {row.host: (row.kind, row.address, row.state) for row in local_provider(home).status()}
    assert rows["far-1"] == ("netns", far[0].address, "running")
    first = endpoint.alive(home)
    assert first
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: endpoint.alive(home) is None, "the endpoint is gone")
    again = provider_for(hosts, home).provision(hosts, "mixed", quiet)
    assert [(m.instance_id, m.address, m.port, m.user, m.variables) for m in again.machines] == [
        (m.instance_id, m.address, m.port, m.user, m.variables) for m in deployment.machines
    ]
    assert run(far[0], "cat file") == "kept\n"
    assert running(namespaces.of_node(f"{far[0].instance_id}@{tags.home_id(home)}"), "sleep 1007") == [sleeper]
    assert sorted(local_provider(home).teardown("mixed", quiet)) == ["far-1", "far-2", "near-1"]
    assert left(tags.home_id(home)) == []


def test_nodes_are_found_by_name_when_all_state_is_lost(home: Home, tmp_path: Path) -> None:
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
    assert left(tags.home_id(home)) == []
    endpoint.running(home, quiet)
    wait_until(lambda: list(home.nodes.iterdir()) == [], "folders go too")


def test_modules_that_would_change_the_machine_are_refused(home: Home, tmp_path: Path) -> None:
    from sparkbed.playbook import Runner, rendered_connection_variables
    from sparkbed.remote import Connections

    hosts = inventory_of(tmp_path, 1)
    deployment = provider_for(hosts, home).provision(hosts, "changed", quiet)
    play = tmp_path / "play.yml"
    play.write_text(
        json.dumps([{"hosts": "far", "gather_facts": False, "tasks": [{"user": {"name": "somebody", "uid": 4242}}]}])
    )
    made = inventories.load(deployment.inventory)
    with (
        Connections(lambda name: rendered_connection_variables(made, name)) as connections,
        pytest.raises(DocumentError, match="far-1 is a netns node"),
    ):
        Runner(made, connections).play(play)
