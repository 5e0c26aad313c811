"""What runs on a cluster: benchmark programs with declared parameters, and `submit` for programs of the user's own.

workload = catalogue()["scala-agg-by-key"]
parameters = workload.resolve({"scale-factor": 0.001})
program = workload.prepare(home, spark_home, java_home, parameters)
argv = ["spark-submit", ..., *program.arguments(parameters, samples_path, iterations=5, expected_executors=2)]
samples, facts, error = read_samples(lines, warmup=1)
"""

from sparkbed.workloads.base import Parameter, Program, Workload
from sparkbed.workloads.catalogue import catalogue, workload
from sparkbed.workloads.numbers import extract_numbers, read_numbers
from sparkbed.workloads.plain import PlainProgram, Side
from sparkbed.workloads.samples import Reading, read_samples
from sparkbed.workloads.tables import describe, markdown

__all__ = [
    "Parameter",
    "PlainProgram",
    "Program",
    "Reading",
    "Side",
    "Workload",
    "catalogue",
    "describe",
    "extract_numbers",
    "markdown",
    "read_numbers",
    "read_samples",
    "workload",
]
