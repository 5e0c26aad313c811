"""Collectors: what gathers series, tasks and samples beside a trial."""

from __future__ import annotations

from sparkbed.collectors.base import Collector
from sparkbed.errors import UsageError


def names() -> tuple[str, ...]:
    """The collectors that a suite can name."""
    return ("containers", "eventlog", "host", "page-cache", "python", "sar", "traffic")


def get(name: str) -> Collector:
    """A new collector.

    Raises:
        UsageError: when there is none of that name.
    """
    if name == "eventlog":
        from sparkbed.collectors.eventlog import EventLogCollector

        return EventLogCollector()
    if name == "host":
        from sparkbed.collectors.host import HostCollector

        return HostCollector()
    if name == "sar":
        from sparkbed.collectors.sar import SarCollector

        return SarCollector()
    if name == "containers":
        from sparkbed.collectors.containers import ContainersCollector

        return ContainersCollector()
    if name == "traffic":
        from sparkbed.collectors.traffic import TrafficCollector

        return TrafficCollector()
    if name == "python":
        from sparkbed.collectors.pythons import PythonCollector

        return PythonCollector()
    if name == "page-cache":
        from sparkbed.collectors.page_cache import PageCacheCollector

        return PageCacheCollector()
    raise UsageError(f"there is no collector {name!r}", hint=f"There are: {', '.join(names())}.")
