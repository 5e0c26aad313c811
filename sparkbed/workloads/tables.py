"""The workloads and their parameters as tables: for the terminal, and as the page docs/workloads.md."""

from __future__ import annotations

import json
from typing import Any

from sparkbed.workloads.base import Workload
from sparkbed.workloads.catalogue import catalogue
from sparkbed.workloads.parameters import Parameter

_HEAD = """# Workloads

What runs on a cluster. This page is written by `python -m sparkbed.workloads`; a test holds it true.

The suites `spark-perf-core`, `spark-perf-pyspark`, `spark-perf-streaming` and `spark-perf-mllib` run spark-perf's
tests, and `spark-perf` all of them; their profile `paper` has spark-perf's own sizes, repetitions, pauses and
combinations of options.

A suite names a workload and gives it parameters. Those from spark-perf (databricks/spark-perf, at its last state of
2015) have that benchmark's names, parameters, defaults and data, so that its configurations carry over; the programs
are written anew for current Spark. What a suite does not give is the default. Defaults in the column *scales* are
multiplied by `scale-factor` and by the workload's own scale: max(1, int(default x scale)). **A value that is given is
taken as it is.** The tables show the defaults at scale-factor 1.

Every Spark program waits until all expected executors have registered, makes its data (outside the time, but for seven
MLlib tests: see below), repeats its timed part `num-trials` times, and checks that the results are right: a wrong one
fails the trial. It writes its samples as JSON lines, each at once:

| metric | unit | what |
|---|---|---|
| `trial_seconds` | s | the timed part, once an iteration; garbage collection, sleep and most tests' data are outside |
| `ready_seconds` | s | from the program's start until every expected executor has registered |
| `generate_seconds` | s | making the data and, where they are kept, storing them |
| `application_seconds` | s | from the program's start until its Spark context has stopped |

MLlib's tests that train a model and predict with it have three more: `test_seconds` (evaluating it on the training
set), `training_metric` and `test_metric` (RMSE, or per cent that are right; for k-means, the root of cost / points).
Their `trial_seconds` is the training time.

All have the facts `executors`, `executors_at_end`, `application_id`, `spark_version`, `result`, and what it runs on. By
two more, in Unix seconds, a report tells where time went: `iterations_began` (each timed part) and `ended` (the end).

Where we differ from spark-perf, for a reason:

- Python's key-value data are seeded with the text of (seed XOR partition), as the hash of a text that spark-perf used
  differs between Python's versions.
- The sleep after the last repetition is left out.
- `storage-location` has no default, as there is no HDFS of ours yet. Data that are kept there have a folder of their
  own for every set of parameters, with what they are made from in its name (a digest) and in its file `_parameters`;
  spark-perf takes whatever lies there. The fact `stored_data_made` says whether a launch wrote them. The Python tests
  can keep data too. Remove the folder when you need it no longer: nothing of ours does.
- `hash-records` are the beginning of a SHA-256, in Python too. Tests that need numbers refuse it.
- The broadcasts take `num-partitions` and `broadcast-size` only: spark-perf hands them the key-value options too, and
  they look at no other.
- `wait-for-exit` is for Scala only: spark-submit hands no standard input to a Python program.
- spark-perf's options for Spark itself (serializer, locality wait, memory fraction) are a suite's settings here.

MLlib's tests are in spark.mllib, as in spark-perf, but for what is named after spark.ml. Every repetition in Scala has
a fresh data set; those in Python share one.

`svd`, `pca`, `summary-statistics`, `pic`, `block-matrix-mult`, `python-pearson` and `python-spearman` do not keep their
data, as in spark-perf. Spark makes them anew wherever they are used, so **their generation is in the time**, once for
each pass over the data, and `generate_seconds` says little of it. The other MLlib tests keep theirs in memory (on the
driver, for `chi-sq-gof` and `chi-sq-mat`) before the time begins.

`prefix-span` finds no pattern with the default `min-support` of 0.5: with the other defaults, the likeliest item is in
18 % of the sequences. What is timed then is the search for single items; a smaller `min-support` gives it more to do.
That the search works is seen, outside the time, by another one that must find the most frequent items.

A model must have learnt something: the loss of a linear model must be below that of a model without weights, a mixture
must have the data's mean and spread, frequent words must have weight in the topics of `lda` (online) and the documents
be likelier than before the first step (em), and alike points of `pic` must share clusters. A training that does nothing
fails its trial.

The Python tests take options that they have no use for, as in spark-perf; their tables say which. Where the MLlib tests
differ from spark-perf:

- `mllib-kmeans` is spark-perf's `kmeans`, a name that the paper's workload has here.
- Spark 3 hides the classes of linear models that descend by gradients. What they call, `GradientDescent`, is called
  instead, so step sizes, regularisation and intercepts mean the same.
- Python's labels for classification are 1 above the mean of the products with the weights. In spark-perf they are 1
  above 0, which all are.
- `als` has one rating of each pair in the training set, and `python-als` one of each pair in a partition of it. Neither
  times recommendations.
- `block-matrix-mult` covers the whole matrix where its side is no multiple of `block-size`; spark-perf leaves the rest
  out.
- Sizes and items of `prefix-span` are drawn as for `fp-growth`; spark-perf's own way was not at hand.
- `pic` draws no points beyond the last, and its similarities are each given once.

The streaming tests run for `total-duration` seconds, and each of their batches is a repetition: its `trial_seconds` is
the batch's processing delay, and the first `ignored-batches` are on record and do not count. They have
`scheduling_delay_seconds`, `total_delay_seconds` and `records` of each batch beside it. Where none counts by then, as
on a machine too slow for the batches, they go on until one does, for a minute or four times as long at most. A suite's
`iterations` means nothing to them. Records are numbered, and the one of a number is always the same, so every batch's
result is held against the records that Spark says were in it, or in its window. Where they differ from spark-perf:
- Keys and values are texts of one width, padded with zeros, so that a joined text can be taken apart and checked.
  spark-perf did not pad its numbers, and half of them were negative: there were nearly twice `unique-keys` keys.
- `hdfs-recovery` does recover: half-way its streams are stopped in the middle of their work, and another context goes
  on from the checkpoint (`recovery_seconds`: until its first batch is done). No word may be lost or counted twice.
- `hdfs-url` is the cluster's shared folder by default. Whether executors see what the driver writes is tried first.
- Receivers take a core each: `num-streams` must be below the cluster's cores, else the test refuses to run.

Their counterparts on Structured Streaming have `structured-` before the name; `basic` has none, as it has no stream.
They have the same sizes and checks. What differs:

- Their records come from Spark's source `rate-micro-batch`: as many in every batch as a receiver would have handed over
  by then. There are no receivers, and where a batch takes longer than `batch-duration`, fewer records come: a cluster
  that can't keep up shows by longer batches, not by a growing delay.
- `total-duration` begins when the first batch is done, before which a query compiles what it does for seconds.
- `trial_seconds` is the time of the whole trigger, with the log of offsets and the commit; `add_batch_seconds` is what
  compares with DStreams' processing delay.
- Running sums come out whole in every batch (mode complete), as DStreams update every key. Windows come out once, when
  they are over (mode append, no delay), and windows are of event time, which goes on by `batch-duration` each batch.
- Values are joined by an aggregation function in Scala, text by text; DStreams join what each batch has first.
- Where states and windows are kept is Spark's state store, so there is no `memory-serialization`.

On Python 3.10 and 3.11 a Python task costs some 50 ms of CPU (3.11, measured), whatever it does: PySpark 3.5 has every
task forget the import caches, and these versions then read the tables of Spark's zipped packages again (CPython issue
103200, mended in 3.12). Workloads of many short Python tasks measure mostly that there.

TeraSort is three workloads: `teragen` makes records and writes them (the figure of disk output), `terasort` sorts them,
`teravalidate` reads what is sorted and compares every key with the one before, from file to file too. Records are
gensort's in binary form, as Hadoop's teragen writes them; a record's CRC-32 added up over all, as an unsigned number of
128 bits, is the checksum of valsort and Hadoop's teravalidate. A million records have `7a27e2d0d55de`, which is what
Hadoop's prints for a million of its own: a test holds ours to it. Every repetition's result is checked outside the
time: its order, its number of records, and that its checksum is the generator's. `megabytes_per_second` (10^6 bytes) is
the size over the time. What is to be known besides:

- The borders between sorted partitions are Spark's: RangePartitioner draws a sample by a pass over the whole input,
  which is in the time. Hadoop's TeraSort looks at some 100,000 records.
- Each file is read by one task, whatever its size.
- What is written in the time is forced to disk (`final-sync`); what is read may still be in the page cache.
- Hadoop's own programs did not run beside ours, as they are not part of Spark. gensort's text form and its skewed keys
  are not there.

`logistic-regression` is gradient descent over points that Spark keeps, one job a step; the suite of that name has fewer
points and more steps from cell to cell, as in paper 001. The paper prints neither sizes nor steps.

`big-data-benchmark-tables` and `big-data-benchmark` are the Big Data Benchmark's; its tables, its queries, and what
differs from the original are in [big-data-benchmark.md](big-data-benchmark.md). Beside the times, the first has
`bytes_written` (B) and `write_throughput` (B/s), and the second `service_seconds` (s).

`exchange` is no Spark application: its file says `runs: plain`. Such a program is started on the driver's host beside a
cluster without Spark's daemons, and is told how to start Python where each worker's processes would run. What it
measures is in [ipc.md](ipc.md).

To add a workload, put its program and a NAME.yml with its parameter table into workloads/pyspark/, workloads/scala/,
workloads/mllib/ or workloads/streaming/ (each of the last three is one jar); those that are there show how. Its key
`meanings` says what a group's parameters mean where they mean something else. For a program that shall not live in the
checkout there is `submit`.
"""


def describe() -> list[dict[str, str]]:
    """One row a parameter: workload, title, language, parameter, type, default, scales, meaning, source; all text."""
    return [
        {"workload": workload.name, "title": workload.title, "language": workload.language, **_row(workload, parameter)}
        for workload in catalogue().values()
        for parameter in workload.parameters.values()
    ]


def markdown() -> str:
    """The page docs/workloads.md."""
    return "\n".join([_HEAD, *(_section(workload) for workload in catalogue().values())]).rstrip() + "\n"


def _section(workload: Workload) -> str:
    scale = f" Its own scale is x{workload.scale:g}." if workload.scale != 1 else ""
    lines = [
        f"## {workload.name}",
        "",
        f"{workload.title}. Language: {workload.language}. Source: {workload.source}.{scale}",
        "",
        "| parameter | type | default | scales | meaning | source |",
        "|---|---|---|---|---|---|",
    ]
    for parameter in workload.parameters.values():
        row = _row(workload, parameter)
        cells = [f"`{row['parameter']}`", row["type"], row["default"], row["scales"], row["meaning"], row["source"]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _row(workload: Workload, parameter: Parameter) -> dict[str, str]:
    return {
        "parameter": parameter.name,
        "type": ", ".join(parameter.choices) if parameter.type == "choice" else parameter.type,
        "default": _shown(None if parameter.default is None else parameter.scaled(workload.scale)),
        "scales": "yes" if parameter.scales else "",
        "meaning": parameter.meaning,
        "source": parameter.source,
    }


def _shown(value: Any) -> str:
    if value is None:
        return "(needed)"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, str):
        return value or "(none)"
    return json.dumps(value) if value else "(none)"
