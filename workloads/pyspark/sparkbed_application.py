"""What the Python workloads share: options, the samples file, waiting for executors, timing, and ending.

It needs nothing but PySpark, and goes with a script by --py-files. A script says what it does as

    run("pagerank", {"num-edges": int, ...}, prepare, body, check)
"""

import os
import platform
import sys
import time
import traceback

from pyspark import SparkConf, SparkContext
from sparkbed_program import Failed, SamplesFile, Usage, WrongResult, parse_options

STARTED = time.monotonic()

COMMON = {
    "samples": str,
    "expected-executors": int,
    "executor-deadline": float,
    "num-trials": int,
    "inter-trial-wait": float,
    "random-seed": int,
}
"""Options of every program, with their types; `bool` marks a flag."""

NOTES = {}
"""Facts that a program wants recorded beside the common ones; written when its data are ready."""


def count_executors(context):
    """The executors that have registered with this driver. In local mode there are none beside the driver."""
    return context._jsc.sc().getExecutorMemoryStatus().size() - 1


def wait_for_executors(context, expected, deadline):
    """Wait until `expected` executors have registered; Failed after `deadline` seconds."""
    end = time.monotonic() + deadline
    while count_executors(context) < expected:
        if time.monotonic() > end:
            raise Failed(
                f"{count_executors(context)} of {expected} expected executors registered within {deadline:g} s; "
                "has the cluster the cores and memory for them?"
            )
        time.sleep(0.02)


def timed_iterations(samples, options, body, after=None):
    """Run `body` num-trials times, a sample trial_seconds each; the list of what it returned.

    `after(result, sample)`, outside the time, may add further samples of the repetition: sample(metric, value, unit).

    As in spark-perf, the sleep between two is outside the time, and Python's tests collect no garbage there. The fact
    iterations_began has the Unix seconds at which each began: by these its tasks are found in the event log.
    """
    results, began = [], []
    for iteration in range(1, options["num-trials"] + 1):
        if iteration > 1:
            time.sleep(options["inter-trial-wait"])
        began.append(time.time())
        start = time.monotonic()
        results.append(body())
        samples.sample("trial_seconds", time.monotonic() - start, "s", iteration)
        if after:
            after(results[-1], lambda *sample, number=iteration: samples.sample(*sample, number))
    samples.fact("iterations_began", began)
    return results


def record_facts(samples, context):
    """What it runs on, for the record."""
    system = context._jvm.java.lang.System
    for name, value in (
        ("application_id", context.applicationId),
        ("spark_version", context.version),
        ("python_version", platform.python_version()),
        ("java_version", system.getProperty("java.version")),
        ("master", context.master),
        ("default_parallelism", context.defaultParallelism),
        ("executors", count_executors(context)),
    ):
        samples.fact(name, value)


def measure(context, options, samples, prepare, body, check, after):
    """One launch between the context's start and stop."""
    wait_for_executors(context, options["expected-executors"], options["executor-deadline"])
    samples.sample("ready_seconds", time.monotonic() - STARTED, "s")
    record_facts(samples, context)
    start = time.monotonic()
    data = prepare(context, options)
    samples.sample("generate_seconds", time.monotonic() - start, "s")
    for name, value in NOTES.items():
        samples.fact(name, value)
    results = timed_iterations(
        samples,
        options,
        lambda: body(context, options, data),
        after and (lambda result, sample: after(context, options, data, result, sample)),
    )
    samples.fact("result", check(context, options, data, results))
    samples.fact("executors_at_end", count_executors(context))


def run(name, types, prepare, body, check, after=None):
    """The whole program; it ends the process: 0 done, 1 failed, 2 wrong options.

    prepare(context, options) -> data is outside the time; body(context, options, data) is timed; check(context,
    options, data, results) raises WrongResult or returns what to record of the result. after(context, options, data,
    result, sample) comes after each repetition, outside the time: see timed_iterations.
    """
    try:
        options = parse_options(sys.argv[1:], {**COMMON, **types})
    except Usage as problem:
        print(f"sparkbed: wrong usage: {problem}", file=sys.stderr)
        sys.exit(2)
    try:
        samples = SamplesFile(options["samples"])
    except OSError as problem:
        print(f"sparkbed: the samples file can't be written: {problem}", file=sys.stderr)
        sys.exit(1)
    failure = None
    context = None
    try:
        context = SparkContext(conf=SparkConf().setAppName("sparkbed " + name))
        measure(context, options, samples, prepare, body, check, after)
    except WrongResult as problem:
        failure = f"wrong result: {problem}"
    except Failed as problem:
        failure = str(problem)
    except Exception as problem:  # noqa: BLE001 - the border: what Spark or the machine throws is told in the samples file
        traceback.print_exc()
        first_line = (str(problem).strip().splitlines() or [""])[0]
        failure = f"{type(problem).__name__}: {first_line}"
    if context is not None:
        context.stop()
    try:
        if failure:
            samples.error(failure)
        samples.fact("ended", time.time())
        samples.sample("application_seconds", time.monotonic() - STARTED, "s")
        samples.close()
    except OSError as problem:
        failure = failure or f"the samples file can't be written: {problem}"
    if failure:
        print(f"sparkbed: {failure}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(1)  # after a failure of the JVM, its gateway threads could keep the process alive
