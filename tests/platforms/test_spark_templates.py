"""Spark's configuration templates: strict, quoted, and what Spark's scripts read out of them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest

from sparkbed.home import ROOT
from tests.templates import templates_in

TEMPLATES = sorted(path.name for path in (ROOT / "templates" / "spark").iterdir())

VARIABLES: dict[str, Any] = {
    "bind_address": "127.1.0.2",
    "cluster_dir": "/n/cluster-c",
    "cluster_name": "c",
    "driver_memory": "1g",
    "event_log_dir": "",
    "executor_cores": 1,
    "executor_memory": "512m",
    "gc": "Parallel",
    "groups": {"workers": ["a", "b"]},
    "hostvars": {"a": {"ansible_host": "127.1.0.3"}, "b": {"ansible_host": "10.0.0.1", "spark_address": "127.1.0.4"}},
    "java_dir": "/opt/java",
    "log_level": "info",
    "python_path": "/opt/python",
    "spark_daemon_memory": "512m",
    "spark_dir": "/opt/spark",
    "spark_master_port": 0,
    "spark_master_webui_port": 0,
    "spark_properties": {},
    "start_timeout": 120,
    "worker_cores": 1,
    "worker_memory": "1g",
}


def rendered(name: str, **changes: Any) -> str:
    return templates_in(ROOT / "templates" / "spark").get_template(name).render({**VARIABLES, **changes})


def properties(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_missing_variable_is_an_error(name: str) -> None:
    template = templates_in(ROOT / "templates" / "spark").get_template(name)
    assert template.render(VARIABLES).endswith("\n")
    used = [key for key in VARIABLES if key in (ROOT / "templates" / "spark" / name).read_text()]
    assert used
    for key in used:
        variables = {other: value for other, value in VARIABLES.items() if other != key}
        with pytest.raises(jinja2.UndefinedError):
            template.render(variables)


@pytest.mark.parametrize("hostile", ["a b", "it's", "$(touch x)", "`x`", 'a"b', "a\\b", "-e", "ü"])
def test_the_environment_file_gives_values_as_they_are(hostile: str, tmp_path: Path) -> None:
    script = tmp_path / "spark-env.sh"
    script.write_text(rendered("spark-env.sh.j2", java_dir=f"/opt/{hostile}", python_path=hostile))
    read = subprocess.run(
        ["bash", "-c", 'set -a; . "$0"; printf "%s\\n%s" "$JAVA_HOME" "$PYSPARK_PYTHON"', str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert read.stdout == f"/opt/{hostile}\n{hostile}"
    assert [path.name for path in tmp_path.iterdir()] == ["spark-env.sh"]


def test_daemon_script_is_valid_bash(tmp_path: Path) -> None:
    subprocess.run(["bash", "-n"], input=rendered("daemon.sh.j2", cluster_dir="/a b'c"), text=True, check=True)


@pytest.mark.parametrize(("gc", "flag"), [("G1", "UseG1GC"), ("Parallel", "UseParallelGC"), ("Serial", "UseSerialGC")])
def test_the_collector_goes_to_drivers_and_executors(gc: str, flag: str) -> None:
    found = properties(rendered("spark-defaults.conf.j2", gc=gc))
    assert f"-XX:+{flag}" in found["spark.executor.extraJavaOptions"]
    assert f"-XX:+{flag}" in found["spark.driver.extraJavaOptions"]


def test_options_of_the_users_own_come_after_ours() -> None:
    own = {"spark.executor.extraJavaOptions": "-Xss2m", "spark.locality.wait": "0s"}
    found = properties(rendered("spark-defaults.conf.j2", spark_properties=own))
    assert found["spark.executor.extraJavaOptions"].endswith(" -Xss2m")
    assert "-XX:+UseParallelGC" in found["spark.executor.extraJavaOptions"]
    assert found["spark.locality.wait"] == "0s"


def test_a_property_keeps_its_backslashes_and_is_never_two_lines() -> None:
    found = properties(rendered("spark-defaults.conf.j2", spark_properties={"spark.a": "x\\y\nspark.b=1"}))
    assert found["spark.a"] == "x\\\\y\\nspark.b=1"
    assert "spark.b" not in found


def test_event_logs_are_off_until_there_is_a_folder_for_them() -> None:
    assert properties(rendered("spark-defaults.conf.j2"))["spark.eventLog.enabled"] == "false"
    found = properties(rendered("spark-defaults.conf.j2", event_log_dir="/logs"))
    assert (found["spark.eventLog.enabled"], found["spark.eventLog.dir"]) == ("true", "file:///logs")


def test_workers_are_listed_by_the_address_that_others_reach() -> None:
    assert rendered("workers.j2").splitlines()[1:] == ["127.1.0.3", "127.1.0.4"]
