"""Suites: experiments in YAML, and the cells, the order and the comparisons that follow from them."""

from sparkbed.suite.compare import compared
from sparkbed.suite.load import find, load, names
from sparkbed.suite.model import Suite, cluster_key
from sparkbed.suite.schedule import schedule

__all__ = ["Suite", "cluster_key", "compared", "find", "load", "names", "schedule"]
