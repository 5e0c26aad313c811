"""Every MLlib test of spark-perf on real Spark, one after another in one JVM, as the suite's profile tiny has it.

Each program checks its own result, and a wrong one fails its launch.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spark_launch import Launch

from sparkbed.home import ROOT, Home
from sparkbed.java import find_java
from sparkbed.suite import load
from sparkbed.workloads import workload
from sparkbed.workloads.build import build_jar
from sparkbed.workloads.scala import ScalaWorkload

CELLS = [(cell.workload, dict(cell.parameters)) for cell in load("spark-perf-mllib", profile="tiny").cells]
PREDICTIONS = ("glm-regression", "glm-classification", "naive-bayes", "als", "decision-tree", "mllib-kmeans")


def run(
    launch_together: Callable[..., list[Launch]], cells: list[tuple[str, dict[str, Any]]], iterations: int = 2
) -> None:
    done = launch_together(cells, iterations, deadline=1500)
    for (name, parameters), one in zip(cells, done, strict=True):
        assert one.reading.error is None, (name, parameters, one.reading.error)
        assert one.iterations() == list(range(1, iterations + 1)), (name, parameters, one.output[-5000:])
        assert one.reading.facts["result"]
        metrics = {sample.metric for sample in one.reading.samples}
        predicts = name.removeprefix("python-") in PREDICTIONS
        assert predicts == ({"test_seconds", "training_metric", "test_metric"} <= metrics), name
    assert done[0].code == 0, done[0].output[-5000:]


@pytest.mark.soak
def test_every_mllib_test_in_scala(launch_together: Callable[..., list[Launch]]) -> None:
    run(launch_together, [cell for cell in CELLS if isinstance(workload(cell[0]), ScalaWorkload)])


@pytest.mark.soak
def test_every_mllib_test_in_python(launch_together: Callable[..., list[Launch]]) -> None:
    run(launch_together, [cell for cell in CELLS if not isinstance(workload(cell[0]), ScalaWorkload)])


@pytest.mark.full
def test_a_few_mllib_tests(launch_together: Callable[..., list[Launch]]) -> None:
    few = ("naive-bayes", "svd", "fp-growth", "python-pearson")
    run(launch_together, [cell for cell in CELLS if cell[0] in few], iterations=1)


OUTWEIGHED = {"regression outweighed", "regression outweighed by l1", "classification outweighed"}
"""Where l1 regularisation is so strong that a model without weights is the best there is."""


@pytest.mark.soak
def test_models_that_were_never_trained_do_not_pass(
    submit: Callable[..., subprocess.CompletedProcess[str]], built: Home, spark_home: Path
) -> None:
    sources = [ROOT / "workloads" / "scala" / "Application.scala", *(ROOT / "workloads" / "mllib").glob("*.scala")]
    untrained = Path(__file__).parent / "scala" / "Untrained.scala"
    jar = build_jar([*sorted(sources), untrained], built.build, spark_home, find_java())
    done = submit(["--class", "sparkbed.mllib.Untrained", str(jar)])
    assert done.returncode == 0, done.stderr[-5000:]
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    passed = {name for name, words in told.items() if words == "passed"}
    trained = {"classification logistic whatever reg-param is", "lda em after a step"}
    assert passed == {*OUTWEIGHED, *trained, "prefix-span where nothing is"}, done.stdout
    assert len(told) - len(passed) == 14
    assert "learnt nothing" in told["regression l2"]
    assert "deviations" in told["gmm"]
    assert "the clusters are none" in told["pic"]
    assert "nothing was learnt" in told["lda online"]
    assert "before the first step: nothing was learnt" in told["lda em"]
    assert all("log probability of feature" in told[f"naive-bayes {kind}"] for kind in ("multinomial", "bernoulli"))
    assert "items are frequent" in told["prefix-span that finds nothing"]
    assert "sequences, not in" in told["prefix-span with wrong counts"]


@pytest.mark.soak
@pytest.mark.parametrize("name", ["python-glm-regression", "python-glm-classification"])
def test_a_python_model_that_learnt_nothing_is_found_out(launch: Callable[..., Launch], name: str) -> None:
    given = next(parameters for workload_name, parameters in CELLS if workload_name == name)
    done = launch(name, {**given, "step-size": 1e-15}, iterations=1)
    assert done.code == 1
    assert "it has learnt nothing" in str(done.reading.error), done.output


@pytest.mark.soak
@pytest.mark.parametrize("name", ["glm-regression", "python-glm-regression"])
def test_a_model_that_is_worse_than_none_is_found_out(launch: Callable[..., Launch], name: str) -> None:
    """Gradient descent runs away where its steps are too large."""
    [given] = [parameters for workload_name, parameters in CELLS if workload_name == name][:1]
    done = launch(name, {**given, "step-size": 50.0}, iterations=1)
    assert done.code == 1
    assert str(done.reading.error).startswith("wrong result: "), done.output
