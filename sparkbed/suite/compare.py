"""Which cells are compared with which."""

from __future__ import annotations

from collections.abc import Mapping

from sparkbed.suite.model import Suite


def compared(suite: Suite) -> list[tuple[str, str]]:
    """Pairs of ids, (baseline cell, cell): the two differ only in the factors that the suite's `baseline` names.

    A cell whose counterpart was excluded, or left out by `--only`, is in no pair; without a baseline there is none.
    """
    if not suite.baseline:
        return []
    by_levels = {_key(cell.factors): cell.id for cell in suite.cells}
    baseline = _with_zipped(suite)
    pairs = []
    for cell in suite.cells:
        counterpart = by_levels.get(_key({**cell.factors, **baseline}))
        if counterpart is not None and counterpart != cell.id:
            pairs.append((counterpart, cell.id))
    return pairs


def _key(levels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(levels.items()))


def _with_zipped(suite: Suite) -> dict[str, str]:
    """The baseline, with the levels that zipped factors have beside those that it names."""
    baseline = dict(suite.baseline)
    for group in suite.zips:
        rows = [
            dict(zip(group, row, strict=True)) for row in zip(*(suite.factors[name] for name in group), strict=True)
        ]
        named = {name: suite.baseline[name] for name in group if name in suite.baseline}
        fitting = [row for row in rows if named and all(row[name] == level for name, level in named.items())]
        if len(fitting) == 1:
            baseline.update(fitting[0])
    return baseline
