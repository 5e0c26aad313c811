"""Platform mesos: settings, templates, and its playbooks on process nodes with a double in the place of Mesos.

The programs `mesos-master` and `mesos-agent` are of mesos_double.py: they read the flags that Mesos reads, from the
environment, and answer over HTTP as it does. No task runs: that needs Mesos.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest

from sparkbed import inventory as inventories
from sparkbed import platforms
from sparkbed.errors import PlatformError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.platforms.base import ClusterSpec
from sparkbed.platforms.mesos import Mesos
from sparkbed.platforms.mesos_api import MesosMaster
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.provision import provider_for
from sparkbed.remote import Connections
from tests.platforms import mesos_double

VARIABLES: dict[str, Any] = {
    "bind_address": "127.1.0.2",
    "cluster_dir": "/n/cluster-c",
    "cluster_name": "c",
    "java_dir": "/opt/java",
    "mesos_agent_port": 5051,
    "mesos_allocation_interval": "500ms",
    "mesos_attributes": "",
    "mesos_framework_sorter": "drf",
    "mesos_home": "/opt/mesos",
    "mesos_master": "127.1.0.1:5050",
    "mesos_offer_timeout": "",
    "mesos_port": 5050,
    "mesos_resources": "",
    "mesos_role_sorter": "random",
    "python_path": "/opt/python",
    "spark_dir": "/opt/spark",
    "worker_cores": 2,
    "worker_memory": "1g",
}


def rendered(name: str, **changes: Any) -> str:
    # As ansible.builtin.template sets Jinja2 up.
    import re

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "mesos"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    environment.filters["to_json"] = json.dumps
    environment.filters["regex_replace"] = lambda text, pattern, by: re.sub(pattern, by, text)
    return environment.get_template(name).render({**VARIABLES, **changes})


def flags(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_master_gets_its_flags_and_no_empty_ones() -> None:
    found = flags(rendered("master.env.j2"))
    assert found["MESOS_ALLOCATION_INTERVAL"] == "500ms"
    assert (found["MESOS_ROLE_SORTER"], found["MESOS_FRAMEWORK_SORTER"]) == ("random", "drf")
    assert (found["MESOS_IP"], found["MESOS_PORT"]) == ("127.1.0.2", "5050")
    assert "MESOS_OFFER_TIMEOUT" not in found
    assert flags(rendered("master.env.j2", mesos_offer_timeout="5secs"))["MESOS_OFFER_TIMEOUT"] == "5secs"


@pytest.mark.parametrize(("memory", "mebibytes"), [("1g", 1024), ("1536m", 1536), ("2048k", 2), ("1t", 1048576)])
def test_an_agent_reports_what_the_worker_has(memory: str, mebibytes: int) -> None:
    found = flags(rendered("agent.env.j2", worker_memory=memory))
    assert found["MESOS_RESOURCES"] == f"cpus:2;mem:{mebibytes};ports:[31000-32000]"
    assert found["MESOS_MASTER"] == "127.1.0.1:5050"
    environment = json.loads(found["MESOS_EXECUTOR_ENVIRONMENT_VARIABLES"])
    assert environment["SPARKBED_CLUSTER"] == "/n/cluster-c", "stop.yml knows executors by it"
    own = flags(rendered("agent.env.j2", mesos_resources="cpus:8;mem:1", mesos_attributes="zone:a"))
    assert (own["MESOS_RESOURCES"], own["MESOS_ATTRIBUTES"]) == ("cpus:8;mem:1", "zone:a")


def resolved(**settings: Any) -> dict[str, Any]:
    return Mesos().resolve(settings)


def test_it_is_a_platform_like_the_others() -> None:
    assert "mesos" in platforms.names()
    assert isinstance(platforms.get("mesos"), Mesos)


def test_coarse_mode_becomes_sparks_properties() -> None:
    settings = resolved(
        worker_memory="2g", mesos_role="web", mesos_constraints="zone:a", cores_max=4, mesos_extra_cores=1,
        mesos_executor_home="/opt/spark",
    )  # fmt: skip
    assert settings["spark_properties"] == {
        "spark.cores.max": "4",
        "spark.mesos.coarse": "true",
        "spark.mesos.constraints": "zone:a",
        "spark.mesos.executor.home": "/opt/spark",
        "spark.mesos.executor.memoryOverhead": "384",
        "spark.mesos.extra.cores": "1",
        "spark.mesos.role": "web",
    }


def test_fine_mode_has_cores_of_the_executor_itself() -> None:
    found = resolved(mesos_mode="fine", mesos_executor_cores="0.5", mesos_executor_uri="http://x/spark.tgz")
    properties = found["spark_properties"]
    assert properties["spark.mesos.coarse"] == "false"
    assert properties["spark.mesos.mesosExecutor.cores"] == "0.5"
    assert properties["spark.executor.uri"] == "http://x/spark.tgz"
    assert "spark.mesos.extra.cores" not in properties


def test_what_the_user_says_of_sparks_own_properties_stays() -> None:
    properties = resolved(**{"spark.mesos.rejectOfferDuration": "5s", "spark.mesos.role": "own"})["spark_properties"]
    assert properties["spark.mesos.rejectOfferDuration"] == "5s"
    assert properties["spark.mesos.role"] == "own"


@pytest.mark.parametrize(
    ("worker", "cores", "heap", "overhead"),
    [("1g", 1, "640m", 384), ("8g", 1, "7447m", 744), ("4g", 2, "1664m", 384)],
)
def test_heap_and_overhead_share_a_workers_memory(worker: str, cores: int, heap: str, overhead: int) -> None:
    found = resolved(worker_memory=worker, worker_cores=cores, executor_cores=1)
    assert (found["executor_memory"], found["mesos_executor_memory_overhead"]) == (heap, overhead)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "Spark 4": ({"spark_version": "4.0.1"}, "Spark 4.0.1 has no Mesos"),
    "no room for the overhead": ({"worker_memory": "384m"}, "leaves nothing for 1 executors"),
    "heap that leaves no room": ({"worker_memory": "1g", "executor_memory": "1g"}, "with 384 MiB of overhead is more"),
    "weight of nothing": ({"mesos_weights": ["web=0"]}, "'web=0' in mesos_weights is no weight"),
    "weight without a role": ({"mesos_weights": ["=2"]}, "is no weight of a role"),
    "interval in other words": ({"mesos_allocation_interval": "1 second"}, "mesos_allocation_interval can't be"),
    "role with a slash": ({"mesos_role": "a/b"}, "mesos_role can't be 'a/b'"),
    "resources in other words": ({"mesos_resources": "4 cores"}, "mesos_resources can't be"),
    "two places for Spark": ({"mesos_executor_home": "/s", "mesos_executor_uri": "http://x"}, "can't be together"),
    "cores of no number": ({"mesos_executor_cores": "half"}, "mesos_executor_cores can't be 'half'"),
    "a setting of standalone's": ({"spark_master_port": 7077}, "no setting 'spark_master_port'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_work_is_refused(name: str) -> None:
    settings, says = WRONG[name]
    with pytest.raises(UsageError, match=says):
        resolved(**settings)


# -- the playbooks, with the double -----------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[ClusterSpec, Runner, Path]]:
    """One master and two workers on process nodes, and a folder with the double's programs."""
    programs = tmp_path / "mesos" / "sbin"
    programs.mkdir(parents=True)
    for name in ("mesos-master", "mesos-agent"):
        program = programs / name
        program.write_text(f"#!/bin/sh\nexec {sys.executable} {mesos_double.__file__} {name}\n")
        program.chmod(0o755)
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n  children:\n    spark:\n      children:\n        master: {hosts: {master-1: }}\n"
        "        workers: {hosts: {'worker-[1:2]': }}\n"
        "  vars:\n    provision: {provider: ec2, endpoint: local, node: process}\n"
    )
    hosts, home = inventories.load(path), Home(tmp_path / "state")
    provider = provider_for(hosts, home)
    deployment = provider.provision(hosts, "m", lambda _: None)
    generated = inventories.load(deployment.inventory)
    try:
        with Connections(lambda host: rendered_connection_variables(generated, host)) as connections:
            spec = ClusterSpec("c1", {"mesos_home": str(programs.parent)}, generated, 2)
            yield spec, Runner(generated, connections), tmp_path
    finally:
        provider.teardown("m", lambda _: None)


def with_settings(spec: ClusterSpec, **settings: Any) -> ClusterSpec:
    asked: Mapping[str, Any] = {**spec.settings, **settings}
    return ClusterSpec(spec.name, asked, spec.inventory, spec.workers)


@pytest.mark.full
def test_a_cluster_comes_up_has_its_weights_and_goes_away(site: tuple[ClusterSpec, Runner, Path]) -> None:
    spec, runner, _ = site
    platform = Mesos()
    spec = with_settings(spec, mesos_weights=["web=2.5", "batch=1"], mesos_allocation_interval="100ms", worker_cores=3)
    cluster = platform.start(spec, runner)
    try:
        master = MesosMaster(cluster.web_url)
        assert cluster.master_url == cluster.web_url.replace("http://", "mesos://")
        assert len(cluster.workers) == 2
        assert {tuple(one["resources"].items()) for one in master.agents()} == {(("cpus", 3.0), ("mem", 1024.0))}
        assert master.weights() == {"web": 2.5, "batch": 1.0}
        assert master.flags()["allocation_interval"] == "100ms"
        assert platform.ready(cluster, runner)
        again = platform.start(spec, runner)
        assert again.workers == cluster.workers, "what runs is adopted"
        kept = platform.rendered(cluster, runner)
        assert "MESOS_RESOURCES=cpus:3;mem:1024" in kept["worker-1/agent.env"]
        assert "spark.mesos.coarse=true" in kept["master-1/spark-defaults.conf"]
        arguments = platform.submit_arguments(cluster)
        assert arguments[1:3] == ["--master", cluster.master_url]
        environment = platform.submit_environment(cluster)
        assert environment["MESOS_NATIVE_JAVA_LIBRARY"].endswith("/mesos/lib/libmesos.so")
        with pytest.raises(PlatformError, match="with other settings than asked for"):
            platform.start(with_settings(spec, mesos_allocation_interval="2secs"), runner)
    finally:
        platform.stop(spec, runner)
    assert not platform.ready(cluster, runner)
    with pytest.raises(PlatformError, match="does not answer"):
        master.weights()


@pytest.mark.full
def test_where_mesos_can_not_be_had_it_says_so(site: tuple[ClusterSpec, Runner, Path]) -> None:
    spec, runner, folder = site
    with pytest.raises(PlatformError, match=r"no mesos-master and mesos-agent below .*Build Apache Mesos"):
        Mesos().start(with_settings(spec, mesos_home=str(folder / "none")), runner)
