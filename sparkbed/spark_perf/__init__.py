"""Reading what spark-perf (databricks/spark-perf) was configured with, and making a suite of it.

suite, notes = suite_of(read_config(Path("config.py")))
"""

from sparkbed.spark_perf.config import Config, Option, Test, read_config
from sparkbed.spark_perf.suite import suite_of

__all__ = ["Config", "Option", "Test", "read_config", "suite_of"]
