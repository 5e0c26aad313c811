"""python-shuffles: the same passes over the same records, of which some end in a shuffle: what shuffles cost alone.

In each of num-passes every record gets another key and value, by plain Python. Evenly among the passes, num-shuffles of
them send every record to the partition of its new key. So data and computing do not depend on how many there are.
"""

from random import Random

from pyspark import StorageLevel
from sparkbed_application import WrongResult, run

OPTIONS = {"num-records": int, "num-passes": int, "num-shuffles": int, "num-partitions": int}
MODULUS = 2**31


def random_records(count, seed):
    """`count` pairs of whole numbers (key, value), each drawn from 0 to 2**31 - 1."""
    draw = Random(seed).randrange  # noqa: S311 - test data
    return [(draw(MODULUS), draw(MODULUS)) for _ in range(count)]


def step(record):
    """What a pass makes of one record: the next key of a linear congruential generator, and the value plus one."""
    key, value = record
    return (1103515245 * key + 12345) % MODULUS, value + 1


def place(key):
    """The number whose remainder is a key's partition: the upper bits, since the lower ones have a short period."""
    return key >> 16


def ends_in_shuffle(number, passes, shuffles):
    """Whether pass `number` (from 1) is one of the `shuffles` that are spread evenly among the `passes`."""
    return number * shuffles // passes > (number - 1) * shuffles // passes


def passed(records, passes, shuffles, partitions):
    """The records after all passes, as an RDD."""
    for number in range(1, passes + 1):
        records = records.map(step)
        if ends_in_shuffle(number, passes, shuffles):
            records = records.partitionBy(partitions, place)
    return records


def add(sums, record):
    return sums[0] + 1, sums[1] + record[0], sums[2] + record[1]


def combine(one, other):
    return tuple(a + b for a, b in zip(one, other))  # noqa: B905 - Python 3.9 knows no strict


def prepare(context, options):
    records = random_records(options["num-records"], options["random-seed"])
    stored = context.parallelize(records, options["num-partitions"]).persist(StorageLevel.MEMORY_ONLY)
    stored.count()
    return records, stored


def body(_context, options, data):
    counts = (options[name] for name in ("num-passes", "num-shuffles", "num-partitions"))
    return passed(data[1], *counts).aggregate((0, 0, 0), add, combine)


def check(_context, options, data, results):
    expected = (0, 0, 0)
    for record in data[0]:
        after = record
        for _ in range(options["num-passes"]):
            after = step(after)
        expected = add(expected, after)
    for iteration, found in enumerate(results, 1):
        if tuple(found) != expected:
            raise WrongResult(f"iteration {iteration} came to {found}, not to {expected}")
    return dict(zip(("records", "keys", "values"), expected))  # noqa: B905 - Python 3.9 knows no strict


if __name__ == "__main__":
    run("python-shuffles", OPTIONS, prepare, body, check)
