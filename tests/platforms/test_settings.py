"""A cluster's settings: defaults filled in, and everything that can't work refused before a host is touched."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed import inventory, platforms
from sparkbed.errors import UsageError
from sparkbed.home import ROOT
from sparkbed.platforms import Cluster, ClusterSpec

STANDALONE = platforms.get("standalone")


def cluster_with(workers: int = 2, **settings: Any) -> Cluster:
    return Cluster(
        spec=ClusterSpec("c", settings, inventory.load(ROOT / "inventories" / "local.yml"), workers),
        settings=STANDALONE.resolve(settings),
        master_url="spark://127.1.0.1:7077",
        web_url="http://127.1.0.1:8080",
        workers=tuple(f"w{n}" for n in range(workers)),
        driver_host="master",
        driver_address="127.1.0.1",
        folder="/n/cluster-c",
        conf_dir="/n/cluster-c/conf",
        start_seconds=1.0,
        locations={"spark": "/opt/spark", "java": "/opt/java", "python": "/opt/python"},
    )


def test_defaults_are_complete_and_the_same_as_the_playbooks() -> None:
    ours = STANDALONE.resolve({})
    theirs = yaml.safe_load((ROOT / "playbooks/standalone/settings.yml").read_text())
    assert set(ours) == set(theirs)
    # Ports are fixed for people at the keyboard; what a setting is derived from is a template there.
    derived = {"spark_master_port", "spark_master_webui_port", "executor_cores", "executor_memory"}
    assert {name: ours[name] for name in ours if name not in derived} == {
        name: theirs[name] for name in theirs if name not in derived
    }
    assert None not in ours.values()


@pytest.mark.parametrize("platform", ["standalone", "docker"])
def test_a_playbook_takes_every_choice_that_its_settings_offer(platform: str) -> None:
    """A cluster must not fail to start on a value that the suite's check let pass."""
    text = (ROOT / "playbooks" / platform / "start.yml").read_text()
    taken = {name: ast.literal_eval(values) for name, values in re.findall(r"- (\w+) in (\[[^\]]*\])", text)}
    offered = {each.name: list(each.choices) for each in platforms.get(platform).settings() if each.choices}
    assert "gc" in offered
    assert {name: taken[name] for name in offered if name in taken} == {name: offered[name] for name in taken}


def test_names_that_begin_with_spark_are_properties() -> None:
    values = STANDALONE.resolve({"spark.locality.wait": 0, "spark_properties": {"spark.shuffle.compress": False}})
    assert values["spark_properties"] == {"spark.locality.wait": "0", "spark.shuffle.compress": "false"}


def test_executors_share_their_workers_memory() -> None:
    values = STANDALONE.resolve({"worker_cores": 4, "worker_memory": "2g", "executor_cores": 2})
    assert values["executor_memory"] == "1024m"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"worker_core": 2}, "Did you mean 'worker_cores'"),
        ({"worker_cores": 0}, "1 or more"),
        ({"worker_cores": True}, "whole number"),
        ({"worker_cores": "two"}, "whole number"),
        ({"worker_memory": "1 gig"}, "512m"),
        ({"worker_memory": 1024}, "512m"),
        ({"gc": "ZGC"}, "G1, Parallel, Serial"),
        ({"log_level": "info\nrootLogger.level = off"}, "one of"),
        ({"event_log_dir": "events"}, "absolute"),
        ({"worker_cores": 1, "executor_cores": 2}, "wait for ever"),
        ({"worker_memory": "1g", "executor_memory": "2g"}, "wait for ever"),
        ({"spark.executor.memory": "2g"}, "executor_memory"),
        ({"spark.master": "local"}, "platform chooses"),
        ({"spark_properties": ["spark.a"]}, "mapping"),
        ({"spark_properties": {"executor.memory": "1g"}}, "begin with spark."),
        ({"spark.locality.wait": {"node": 1}}, "text, a number"),
        ({"spark.app.name": "a\nspark.master=local"}, "can't be printed"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        STANDALONE.resolve(settings)
    assert said in str(caught.value)


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(UsageError, match="standalon"):
        platforms.get("standalon")


@pytest.mark.parametrize(
    ("settings", "executors"),
    [
        ({}, 2),
        ({"worker_cores": 4, "executor_cores": 2}, 4),
        ({"worker_cores": 4, "executor_cores": 1, "worker_memory": "1g", "executor_memory": "512m"}, 4),
        ({"worker_cores": 2, "executor_cores": 1, "spark.cores.max": 3}, 3),
        ({"spark.dynamicAllocation.enabled": True}, 0),
    ],
)
def test_expected_executors(settings: dict[str, Any], executors: int) -> None:
    assert STANDALONE.expected_executors(cluster_with(**settings)) == executors


def test_submit_arguments_keep_hostile_values_whole() -> None:
    arguments = STANDALONE.submit_arguments(cluster_with(), {"spark.app.name": "a 'b' $(c)", "spark.ui.enabled": False})
    assert arguments[:3] == ["/opt/spark/bin/spark-submit", "--master", "spark://127.1.0.1:7077"]
    assert arguments[-4:] == ["--conf", "spark.app.name=a 'b' $(c)", "--conf", "spark.ui.enabled=false"]


def test_submit_environment_names_the_cluster_and_its_configuration() -> None:
    environment = STANDALONE.submit_environment(cluster_with())
    assert environment["SPARKBED_CLUSTER"] == "/n/cluster-c"
    assert environment["SPARK_CONF_DIR"] == "/n/cluster-c/conf"
    assert environment["SPARK_LOCAL_IP"] == "127.1.0.1"
    assert all(Path(environment[name]).is_absolute() for name in ("SPARK_HOME", "JAVA_HOME", "PYSPARK_PYTHON"))


def test_every_setting_is_in_the_readme() -> None:
    text = (ROOT / "playbooks" / "README.md").read_text()
    missing = [setting.name for setting in STANDALONE.settings() if f"`{setting.name}`" not in text]
    assert not missing
