"""Spark on Apache Mesos: a master, an agent a worker host, and Spark's coarse or fine-grained mode on them.

Prepared: Mesos is retired and nobody publishes its binaries, so this has run against a double of its documented
interface only. Spark 3.5 is the last that knows Mesos.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from sparkbed.errors import PlatformError, UsageError
from sparkbed.platforms.base import Cluster, ClusterSpec, PlayRunner, Setting
from sparkbed.platforms.settings import memory_bytes
from sparkbed.platforms.standalone import SETTINGS, Standalone

_MEBIBYTE = 1024 * 1024
_NOT_HERE = ("spark_daemon_memory", "spark_master_port", "spark_master_webui_port")
_OVERHEAD = 0.1
_LEAST_OVERHEAD = 384
"""MiB. What Spark asks of Mesos for an executor besides its heap is the larger of this and a tenth of the heap."""

_OWN = (
    Setting("mesos_home", "text", "/usr", "where Mesos is installed on the hosts: sbin/ or bin/ has its programs"),
    Setting(
        "mesos_native_library", "text", "", "libmesos.so, which drivers load (default: lib/libmesos.so of mesos_home)"
    ),
    Setting("mesos_port", "int", 5050, "the master's port", minimum=1),
    Setting("mesos_agent_port", "int", 5051, "the agents' port", minimum=1),
    Setting("mesos_allocation_interval", "text", "1secs", "how long the master waits between two rounds of offers"),
    Setting(
        "mesos_role_sorter", "choice", "drf", "whose turn it is among roles: dominant resource fairness, or chance",
        choices=("drf", "random"),
    ),
    Setting(
        "mesos_framework_sorter", "choice", "drf", "the same among the frameworks of a role", choices=("drf", "random")
    ),
    Setting("mesos_offer_timeout", "text", "", "after this an offer is taken back, as in 5secs (default: never)"),
    Setting(
        "mesos_resources", "text", "",
        "what an agent reports, as in cpus:4;mem:8192 (default: cpus and mem by worker_cores and worker_memory)",
    ),
    Setting("mesos_attributes", "text", "", "what constraints can ask for, as in os:debian;zone:a"),
    Setting("mesos_weights", "texts", [], "weights of roles, each as role=2.5; others have 1"),
    Setting(
        "mesos_mode", "choice", "coarse",
        "coarse: executors stay for the whole application; fine: each Spark task is a task of Mesos, and cores go back",
        choices=("coarse", "fine"),
    ),
    Setting("mesos_role", "text", "*", "the role that applications register in"),
    Setting("mesos_constraints", "text", "", "whose offers are taken, by agents' attributes, as in os:debian;zone:a"),
    Setting("mesos_extra_cores", "int", 0, "cores that each executor claims beyond what it uses (coarse)"),
    Setting("mesos_executor_cores", "text", "1.0", "cores of an executor itself, besides its tasks' (fine)"),
    Setting(
        "mesos_executor_memory_overhead", "int", None,
        f"MiB beside an executor's heap (default: a tenth of it, {_LEAST_OVERHEAD} at least)", minimum=0,
    ),
    Setting("mesos_executor_home", "text", "", "Spark's folder on the agents (default: the hosts' own Spark)"),
    Setting("mesos_executor_uri", "text", "", "a Spark distribution that each agent fetches, in place of a folder"),
    Setting("cores_max", "int", None, "cores that an application takes (default: all that is offered)", minimum=1),
)  # fmt: skip

_DURATION = re.compile(r"[0-9]+(\.[0-9]+)?(ns|us|ms|secs|mins|hrs|days|weeks)")
_ROLE = re.compile(r"\*|[A-Za-z0-9_][A-Za-z0-9_.@:-]*")
_RESOURCES = re.compile(r"[A-Za-z0-9_.-]+(\([^()]+\))?:[^;]+(;[A-Za-z0-9_.-]+(\([^()]+\))?:[^;]+)*")

_CONFIGURATION = (
    "master.env",
    "agent.env",
    "spark-defaults.conf",
    "spark-env.sh",
    "log4j2.properties",
    "settings.json",
)


class Mesos(Standalone):
    """A Mesos master on the host of group `master`, where drivers run too, and an agent on each host of `workers`."""

    name = "mesos"
    table = (*(one for one in SETTINGS if one.name not in _NOT_HERE), *_OWN)
    read_by = "mesos"
    configuration = _CONFIGURATION

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        asked = dict(settings)
        version = str(asked.get("spark_version") or "")
        if version and not version.startswith("3."):
            raise UsageError(
                f"Spark {version} has no Mesos: Spark 4 dropped it", hint="Take spark_version: 3.5.7, or leave it out."
            )
        heap_was_asked = asked.get("executor_memory") is not None
        values = super().resolve(asked)
        self._expect_forms(values)
        _resolve_overhead(values, heap_was_asked)
        if not values["mesos_native_library"]:
            values["mesos_native_library"] = f"{values['mesos_home']}/lib/libmesos.so"
        values["spark_properties"] = {**_properties(values), **values["spark_properties"]}
        return values

    def _expect_forms(self, values: Mapping[str, Any]) -> None:
        for name in ("mesos_allocation_interval", "mesos_offer_timeout"):
            if values[name] and not _DURATION.fullmatch(values[name]):
                raise UsageError(
                    f"{name} can't be {values[name]!r}", hint="Write it as Mesos does: 500ms, 1secs, 2mins."
                )
        if not _ROLE.fullmatch(values["mesos_role"]):
            raise UsageError(
                f"mesos_role can't be {values['mesos_role']!r}",
                hint="It is of letters, digits and _.@:-, as in web.",
            )
        if values["mesos_resources"] and not _RESOURCES.fullmatch(values["mesos_resources"]):
            raise UsageError(
                f"mesos_resources can't be {values['mesos_resources']!r}", hint="Write it as in cpus:4;mem:8192."
            )
        for weight in values["mesos_weights"]:
            weight_of(weight)
        if values["mesos_executor_home"] and values["mesos_executor_uri"]:
            raise UsageError(
                "mesos_executor_home and mesos_executor_uri can't be together",
                hint="Agents have Spark in a folder, or fetch it: choose one.",
            )
        try:
            fine = float(values["mesos_executor_cores"])
        except ValueError:
            fine = 0.0
        if not 0 < fine < float("inf"):
            raise UsageError(
                f"mesos_executor_cores can't be {values['mesos_executor_cores']!r}", hint="It is a number above 0."
            )

    def ready(self, cluster: Cluster, runner: PlayRunner) -> bool:
        files = self._files(cluster.spec.name, runner)
        text = files.get(f"{cluster.driver_host}/state.json")
        return bool(text) and len(_active(json.loads(text or "{}")["state"])) == cluster.spec.workers

    def expected_executors(self, cluster: Cluster) -> int:
        settings = cluster.settings
        if settings["mesos_mode"] == "fine":
            return 0  # an agent's executor comes with the first task there
        if settings["spark_properties"].get("spark.dynamicAllocation.enabled") == "true":
            return int(settings["spark_properties"].get("spark.dynamicAllocation.minExecutors", "0"))
        cores = settings["executor_cores"] + settings["mesos_extra_cores"]
        memory = memory_bytes(settings["executor_memory"]) + settings["mesos_executor_memory_overhead"] * _MEBIBYTE
        each = min(settings["worker_cores"] // cores, memory_bytes(settings["worker_memory"]) // memory)
        executors = cluster.spec.workers * each
        if settings["cores_max"] is not None:
            executors = min(executors, settings["cores_max"] // settings["executor_cores"])
        return int(executors)

    def submit_environment(self, cluster: Cluster) -> dict[str, str]:
        library = str(cluster.settings["mesos_native_library"])
        return {**super().submit_environment(cluster), "MESOS_NATIVE_JAVA_LIBRARY": library}

    def _described(
        self, spec: ClusterSpec, settings: Mapping[str, Any], files: Mapping[str, str], began: float
    ) -> Cluster:
        host = spec.inventory.hosts_of("master")[0]
        text = files.get(f"{host}/state.json")
        if not text:
            raise PlatformError(
                f"cluster {spec.name} started, but its Mesos master on {host} does not answer any more",
                hint="Look at the end of logs/master.log in the cluster's folder there.",
            )
        state, own = json.loads(text), json.loads(files[f"{host}/settings.json"])
        return Cluster(
            spec=spec,
            settings=settings,
            master_url=f"mesos://{own['master']}",
            web_url=state["web_url"],
            workers=_active(state["state"]),
            driver_host=host,
            driver_address=own["address"],
            folder=own["folder"],
            conf_dir=f"{own['folder']}/conf",
            start_seconds=time.monotonic() - began,
            locations={name: own[name] for name in self.located},
        )


def weight_of(text: str) -> tuple[str, float]:
    """Role and weight of `role=2.5`.

    Raises:
        UsageError: when it is not of that form, or the weight not above 0.
    """
    role, _, number = text.partition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not _ROLE.fullmatch(role) or not 0 < weight < float("inf"):
        raise UsageError(
            f"{text!r} in mesos_weights is no weight of a role", hint="Write it as role=2.5; weights are above 0."
        )
    return role, weight


def _resolve_overhead(values: dict[str, Any], heap_was_asked: bool) -> None:
    """What Mesos must give for an executor is heap and overhead; all of a worker's have to fit into its memory."""
    slots = values["worker_cores"] // values["executor_cores"]
    share = memory_bytes(values["worker_memory"]) // max(1, slots) // _MEBIBYTE
    overhead = values["mesos_executor_memory_overhead"]
    if not heap_was_asked:
        heap = int(min(share - _LEAST_OVERHEAD, share / (1 + _OVERHEAD))) if overhead is None else share - overhead
        if heap < 1:
            raise UsageError(
                f"worker_memory {values['worker_memory']} leaves nothing for {slots} executors beside their overhead",
                hint=f"Spark claims {_LEAST_OVERHEAD} MiB or more for each besides its heap: give workers more memory.",
            )
        values["executor_memory"] = f"{heap}m"
    heap = memory_bytes(values["executor_memory"]) // _MEBIBYTE
    if overhead is None:
        values["mesos_executor_memory_overhead"] = overhead = max(_LEAST_OVERHEAD, int(heap * _OVERHEAD))
    if heap + overhead > memory_bytes(values["worker_memory"]) // _MEBIBYTE:
        raise UsageError(
            f"executor_memory {values['executor_memory']} with {overhead} MiB of overhead is more than worker_memory"
            f" {values['worker_memory']}",
            hint="No agent's offer would be taken, and applications would wait for ever.",
        )


def _properties(values: Mapping[str, Any]) -> dict[str, str]:
    """Spark's own properties for the settings."""
    found: dict[str, Any] = {
        "spark.mesos.coarse": "true" if values["mesos_mode"] == "coarse" else "false",
        "spark.mesos.role": values["mesos_role"],
        "spark.mesos.constraints": values["mesos_constraints"],
        "spark.mesos.executor.memoryOverhead": values["mesos_executor_memory_overhead"],
        "spark.mesos.executor.home": values["mesos_executor_home"],
        "spark.executor.uri": values["mesos_executor_uri"],
        "spark.cores.max": values["cores_max"],
    }
    if values["mesos_mode"] == "coarse":
        found["spark.mesos.extra.cores"] = values["mesos_extra_cores"]
    else:
        found["spark.mesos.mesosExecutor.cores"] = values["mesos_executor_cores"]
    return {name: str(value) for name, value in found.items() if value not in ("", None)}


def _active(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the agents that a GET_AGENTS answer lists as active."""
    agents = answer.get("get_agents", {}).get("agents", ())
    return tuple(sorted(one["agent_info"]["id"]["value"] for one in agents if one.get("active")))
