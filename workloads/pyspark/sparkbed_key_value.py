"""Data and checks of the key-value tests, as spark-perf's Python side has them."""

from operator import add
from random import Random

from pyspark import StorageLevel
from sparkbed_application import WrongResult

OPTIONS = {
    "num-partitions": int,
    "reduce-tasks": int,
    "num-records": int,
    "unique-keys": int,
    "key-length": int,
    "unique-values": int,
    "value-length": int,
    "hash-records": bool,
    "persistent-type": str,
    "storage-location": str,
}
"""Options beside the common ones, with their types."""


def integer_partition(index, records, unique_keys, unique_values, seed):
    """The (key, value) pairs of partition `index`: key first, both ends of the ranges included.

    spark-perf seeds with Python 2's hash of the text of (seed XOR index). That hash differs between Python's versions,
    so the text itself is the seed here.
    """
    draw = Random(str(seed ^ index)).randint  # noqa: S311 - test data
    for _ in range(records):
        key = draw(0, unique_keys)
        yield key, draw(0, unique_values)


def text_pair(pair, key_length, value_length):
    """A pair as decimal text, padded with zeros."""
    return str(pair[0]).zfill(key_length), str(pair[1]).zfill(value_length)


def generate(context, options, text):
    """The stored input, materialised: pairs of texts or of whole numbers."""
    partitions = options["num-partitions"]
    records = options["num-records"] // partitions
    keys, values, seed = options["unique-keys"], options["unique-values"], options["random-seed"]
    key_length, value_length = options["key-length"], options["value-length"]

    def partition(index, _):
        pairs = integer_partition(index, records, keys, values, seed)
        return (text_pair(pair, key_length, value_length) for pair in pairs) if text else pairs

    level = {"memory": StorageLevel.MEMORY_ONLY, "disk": StorageLevel.DISK_ONLY}[options["persistent-type"]]
    data = context.parallelize(range(partitions), partitions).mapPartitionsWithIndex(partition).persist(level)
    data.count()
    return data


def partition_totals(pairs):
    """(records, sum of values, set of keys) of one partition; no shuffle is involved."""
    count, total, keys = 0, 0, set()
    for key, value in pairs:
        count += 1
        total += int(value)
        keys.add(key)
    yield count, total, keys


def merge_totals(left, right):
    return left[0] + right[0], left[1] + right[1], left[2] | right[2]


def check_aggregation(options, counts, aggregated_sum, totals):
    """Compare what the aggregation gave with what a plain pass over the input says.

    `counts` are the iterations' numbers of keys, `aggregated_sum` the sum over all keys, `totals` as partition_totals
    gives them for the whole input.
    """
    records, total, keys = totals
    expected_records = options["num-records"] // options["num-partitions"] * options["num-partitions"]
    if records != expected_records:
        raise WrongResult(f"the input holds {records} records, not {expected_records}")
    for iteration, count in enumerate(counts, 1):
        if count != len(keys):
            raise WrongResult(f"iteration {iteration} found {count} keys; the input has {len(keys)}")
    if aggregated_sum != total:
        raise WrongResult(f"the values of all keys add up to {aggregated_sum}; those of the input to {total}")
    return {"keys": len(keys), "records": records, "sum": total}


class Aggregation:
    """Aggregation by key: what prepare, body and check of both types of record are."""

    def __init__(self, text):
        self.text = text
        self.last = None

    def prepare(self, context, options):
        return generate(context, options, self.text)

    def body(self, _context, options, data):
        numbers = data.map(lambda pair: (pair[0], int(pair[1]))) if self.text else data
        self.last = numbers.reduceByKey(add, options["reduce-tasks"])
        return self.last.count()

    def check(self, _context, options, data, results):
        aggregated = self.last.values().sum()  # the last iteration's shuffle files are read again
        totals = data.mapPartitions(partition_totals).reduce(merge_totals)
        return check_aggregation(options, results, aggregated, totals)
