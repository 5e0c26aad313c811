"""Lines over time are of what was there, once."""

from __future__ import annotations

from pathlib import Path

import made_up
import numpy as np
import pytest

from analysis import evidence, report
from analysis.figures import Line
from sparkbed.model import Series


def watched(host: str, source: str, points: int, packets: float = 100.0) -> Series:
    columns = {
        "net.lo.rx_packets": np.full(points, packets),
        "net.lo.tx_packets": np.full(points, packets),
        "cpu.idle": np.full(points, 0.5),
    }
    return Series(host, source, 1.79e9 + np.linspace(0, 10, points), columns, dict.fromkeys(columns, "1/s"))


def test_a_host_that_two_collectors_watched_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`collectors: [host, sar]`: 100 packets a second are 100, on two hosts 200."""
    drawn: dict[str, list[Line]] = {}
    draw = evidence.lines

    def noted(name: str, title: str, label: str, made: list[Line], *rest: object, **more: object) -> object:
        drawn[name] = made
        return draw(name, title, label, made, *rest, **more)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(evidence, "lines", noted)
    with made_up.store_with(tmp_path) as store:
        data = report.build(store)
    both = [watched(host, source, points) for host in ("a", "b") for source, points in (("sar", 10), ("proc", 20))]
    evidence.figures_of(data, {data["cells"][0]["id"]: both}, {})
    (line,) = drawn["packets-1-loopback"]
    np.testing.assert_allclose(line.values, 200.0)
    assert len(line.values) == 20


def test_the_source_that_looked_most_often_is_taken_and_every_host_stays() -> None:
    series = [watched("a", "sar", 10), watched("a", "proc", 20), watched("a/worker", "proc", 5), watched("b", "sar", 3)]
    assert evidence.one_source(series) == series[1:]
    assert evidence.one_source(series[:1]) == series[:1]
    alike = [watched("a", "sar", 10), watched("a", "proc", 10)]
    assert evidence.one_source(alike) == alike[1:]
