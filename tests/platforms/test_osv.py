"""Platform osv: its templates, the client of OSv's REST API, and the launch of executors, on a double of that API."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from cluster_site import Ours, Site

from sparkbed import inventory as inventories
from sparkbed import platforms
from sparkbed.errors import DocumentError, PlatformError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.platforms.base import Cluster, ClusterSpec
from sparkbed.platforms.osv import MASTER, OsvPlatform
from sparkbed.platforms.osv_instances import Instance as OsvInstance
from sparkbed.platforms.osv_instances import instances_of
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.provision import provider_for
from sparkbed.provision.osv_api import Osv
from sparkbed.remote import Connections
from tests.platforms import osv_qemu
from tests.platforms.osv_double import LOCAL, Instance, served
from tests.platforms.osv_place import Place, resolved

nobody: Any = None
"""What plays playbooks, where none is to be played."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    with served(Instance(tmp_path / "instance")) as one:
        yield one


# -- the REST API -----------------------------------------------------------------------------------------------------


def test_an_instance_tells_of_itself_and_gives_its_files(instance: Instance) -> None:
    osv = Osv(instance.url)
    assert osv.version() == "v0.57.0"
    memory = osv.memory()
    assert (memory.total, memory.free) == (2 * 2**30, 1800 * 2**20)
    assert osv.dmesg().startswith("OSv v0.57.0\n")
    (instance.folder / "a log").write_text("10 %")
    assert osv.read(f"{LOCAL}/a log") == "10 %"
    osv.remove(f"{LOCAL}/a log")
    with pytest.raises(PlatformError, match=r"GET /file/.* with 404: Not found"):
        osv.read(f"{LOCAL}/a log")


def test_one_that_does_not_answer_is_told_for_people() -> None:
    with pytest.raises(PlatformError, match=r"no OSv answers at .* after 0.1 s") as failed:
        Osv("http://127.0.0.1:9").wait_up(0.1)
    assert "Has the image booted?" in str(failed.value)


def test_an_instance_that_boots_is_waited_for(instance: Instance) -> None:
    instance.busy = 3
    assert Osv(instance.url).wait_up(60, every=0.01) == "v0.57.0"


# -- the instances of a cluster ---------------------------------------------------------------------------------------


def spec(tmp_path: Path, master: dict[str, Any], **workers: dict[str, Any]) -> ClusterSpec:
    path = tmp_path / "hosts.yml"
    groups = {"master": {"hosts": {"m": master}}, "workers": {"hosts": workers}}
    path.write_text(yaml.safe_dump({"all": {"children": {"spark": {"children": groups}}}}))
    return ClusterSpec("c", {}, inventories.load(path), len(workers))


def test_an_instance_is_named_by_its_host_or_booted_there(tmp_path: Path) -> None:
    asked = spec(
        tmp_path,
        {},
        a={"osv_api": "http://10.0.0.7:8000/"},
        b={
            "osv_api": "http://h:80",
            "spark_address": "10.0.0.8",
            "osv_bind_address": "0.0.0.0",
            "osv_block_port": 7000,
        },
        c={"ansible_host": "10.0.0.9"},
    )
    assert instances_of(asked, resolved()) == [
        OsvInstance("a", "http://10.0.0.7:8000", "10.0.0.7", "10.0.0.7", 0, booted=False),
        OsvInstance("b", "http://h:80", "10.0.0.8", "0.0.0.0", 7000, booted=False),
        OsvInstance("c", "http://10.0.0.9:8000", "10.0.0.9", "0.0.0.0", 7079, booted=True),
    ]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"osv_api": "10.0.0.7:8000"}, "osv_api of a can't be '10.0.0.7:8000'"),
        ({"osv_api": "http://10.0.0.7/x"}, "osv_api of a can't be"),
        ({"osv_api": "http://a:8000", "osv_block_port": "many"}, "osv_block_port of a can't be 'many'"),
    ],
)
def test_a_host_that_can_not_be_an_instance_is_refused(tmp_path: Path, variables: dict[str, Any], says: str) -> None:
    with pytest.raises(DocumentError, match=says) as failed:
        instances_of(spec(tmp_path, {}, a=variables), resolved())
    assert "hosts.yml:" in str(failed.value)


def test_without_an_image_or_an_instance_it_says_that_it_is_prepared_and_what_it_needs(tmp_path: Path) -> None:
    platform = platforms.get("osv")
    asked = spec(tmp_path, {}, a={}, b={"osv_api": "http://10.0.0.7:8000"})
    for refused in (lambda: platform.require([asked], nobody), lambda: platform.start(asked, nobody)):
        with pytest.raises(PlatformError, match=r"platform osv is prepared, .*: a need an OSv image") as failed:
            refused()
        assert "osv_image" in str(failed.value)
        assert "osv_api" in str(failed.value)


@pytest.mark.parametrize(
    ("driver", "host", "says"),
    [
        ("127.0.0.2", "127.0.0.3", "the guests of a can't reach a driver on 127.0.0.2"),
        ("10.0.0.1", "10.0.0.3", "the REST API of OSv on a would listen on 10.0.0.3, and it asks for no password"),
    ],
)
def test_addresses_that_can_not_work_are_refused_at_once(tmp_path: Path, driver: str, host: str, says: str) -> None:
    asked = spec(tmp_path, {"ansible_host": driver}, a={"ansible_host": host})
    with pytest.raises(PlatformError, match=says):
        platforms.get("osv").require([replace(asked, settings={"osv_image": "/x.qcow2"})], nobody)


def test_plain_programs_are_refused(tmp_path: Path) -> None:
    asked = replace(spec(tmp_path, {}, a={"osv_api": "http://10.0.0.7:8000"}), daemons=False)
    with pytest.raises(UsageError, match="a unikernel runs no plain programs"):
        platforms.get("osv").start(asked, nobody)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"executor_memory": "2g"}, "executor_memory 2g is not less than osv_memory 2g"),
        ({"osv_java": "java"}, "osv_java 'java' is not an absolute path"),
        ({"osv_image": "x.qcow2"}, "osv_image 'x.qcow2' is not an absolute path"),
        ({"osv_local_dir": ""}, "osv_local_dir can't be empty"),
        ({"worker_cores": 2}, "platform osv has no setting 'worker_cores'"),
        ({"spark.blockManager.port": "7000"}, "property spark.blockManager.port can't be set on platform osv"),
        ({"spark.executor.memory": "7g"}, "property spark.executor.memory can't be set on platform osv"),
    ],
)
def test_what_can_not_work_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        resolved(**settings)


def test_drivers_are_told_of_the_instances(tmp_path: Path) -> None:
    platform = OsvPlatform()
    asked = spec(tmp_path, {}, a={"osv_api": "http://10.0.0.7:8000"})
    settings = platform.resolve({"spark.driver.extraClassPath": "/own.jar", "start_timeout": 7})
    cluster = Cluster(
        asked, settings, MASTER, "", ("a",), "m", "10.0.0.1", "/f", "/f/conf", 0.0,
        {"spark": "/opt/spark", "java": "/opt/java", "python": "python3", "driver_jar": "/n/osv.jar"},
    )  # fmt: skip
    words = platform.submit_arguments(cluster, {"spark.app.name": "x"})
    assert words[:4] == ["/opt/spark/bin/spark-submit", "--master", "sparkbed://osv", "--deploy-mode"]
    told = dict(word.split("=", 1) for word in words[words.index("--conf") :] if word != "--conf")
    assert told["spark.driver.extraClassPath"] == "/n/osv.jar:/own.jar"
    assert told["spark.sparkbed.osv.timeout"] == "7"
    assert json.loads(told["spark.sparkbed.osv.instances"]) == [
        {"host": "a", "api": "http://10.0.0.7:8000", "address": "10.0.0.7", "bind": "10.0.0.7", "port": 0}
    ]


# -- starting, on real hosts ------------------------------------------------------------------------------------------


def test_an_instance_that_never_answers_is_told_within_the_timeout(
    site: Site, connections: Connections, instance: Instance
) -> None:
    place = Place(site, connections, {"w1": {"osv_api": instance.url}, "w2": {"osv_api": "http://127.0.0.1:9"}})
    with pytest.raises(PlatformError, match=r"no OSv answers at http://127.0.0.1:9 after [0-9.]+ s"):
        place.start(start_timeout=1)
    assert place.left() == []


def test_a_heap_that_does_not_fit_is_told_before_it_is_tried(
    site: Site, connections: Connections, instance: Instance
) -> None:
    instance.free = 512 * 2**20
    place = Place(site, connections, {host: {"osv_api": instance.url} for host in ("w1", "w2")})
    with pytest.raises(PlatformError, match="w1 has 512 MiB free, and the executor's heap is 1024 MiB"):
        place.start()
    assert place.left() == []
    assert instance.commands == []


def test_what_is_booted_is_found_again_and_powered_off(site: Site, ours: Ours, tmp_path: Path) -> None:
    """With a double of QEMU in whose guests OSv's API answers."""
    playbooks, name = ROOT / "playbooks" / "osv", {"cluster_name": "unikernel"}
    image = tmp_path / "osv.qcow2"
    image.touch()
    asked = {**resolved(osv_image=str(image), osv_qemu=str(osv_qemu.program(tmp_path)), osv_accelerator="tcg"), **name}
    place = Place(site, ours.connections, {})
    try:
        ours.play(playbooks / "start.yml", asked).require()
        instances = instances_of(ClusterSpec("unikernel", {}, site.inventory, 2), resolved())
        assert [Osv(one.api).version() for one in instances] == ["v0.57.0"] * 2
        again = ours.play(playbooks / "start.yml", asked).require()
        assert not any(one.changed for one in again.recap.values())
        other = ours.play(playbooks / "start.yml", {**asked, "osv_memory": "3g"})
        assert "with other settings" in other.failures["w1"].message
    finally:
        ours.play(playbooks / "stop.yml", name)
    assert place.left() == []
    with pytest.raises(PlatformError, match="does not answer"):
        Osv(instances[0].api).version()


# -- the templates ----------------------------------------------------------------------------------------------------

COMMAND_LINE = "--cwd=/spark --env=A=b /libhttpserver-api.so"
VARIABLES: dict[str, Any] = {
    "command_line": COMMAND_LINE,
    "executor_cores": 2,
    "bind_address": "127.0.0.5",
    "cluster_dir": "/n/cluster-c",
    "cluster_name": "c",
    "osv_accelerator": "auto",
    "osv_forwards": ["tcp:127.0.0.1:8000-:8000", "tcp:127.0.0.1:7079-:7079"],
    "osv_image": "/images/a b.qcow2",
    "osv_hostname": "osv-1",
    "osv_log4j": "rootLogger.level = info\nx: y\n",
    "osv_mebibytes": 2048,
    "osv_name": "sparkbed-spark",
    "osv_port": 8000,
    "osv_qemu": "qemu-system-x86_64",
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
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
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


@pytest.mark.parametrize(("accelerator", "words"), [("kvm", "-enable-kvm"), ("tcg", "-accel tcg"), ("auto", "tcg")])
def test_the_image_boots_under_qemu_with_its_ports_where_it_is_told(
    tmp_path: Path, accelerator: str, words: str
) -> None:
    """With a QEMU that only tells how it was called; it is no proof of KVM either."""
    script, qemu = tmp_path / "qemu.sh", tmp_path / "qemu-system-x86_64"
    script.write_text(rendered("qemu.sh.j2", osv_accelerator=accelerator))
    qemu.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    qemu.chmod(0o755)
    told = subprocess.run(
        ["sh", script, "/images/a, b.qcow2"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert words in told.replace("\n", " ")
    assert "\n-m\n2048\n-smp\n2\n" in told
    assert "file=/images/a,, b.qcow2,if=none" in told
    assert ",hostfwd=tcp:127.0.0.1:8000-:8000,hostfwd=tcp:127.0.0.1:7079-:7079\n" in told


def test_the_script_of_an_instance_is_a_shells() -> None:
    text = rendered("instance.sh.j2")
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0
    assert "image='/images/a b.qcow2'" in text


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
