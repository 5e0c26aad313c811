"""Real hosts for platform tests: three process nodes, made once."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cluster_site import Ansible, Ours, Site

from sparkbed import inventory as inventories
from sparkbed.java import find_java
from sparkbed.platforms.base import PlayRunner
from sparkbed.provision import keys
from sparkbed.provision.nodes.base import NodeSpec
from sparkbed.provision.nodes.process import ProcessNodes
from sparkbed.remote import Connections
from tests.components import program

GROUPS = {"m": "master", "w1": "workers", "w2": "workers"}


def free_address() -> str:
    """The first three parts of a loopback /24 that nothing else is likely to use."""
    return f"127.{90 + secrets.randbelow(100)}.{1 + secrets.randbelow(250)}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    spark = importlib.util.find_spec("pyspark")
    assert spark is not None
    assert spark.origin is not None
    root = tmp_path_factory.mktemp("site")
    network, port = free_address(), 2222
    client, server = keys.make_pair(), keys.make_pair()
    keys.write_private(root / "id", client.private)
    kind = ProcessNodes()
    nodes, hosts, folders = [], {}, {}
    try:
        for number, name in enumerate(GROUPS, start=4):
            address, folder = f"{network}.{number}", root / "nodes" / name
            spec = NodeSpec(f"i-{name}", address, port, folder, f"i-{name}@{folder}", server.private, client.public)
            nodes.append(kind.start(spec))
            folders[name] = folder
            hosts[name] = {"ansible_host": address, "node_dir": str(folder)}
        keys.write_known_hosts(root / "known_hosts", [(node.address, node.port, server.public) for node in nodes])
        common = {
            "ansible_port": port,
            "ansible_user": nodes[0].user,
            "ansible_ssh_private_key_file": str(root / "id"),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={root / 'known_hosts'}",
            "ansible_python_interpreter": sys.executable,
            "sparkbed_known_hosts": str(root / "known_hosts"),
            "spark_home": str(Path(spark.origin).parent),
            "java_home": str(find_java()),
            "python": sys.executable,
        }
        children = {
            group: {"hosts": {name: hosts[name] for name in GROUPS if GROUPS[name] == group}}
            for group in ("master", "workers")
        }
        path = root / "inventory.yml"
        path.write_text(yaml.safe_dump({"all": {"children": {"spark": {"vars": common, "children": children}}}}))
        yield Site(inventories.load(path), folders, f"{network}.4")
    finally:
        for node in nodes:
            kind.stop(node)
        kind.close()


@pytest.fixture
def ours(site: Site) -> Iterator[Ours]:
    with Connections(site.inventory.variables) as connections:
        yield Ours(site, connections)


@pytest.fixture
def ansible(site: Site) -> Ansible:
    program("ssh", "openssh-client")  # by which ansible-core reaches hosts
    return Ansible(site)


@pytest.fixture(params=["ours", pytest.param("ansible", marks=pytest.mark.soak)])
def engine(request: pytest.FixtureRequest) -> PlayRunner:
    """Both engines, one after the other; of ansible-core, which takes longer, `both_engines` tests say the same."""
    runner: PlayRunner = request.getfixturevalue(request.param)
    return runner


@pytest.fixture
def taken_port(site: Site) -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind((site.address, 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture
def connections(site: Site) -> Iterator[Connections]:
    with Connections(site.inventory.variables) as made:
        yield made
