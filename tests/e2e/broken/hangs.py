"""Never ends, does not mind being asked to, and has started a process that is in a session of its own."""

import signal
import subprocess
import time

from pyspark import SparkContext

signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "100000"], start_new_session=True)
context = SparkContext()
context.parallelize([1], 1).map(lambda _: time.sleep(100000)).collect()
