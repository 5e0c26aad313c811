"""Platform osv: its templates, the client of OSv's REST API, and the launch of executors, on a double of that API."""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from sparkbed import inventory as inventories
from sparkbed import platforms
from sparkbed.errors import PlatformError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.platforms.base import ClusterSpec
from sparkbed.platforms.osv import BACKEND, OsvPlatform, executor_command, launch_executors, power_off
from sparkbed.platforms.osv import Executor as OsvExecutor
from sparkbed.platforms.osv_api import Osv
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.provision import provider_for
from sparkbed.remote import Connections
from tests.platforms.osv_double import Instance

DRIVER = "spark://CoarseGrainedScheduler@10.0.0.1:35000"


@pytest.fixture
def instances() -> Iterator[dict[str, Instance]]:
    made = {"osv-1": Instance(), "osv-2": Instance()}
    for one in made.values():
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    for one in made.values():
        one.shutdown()
        one.server_close()


def clients(instances: dict[str, Instance]) -> dict[str, Osv]:
    return {host: Osv(one.url, timeout=10) for host, one in instances.items()}


def resolved(**settings: Any) -> dict[str, Any]:
    return OsvPlatform().resolve(settings)


# -- the REST API -----------------------------------------------------------------------------------------------------


def test_a_program_is_started_watched_and_ended_with_its_instance(instances: dict[str, Instance]) -> None:
    instance = instances["osv-1"]
    osv = Osv(instance.url)
    thread = osv.start(["/usr/bin/java", "-cp", "/a dir/x.jar", "Main"])
    assert instance.commands == {int(thread): '/usr/bin/java -cp "/a dir/x.jar" Main'}
    assert not osv.finished(thread)
    assert not osv.wait(thread, 0.05, every=0.01)
    instance.ended.add(int(thread))
    assert osv.wait(thread, 10)
    memory = osv.memory()
    assert (memory.total, memory.free) == (2 * 2**30, 1800 * 2**20)
    assert osv.dmesg().startswith("OSv v0.57.0\n")
    osv.set_environment({"HADOOP_USER_NAME": "spark me"})
    assert osv.environment("HADOOP_USER_NAME") == "spark me"
    osv.power_off()
    assert instance.off.is_set()
    with pytest.raises(PlatformError, match="does not answer"):
        osv.version()


def test_what_is_refused_is_told_for_people(instances: dict[str, Instance]) -> None:
    osv = Osv(instances["osv-1"].url)
    with pytest.raises(PlatformError, match="can't be a word of a command") as failed:
        osv.start(["/x", "a;b"])
    assert "';'" in str(failed.value)
    with pytest.raises(PlatformError, match=r"PUT /app/ with 400: The use of ;"):
        osv.start([])
    with pytest.raises(PlatformError, match=r"GET /env/NONE with 404"):
        osv.environment("NONE")
    with pytest.raises(PlatformError, match=r"no OSv answers at .* after 0.1 s") as failed:
        Osv("http://127.0.0.1:9").wait_up(0.1)
    assert "Has the image booted?" in str(failed.value)


def test_an_instance_that_boots_is_waited_for(instances: dict[str, Instance]) -> None:
    instances["osv-1"].busy = 3
    assert Osv(instances["osv-1"].url).wait_up(60, every=0.01) == "v0.57.0"


# -- executors --------------------------------------------------------------------------------------------------------


def test_an_executor_is_the_one_program_of_its_instance() -> None:
    settings = resolved(**{"spark.network.timeout": "600s"}, osv_java="/java.so")
    command = executor_command(OsvExecutor(3, DRIVER, "app-1", "osv-1", 2), settings)
    assert command[:3] == ["/java.so", "-Xms1g", "-Xmx1g"], "the paper's heap is 1 GB"
    assert "-Dspark.network.timeout=600s" in command
    assert command[command.index("-cp") + 1] == "/spark/conf:/spark/jars/*"
    assert command[command.index(BACKEND) + 1 :] == [
        "--driver-url", DRIVER, "--executor-id", "3", "--hostname", "osv-1", "--cores", "2", "--app-id", "app-1",
    ]  # fmt: skip


def test_one_executor_is_started_on_each_instance(instances: dict[str, Instance]) -> None:
    launched = launch_executors(clients(instances), DRIVER, "app-1", resolved(executor_cores=2))
    assert [(one.executor.number, one.executor.hostname, one.alive()) for one in launched] == [
        (0, "osv-1", True),
        (1, "osv-2", True),
    ]
    for number, instance in enumerate(instances.values()):
        [command] = instance.commands.values()
        assert f"--executor-id {number} --hostname osv-{number + 1} --cores 2 --app-id app-1" in command
        assert instance.environment["HADOOP_USER_NAME"] == "spark", "Hadoop would run whoami, and nothing can fork"
    instances["osv-2"].ended.add(int(launched[1].thread))
    assert [one.alive() for one in launched] == [True, False]
    power_off(clients(instances))
    assert all(one.off.is_set() for one in instances.values())
    power_off(clients(instances))  # again is fine


def test_an_executor_that_ends_at_once_is_told_with_its_console_and_nothing_stays(
    instances: dict[str, Instance],
) -> None:
    instances["osv-2"].dies = BACKEND
    with pytest.raises(PlatformError, match=r"executor 1 on osv-2 ended at once: .*ClassNotFoundException") as failed:
        launch_executors(clients(instances), DRIVER, "app-1", resolved())
    assert "osv_spark_dir" in str(failed.value)
    assert all(one.off.is_set() for one in instances.values())


def test_a_heap_that_does_not_fit_is_told_before_it_is_tried(instances: dict[str, Instance]) -> None:
    instances["osv-1"].free = 512 * 2**20
    with pytest.raises(PlatformError, match="osv-1 has 512 MiB free, and the executor's heap is 1024 MiB"):
        launch_executors(clients(instances), DRIVER, "app-1", resolved())
    assert all(not one.commands and one.off.is_set() for one in instances.values())


# -- the platform -----------------------------------------------------------------------------------------------------


def test_it_says_that_it_is_prepared_and_what_it_needs() -> None:
    platform = platforms.get("osv")
    assert isinstance(platform, OsvPlatform)
    spec = ClusterSpec("c", {}, None, 1)  # type: ignore[arg-type]  # never looked at
    with pytest.raises(PlatformError, match="platform osv is prepared") as failed:
        platform.require(None)  # type: ignore[arg-type]
    assert "osv_image" in str(failed.value)
    with pytest.raises(PlatformError, match="cluster c needs an OSv image, and none is named"):
        platform.start(spec, None)  # type: ignore[arg-type]
    named = ClusterSpec("c", {"osv_image": "/x.qcow2"}, None, 1)  # type: ignore[arg-type]
    with pytest.raises(PlatformError, match="is prepared"):
        platform.start(named, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"executor_memory": "2g"}, "executor_memory 2g is not less than osv_memory 2g"),
        ({"osv_java": "java"}, "osv_java 'java' is not an absolute path"),
        ({"worker_cores": 2}, "platform osv has no setting 'worker_cores'"),
    ],
)
def test_what_can_not_work_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        resolved(**settings)


# -- the templates ----------------------------------------------------------------------------------------------------

COMMAND_LINE = "--cwd=/spark --env=A=b /libhttpserver-api.so"
VARIABLES: dict[str, Any] = {
    "command_line": COMMAND_LINE,
    "executor_cores": 2,
    "osv_accelerator": "kvm",
    "osv_hostname": "osv-1",
    "osv_log4j": "rootLogger.level = info\nx: y\n",
    "osv_mebibytes": 2048,
    "osv_name": "sparkbed-spark",
    "osv_port": 8000,
    "osv_spark_dir": "/spark",
    "osv_spark_source": "/opt/spark",
}
TEMPLATES = sorted(path.name for path in (ROOT / "templates" / "osv").iterdir())


def rendered(name: str, **changes: Any) -> str:
    # As ansible.builtin.template sets Jinja2 up.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "osv"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["to_json"] = json.dumps
    return environment.get_template(name).render({**VARIABLES, **changes})


def test_osvs_own_recipe_is_python_that_names_the_modules() -> None:
    lines = compile(rendered("module.py.j2"), "module.py", "exec")
    assert lines
    text = rendered("module.py.j2")
    for module in ("java", "httpserver-api", "cloud-init"):
        assert f'api.require("{module}")' in text
    assert f"default = api.run({json.dumps(COMMAND_LINE)})" in text
    assert "/spark/jars/**: /opt/spark/jars/**" in rendered("usr.manifest.j2").splitlines()


def test_capstans_files_and_the_user_data_are_yaml_with_the_documented_keys() -> None:
    package = yaml.safe_load(rendered("package.yaml.j2"))
    assert package["name"] == "sparkbed-spark"
    assert "osv.httpserver-api" in package["require"]
    run = yaml.safe_load(rendered("run.yaml.j2"))
    assert run["config_set"][run["config_set_default"]]["bootcmd"] == COMMAND_LINE
    data = yaml.safe_load(rendered("cloud-init.yaml.j2"))
    assert data["files"] == {"/spark/conf/log4j2.properties": "rootLogger.level = info\nx: y\n"}
    assert data["run"] == [{"POST": "/open-rest-api"}]
    assert data["hostname"] == "osv-1"
    assert rendered("command-line.j2") == COMMAND_LINE + "\n"


@pytest.mark.parametrize(("accelerator", "words"), [("kvm", "-enable-kvm"), ("tcg", "-accel tcg")])
def test_the_image_boots_under_qemu_with_its_api_on_loopback_only(accelerator: str, words: str) -> None:
    text = rendered("qemu.sh.j2", osv_accelerator=accelerator)
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    command = shlex.split(text[text.index("exec ") :].replace("\\\n", " "))
    assert words in " ".join(command)
    assert command[command.index("-m") + 1] == "2048"
    assert "hostfwd=tcp:127.0.0.1:8000-:8000" in " ".join(command)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_missing_variable_is_an_error(name: str) -> None:
    used = [variable for variable in VARIABLES if variable in (ROOT / "templates" / "osv" / name).read_text()]
    assert used
    for variable in used:
        with pytest.raises((jinja2.UndefinedError, TypeError)):  # the latter from to_json
            rendered(name, **{variable: jinja2.StrictUndefined(name=variable)})


@pytest.mark.full
def test_the_playbook_writes_the_recipe_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n  children: {spark: {hosts: {build-1: }}}\n"
        "  vars:\n    provision: {provider: ec2, endpoint: local, node: process}\n"
    )
    hosts, home = inventories.load(path), Home(tmp_path / "state")
    provider = provider_for(hosts, home)
    machine = provider.provision(hosts, "osv", lambda _: None).machines[0]
    try:
        generated = inventories.load(home.inventories / "osv.yml")
        with Connections(lambda host: rendered_connection_variables(generated, host)) as connections:
            runner = Runner(generated, connections)
            asked = {"osv_memory": "3g", "executor_cores": 2, "osv_loader_options": ["--env=X=1"]}
            playbook = ROOT / "playbooks" / "osv" / "image.yml"
            assert runner.play(playbook, extra_vars=asked).ok
            folder = Path(machine.variables["node_dir"]) / "osv-sparkbed-spark"
            assert (folder / "command-line").read_text().split() == [
                "--cwd=/spark", "--env=HADOOP_USER_NAME=spark", "--env=SPARK_HOME=/spark", "--env=X=1",
                "/libhttpserver-api.so",
            ]  # fmt: skip
            assert "-m 3072 -smp 2 " in (folder / "qemu.sh").read_text()
            assert yaml.safe_load((folder / "meta" / "run.yaml").read_text())["runtime"] == "native"
            again = runner.play(playbook, extra_vars=asked)
            assert again.ok
            assert not any(one.changed for one in again.recap.values())
    finally:
        provider.teardown("osv", lambda _: None)
