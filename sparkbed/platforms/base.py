"""What every platform gives, and the values that it takes and returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sparkbed.inventory import Inventory

if TYPE_CHECKING:  # the playbook room brings Fabric along, which a list of platforms does not need
    from sparkbed.playbook.results import PlayResult


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster that is asked for: hosts and settings, under a name that is its own on those hosts.

    `inventory` holds just the hosts that it shall run on, with what provisioning learned of them. Without `daemons`
    Spark's master and workers are not started: there are the places where they would run, for plain programs.
    """

    name: str
    settings: Mapping[str, Any]
    inventory: Inventory
    workers: int
    daemons: bool = True


@dataclass(frozen=True)
class Cluster:
    """A cluster that is up: every worker expected has registered.

    `settings` is complete (defaults filled in); `workers` are the master's own ids for them; `driver_host` is the
    inventory's name of the host that drivers run on; folders are that host's. `start_seconds` is from asking to ready.
    `containers` is the label of its containers as NAME=VALUE, empty where it has none.
    Without daemons `master_url`, `web_url` and `workers` are empty. `FOLDER/shared` is the same folder, under the same
    path, for every worker on the driver host.
    """

    spec: ClusterSpec
    settings: Mapping[str, Any]
    master_url: str
    web_url: str
    workers: tuple[str, ...]
    driver_host: str
    driver_address: str
    folder: str
    conf_dir: str
    start_seconds: float
    locations: Mapping[str, Any] = field(default_factory=dict)
    containers: str = ""


@dataclass(frozen=True)
class Setting:
    """One setting that a platform knows: `kind` is int, memory, choice, text, texts or properties."""

    name: str
    kind: str
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()
    minimum: int = 0


class PlayRunner(Protocol):
    """What a platform needs of the playbook room's Runner."""

    def play(
        self, path: Path, *, extra_vars: Mapping[str, Any] | None = ..., limit: str | None = ...
    ) -> PlayResult: ...


class Platform(Protocol):
    """One way of running Spark on hosts. Starting and stopping are idempotent, also after a crash."""

    name: str
    python_workers: bool
    """Whether executors can start Spark's Python workers, which are processes."""

    def settings(self) -> tuple[Setting, ...]:
        """The settings that it knows, for `inv list` and the checks; `spark.*` properties come besides."""

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All settings, checked, with defaults filled in.

        Raises:
            UsageError: for an unknown name, a wrong type, or values that can't work together.
        """

    def require(self, specs: Sequence[ClusterSpec], runner: PlayRunner) -> None:
        """Look whether the hosts have what only a person can put there; changes nothing.

        `specs` are the clusters that are to run on the same hosts, one after another.

        Raises:
            PlatformError: naming the hosts, what they lack, and how to install it.
        """

    def start(self, spec: ClusterSpec, runner: PlayRunner) -> Cluster:
        """Bring the cluster up, or adopt it where it runs already with the same settings.

        Raises:
            PlatformError: naming the host and the daemon's last log lines; nothing is left running then.
        """

    def ready(self, cluster: Cluster, runner: PlayRunner) -> bool:
        """Whether the master's own answer still lists every worker expected."""

    def stop(self, what: Cluster | ClusterSpec, runner: PlayRunner) -> None:
        """End every process of the cluster, drivers among them, and remove its folders. Fine when nothing is there."""

    def rendered(self, cluster: Cluster, runner: PlayRunner) -> dict[str, str]:
        """The configuration as it lies on the hosts, `HOST/FILE` -> text."""

    def executor_logs(self, cluster: Cluster, application: str, runner: PlayRunner, into: Path) -> None:
        """Bring what an application's executors wrote to the folder `into`, as HOST/EXECUTOR.stderr and .stdout."""

    def expected_executors(self, cluster: Cluster) -> int:
        """How many executors an application gets when it has the cluster to itself."""

    def processor_limit(self, settings: Mapping[str, Any]) -> int | None:
        """How many processors a worker's executors are held to; None for all that its machine has."""

    def submit_arguments(
        self, cluster: Cluster, properties: Mapping[str, Any] | None = None, folders: Sequence[str] = ()
    ) -> list[str]:
        """spark-submit and its options up to the program, for the driver host; `properties` become --conf.

        `folders` are those of the driver host that the application reads or writes, the working directory first: a
        driver that sees other files than its host must be shown them at the same paths.
        """

    def submit_environment(self, cluster: Cluster) -> dict[str, str]:
        """The environment variables for that command."""

    def plain_command(self, cluster: Cluster) -> list[str]:
        """The words before a plain program, for the driver host: the platform's Python there."""

    def inside(self, cluster: Cluster, host: str) -> list[str]:
        """The words that make a command, given on the driver host, run where the processes of worker `host` run.

        None where that is the driver host itself. What is started so ends when its standard input closes, if it
        minds that; ending the command by a signal need not reach it.

        Raises:
            UsageError: when the worker is on another machine.
        """
