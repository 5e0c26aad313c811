"""Hands an executor's JVM more than its heap can hold: half a gigabyte in one piece."""

from pyspark import SparkContext

context = SparkContext()
context.parallelize([1], 1).map(lambda _: bytes(1 << 29)).collect()
