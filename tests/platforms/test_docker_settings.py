"""Clusters in containers before any engine is asked: settings, refusals, and the command line of a driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from sparkbed import inventory, platforms
from sparkbed.errors import UsageError
from sparkbed.home import ROOT
from sparkbed.platforms import Cluster, ClusterSpec

DOCKER = platforms.get("docker")

IMAGE = "sparkbed-spark:3.5.7-0123456789ab"


def cluster_with(**settings: Any) -> Cluster:
    return Cluster(
        spec=ClusterSpec("c", settings, inventory.load(ROOT / "inventories" / "local.yml"), 2),
        settings=DOCKER.resolve(settings),
        master_url="spark://172.18.0.2:7077",
        web_url="http://172.18.0.2:8080",
        workers=("w0", "w1"),
        driver_host="master",
        driver_address="172.18.0.1",
        folder="/n/cluster-c",
        conf_dir="/n/cluster-c/conf",
        start_seconds=1.0,
        locations={
            "spark": "/opt/spark",
            "java": "",
            "python": "/usr/bin/python3",
            "image": IMAGE,
            "network": "sparkbed-c",
            "user": "1000:1000",
            "container": "sparkbed-c-master",
            "node": "i-1@/state",
            "mounts": ["/n/cluster-c:/n/cluster-c", "/n/cluster-c/conf/passwd:/etc/passwd:ro"],
        },
    )


def options(arguments: Sequence[str], name: str) -> list[str]:
    """The values of `--name VALUE` and `--name=VALUE`, in order, up to the image."""
    words = list(arguments[: arguments.index(IMAGE)])
    return [
        word.partition("=")[2] if word.startswith(f"--{name}=") else words[at + 1]
        for at, word in enumerate(words)
        if word == f"--{name}" or word.startswith(f"--{name}=")
    ]


def test_defaults_are_complete_and_the_same_as_the_playbooks() -> None:
    ours = DOCKER.resolve({})
    theirs = {
        **yaml.safe_load((ROOT / "playbooks/standalone/settings.yml").read_text()),
        **yaml.safe_load((ROOT / "playbooks/docker/settings.yml").read_text()),
    }
    of_the_playbooks_alone = {
        "docker_packages",
        "docker_image_label",
        "docker_label",
        "docker_network_name",
        "container_name",
    }
    assert set(ours) == set(theirs) - of_the_playbooks_alone
    derived = {"spark_master_port", "spark_master_webui_port", "executor_cores", "executor_memory"}
    assert {name: ours[name] for name in set(ours) - derived} == {name: theirs[name] for name in set(ours) - derived}
    assert None not in ours.values()


@pytest.mark.parametrize(
    "settings",
    [
        {"runtime": "host", "driver_in": "host"},
        {"runtime": "host", "driver_in": "container"},
        {"spark_version": "3.5.3"},
        {"spark_version": "4.1.0.dev1"},
        {"worker_cpus": "1.5", "worker_cpuset": "0-1,3"},
        {"worker_memory": "1g", "worker_container_memory": "1g"},
        {"docker_volumes": ["/data:/data:ro", "name:/b c", "/scratch"]},
        {"docker_network": "host"},
        {"docker_network": "host", "runtime": "host", "driver_in": "host"},
        {"docker_security": ["seccomp=unconfined"]},
    ],
)
def test_what_can_work_is_kept_as_it_is(settings: dict[str, Any]) -> None:
    values = DOCKER.resolve(settings)
    assert {name: values[name] for name in settings} == settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"runtime": "vm"}, "image, host"),
        ({"driver_in": "host"}, "needs runtime host"),
        ({"driver_in": "host", "runtime": "image"}, "needs runtime host"),
        ({"driver_in": "host", "runtime": "host", "docker_network": "mine"}, "network mine"),
        ({"docker_security": "seccomp=unconfined"}, "a list of texts"),
        ({"driver_in": "worker", "runtime": "host"}, "container, host"),
        ({"spark_version": "3.5.3", "runtime": "host"}, "can't be chosen"),
        ({"spark_version": "newest"}, "spark_version: '3.5.7'"),
        ({"spark_version": "3.5.3; id"}, "spark_version can't be"),
        ({"spark_version": "--help"}, "spark_version can't be"),
        ({"worker_cpus": "two"}, "worker_cpus: '1.5'"),
        ({"worker_cpus": "-1"}, "worker_cpus can't be"),
        ({"worker_cpus": "0"}, "more than 0"),
        ({"worker_cpus": 1.5}, "one line of text"),
        ({"worker_cpuset": "all"}, "worker_cpuset: '0-1,3'"),
        ({"worker_cpuset": "0-"}, "worker_cpuset can't be"),
        ({"worker_container_memory": "much"}, "1500m or 2g"),
        ({"worker_memory": "1g", "worker_container_memory": "1023m"}, "less than worker_memory"),
        ({"docker_volumes": "/data:/data"}, "a list of texts"),
        ({"docker_volumes": ["data"]}, "HOST:INSIDE"),
        ({"docker_volumes": ["data:inside"]}, "HOST:INSIDE"),
        ({"docker_volumes": ["/a:/a\n--privileged"]}, "a list of texts"),
        ({"docker_network": "a\nb"}, "one line of text"),
        ({"spark.driver.host": "here"}, "platform chooses"),
        ({"docker_netwrok": "host"}, "Did you mean 'docker_network'"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        DOCKER.resolve(settings)
    assert said in str(caught.value)


def test_a_driver_in_a_container_carries_the_labels_that_clearing_up_looks_for() -> None:
    arguments = DOCKER.submit_arguments(cluster_with(docker_security=["seccomp=unconfined"]))
    assert arguments[:2] == ["docker", "run"]
    assert options(arguments, "security-opt") == ["seccomp=unconfined"]
    assert set(options(arguments, "label")) == {
        "sparkbed.cluster=c",
        "sparkbed.host=master",
        "sparkbed.node=i-1@/state",
        "sparkbed.role=driver",
    }
    assert options(arguments, "network") == ["sparkbed-c"]
    assert options(arguments, "user") == ["1000:1000"]
    assert "--rm" in arguments[: arguments.index(IMAGE)]
    inside = arguments[arguments.index(IMAGE) + 1 :]
    assert inside[:2] == ["/n/cluster-c/inside.sh", "-"]
    assert inside[2:5] == ["/opt/spark/bin/spark-submit", "--master", "spark://172.18.0.2:7077"]


def test_a_driver_sees_the_folders_that_it_reads_and_writes_at_the_same_paths() -> None:
    folders = ["/n/cluster-c/trials/1", "/state/programs/a b", "/state/programs/a b", "/n/cluster-c2"]
    arguments = DOCKER.submit_arguments(cluster_with(), folders=folders)
    assert options(arguments, "volume") == [
        "/n/cluster-c:/n/cluster-c",
        "/n/cluster-c/conf/passwd:/etc/passwd:ro",
        "/state/programs/a b:/state/programs/a b",
        "/n/cluster-c2:/n/cluster-c2",
    ]
    assert options(arguments, "workdir") == ["/n/cluster-c/trials/1"]


@pytest.mark.parametrize("settings", [{}, {"runtime": "host", "driver_in": "host"}])
def test_hostile_values_stay_whole(settings: dict[str, Any]) -> None:
    hostile = "a 'b' \"c\" $(d) `e`\n;"
    arguments = DOCKER.submit_arguments(
        cluster_with(**settings), {"spark.app.name": hostile, "spark.ui.enabled": False}
    )
    assert arguments[-4:] == ["--conf", f"spark.app.name={hostile}", "--conf", "spark.ui.enabled=false"]


def test_a_driver_on_the_host_is_plain_spark_submit_at_the_networks_gateway() -> None:
    cluster = cluster_with(runtime="host", driver_in="host")
    arguments = DOCKER.submit_arguments(cluster, folders=["/elsewhere"])
    assert arguments[:3] == ["/opt/spark/bin/spark-submit", "--master", "spark://172.18.0.2:7077"]
    environment = DOCKER.submit_environment(cluster)
    assert environment["SPARKBED_CLUSTER"] == "/n/cluster-c"
    assert environment["SPARK_LOCAL_IP"] == environment["SPARK_LOCAL_HOSTNAME"] == "172.18.0.1"


def test_the_docker_program_carries_the_clusters_mark_and_nothing_of_sparks() -> None:
    assert DOCKER.submit_environment(cluster_with()) == {"SPARKBED_CLUSTER": "/n/cluster-c"}


def test_every_setting_is_in_the_readme() -> None:
    text = (ROOT / "playbooks" / "README.md").read_text()
    missing = [setting.name for setting in DOCKER.settings() if f"`{setting.name}`" not in text]
    assert not missing
