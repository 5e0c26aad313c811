"""A suite on platform osv: real Spark, whose executors run in two doubles of an OSv instance."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from sparkbed.java import find_java
from sparkbed.store import Store
from tests import components
from tests.e2e.conftest import Bed, bed_in, until
from tests.platforms import osv_qemu
from tests.platforms.osv_double import LOCAL, Instance, served

pytestmark = pytest.mark.full

INVENTORY = """
all:
  children:
    spark:
      children:
        master: {hosts: {master-1: }}
        workers: {hosts: {osv-1: {osv_api: "FIRST"}, osv-2: {osv_api: "SECOND"}}}
      vars:
        provision: {provider: ec2, endpoint: local, node: process}
"""
SUITE = """
suite: unikernel
question: Does Spark run on instances that can't fork?
inventory: INVENTORY
platform: osv
settings:
  osv_java: JAVA
  osv_spark_dir: SPARK
  osv_local_dir: LOCAL
  osv_accelerator: tcg # nothing is booted, or a double is
SETTINGS  executor_memory: 512m
  driver_memory: 512m
  # These programs end before the second compiler would pay.
  spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1
  spark.executor.extraJavaOptions: -XX:TieredStopAtLevel=1
workload: WORKLOAD
parameters: PARAMETERS
trials: TRIALS
iterations: 2
warmup: 1
cluster: CLUSTER
collectors: [eventlog, host]
hosts: HOSTS
deadline: 3m
"""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """One for all: the workloads are compiled once."""
    with bed_in(tmp_path_factory.mktemp("osv")) as made:
        yield made


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[list[Instance]]:
    """Two instances that are up, on loopback addresses of their own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(served(Instance(tmp_path / f"osv-{number}", f"127.0.77.{number}"))) for number in (1, 2)
        ]


def suite(bed: Bed, instances: list[Instance], trials: int = 1, **changes: str) -> Path:
    inventory = bed.folder / "osv.yml"
    if instances:
        inventory.write_text(INVENTORY.replace("FIRST", instances[0].url).replace("SECOND", instances[1].url))
    spark = find_spec("pyspark")
    assert spark is not None
    assert spark.origin is not None
    values = {
        "INVENTORY": str(inventory),
        "JAVA": str(find_java() / "bin" / "java"),
        "SPARK": str(Path(spark.origin).parent),
        "LOCAL": LOCAL,
        "HOSTS": "shared",
        "CLUSTER": "shared",
        "SETTINGS": "",
        "WORKLOAD": "scheduling-throughput",
        "PARAMETERS": "{num-tasks: 20, inter-trial-wait: 0}",
        **changes,
    }
    return bed.suite(trials, re.sub(rf"\b({'|'.join(values)})\b", lambda found: values[found[0]], SUITE))


def test_a_suite_runs_on_instances_that_answer_and_leaves_them_as_they_were(
    bed: Bed, instances: list[Instance]
) -> None:
    output = bed.inv("run-suite", suite(bed, instances, trials=2))
    assert not bed.alive()
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    [cell] = report["cells"]
    assert cell["platform"] == "osv"
    assert [trial["status"] for trial in cell["trials"]] == ["ok", "ok"], "the second finds the instances free"
    assert cell["metrics"]["trial_seconds"]["n"] == 2
    page = Path(next(line for line in output.splitlines() if line.startswith("Report: ")).removeprefix("Report: "))
    assert "scheduling-throughput" in page.read_text()
    assert "executors/osv-1/0.stderr" in bed.inv("logs")
    for number, one in enumerate(instances):
        assert not one.running()
        assert len(one.commands) == 2
        assert f"--executor-id {number} --bind-address 127.0.77.{number + 1} " in one.commands[0]
        assert one.environment["HADOOP_USER_NAME"] == "spark", "Hadoop would run whoami, and nothing can fork"
        assert [path.suffix for path in one.folder.iterdir()] == [".jar"], "logs were fetched and removed"


def test_an_executor_that_ends_at_once_is_told_with_the_end_of_its_console(bed: Bed, instances: list[Instance]) -> None:
    output = bed.inv("run-suite", suite(bed, instances, SPARK="/nowhere"), code=1)
    assert re.search(r"executor [01] on osv-[12] ended before it had registered: .*NoClassDefFoundError", output)
    assert not any(one.running() for one in instances)
    assert not bed.alive()


@pytest.mark.soak  # a whole campaign of its own
def test_an_executor_that_is_lost_is_told_with_what_it_wrote_last(bed: Bed, instances: list[Instance]) -> None:
    slow = suite(bed, instances, WORKLOAD="sleep", PARAMETERS="{num-tasks: 4, task-milliseconds: 2000}")
    process = bed.start("run-suite", slow)
    lost = instances[1]
    until(lambda: any("Running task" in log.read_text() for log in lost.folder.glob("*-1.log")), process)
    lost.end()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1, output
    assert "2 executors at the start, 1 at the end: one was lost" in output
    assert re.search(r"ERROR OsvBackend: executor 1 on osv-2 ended: .*Running task", bed.inv("logs"))
    assert not any(one.running() for one in instances)
    assert not bed.alive()


def test_a_pyspark_workload_is_refused_by_name_before_anything_is_made(bed: Bed, instances: list[Instance]) -> None:
    output = bed.inv("run-suite", suite(bed, instances, WORKLOAD="python-scheduling-throughput"), code=2)
    assert "platform osv can't run python-scheduling-throughput, which is a PySpark program" in output
    assert "e2e.yml:" in output
    assert not bed.alive()


@pytest.mark.soak
def test_images_are_booted_for_each_trial_and_their_executors_exchange_blocks(bed: Bed, tmp_path: Path) -> None:
    """With a double of QEMU, in whose guests the double answers; the hosts have addresses that are not loopback."""
    if os.geteuid() != 0:
        pytest.skip("netns nodes are root's")
    components.program("sshd", "openssh-server")
    image = tmp_path / "osv.qcow2"
    image.touch()
    booting = suite(
        bed,
        [],
        trials=2,
        INVENTORY="netns",
        HOSTS="per-trial",
        CLUSTER="per-trial",
        SETTINGS=f"  osv_image: {image}\n  osv_qemu: {osv_qemu.program(tmp_path)}\n  osv_api_listens: host\n",
        WORKLOAD="scala-agg-by-key",
        PARAMETERS="{num-records: 2000, unique-keys: 100, num-partitions: 2, reduce-tasks: 2, inter-trial-wait: 0}",
    )
    bed.inv("run-suite", booting)
    [cell] = bed.report()["cells"]
    assert [trial["status"] for trial in cell["trials"]] == ["ok", "ok"]
    assert "node_ssh_seconds" in cell["metrics"]
    with Store(bed.home / "sparkbed.db") as store:
        [first, _] = store.trials(store.campaign().id)
        logs = store.artifacts(first.id)
    for number, host in enumerate(("worker-1", "worker-2")):
        assert {f"executors/{host}/{number}.stderr", f"executors/{host}/console.stdout"} <= set(logs)
    bed.wait_until_nothing_is_alive()
