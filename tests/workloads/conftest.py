"""What the tests of the workloads share: real Spark in local mode, and the jar built once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from spark_launch import Launch

from sparkbed.home import Home
from sparkbed.java import find_java
from sparkbed.workloads import catalogue, read_samples


@pytest.fixture(scope="session")
def spark_home() -> Path:
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A state folder for the whole session, so that the Scala sources are compiled once."""
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def launch(built: Home, spark_home: Path, tmp_path: Path) -> Callable[..., Launch]:
    """Run a workload in Spark's local mode with two cores."""

    def start(
        name: str, given: Mapping[str, Any], iterations: int = 2, executors: int = 0, extra: tuple[str, ...] = ()
    ) -> Launch:
        workload = catalogue()[name]
        parameters = workload.resolve(given)
        program = workload.prepare(built, spark_home, find_java(), parameters)
        samples = tmp_path / "samples.jsonl"
        command = [
            str(spark_home / "bin" / "spark-submit"),
            *("--master", "local[2]", "--conf", "spark.ui.enabled=false"),
            *("--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
            *program.arguments(parameters, samples, iterations, executors),
            *extra,
        ]
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "PYSPARK_"))},
            "JAVA_HOME": str(find_java()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(tmp_path / "local"),
            "PYSPARK_PYTHON": sys.executable,
        }
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=400, check=False, cwd=tmp_path
        )
        lines = samples.read_text().splitlines() if samples.exists() else []
        return Launch(done.returncode, done.stdout + done.stderr, read_samples(lines))

    return start
