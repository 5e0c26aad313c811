"""Spark on OSv, a unikernel: executors that we start ourselves, because one process can't start another.

Prepared: an image is the user's to build (playbooks/osv/image.yml writes its recipe), and Spark's driver needs a
cluster manager that leaves the start of executors to us. Control and launch have run against a double of OSv's
documented REST API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparkbed.errors import PlatformError, UsageError
from sparkbed.platforms.base import Cluster, ClusterSpec, PlayRunner, Setting
from sparkbed.platforms.osv_api import Osv
from sparkbed.platforms.settings import checked, memory_bytes

SETTINGS = (
    Setting("osv_image", "text", "", "the image that you have built, with Spark in it; without one nothing can start"),
    Setting("osv_memory", "memory", "2g", "memory of an instance"),
    Setting("osv_port", "int", 8000, "the port of its REST API", minimum=1),
    Setting("osv_java", "text", "/usr/bin/java", "Java in the image; /java.so in images with Java 8"),
    Setting("osv_spark_dir", "text", "/spark", "Spark's folder in the image"),
    Setting("executor_cores", "int", 1, "cores of an instance, which holds one executor", minimum=1),
    Setting("executor_memory", "memory", "1g", "heap of the executor: the paper's"),
    Setting("driver_memory", "memory", "1g", "heap of the driver"),
    Setting("start_timeout", "int", 120, "seconds until an instance that does not answer counts as failed", minimum=1),
    Setting("spark_properties", "properties", {}, "any further spark.* properties"),
)

LOCAL = "/tmp"  # noqa: S108  # the instance's own, which nobody shares
BACKEND = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
NEEDS = (
    "docs/platforms.md says what it takes: an OSv image with Java and Spark (setting osv_image), and a cluster manager"
    " for the driver that leaves the start of executors to sparkbed."
)


@dataclass(frozen=True)
class Executor:
    """One executor that a driver waits for: a whole instance is its own."""

    number: int
    driver_url: str
    application: str
    hostname: str
    cores: int


@dataclass(frozen=True)
class Launched:
    """An executor that was started: where, and the thread that it is."""

    executor: Executor
    instance: Osv
    thread: str

    def alive(self) -> bool:
        return not self.instance.finished(self.thread)


def executor_command(executor: Executor, settings: Mapping[str, Any]) -> list[str]:
    """The command line of an executor as Spark's own Worker builds it, for the one process of an instance.

    Its temporary and local folders are on the image's own file system: there is no shell that could make others.
    """
    spark = settings["osv_spark_dir"]
    return [
        settings["osv_java"],
        f"-Xms{settings['executor_memory']}",
        f"-Xmx{settings['executor_memory']}",
        f"-Djava.io.tmpdir={LOCAL}",
        *(f"-D{name}={value}" for name, value in settings["spark_properties"].items()),
        "-cp",
        f"{spark}/conf:{spark}/jars/*",
        BACKEND,
        "--driver-url",
        executor.driver_url,
        "--executor-id",
        str(executor.number),
        "--hostname",
        executor.hostname,
        "--cores",
        str(executor.cores),
        "--app-id",
        executor.application,
    ]


def launch_executors(
    instances: Mapping[str, Osv], driver_url: str, application: str, settings: Mapping[str, Any]
) -> list[Launched]:
    """Starts one executor on each instance (by host name), in the place of Spark's Worker, once all of them answer.

    Raises:
        PlatformError: when an instance does not answer or an executor ends at once, with the end of its console. What
            was started is powered off then.
    """
    launched: list[Launched] = []
    try:
        for instance in instances.values():
            instance.wait_up(settings["start_timeout"])
        for number, (host, instance) in enumerate(instances.items()):
            _expect_room(host, instance, settings)
            instance.set_environment({"HADOOP_USER_NAME": "spark", "SPARK_EXECUTOR_DIRS": LOCAL})
            executor = Executor(number, driver_url, application, host, settings["executor_cores"])
            thread = instance.start(executor_command(executor, settings))
            launched.append(Launched(executor, instance, thread))
        for one in launched:
            if not one.alive():
                raise PlatformError(
                    f"executor {one.executor.number} on {one.executor.hostname} ended at once: {_end(one.instance)}",
                    hint="Are Java and Spark in the image where osv_java and osv_spark_dir say?",
                )
    except BaseException:
        power_off(instances)
        raise
    return launched


def power_off(instances: Mapping[str, Osv]) -> None:
    """Ends the instances, and with them their executors; those that are gone already are fine."""
    for instance in instances.values():
        try:
            instance.power_off()
        except PlatformError:
            continue


def _expect_room(host: str, instance: Osv, settings: Mapping[str, Any]) -> None:
    free, heap = instance.memory().free, memory_bytes(settings["executor_memory"])
    if free < heap:
        raise PlatformError(
            f"{host} has {free // 2**20} MiB free, and the executor's heap is {heap // 2**20} MiB",
            hint="Give the instance more memory (osv_memory), or the executor less (executor_memory).",
        )


def _end(instance: Osv) -> str:
    return " | ".join(instance.dmesg().splitlines()[-5:])


class OsvPlatform:
    """The platform as suites see it: its settings are checked, and it says what it still needs."""

    name = "osv"

    def settings(self) -> tuple[Setting, ...]:
        return SETTINGS

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(SETTINGS, settings, self.name)
        if memory_bytes(values["executor_memory"]) >= memory_bytes(values["osv_memory"]):
            raise UsageError(
                f"executor_memory {values['executor_memory']} is not less than osv_memory {values['osv_memory']}",
                hint="The kernel and the JVM's own memory have to fit beside the heap.",
            )
        for name in ("osv_java", "osv_spark_dir"):
            if not values[name].startswith("/"):
                raise UsageError(f"{name} {values[name]!r} is not an absolute path")
        return values

    def require(self, runner: PlayRunner) -> None:  # noqa: ARG002  # no host could have what is missing
        raise PlatformError("platform osv is prepared, and can't run applications yet", hint=NEEDS)

    def start(self, spec: ClusterSpec, runner: PlayRunner) -> Cluster:
        settings = self.resolve(spec.settings)
        if not settings["osv_image"]:
            raise PlatformError(f"cluster {spec.name} needs an OSv image, and none is named", hint=NEEDS)
        self.require(runner)
        raise AssertionError("require raises")

    def ready(self, cluster: Cluster, runner: PlayRunner) -> bool:  # noqa: ARG002  # none ever started
        return False

    def stop(self, what: Cluster | ClusterSpec, runner: PlayRunner) -> None:
        """Nothing: no cluster starts."""

    def rendered(self, cluster: Cluster, runner: PlayRunner) -> dict[str, str]:  # noqa: ARG002
        return {}

    def executor_logs(self, cluster: Cluster, application: str, runner: PlayRunner, into: Path) -> None:
        """Nothing: executors write to their instance's console (`Osv.dmesg`)."""

    def expected_executors(self, cluster: Cluster) -> int:
        return cluster.spec.workers

    def processor_limit(self, settings: Mapping[str, Any]) -> int | None:
        return int(settings["executor_cores"])

    def submit_arguments(
        self,
        cluster: Cluster,  # noqa: ARG002
        properties: Mapping[str, Any] | None = None,  # noqa: ARG002
        folders: Sequence[str] = (),  # noqa: ARG002
    ) -> list[str]:
        raise PlatformError("platform osv is prepared, and can't run applications yet", hint=NEEDS)

    def submit_environment(self, cluster: Cluster) -> dict[str, str]:  # noqa: ARG002
        return {}

    def plain_command(self, cluster: Cluster) -> list[str]:  # noqa: ARG002
        raise UsageError("a unikernel runs no plain programs", hint="Take platform standalone for them.")

    def inside(self, cluster: Cluster, host: str) -> list[str]:  # noqa: ARG002
        raise UsageError("a unikernel runs no plain programs", hint="Take platform standalone for them.")
