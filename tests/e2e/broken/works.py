"""What the others should have been."""

from pyspark import SparkContext

context = SparkContext()
print("answer", context.parallelize(range(10), 2).sum())
context.stop()
