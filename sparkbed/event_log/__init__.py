"""Spark's event log: the times of tasks, stages, jobs and executors, as Spark's own interface shows them.

One JSON object a line, as Spark 2.2 to 4.x write it. Units are Spark's own (ms, ns, bytes): each column's name ends in
its unit where it is a time. The formulas over these columns stand in `analysis/decompose.py`.

Two traps in the numbers: Executor CPU Time is that of the JVM's task thread, so a Python worker's is not in it; and
times are whole milliseconds of two machines' clocks, so those of very short tasks are mostly rounding.
"""

from sparkbed.event_log.columns import COLUMNS
from sparkbed.event_log.model import EventLog, Executor, Job, Stage
from sparkbed.event_log.reading import read_event_log

__all__ = ["COLUMNS", "EventLog", "Executor", "Job", "Stage", "read_event_log"]
