"""A collector that is a script at every place: started with the trial, its output read when the trial is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sparkbed.collectors.base import Collected, Context, Place, Watch
from sparkbed.errors import HostError
from sparkbed.model import Series

Parse = Callable[[bytes, str], Series]
"""What a script printed, and the place's name, to a series. Raises ValueError when it is not what the script prints."""


class ScriptCollector:
    """Runs `script` (a file of this folder, standard library only) at every place of a trial.

    `arguments` gives its arguments for the trial's interval in seconds. The script travels on the command line, so
    that nothing has to be put on a host or taken away from it.
    """

    needs_spark = False

    def __init__(self, name: str, script: str, arguments: Callable[[float], Sequence[str]], parse: Parse) -> None:
        self.name = name
        self._script = (Path(__file__).parent / script).read_text(encoding="utf-8")
        self._arguments = arguments
        self._parse = parse
        self._watches: list[tuple[Place, Watch]] = []
        self._faults: list[str] = []

    def spark_properties(self, context: Context) -> Mapping[str, str]:  # noqa: ARG002  # scripts ask nothing of Spark
        return {}

    def start(self, context: Context) -> None:
        self._watches, self._faults = [], []
        argv = ["python3", "-S", "-E", "-c", self._script, *self._arguments(context.interval)]
        for place in context.places:
            try:
                self._watches.append((place, place.launch(argv)))
            except HostError as error:
                self._fault(place, error)

    def stop(self) -> Collected:
        series = []
        for place, watch in self._watches:
            try:
                series.append(self._parse(watch.stop(), place.name))
            except (HostError, ValueError) as error:
                self._fault(place, error)
        self._watches = []
        return Collected(series=tuple(series), faults=tuple(self._faults))

    def _fault(self, place: Place, error: Exception) -> None:
        what = error.what if isinstance(error, HostError) else str(error)
        self._faults.append(f"collector {self.name} has nothing from {place.name}: {what}")
