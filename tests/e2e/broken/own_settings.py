"""Does its work by a setting of its own."""

from pyspark import SparkConf, SparkContext

context = SparkContext(conf=SparkConf().set("spark.locality.wait", "9s"))
print("answer", context.parallelize(range(10)).sum())
