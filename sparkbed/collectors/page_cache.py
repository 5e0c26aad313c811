"""Before each trial, every host writes out and forgets the files in its memory, so that the trial reads them from disk.

It is a collector because it works at a trial's places and its outcome belongs to the trial's record. Where a host may
not do it, the trial runs with what the cache holds, and a fault says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkbed.collectors.base import Collected, Context
from sparkbed.errors import HostError

_SCRIPT = Path(__file__).with_name("page_cache_dropper.py")


class PageCacheCollector:
    """`start` returns when every place has done it, or said why not. The fact `page_cache` has each place's bytes."""

    name = "page-cache"
    needs_spark = False

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}
        self._faults: list[str] = []

    def spark_properties(self, context: Context) -> Mapping[str, str]:  # noqa: ARG002  # it asks nothing of Spark
        return {}

    def start(self, context: Context) -> None:
        self._found, self._faults = {}, []
        argv = ["python3", "-S", "-E", "-c", _SCRIPT.read_text(encoding="utf-8")]
        begun = []
        for place in context.places:
            try:
                begun.append((place.name, place.launch(argv)))
            except HostError as error:
                self._fault(place.name, error.what)
        for name, watch in begun:
            try:
                self._found[name] = json.loads(watch.wait())
            except HostError as error:
                self._fault(name, error.what)

    def stop(self) -> Collected:
        return Collected(facts={"page_cache": self._found}, faults=tuple(self._faults))

    def _fault(self, place: str, why: str) -> None:
        self._faults.append(f"the page cache of {place} was not dropped: {why}")
