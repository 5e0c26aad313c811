"""Every MLlib test of spark-perf on real Spark, one after another in one JVM, as the suite's profile tiny has it.

Each program checks its own result, and a wrong one fails its launch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from spark_launch import Launch

from sparkbed.suite import load
from sparkbed.workloads import workload
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


@pytest.mark.soak
@pytest.mark.parametrize("name", ["glm-regression", "python-glm-regression"])
def test_a_model_that_is_worse_than_none_is_found_out(launch: Callable[..., Launch], name: str) -> None:
    """Gradient descent runs away where its steps are too large."""
    [given] = [parameters for workload_name, parameters in CELLS if workload_name == name][:1]
    done = launch(name, {**given, "step-size": 50.0}, iterations=1)
    assert done.code == 1
    assert str(done.reading.error).startswith("wrong result: "), done.output
