"""As scala/Unshared.scala, for the Python programs' way of storing data: `spark-submit unshared.py FOLDER`."""

import sys
from pathlib import Path
from urllib.parse import urlparse

from pyspark import SparkContext
from sparkbed_application import Failed
from sparkbed_stored_data import stored_lines

context = SparkContext(appName="unshared")
lines = context.parallelize(["1", "2", "3", "4"], 2)
try:
    said = str(stored_lines(context, sys.argv[1], "test", {"num-records": 5}, lines, 5))
except Failed as problem:
    said = str(problem)
print("said:", said)
print("left:", *sorted(path.name for path in Path(urlparse(sys.argv[1]).path).iterdir()))
context.stop()
