"""Raises in a task, after it has printed a number."""

from pyspark import SparkContext

context = SparkContext()
print("answer", context.parallelize(range(10), 2).sum())
context.parallelize([1, 0], 1).map(lambda divisor: 1 // divisor).collect()
