"""A collector that is a script at every place: started with the trial, its output read when the trial is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparkbed.collectors.base import Collected, Context, Place, Watch
from sparkbed.errors import HostError
from sparkbed.model import Sample

Parse = Callable[[bytes, str], Collected]
"""What a script printed, and the place's name, to what it means; `faults` of it are not looked at, and `facts` are the
place's. Raises ValueError when it is not what the script prints."""


class ScriptCollector:
    """Runs `scripts` (files of this folder, standard library only, one behind the other) at every place of a trial.

    `arguments` gives their arguments for the trial; None: there is nothing to gather in it. They travel on the command
    line, so that nothing has to be put on a host or taken away from it.
    """

    needs_spark = False

    def __init__(
        self, name: str, scripts: Sequence[str], arguments: Callable[[Context], Sequence[str] | None], parse: Parse
    ) -> None:
        self.name = name
        self._script = "\n".join((Path(__file__).parent / one).read_text(encoding="utf-8") for one in scripts)
        self._arguments = arguments
        self._parse = parse
        self._watches: list[tuple[Place, Watch]] = []
        self._faults: list[str] = []

    def spark_properties(self, context: Context) -> Mapping[str, str]:  # noqa: ARG002  # scripts ask nothing of Spark
        return {}

    def start(self, context: Context) -> None:
        self._watches, self._faults = [], []
        arguments = self._arguments(context)
        if arguments is None:
            return
        argv = ["python3", "-S", "-E", "-c", self._script, *arguments]
        for place in context.places:
            try:
                self._watches.append((place, place.launch(argv)))
            except HostError as error:
                self._fault(place, error)

    def stop(self) -> Collected:
        found: list[Collected] = []
        facts: dict[str, Mapping[str, Any]] = {}
        for place, watch in self._watches:
            try:
                part = self._parse(watch.stop(), place.name)
                found.append(part)
                if part.facts:
                    facts[place.name] = part.facts
            except (HostError, ValueError) as error:
                self._fault(place, error)
        self._watches = []
        return Collected(
            series=tuple(one for part in found for one in part.series),
            # A sum over a part of the places would pass for the trial's.
            samples=() if self._faults else _summed([one for part in found for one in part.samples]),
            facts={self.name: facts} if facts else {},
            faults=tuple(self._faults),
        )

    def _fault(self, place: Place, error: Exception) -> None:
        what = error.what if isinstance(error, HostError) else str(error)
        self._faults.append(f"collector {self.name} has nothing from {place.name}: {what}")


def _summed(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """A trial's totals: what several places counted of one metric, added up."""
    values: dict[str, Sample] = {}
    for one in samples:
        before = values.get(one.metric)
        values[one.metric] = one if before is None else replace(before, value=before.value + one.value)
    return tuple(values.values())
