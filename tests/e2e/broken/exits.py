"""Does its work, then ends in failure."""

import sys

from pyspark import SparkContext

print("answer", SparkContext().parallelize(range(10)).sum())
sys.exit("no luck today")
