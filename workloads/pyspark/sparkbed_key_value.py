"""Data and checks of the key-value tests, as spark-perf's Python side has them."""

from hashlib import sha256
from operator import add
from random import Random
from zlib import adler32, crc32

from pyspark import StorageLevel
from sparkbed_application import NOTES, WrongResult
from sparkbed_stored_data import stored_lines

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


def text(number, length, hashed):
    """A number as text of `length` characters: padded, or the beginning of the SHA-256 of that in hexadecimal."""
    decimal = str(number).zfill(length)
    return sha256(decimal.encode()).hexdigest()[:length] if hashed else decimal


def input_data(context, options, text_records):
    """The input where it is used: pairs of texts or of whole numbers, made anew each time."""
    partitions = options["num-partitions"]
    records = options["num-records"] // partitions
    keys, values, seed = options["unique-keys"], options["unique-values"], options["random-seed"]
    key_length, value_length, hashed = options["key-length"], options["value-length"], options["hash-records"]

    def partition(index, _):
        pairs = integer_partition(index, records, keys, values, seed)
        if not text_records:
            return pairs
        return ((text(key, key_length, hashed), text(value, value_length, hashed)) for key, value in pairs)

    return context.parallelize(range(partitions), partitions).mapPartitionsWithIndex(partition)


def generate(context, options, text_records):
    """The input where persistent-type wants it, materialised."""
    data = input_data(context, options, text_records)
    if options["persistent-type"] == "hdfs":
        return read_stored(context, options, text_records, data)
    level = {"memory": StorageLevel.MEMORY_ONLY, "disk": StorageLevel.DISK_ONLY}[options["persistent-type"]]
    data.persist(level)
    data.count()
    return data


def read_stored(context, options, text_records, data):
    """The pairs from a folder below storage-location, where they are written first unless they lie there."""
    shape = ["num-partitions", "num-records", "unique-keys", "unique-values", "random-seed"]
    lengths = ["key-length", "value-length", "hash-records"] if text_records else []
    form = "python-text" if text_records else "python-int"
    lines = data.map("\t".join if text_records else "{0[0]}\t{0[1]}".format)
    parameters = {name: options[name] for name in shape + lengths}
    location, records = options["storage-location"], expected_records(options)
    folder, made = stored_lines(context, location, form, parameters, lines, records)
    NOTES.update(stored_data=folder, stored_data_made=made)
    kind = str if text_records else int
    return context.textFile(folder, options["num-partitions"]).map(lambda line: tuple(map(kind, line.split("\t"))))


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


def record_hash(pair):
    """64 bits of a record, the same in every process."""
    line = f"{pair[0]}\t{pair[1]}".encode()
    return crc32(line) << 32 | adler32(line)


def checksum(data):
    """A sum over the records that does not depend on their order: a lost, doubled or changed record changes it."""
    return data.map(record_hash).sum() % 2**64


def expected_records(options):
    """How many records the input has: the same number in every partition."""
    return options["num-records"] // options["num-partitions"] * options["num-partitions"]


def check_counts(counts, expected, what):
    """Raise WrongResult unless every iteration counted `expected`."""
    for iteration, count in enumerate(counts, 1):
        if count != expected:
            raise WrongResult(f"iteration {iteration} found {count} {what}; the input has {expected}")


def check_aggregation(options, counts, aggregated_sum, totals):
    """Compare what the aggregation gave with what a plain pass over the input says.

    `counts` are the iterations' numbers of keys, `aggregated_sum` the sum over all keys, `totals` as partition_totals
    gives them for the whole input.
    """
    records, total, keys = totals
    if records != expected_records(options):
        raise WrongResult(f"the input holds {records} records, not {expected_records(options)}")
    check_counts(counts, len(keys), "keys")
    if aggregated_sum != total:
        raise WrongResult(f"the values of all keys add up to {aggregated_sum}; those of the input to {total}")
    return {"keys": len(keys), "records": records, "sum": total}


class Aggregation:
    """Aggregation by key: what prepare, body and check are. `aggregate(pairs, reduce tasks)` adds numbers up by key."""

    def __init__(self, text_records, aggregate):
        self.text_records = text_records
        self.aggregate = aggregate
        self.last = None

    def prepare(self, context, options):
        return generate(context, options, self.text_records)

    def body(self, _context, options, data):
        numbers = data.map(lambda pair: (pair[0], int(pair[1]))) if self.text_records else data
        self.last = self.aggregate(numbers, options["reduce-tasks"])
        return self.last.count()

    def check(self, context, options, _data, results):
        aggregated = self.last.values().sum()  # the last iteration's shuffle files are read again
        made_anew = input_data(context, options, self.text_records)
        totals = made_anew.mapPartitions(partition_totals).reduce(merge_totals)
        return check_aggregation(options, results, aggregated, totals)


def reduced(pairs, reduce_tasks):
    """Numbers added up by key where they lie, and then between the tasks."""
    return pairs.reduceByKey(add, reduce_tasks)


def gathered(pairs, reduce_tasks):
    """Numbers gathered by key, and then added up."""
    return pairs.groupByKey(reduce_tasks).mapValues(sum)


def partition_ends(index, pairs):
    """(index, first key, last key, how often the key falls) of one partition; nothing of an empty one."""
    first, previous, falls, empty = None, None, 0, True
    for key, _ in pairs:
        if empty:
            first, previous, empty = key, key, False
        if key < previous:
            falls += 1
        previous = key
    if not empty:
        yield index, first, previous, falls


def check_sorted(ends):
    """Raise WrongResult unless keys never fall, within partitions and from one to the next."""
    for index, _, _, falls in ends:
        if falls:
            raise WrongResult(f"partition {index} is not sorted: the key falls {falls} times")
    for (index, _, end, _), (following, begin, _, _) in zip(ends, ends[1:]):  # noqa: B905, RUF007 - for Python 3.8 and 3.9
        if end > begin:
            raise WrongResult(f"partition {index} ends with {end}, and partition {following} begins with {begin}")


class Sorting:
    """Sorting by key: what prepare, body and check of both types of record are."""

    def __init__(self, text_records):
        self.text_records = text_records
        self.last = None

    def prepare(self, context, options):
        return generate(context, options, self.text_records)

    def body(self, _context, options, data):
        self.last = data.sortByKey(numPartitions=options["reduce-tasks"])
        return self.last.count()

    def check(self, context, options, _data, results):
        check_counts(results, expected_records(options), "records")
        check_sorted(self.last.mapPartitionsWithIndex(partition_ends).collect())
        found, expected = checksum(self.last), checksum(input_data(context, options, self.text_records))
        if found != expected:
            raise WrongResult(f"the sorted records are not the input's: checksum {found:016x}, not {expected:016x}")
        return {"records": results[0], "checksum": f"{found:016x}"}
