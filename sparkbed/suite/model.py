"""A suite as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed.documents import Map
from sparkbed.inventory import Inventory
from sparkbed.model import Cell, PlannedTrial
from sparkbed.position import Position
from sparkbed.suite.compare import pairs
from sparkbed.suite.growing import Growing
from sparkbed.suite.identity import content_of
from sparkbed.suite.paper import Repeats
from sparkbed.suite.schedule import ordered
from sparkbed.suite.until import Until


@dataclass(frozen=True)
class Suite:
    """An experiment, fully resolved: profile, `--set` and all defaults are in it.

    `factors` gives each factor's levels as text, `zips` the factors that run side by side, `baseline` the partial
    assignment that cells are compared with (empty: no comparison). `trials` is the most of each cell, and `until` says
    when fewer are enough. `deadline` is seconds for one trial, but for the
    cells in `deadlines`, by id. `growth` names the parameters that sizes are made of, and `repeats` the
    experiments of papers that it is; neither is part of `document`, since they change nothing that is measured.
    """

    name: str
    path: Path
    question: str
    profile: str | None
    cells: tuple[Cell, ...]
    factors: Mapping[str, tuple[str, ...]]
    zips: tuple[tuple[str, ...], ...]
    trials: int
    until: Until | None
    iterations: int
    warmup: int
    order: str
    seed: int
    cluster: str
    hosts: str
    collectors: tuple[str, ...]
    baseline: Mapping[str, str]
    metric: str
    deadline: float
    deadlines: Mapping[str, float]
    growth: Growing
    repeats: tuple[Repeats, ...]
    inventories: Mapping[str, Inventory] = field(repr=False, compare=False)
    contents: Mapping[str, Map] = field(repr=False, compare=False)
    source: Map = field(repr=False, compare=False)

    def cell(self, cell_id: str) -> Cell:
        """The cell with this id (KeyError if there is none)."""
        return {cell.id: cell for cell in self.cells}[cell_id]

    def deadline_of(self, cell: Cell) -> float:
        """Seconds that one trial of the cell may take."""
        return self.deadlines.get(cell.id, self.deadline)

    def inventory(self, cell: Cell) -> Inventory:
        """The cell's hosts: its inventory with only the first hosts of the groups that it counts."""
        return self.inventories[cell.hosts.inventory].first(cell.hosts.count)

    def schedule(self) -> list[PlannedTrial]:
        """Every trial in the order in which it is to run (see `schedule.ordered`)."""
        return ordered(self.cells, trials=self.trials, order=self.order, seed=self.seed, cluster=self.cluster)

    def compared(self) -> list[tuple[str, str]]:
        """Which cells are compared with which, by their ids (see `compare.pairs`)."""
        return pairs(self.cells, self.baseline, self.factors, self.zips)

    def position_of(self, cell: Cell, section: str, key: str | None = None) -> Position:
        """Where the suite (or the command line) says what a cell has.

        Args:
            section: inventory, count, platform, settings, workload or parameters.
            key: one key of count, settings or parameters; the section's own place without it, or if it has no such key.
        """
        content = self.contents[cell.id]
        values = content.get(section)
        if key is not None and isinstance(values, Map) and key in values:
            return values.where(key)
        return content.where(section)

    def where(self, key: str) -> Position:
        """Where one of the suite's own keys stands (`collectors`, `metric`, ...)."""
        return self.source.where(key)

    def document(self) -> dict[str, Any]:
        """The suite as plain JSON: all that says what a campaign does, and no path of this machine's suite file."""
        return {
            "suite": self.name,
            "question": self.question,
            "profile": self.profile,
            "factors": {name: list(levels) for name, levels in self.factors.items()},
            "zips": [list(group) for group in self.zips],
            "trials": self.trials,
            **({"until": self.until.document()} if self.until else {}),
            "iterations": self.iterations,
            "warmup": self.warmup,
            "order": self.order,
            "seed": self.seed,
            "cluster": self.cluster,
            "hosts": self.hosts,
            "collectors": list(self.collectors),
            "baseline": dict(self.baseline),
            "metric": self.metric,
            "deadline": self.deadline,
            "deadlines": dict(self.deadlines),
            "cells": [
                {"id": cell.id, "label": cell.label, "factors": dict(cell.factors), **content_of(cell)}
                for cell in self.cells
            ],
        }
