"""What both broadcasts share: every repetition sends a value to all executors, and tasks look at its length."""

from sparkbed_key_value import check_counts

OPTIONS = {"num-partitions": int, "broadcast-size": int}

TASKS = 100
"""As in spark-perf, whatever num-partitions says: that is how many numbers the tasks share."""


def body(context, options, data):
    """How many of the numbers 0 to num-partitions - 1 saw the whole value."""
    length = len(data)
    sent = context.broadcast(data)
    numbers = context.parallelize(range(options["num-partitions"]), TASKS)
    seen = numbers.filter(lambda _: len(sent.value) == length).count()
    sent.unpersist()
    return seen


def check(_context, options, data, results):
    check_counts(results, options["num-partitions"], "numbers whose task saw the whole value")
    return {"length": len(data), "numbers": results[0]}
