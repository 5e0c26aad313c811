"""Which cells are compared with which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparkbed.model import Cell


def pairs(
    cells: Sequence[Cell],
    baseline: Mapping[str, str],
    factors: Mapping[str, tuple[str, ...]],
    zips: Sequence[tuple[str, ...]],
) -> list[tuple[str, str]]:
    """Pairs of ids, (baseline cell, cell): the two differ only in the factors that `baseline` names.

    A cell whose counterpart was excluded, or left out by `--only`, is in no pair; without a baseline there is none.
    Zipped factors change together: the baseline takes the levels along that stand beside its own.
    """
    if not baseline:
        return []
    by_levels = {_key(cell.factors): cell.id for cell in cells}
    complete = _with_zipped(baseline, factors, zips)
    found = []
    for cell in cells:
        counterpart = by_levels.get(_key({**cell.factors, **complete}))
        if counterpart is not None and counterpart != cell.id:
            found.append((counterpart, cell.id))
    return found


def _key(levels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(levels.items()))


def _with_zipped(
    baseline: Mapping[str, str], factors: Mapping[str, tuple[str, ...]], zips: Sequence[tuple[str, ...]]
) -> dict[str, str]:
    complete = dict(baseline)
    for group in zips:
        rows = [dict(zip(group, row, strict=True)) for row in zip(*(factors[name] for name in group), strict=True)]
        named = {name: baseline[name] for name in group if name in baseline}
        fitting = [row for row in rows if named and all(row[name] == level for name, level in named.items())]
        if len(fitting) == 1:
            complete.update(fitting[0])
    return complete
