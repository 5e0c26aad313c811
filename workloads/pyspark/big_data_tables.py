"""big-data-benchmark-tables: a table of the Big Data Benchmark is made and written; what is timed is mostly writing.

One timed repetition writes the whole table to a folder of its own. The last one's stays for big-data-benchmark, unless
the table lies there already.
"""

import time

import sparkbed_big_data as big_data
from pyspark.sql import SparkSession
from sparkbed_application import run
from sparkbed_stored_data import begun_folder, bytes_in, holds, keep, remove, target_path

OPTIONS = {**big_data.OPTIONS, "table": str}


def place(options):
    """What says where the table belongs."""
    table = options["table"]
    return options["storage-location"], big_data.form(options, table), big_data.parameters(options, table)


def prepare(context, options):
    holds(context, *place(options))  # a folder that holds something else is told before anything is written
    return {"session": SparkSession.builder.getOrCreate(), "folder": begun_folder(context, *place(options))}


def body(_context, options, data):
    """Write the table; the seconds that it took."""
    start = time.monotonic()
    session = data["session"]
    big_data.write(big_data.generated(session, options, options["table"]), options, data["folder"])
    return time.monotonic() - start


def after(context, options, data, seconds, sample):
    size = bytes_in(context, data["folder"])
    sample("bytes_written", size, "B")
    sample("write_throughput", size / seconds, "B/s")
    data["done"] = data.get("done", 0) + 1
    if data["done"] < options["num-trials"]:
        remove(context, data["folder"])


def check(context, options, data, _results):
    try:
        found = big_data.compare(data["session"], options, options["table"], data["folder"])
        made = not holds(context, *place(options))
        if made:
            keep(context, data["folder"], *place(options))
    finally:
        remove(context, data["folder"])
    stored = target_path(context, *place(options)).toString()
    return {"rows": found[0], "checksum": found[1], "stored_data": stored, "made": made}


if __name__ == "__main__":
    run("big-data-benchmark-tables", OPTIONS, prepare, body, check, after)
