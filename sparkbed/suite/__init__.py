"""Suites: experiments in YAML, and the cells, the order and the comparisons that follow from them."""

from sparkbed.suite.identity import cluster_daemons, cluster_key, cluster_settings
from sparkbed.suite.load import find, load, names
from sparkbed.suite.model import Suite

schedule = Suite.schedule
"""`schedule(suite)`: its trials in the order in which they run."""

compared = Suite.compared
"""`compared(suite)`: pairs of ids, (baseline cell, cell)."""

__all__ = [
    "Suite",
    "cluster_daemons",
    "cluster_key",
    "cluster_settings",
    "compared",
    "find",
    "load",
    "names",
    "schedule",
]
