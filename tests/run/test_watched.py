"""Collectors beside a trial: whatever goes wrong, none is left running."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sparkbed.collectors.base import Collected, Context
from sparkbed.run.trial import watched


class Watching:
    """A collector that knows whether it runs; one that is `bad` can't do what the word says."""

    name = "watching"
    needs_spark = False

    def __init__(self, bad: str = "") -> None:
        self.bad = bad
        self.runs = False

    def spark_properties(self, context: Context) -> Mapping[str, str]:
        return {}

    def start(self, context: Context) -> None:
        if self.bad == "start":
            raise OSError("no start")
        self.runs = True

    def stop(self) -> Collected:
        self.runs = False
        if self.bad == "stop":
            raise OSError("no stop")
        return Collected(faults=("seen",))


@pytest.mark.parametrize("bad", ["start", "stop", "trial"])
def test_none_is_left_running(tmp_path: Path, bad: str) -> None:
    collectors = [Watching(), Watching(bad), Watching()]

    def trial() -> None:
        with watched(collectors, Context(tmp_path, ())):
            assert all(one.runs for one in collectors)
            if bad == "trial":
                raise OSError("no trial")

    with pytest.raises(OSError, match=f"no {bad}"):
        trial()
    assert not any(one.runs for one in collectors)


def test_what_all_gathered_is_there_afterwards(tmp_path: Path) -> None:
    with watched([Watching(), Watching()], Context(tmp_path, ())) as collected:
        assert collected == []
    assert [one.faults for one in collected] == [("seen",)] * 2
