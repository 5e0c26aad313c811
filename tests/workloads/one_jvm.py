"""Run several workloads one after another in one JVM: `spark-submit one_jvm.py JOBS.json`.

A job is {"class": a Scala program's, "arguments": [...]} or {"script": a Python program's path, "arguments": [...]}.
Each makes and stops a Spark context of its own. It spares the start of a JVM and a Python for each.
"""

import json
import runpy
import sys
from pathlib import Path

from pyspark import SparkContext

jobs = json.loads(Path(sys.argv[1]).read_text())
SparkContext._ensure_initialized()
gateway = SparkContext._gateway
for job in jobs:
    print("job:", job.get("class") or job["script"], flush=True)
    if "class" in job:
        arguments = gateway.new_array(gateway.jvm.java.lang.String, len(job["arguments"]))
        for index, argument in enumerate(job["arguments"]):
            arguments[index] = argument
        getattr(gateway.jvm.sparkbed, job["class"].removeprefix("sparkbed.")).main(arguments)
    else:
        sys.argv = [job["script"], *job["arguments"]]
        runpy.run_path(job["script"], run_name="__main__")
print("all done", flush=True)
