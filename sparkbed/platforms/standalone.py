"""Spark's own standalone cluster: playbooks and templates do the work, this answers what YAML can't."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sparkbed.errors import PlatformError, SparkbedError, UsageError
from sparkbed.home import ROOT
from sparkbed.platforms.base import Cluster, ClusterSpec, PlayRunner, Setting
from sparkbed.platforms.plays import play
from sparkbed.platforms.settings import checked, memory_bytes

PLAYBOOKS = ROOT / "playbooks"

_MEBIBYTE = 1024 * 1024
_VERSION = re.compile(r"[0-9]+(\.[0-9a-z]+)+")

SETTINGS = (
    Setting("worker_cores", "int", 1, "cores that each worker offers; a number of slots, not a limit", minimum=1),
    Setting("worker_memory", "memory", "1g", "memory that each worker offers to executors"),
    Setting("executor_cores", "int", None, "cores of one executor (default: the worker's)", minimum=1),
    Setting("executor_memory", "memory", None, "heap of one executor (default: the worker's, shared evenly)"),
    Setting("driver_memory", "memory", "1g", "heap of the driver"),
    Setting(
        "gc",
        "choice",
        "G1",
        "garbage collector of drivers and executors; JVM: whichever each JVM takes where it runs",
        choices=("G1", "Parallel", "Serial", "JVM"),
    ),
    Setting("spark_version", "text", "", "version of Spark, by PySpark's package (default: the host's own)"),
    Setting("spark_daemon_memory", "memory", "512m", "heap of the master and of each worker daemon"),
    Setting("spark_master_port", "int", 0, "the master's port; 0: chosen by the system"),
    Setting("spark_master_webui_port", "int", 0, "the port of the master's web UI; 0: chosen by the system"),
    Setting("spark_properties", "properties", {}, "any further spark.* properties"),
    Setting(
        "event_log_dir",
        "text",
        "",
        "absolute folder on the driver host; empty: no event logs by default",
    ),
    Setting("log_level", "choice", "info", "what Spark logs", choices=("error", "warn", "info", "debug")),
    Setting("start_timeout", "int", 120, "seconds until a daemon that is not ready counts as failed", minimum=1),
)

# Properties that a setting stands for, or that the platform has to choose itself.
_MANAGED = {
    "spark.driver.memory": "driver_memory",
    "spark.eventLog.dir": "event_log_dir",
    "spark.executor.cores": "executor_cores",
    "spark.executor.memory": "executor_memory",
    "spark.driver.bindAddress": None,
    "spark.driver.host": None,
    "spark.master": None,
    "spark.submit.deployMode": None,
}

_CONFIGURATION = ("spark-defaults.conf", "spark-env.sh", "log4j2.properties", "workers", "settings.json", "made.json")


class Standalone:
    """A master on the host of group `master`, where drivers run too, and a worker on each host of group `workers`."""

    name = "standalone"
    table: tuple[Setting, ...] = SETTINGS
    located: tuple[str, ...] = ("spark", "java", "python")
    """What start.yml noted of its surroundings that a submit needs."""
    read_by = "standalone"
    """Whose status.yml and logs.yml read a cluster."""
    configuration: tuple[str, ...] = _CONFIGURATION
    """Files that are kept with a campaign."""
    installs_versions = True
    """Whether a Spark of another version is to be on the hosts, beside their own."""
    python_workers = True

    def settings(self) -> tuple[Setting, ...]:
        return self.table

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.table, settings, self.name)
        expect_plain_values(values, self.name)
        if values["executor_cores"] is None:
            values["executor_cores"] = values["worker_cores"]
        if values["executor_cores"] > values["worker_cores"]:
            raise UsageError(
                f"executor_cores {values['executor_cores']} is more than worker_cores {values['worker_cores']}",
                hint="No worker could hold such an executor, and applications would wait for ever.",
            )
        _resolve_memory(values)
        return values

    def require(self, specs: Sequence[ClusterSpec], runner: PlayRunner) -> None:
        """Nothing: what is missing, shared/spark.yml installs."""

    def start(self, spec: ClusterSpec, runner: PlayRunner) -> Cluster:
        settings = self.resolve(spec.settings)
        expect_hosts(spec)
        began = time.monotonic()
        what = f"cluster {spec.name} did not start"
        bare = any("spark_home" not in spec.inventory.variables(host) for host in spec.inventory.hosts_of("spark"))
        version = settings["spark_version"] if self.installs_versions else ""
        if bare or version:
            play(runner, PLAYBOOKS / "shared" / "spark.yml", {"spark_version": version}, what)
        with self._whole(spec, runner):
            asked = {"cluster_name": spec.name, "daemons": spec.daemons, **settings}
            play(runner, PLAYBOOKS / self.name / "start.yml", asked, what)
            return self._described(spec, settings, self._files(spec.name, runner), began)

    @contextlib.contextmanager
    def _whole(self, spec: ClusterSpec, runner: PlayRunner) -> Iterator[None]:
        """A start, of which nothing stays when it fails."""
        try:
            yield
        except BaseException as error:
            # What runs under this name with other settings is somebody's cluster, not a failed start of ours.
            if "with other settings" not in str(error):
                with contextlib.suppress(SparkbedError):
                    self.stop(spec, runner)
            raise

    def ready(self, cluster: Cluster, runner: PlayRunner) -> bool:
        files = self._files(cluster.spec.name, runner)
        if not cluster.spec.daemons:
            return all(f"{host}/settings.json" in files for host in cluster.spec.inventory.hosts_of("spark"))
        state = _state(files, cluster.driver_host)
        return bool(state) and len(_alive(state["state"])) == cluster.spec.workers

    def stop(self, what: Cluster | ClusterSpec, runner: PlayRunner) -> None:
        spec = what.spec if isinstance(what, Cluster) else what
        play(
            runner,
            PLAYBOOKS / self.name / "stop.yml",
            {"cluster_name": spec.name},
            f"cluster {spec.name} did not go away",
        )

    def rendered(self, cluster: Cluster, runner: PlayRunner) -> dict[str, str]:
        files = self._files(cluster.spec.name, runner)
        return {name: text for name, text in files.items() if name.rpartition("/")[2] in self.configuration}

    def executor_logs(self, cluster: Cluster, application: str, runner: PlayRunner, into: Path) -> None:
        play(
            runner,
            PLAYBOOKS / self.read_by / "logs.yml",
            {"cluster_name": cluster.spec.name, "application": application, "into": str(into)},
            f"the logs of {application} could not be fetched",
        )

    def expected_executors(self, cluster: Cluster) -> int:
        settings = cluster.settings
        properties = settings["spark_properties"]
        if properties.get("spark.dynamicAllocation.enabled") == "true":
            return int(properties.get("spark.dynamicAllocation.minExecutors", "0"))
        by_cores = settings["worker_cores"] // settings["executor_cores"]
        by_memory = memory_bytes(settings["worker_memory"]) // memory_bytes(settings["executor_memory"])
        executors = cluster.spec.workers * min(by_cores, by_memory)
        if "spark.cores.max" in properties:
            executors = min(executors, int(properties["spark.cores.max"]) // settings["executor_cores"])
        return int(executors)

    def processor_limit(self, settings: Mapping[str, Any]) -> int | None:  # noqa: ARG002  # worker_cores are slots, no limit
        return None

    def submit_arguments(
        self,
        cluster: Cluster,
        properties: Mapping[str, Any] | None = None,
        folders: Sequence[str] = (),  # noqa: ARG002  # the driver sees the host's own files
    ) -> list[str]:
        spark_submit = f"{cluster.locations['spark']}/bin/spark-submit"
        arguments = [spark_submit, "--master", cluster.master_url, "--deploy-mode", "client"]
        for name, value in (properties or {}).items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["--conf", f"{name}={text}"]
        return arguments

    def submit_environment(self, cluster: Cluster) -> dict[str, str]:
        # SPARKBED_CLUSTER is what stop.yml knows our processes by: a driver that is left over ends with its cluster.
        return {
            "SPARKBED_CLUSTER": cluster.folder,
            "SPARK_HOME": cluster.locations["spark"],
            "SPARK_CONF_DIR": cluster.conf_dir,
            "SPARK_LOCAL_IP": cluster.driver_address,
            "SPARK_LOCAL_DIRS": f"{cluster.folder}/local",
            "JAVA_HOME": cluster.locations["java"],
            "PYSPARK_PYTHON": cluster.locations["python"],
            "PYSPARK_DRIVER_PYTHON": cluster.locations["python"],
            "TMPDIR": str(PurePosixPath(cluster.folder, "tmp")),
        }

    def plain_command(self, cluster: Cluster) -> list[str]:
        return [cluster.locations["python"]]

    def inside(self, cluster: Cluster, host: str) -> list[str]:
        if host != cluster.driver_host and not self._process_nodes(cluster, host):
            raise UsageError(
                f"{host} may be another machine than {cluster.driver_host}",
                where=str(cluster.spec.inventory.path),
                hint="Plain programs run on one machine: take process nodes, or one host in both groups.",
            )
        return []

    @staticmethod
    def _process_nodes(cluster: Cluster, host: str) -> bool:
        variables = cluster.spec.inventory.variables
        return variables(host).get("node_kind") == variables(cluster.driver_host).get("node_kind") == "process"

    def _files(self, name: str, runner: PlayRunner, limit: Sequence[str] = ()) -> dict[str, str]:
        """What status.yml brings: `HOST/FILE` -> text, of all hosts or those of `limit`."""
        with tempfile.TemporaryDirectory(prefix="sparkbed-") as folder:
            play(
                runner,
                PLAYBOOKS / self.read_by / "status.yml",
                {"cluster_name": name, "into": folder},
                f"cluster {name} can't be read",
                limit,
            )
            root = Path(folder)
            return {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in sorted(root.glob("*/*"))}

    def _described(
        self, spec: ClusterSpec, settings: Mapping[str, Any], files: Mapping[str, str], began: float
    ) -> Cluster:
        host = spec.inventory.hosts_of("master")[0]
        state = _state(files, host)
        if not state and spec.daemons:
            raise PlatformError(
                f"cluster {spec.name} started, but its master on {host} does not answer any more",
                hint="Try again; if it happens twice, look at the machine's free memory.",
            )
        own = {
            name: json.loads(files[f"{host}/{name}.json"])
            for name in ("settings", "made")
            if f"{host}/{name}.json" in files
        }
        own = {**own["settings"], **own.get("made", {})}
        return Cluster(
            spec=spec,
            settings=settings,
            master_url=state["state"]["url"] if spec.daemons else "",
            web_url=state["web_url"] if spec.daemons else "",
            workers=_alive(state["state"]) if spec.daemons else (),
            driver_host=host,
            driver_address=own.get("address", own.get("gateway", "")),
            folder=own["folder"],
            conf_dir=f"{own['folder']}/conf",
            start_seconds=time.monotonic() - began,
            locations={name: own[name] for name in self.located},
        )


def expect_plain_values(
    values: Mapping[str, Any], platform: str, instead_of: Mapping[str, str | None] | None = None
) -> None:
    """Refuse what no platform of Spark's takes; `instead_of` are further properties that a setting stands for.

    Raises:
        UsageError: for a property that is not the user's, a version or a folder of another form.
    """
    managed = {**_MANAGED, **(instead_of or {})}
    for name in values["spark_properties"]:
        if name in managed:
            hint = f"Use the setting {managed[name]}." if managed[name] else "The platform chooses it."
            raise UsageError(f"property {name} can't be set on platform {platform}", hint=hint)
    if values["spark_version"] and not _VERSION.fullmatch(values["spark_version"]):
        raise UsageError(
            f"spark_version can't be {values['spark_version']!r}", hint="Write it as in spark_version: '3.5.7'."
        )
    if values["event_log_dir"] and not values["event_log_dir"].startswith("/"):
        raise UsageError(f"event_log_dir {values['event_log_dir']!r} is not an absolute path")


def _resolve_memory(values: dict[str, Any]) -> None:
    """Executors share their worker's memory evenly, unless told otherwise; one of them has to fit."""
    worker = memory_bytes(values["worker_memory"])
    if values["executor_memory"] is None:
        share = worker // (values["worker_cores"] // values["executor_cores"]) // _MEBIBYTE
        values["executor_memory"] = f"{max(share, 1)}m"
    if memory_bytes(values["executor_memory"]) > worker:
        raise UsageError(
            f"executor_memory {values['executor_memory']} is more than worker_memory {values['worker_memory']}",
            hint="No worker could hold such an executor, and applications would wait for ever.",
        )


def expect_hosts(spec: ClusterSpec) -> None:
    for group, wanted in (("spark", None), ("master", 1), ("workers", spec.workers)):
        found = len(spec.inventory.hosts_of(group))
        if found == 0 or wanted not in (None, found):
            raise UsageError(
                f"group {group} has {found} hosts where cluster {spec.name} needs {wanted or 'some'}",
                where=str(spec.inventory.path),
                hint="A standalone cluster needs groups master (one host) and workers, both children of group spark.",
            )


def _state(files: Mapping[str, str], host: str) -> dict[str, Any]:
    """The master's JSON (`state`) and the address it came from (`web_url`); empty when it did not answer."""
    text = files.get(f"{host}/state.json")
    state: dict[str, Any] = json.loads(text) if text else {}
    return state


def _alive(state: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(worker["id"] for worker in state["workers"] if worker["state"] == "ALIVE"))
