"""Spark's standalone cluster in Docker containers: one each for the master, every worker, and each driver.

What the containers are is in playbooks/docker/ and templates/docker/; this answers what YAML can't. Docker is reached
on the hosts, through the same SSH connections as everything else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.platforms.base import Cluster, ClusterSpec, PlayRunner, Setting
from sparkbed.platforms.plays import play
from sparkbed.platforms.settings import memory_bytes
from sparkbed.platforms.standalone import PLAYBOOKS, SETTINGS, Standalone

_OWN = (
    Setting(
        "runtime",
        "choice",
        "image",
        "whose Spark, Java and Python run in the containers: those of an image that is built for it, or the host's own "
        "mounted read-only, so that containers and bare processes run the very same bits",
        choices=("image", "host"),
    ),
    Setting("base_image", "text", "", "a Debian or Ubuntu image to begin from (default: the host's own release)"),
    Setting(
        "driver_in", "choice", "container", "where drivers run; on the host only with runtime host",
        choices=("container", "host"),
    ),
    Setting(
        "docker_network", "text", "",
        "host, or an existing network that all hosts' engines share (default: a bridge of the cluster's own)",
    ),
    Setting("docker_volumes", "texts", [], "further volumes of every container, as docker run --volume has them"),
    Setting(
        "docker_security", "texts", [],
        "of every container, as docker run --security-opt has it: seccomp=unconfined lifts the engine's filter of "
        "system calls, which bare processes do not pass through",
    ),
    Setting("worker_cpus", "text", "", "processors that each worker's container may use, as in 1.5 (default: all)"),
    Setting("worker_cpuset", "text", "", "which processors a worker's container may use, as in 0-1 (default: all)"),
    Setting(
        "worker_container_memory", "text", "",
        "memory that each worker's container may use, as in 2g: Spark's executors, Python and all (default: no limit)",
    ),
)  # fmt: skip

_CPUS = re.compile(r"[0-9]+(\.[0-9]{1,2})?")
_CPUSET = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_VOLUME = re.compile(r"(?:[^:]+:)?/[^:]*(?::[A-Za-z,]+)?")


class Docker(Standalone):
    """A master and workers in containers of one user-defined network, or on the hosts' own networks."""

    name = "docker"
    table = (*SETTINGS, *_OWN)
    installs_versions = False  # they are in the images
    located = (
        "spark",
        "java",
        "python",
        "image",
        "network",
        "user",
        "container",
        "node",
        "mounts",
        "host_python",
        "inside_python",
    )

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        values = super().resolve(settings)
        if values["driver_in"] == "host" and values["runtime"] != "host":
            raise UsageError(
                "driver_in host needs runtime host",
                hint="A driver outside runs the host's Spark: the workers must too.",
            )
        if values["driver_in"] == "host" and values["docker_network"] not in ("", "host"):
            raise UsageError(
                f"driver_in host can't be reached from the network {values['docker_network']}",
                hint="Leave docker_network out for a bridge of the cluster's own, or take host.",
            )
        if values["spark_version"] and values["runtime"] == "host":
            raise UsageError(
                "spark_version can't be chosen with runtime host", hint="Leave runtime out, or spark_version."
            )
        for name, form, example in (
            ("worker_cpus", _CPUS, "1.5"),
            ("worker_cpuset", _CPUSET, "0-1,3"),
        ):
            if values[name] and not form.fullmatch(values[name]):
                raise UsageError(f"{name} can't be {values[name]!r}", hint=f"Write it as in {name}: '{example}'.")
        if values["worker_cpus"] and float(values["worker_cpus"]) == 0:
            raise UsageError("worker_cpus has to be more than 0", hint="Leave it out for all processors.")
        for volume in values["docker_volumes"]:
            if not _VOLUME.fullmatch(volume):
                raise UsageError(
                    f"{volume!r} in docker_volumes is no volume",
                    hint="Write HOST:INSIDE or HOST:INSIDE:ro; INSIDE is an absolute path.",
                )
        self._resolve_container_memory(values)
        return values

    def require(self, specs: Sequence[ClusterSpec], runner: PlayRunner) -> None:  # noqa: ARG002  # all need an engine
        play(runner, PLAYBOOKS / self.name / "engine.yml", {}, "clusters in containers can't run")

    def start(self, spec: ClusterSpec, runner: PlayRunner) -> Cluster:
        return replace(super().start(spec, runner), containers=f"sparkbed.cluster={spec.name}")

    def processor_limit(self, settings: Mapping[str, Any]) -> int | None:
        """As a JVM counts: a part of a processor is one."""
        cpus, cpuset = settings["worker_cpus"], settings["worker_cpuset"]
        limits = [math.ceil(float(cpus))] if cpus else []
        if cpuset:
            limits.append(len(_processors_of(cpuset)))
        return min(limits, default=None)

    def submit_arguments(
        self, cluster: Cluster, properties: Mapping[str, Any] | None = None, folders: Sequence[str] = ()
    ) -> list[str]:
        spark_submit = super().submit_arguments(cluster, properties)
        if cluster.settings["driver_in"] == "host":
            return spark_submit
        return [*self._run(cluster, folders), f"{cluster.folder}/inside.sh", "-", *spark_submit]

    def submit_environment(self, cluster: Cluster) -> dict[str, str]:
        if cluster.settings["driver_in"] == "container":
            # The docker program's own; what the driver is to know is in its container.
            return {"SPARKBED_CLUSTER": cluster.folder}
        environment = super().submit_environment(cluster)
        # There is no name for the gateway that executors could look up.
        return {**environment, "SPARK_LOCAL_HOSTNAME": cluster.driver_address}

    def plain_command(self, cluster: Cluster) -> list[str]:
        return [cluster.locations["host_python"]]

    def inside(self, cluster: Cluster, host: str) -> list[str]:
        if host != cluster.driver_host and not self._process_nodes(cluster, host):
            raise UsageError(
                f"the containers of {host} may be on another machine than {cluster.driver_host}",
                where=str(cluster.spec.inventory.path),
                hint="Plain programs run on one machine: take process nodes, or one host in both groups.",
            )
        container = f"sparkbed-{cluster.spec.name}-{host}-worker"
        return ["docker", "exec", "--interactive", container]

    def _run(self, cluster: Cluster, folders: Sequence[str]) -> list[str]:
        """`docker run` and its options, the image included, for one driver."""
        made = cluster.locations
        scratch = str(PurePosixPath(cluster.folder, "tmp"))
        environment = {"HOME": scratch, "TMPDIR": scratch}
        labels = {
            "sparkbed.cluster": cluster.spec.name,
            "sparkbed.host": cluster.driver_host,
            "sparkbed.node": made["node"],
            "sparkbed.role": "driver",
        }
        result = ["docker", "run", "--rm", "--init", "--network", made["network"], "--user", made["user"]]
        result += ["--workdir", folders[0] if folders else cluster.folder]
        result += [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
        result += [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        result += [f"--volume={one}" for one in made["mounts"]]
        result += [f"--security-opt={one}" for one in cluster.settings["docker_security"]]
        result += [f"--volume={folder}:{folder}" for folder in _outside(folders, cluster.folder)]
        return [*result, made["image"]]

    @staticmethod
    def _resolve_container_memory(values: dict[str, Any]) -> None:
        text = values["worker_container_memory"]
        if not text:
            return
        try:
            limit = memory_bytes(text)
        except ValueError:
            raise UsageError(
                f"worker_container_memory can't be {text!r}", hint="It is a size such as 1500m or 2g."
            ) from None
        if limit < memory_bytes(values["worker_memory"]):
            raise UsageError(
                f"worker_container_memory {text} is less than worker_memory {values['worker_memory']}",
                hint="The container holds the worker's executors, its own JVM (some 170 MB) and Python besides.",
            )


def _processors_of(cpuset: str) -> set[int]:
    """The processors that a list such as 0-1,3 names."""
    named: set[int] = set()
    for part in cpuset.split(","):
        first, _, last = part.partition("-")
        named.update(range(int(first), int(last or first) + 1))
    return named


def _outside(folders: Sequence[str], folder: str) -> list[str]:
    """The folders that are not within `folder`, each once, in order."""
    inside = PurePosixPath(folder)
    return [one for one in dict.fromkeys(folders) if inside not in (PurePosixPath(one), *PurePosixPath(one).parents)]
