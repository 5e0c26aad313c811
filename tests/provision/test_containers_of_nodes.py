"""What playbooks start in the Docker engine from a node's sessions goes with the node, and nothing else does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sparkbed.provision.nodes import containers
from sparkbed.provision.nodes.process import ProcessNodes
from tests.provision.docker_site import docker, labelled, sleeping_image
from tests.provision.test_process_nodes import spec_in

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("docker_engine")]


@pytest.fixture(scope="module")
def image(docker_engine: object) -> Iterator[str]:
    with sleeping_image() as name:
        yield name


@dataclass
class Site:
    """Containers and networks of a test, with labels as playbooks give them."""

    image: str
    home: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def cluster(self) -> str:
        return f"cluster-{self.home}"

    def labels(self, node: str, cluster: str | None) -> list[str]:
        labels = [f"sparkbed.node={node}@{self.home}", f"sparkbed.test={self.home}"]
        return [
            word for label in [*labels, f"sparkbed.cluster={cluster or self.cluster}"] for word in ("--label", label)
        ]

    def network(self, node: str, name: str, cluster: str | None = None) -> str:
        docker("network", "create", *self.labels(node, cluster), f"{name}-{self.home}")
        return f"{name}-{self.home}"

    def container(self, node: str, name: str, network: str = "none", cluster: str | None = None) -> str:
        words = ["--name", f"{name}-{self.home}", "--network", network, *self.labels(node, cluster)]
        docker("run", "--detach", *words, self.image, "/bin/sleep", "1000")
        return f"{name}-{self.home}"

    def left(self) -> tuple[list[str], list[str]]:
        return labelled(f"sparkbed.test={self.home}")


@pytest.fixture
def site(image: str) -> Iterator[Site]:
    made = Site(image)
    yield made
    names, networks = made.left()
    for name in names:
        docker("rm", "--force", "--volumes", name)
    for name in networks:
        docker("network", "rm", name)


def test_the_last_node_of_a_cluster_takes_its_networks_along(site: Site) -> None:
    net = site.network("i-1", "net")
    site.container("i-1", "master", net)
    worker = site.container("i-2", "worker", net)
    containers.end_node(f"i-1@{site.home}")
    assert site.left() == ([worker], [net]), "the other node's is still in use"
    containers.end_node(f"i-2@{site.home}")
    assert site.left() == ([], [])
    containers.end_node(f"i-2@{site.home}")


def test_other_clusters_and_other_state_folders_are_left_alone(site: Site, image: str) -> None:
    net = site.network("i-1", "net")
    site.container("i-1", "master", net)
    other = site.network("i-2", "other", "another")
    stranger = Site(image)
    strange = stranger.network("i-1", "net", site.cluster)  # a cluster of the same name, which is just coming up
    containers.end_node(f"i-1@{site.home}")
    assert site.left() == ([], [other])
    assert stranger.left() == ([], [strange])
    docker("network", "rm", strange)


def test_what_has_ended_or_never_started_and_its_volumes_go_too(site: Site) -> None:
    words = ["--name", f"created-{site.home}", "--volume", "/data", *site.labels("i-1", None)]
    docker("create", *words, site.image, "/bin/sleep", "1")
    mounts = docker("inspect", "--format", "{{range .Mounts}}{{.Name}}{{end}}", f"created-{site.home}")
    docker("kill", site.container("i-1", "killed"))
    containers.end_node(f"i-1@{site.home}")
    assert site.left() == ([], [])
    assert mounts
    assert mounts not in docker("volume", "ls", "--quiet").split()


def test_a_network_that_a_stranger_uses_stays(site: Site) -> None:
    net = site.network("i-1", "net")
    site.container("i-1", "master", net)
    name = f"stranger-{site.home}"
    docker("run", "--detach", "--name", name, "--network", net, site.image, "/bin/sleep", "1000")
    try:
        containers.end_node(f"i-1@{site.home}")
        assert site.left() == ([], [net])
    finally:
        docker("rm", "--force", name)


def test_strays_of_one_state_folder_are_removed(site: Site, image: str) -> None:
    net = site.network("i-gone", "net")
    site.container("i-gone", "master", net)
    kept = site.container("i-kept", "worker", cluster="another")
    stranger = Site(image)
    strange = stranger.container("i-gone", "strange")
    assert containers.end_strays(site.home, [f"i-kept@{site.home}"]) == [f"i-gone@{site.home}"]
    assert site.left() == ([kept], [])
    assert stranger.left() == ([strange], [])
    containers.end_strays(stranger.home, [])


def test_stopping_a_process_node_removes_its_containers(site: Site, tmp_path: Path) -> None:
    nodes = ProcessNodes()
    spec = spec_in(tmp_path)
    node = nodes.start(spec)
    try:
        labels = ["--label", f"sparkbed.node={spec.marker}", "--label", f"sparkbed.test={site.home}"]
        docker("run", "--detach", "--network", "none", *labels, site.image, "/bin/sleep", "1000")
    finally:
        nodes.stop(node)
        nodes.close()
    assert site.left() == ([], [])


def test_a_failure_of_the_engine_is_told_in_its_words(docker_engine: object) -> None:
    with pytest.raises(containers.HostError, match="No such"):
        containers.docker("inspect", "no-such-thing-here")
