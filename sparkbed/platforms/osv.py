"""Spark on OSv, a unikernel: executors that the driver starts itself, because one process can't start another.

An image is the user's to build (playbooks/osv/image.yml writes its recipe); without one the platform is prepared, and
says so. Everything but OSv itself has run: control and launch on a double of OSv's documented REST API.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparkbed.errors import PlatformError, UsageError
from sparkbed.inventory import logins
from sparkbed.platforms.base import Cluster, ClusterSpec, PlayRunner, Setting
from sparkbed.platforms.osv_instances import Instance, expect_reachable, instances_of
from sparkbed.platforms.plays import play
from sparkbed.platforms.settings import checked, memory_bytes
from sparkbed.platforms.standalone import PLAYBOOKS, SETTINGS, Standalone, expect_hosts, expect_plain_values
from sparkbed.provision.osv_api import Osv

_SHARED = (
    "driver_memory", "gc", "spark_version", "spark_properties", "event_log_dir", "log_level", "start_timeout"
)  # fmt: skip
_OWN = (
    Setting(
        "osv_image", "text", "", "the image that you have built, with Spark in it: a path on the hosts of group workers"
    ),
    Setting("osv_memory", "memory", "2g", "memory of an instance that is booted"),
    Setting("osv_port", "int", 8000, "the port of its REST API", minimum=1),
    Setting("osv_block_port", "int", 7079, "the port of its executor's blocks", minimum=1),
    Setting(
        "osv_api_listens", "choice", "loopback",
        "where a booted instance's REST API, which has no password, may listen: loopback addresses, or the host's",
        choices=("loopback", "host"),
    ),
    Setting("osv_qemu", "text", "qemu-system-x86_64", "QEMU on the hosts: a program's name, or its path"),
    Setting(
        "osv_accelerator", "choice", "auto", "what QEMU runs it by; auto: KVM where a probe boots, else emulation",
        choices=("auto", "kvm", "tcg"),
    ),
    Setting("osv_java", "text", "/usr/bin/java", "Java in the image, 17 or later"),
    Setting("osv_spark_dir", "text", "/spark", "Spark's folder in the image"),
    Setting("osv_local_dir", "text", "/tmp", "a folder in the image that can be written"),  # noqa: S108  # nobody shares it
    Setting("executor_cores", "int", 1, "cores of an instance, which holds one executor", minimum=1),
    Setting("executor_memory", "memory", "1g", "heap of the executor: the paper's"),
)  # fmt: skip

_MEBIBYTE = 1024 * 1024
MASTER = "sparkbed://osv"
"""What playbooks/osv/files/OsvClusterManager.scala knows itself by."""
_CLASS_PATH = "spark.driver.extraClassPath"
NEEDS = (
    "It takes an image with Java and Spark, named by osv_image, or instances that answer already, each named by its"
    " host's osv_api in the inventory: docs/platforms.md says how."
)


class OsvPlatform(Standalone):
    """Drivers run on the host of group `master`; each host of `workers` is an OSv instance, or boots one."""

    name = "osv"
    table = (*_OWN, *(one for one in SETTINGS if one.name in _SHARED))
    read_by = "osv"
    configuration = ("spark-defaults.conf", "spark-env.sh", "log4j2.properties", "qemu.sh", "settings.json")
    located = ("spark", "java", "python", "driver_jar")
    python_workers = False

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.table, settings, self.name)
        expect_plain_values(values, self.name, {"spark.blockManager.port": "osv_block_port"})
        if memory_bytes(values["executor_memory"]) >= memory_bytes(values["osv_memory"]):
            raise UsageError(
                f"executor_memory {values['executor_memory']} is not less than osv_memory {values['osv_memory']}",
                hint="The kernel and the JVM's own memory have to fit beside the heap.",
            )
        for name in ("osv_java", "osv_spark_dir", "osv_local_dir", "osv_image"):
            if values[name] and not values[name].startswith("/"):
                raise UsageError(f"{name} {values[name]!r} is not an absolute path")
        for name in ("osv_java", "osv_spark_dir", "osv_local_dir", "osv_qemu"):
            if not values[name]:
                raise UsageError(f"{name} can't be empty", hint="Leave it out for its default.")
        return values

    def require(self, specs: Sequence[ClusterSpec], runner: PlayRunner) -> None:
        asked: dict[tuple[str, str], list[str]] = {}
        for spec in specs:
            settings = self.resolve(spec.settings)
            booted = _booted(_expected(spec, settings))
            if booted:
                asked[settings["osv_image"], settings["osv_qemu"]] = booted
        for (image, qemu), hosts in asked.items():
            needed = {"osv_image": image, "osv_qemu": qemu}
            what = "OSv instances can't be booted"
            play(runner, PLAYBOOKS / self.name / "require.yml", needed, what, limit=hosts)

    def start(self, spec: ClusterSpec, runner: PlayRunner) -> Cluster:
        settings = self.resolve(spec.settings)
        expect_hosts(spec)
        instances = _expected(spec, settings)
        began = time.monotonic()
        what = f"cluster {spec.name} did not start"
        driver = spec.inventory.hosts_of("master")[0]
        if "spark_home" not in spec.inventory.variables(driver) or settings["spark_version"]:
            version = {"spark_version": settings["spark_version"]}
            play(runner, PLAYBOOKS / "shared" / "spark.yml", version, what, limit=[driver])
        _await([one for one in instances if not one.booted], settings)
        with self._whole(spec, runner):
            reached = [driver, *(host for host in _booted(instances) if host != driver)]
            asked = {"cluster_name": spec.name, "osv_instances": [one.told() for one in instances], **settings}
            play(runner, PLAYBOOKS / self.name / "start.yml", asked, what, limit=reached)
            _await([one for one in instances if one.booted], settings)
            return self._described(spec, settings, self._files(spec.name, runner, reached), began)

    def ready(self, cluster: Cluster, runner: PlayRunner) -> bool:  # noqa: ARG002  # the instances answer for themselves
        try:
            for one in instances_of(cluster.spec, cluster.settings):
                Osv(one.api).version()
        except PlatformError:
            return False
        return True

    def stop(self, what: Cluster | ClusterSpec, runner: PlayRunner) -> None:
        spec = what.spec if isinstance(what, Cluster) else what
        play(
            runner,
            PLAYBOOKS / self.name / "stop.yml",
            {"cluster_name": spec.name},
            f"cluster {spec.name} did not go away",
            limit=logins(spec.inventory),
        )

    def rendered(self, cluster: Cluster, runner: PlayRunner) -> dict[str, str]:
        files = self._files(cluster.spec.name, runner, logins(cluster.spec.inventory))
        return {name: text for name, text in files.items() if name.rpartition("/")[2] in self.configuration}

    def executor_logs(self, cluster: Cluster, application: str, runner: PlayRunner, into: Path) -> None:
        """From the instances' own files, which are removed there then; the kernel's messages where there are none.

        With them the consoles of those that were booted.
        """
        instances = instances_of(cluster.spec, cluster.settings)
        booted = _booted(instances)
        if booted:
            asked = {"cluster_name": cluster.spec.name, "into": str(into)}
            play(runner, PLAYBOOKS / self.name / "logs.yml", asked, "consoles could not be fetched", limit=booted)
        for number, one in enumerate(instances):
            folder, prefix = into / one.host, f"{cluster.settings['osv_local_dir']}/sparkbed-{application}-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            osv = Osv(one.api)
            if not _brought(osv, f"{prefix}.log", folder / f"{number}.stderr"):
                (folder / f"{number}.stderr").write_text(osv.dmesg(), encoding="utf-8")
            _brought(osv, f"{prefix}.gc.log", folder / f"{number}.gc.log")

    def expected_executors(self, cluster: Cluster) -> int:
        return cluster.spec.workers

    def submit_arguments(
        self, cluster: Cluster, properties: Mapping[str, Any] | None = None, folders: Sequence[str] = ()
    ) -> list[str]:
        settings = cluster.settings
        jars = [cluster.locations["driver_jar"], settings["spark_properties"].get(_CLASS_PATH, "")]
        # Executors have one working directory, the instance's, with the jars of applications before.
        told = {
            "spark.files.overwrite": settings["spark_properties"].get("spark.files.overwrite", "true"),
            "spark.sparkbed.osv.instances": json.dumps([one.told() for one in instances_of(cluster.spec, settings)]),
            "spark.sparkbed.osv.java": settings["osv_java"],
            "spark.sparkbed.osv.local": settings["osv_local_dir"],
            "spark.sparkbed.osv.spark": settings["osv_spark_dir"],
            "spark.sparkbed.osv.timeout": settings["start_timeout"],
            _CLASS_PATH: ":".join(filter(None, jars)),
        }
        return super().submit_arguments(cluster, {**(properties or {}), **told}, folders)

    def plain_command(self, cluster: Cluster) -> list[str]:  # noqa: ARG002
        raise UsageError("a unikernel runs no plain programs", hint="Take platform standalone for them.")

    def inside(self, cluster: Cluster, host: str) -> list[str]:
        raise UsageError(
            f"the executor of {host} is in an instance of its own",
            where=str(cluster.spec.inventory.path),
            hint="Take platform standalone for programs that share files.",
        )

    def _described(
        self, spec: ClusterSpec, settings: Mapping[str, Any], files: Mapping[str, str], began: float
    ) -> Cluster:
        cluster = super()._described(replace(spec, daemons=False), settings, files, began)
        workers = tuple(one.host for one in instances_of(spec, settings))
        return replace(cluster, spec=spec, master_url=MASTER, workers=workers)


def _expected(spec: ClusterSpec, settings: Mapping[str, Any]) -> list[Instance]:
    """The instances, when all that only a person can see to has been.

    Raises:
        PlatformError: when there is no image to boot, or addresses can't work.
        UsageError: for a cluster of plain programs.
    """
    if not spec.daemons:
        raise UsageError("a unikernel runs no plain programs", hint="Take platform standalone for them.")
    instances = instances_of(spec, settings)
    booted = _booted(instances)
    if booted and not settings["osv_image"]:
        raise PlatformError(
            f"platform osv is prepared, and can't run applications yet: {', '.join(booted)} need an OSv image of yours",
            hint=NEEDS,
        )
    driver = spec.inventory.hosts_of("master")[0]
    variables = spec.inventory.variables(driver)
    address = str(variables.get("spark_address") or variables.get("ansible_host") or driver)
    expect_reachable(instances, driver, address, settings)
    return instances


def _booted(instances: Sequence[Instance]) -> list[str]:
    return [one.host for one in instances if one.booted]


def _brought(osv: Osv, name: str, into: Path) -> bool:
    """Whether the instance has such a file, which is moved here."""
    try:
        text = osv.read(name)
    except PlatformError:
        return False
    into.write_text(text, encoding="utf-8")
    osv.remove(name)
    return True


def _await(instances: Sequence[Instance], settings: Mapping[str, Any]) -> None:
    """Waits until all answer, within the time that one may take, and looks whether a heap fits into each."""
    deadline = time.monotonic() + settings["start_timeout"]
    heap = memory_bytes(settings["executor_memory"])
    for one in instances:
        osv = Osv(one.api)
        osv.wait_up(max(0.0, deadline - time.monotonic()))
        free = osv.memory().free
        if free < heap:
            raise PlatformError(
                f"{one.host} has {free // _MEBIBYTE} MiB free, and the executor's heap is {heap // _MEBIBYTE} MiB",
                hint="Give the instance more memory (osv_memory), or the executor less (executor_memory).",
            )
