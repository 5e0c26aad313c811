"""planted-cause: one job, made slow by one cause that is known, to hold a report's explanation against.

A repetition has two parts. A pass computes a number of every record; a shuffle sums such numbers by key, and carries
words that can't be compressed. All of it is done in the JVM. The cause is planted in the pass, or follows it, so that
the rest stays as it is without one.
"""

import json

from pyspark.sql import Observation, SparkSession
from pyspark.sql import functions as sql
from sparkbed_application import WrongResult, run

OPTIONS = {
    "cause": str,
    "num-records": int,
    "num-partitions": int,
    "sleep-seconds": float,
    "collections": int,
    "num-tiny-tasks": int,
}
NUMBER = "abs(xxhash64(id)) % 1000"
"""A number of a record, from 0 to 999."""
WORDS = 12
"""Words of eight bytes that a record carries through the shuffle."""


def blocking(options):
    """A condition that is never met, whose looking up is what blocks a task now and then: sleep, or a collection.

    Spark calls the method for the first records of a task's share, as many as it is to be called.
    """
    share = max(options["num-records"] // options["num-partitions"], 1)
    if options["cause"] == "sleep":
        call, times = f"java_method('java.lang.Thread', 'sleep', {round(options['sleep-seconds'] * 1000)}L)", 1
    else:
        call, times = "java_method('java.lang.System', 'gc')", options["collections"]
    return f"CASE WHEN id % {share} < {times} THEN {call} = 'never' ELSE false END"


def converted(number):
    """The number again, after what a conversion of a record does: to JSON, and back."""
    record = {"number": number, "text": str(number), "list": [number] * 128}
    return json.loads(json.dumps(record))["number"]


def one_pass(session, options):
    """Count and sum of the numbers of all records, by one pass over them of which no record is left."""
    cause = options["cause"]
    number = sql.expr(NUMBER)
    if cause in ("sleep", "gc"):
        number = sql.when(sql.expr(blocking(options)), -1).otherwise(number)
    records = session.range(0, options["num-records"], 1, options["num-partitions"]).select(number.alias("number"))
    if cause == "python":
        records = records.select(sql.udf(converted, "bigint")("number").alias("number"))
    seen = Observation()
    observed = records.observe(seen, sql.count("number").alias("count"), sql.sum("number").alias("sum"))
    observed.where("number < -1").collect()
    if cause == "tiny-tasks":
        idle(session.sparkContext, options["num-tiny-tasks"])
    return seen.get["count"], seen.get["sum"]


def idle(context, tasks):
    """A job of this many tasks that find nothing to do, in the JVM: PySpark's own would start Python workers."""
    assert context._jsc.parallelize(context._jvm.java.util.ArrayList(), tasks).count() == 0


def one_shuffle(session, options):
    """Count and sum of the same numbers, by way of sums by key."""
    partitions = options["num-partitions"]
    records = session.range(0, options["num-records"], 1, partitions).selectExpr(
        "id % 5000 AS key", NUMBER + " AS number", *(f"xxhash64(id, {word}) AS word{word}" for word in range(WORDS))
    )
    words = [sql.expr(f"bit_xor(word{word})") for word in range(WORDS)]  # else they were not read at all
    sums = (
        records.repartition(partitions, "key")
        .groupBy("key")
        .agg(sql.count("*").alias("n"), sql.sum("number").alias("s"), *(w.alias(f"w{n}") for n, w in enumerate(words)))
    )
    [total] = sums.agg(sql.sum("n"), sql.sum("s"), *(sql.expr(f"bit_xor(w{word})") for word in range(WORDS))).collect()
    return total[0], total[1]


def prepare(_context, options):
    session = SparkSession.builder.getOrCreate()
    session.conf.set("spark.sql.adaptive.enabled", "false")  # it would choose another number of tasks
    session.conf.set("spark.sql.shuffle.partitions", str(options["num-partitions"]))
    return session


def body(_context, options, session):
    return one_pass(session, options), one_shuffle(session, options)


def check(_context, options, _session, results):
    for iteration, (passed, shuffled) in enumerate(results, 1):
        if passed != shuffled or passed[0] != options["num-records"] or (passed, shuffled) != results[0]:
            raise WrongResult(f"iteration {iteration}: the pass came to {passed}, the shuffle to {shuffled}")
    return {"records": results[0][0][0], "sum": results[0][0][1]}


if __name__ == "__main__":
    run("planted-cause", OPTIONS, prepare, body, check)
