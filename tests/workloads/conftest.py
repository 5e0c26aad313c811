"""What the tests of the workloads share: real Spark in local mode, and the jar built once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from spark_launch import Launch

from sparkbed.home import Home
from sparkbed.java import find_java
from sparkbed.workloads import Reading, catalogue, read_samples


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
def submit(spark_home: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """spark-submit in local mode with two cores, and what follows its own options."""

    def start(
        words: list[str], paths: tuple[Path, ...] = (), deadline: float = 400
    ) -> subprocess.CompletedProcess[str]:
        command = [
            str(spark_home / "bin" / "spark-submit"),
            *("--master", "local[2]", "--conf", "spark.ui.enabled=false"),
            *("--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
            *words,
        ]
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "PYSPARK_"))},
            "JAVA_HOME": str(find_java()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(tmp_path / "local"),
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
        }
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=deadline, check=False, cwd=tmp_path
        )

    return start


def reading_of(samples: Path) -> Reading:
    return read_samples(samples.read_text().splitlines() if samples.exists() else [])


@pytest.fixture
def launch(
    built: Home, spark_home: Path, tmp_path: Path, submit: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., Launch]:
    """Run a workload, as a campaign would."""

    def start(
        name: str, given: Mapping[str, Any], iterations: int = 2, executors: int = 0, extra: tuple[str, ...] = ()
    ) -> Launch:
        workload = catalogue()[name]
        parameters = workload.resolve(given)
        program = workload.prepare(built, spark_home, find_java(), parameters)
        samples = tmp_path / "samples.jsonl"
        done = submit([*program.arguments(parameters, samples, iterations, executors), *extra])
        return Launch(done.returncode, done.stdout + done.stderr, reading_of(samples))

    return start


@pytest.fixture
def launch_together(
    built: Home, spark_home: Path, tmp_path: Path, submit: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., list[Launch]]:
    """Run several workloads, (name, what is given), one after another in one JVM; a launch each, in their order.

    One that fails takes the JVM with it: those after it have an empty reading.
    """

    def start(
        runs: Sequence[tuple[str, Mapping[str, Any]]], iterations: int = 2, deadline: float = 400
    ) -> list[Launch]:
        jobs, jars, modules = [], set(), set()
        for number, (name, given) in enumerate(runs):
            workload = catalogue()[name]
            parameters = workload.resolve(given)
            program = workload.prepare(built, spark_home, find_java(), parameters)
            samples = tmp_path / f"samples-{number}.jsonl"
            arguments = program.arguments(parameters, samples, iterations, 0)
            if program.main_class:
                jars.add(str(program.files[0]))
                jobs.append({"class": program.main_class, "arguments": arguments[3:]})
            else:
                modules.add(program.files[0].parent)
                jobs.append({"script": str(program.files[0]), "arguments": arguments[3:]})
        listed = tmp_path / "jobs.json"
        listed.write_text(json.dumps(jobs))
        words = ["--driver-class-path", os.pathsep.join(sorted(jars))] if jars else []
        script = Path(__file__).with_name("one_jvm.py")
        done = submit([*words, str(script), str(listed)], tuple(sorted(modules)), deadline)
        output = done.stdout + done.stderr
        readings = [reading_of(tmp_path / f"samples-{number}.jsonl") for number in range(len(runs))]
        return [Launch(done.returncode, output, reading) for reading in readings]

    return start
