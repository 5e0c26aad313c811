"""How times grow over sizes, of a campaign whose suite has the key `growth`, and of a paper's table beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.answer import shared_levels
from analysis.growth import BEND_MARGIN, FEWEST_BLOCKS, FEWEST_SIZES, Growth, course, growth, verdict
from analysis.stats import LEVEL, median
from analysis.words import listed, number, percent

Data = Mapping[str, Any]
Table = tuple[list[str], list[list[str]]]

TITLE = "How the time grows"


def growths(report: Data) -> list[dict[str, Any]]:
    """The key `growth` of a report: one entry for all cells that differ in the size alone.

    Returns:
        For each: `size` (a parameter), `along`, `name`, `metric`, `unit`, `cells` (ids, by size), and where at least
        four sizes have trials in one block: `sizes`, `seconds` (geometric means over blocks), `exponent`, `bend` and
        `exponential` with their intervals (`NAME_low`, `NAME_high`; see `growth.Course`), `steepest`, `steepest_to`,
        `jumps`, `blocks` and `verdict`. All intervals hold at once in 95 % of campaigns.
    """
    plan = report["campaign"]["plan"].get("growth") or {}
    chosen = [(size, along, cells) for size, along in plan.items() for cells in _alike(report["cells"], size, along)]
    level = 1 - (1 - LEVEL) / max(len(chosen), 1)
    return [_entry(report, size, along, cells, level) for size, along, cells in chosen]


def published_course(cells: Mapping[str, Mapping[str, Any]], statistics: Sequence[str]) -> dict[str, Any] | None:
    """The figures of a published table whose cells are sizes: `exponent`, `bend`, ...; None for any other table."""
    values: dict[float, float] = {}
    for name, printed in cells.items():
        found = next((printed[one] for one in statistics if one in printed), None)
        try:
            size = float(name)
        except ValueError:
            return None
        if found is None or found.number is None:
            return None
        values[size] = found.number
    fitted = course(list(values), list(values.values()))
    return None if fitted is None else {**vars(fitted), "sizes": sorted(values)}


def _alike(cells: Sequence[Data], size: str, along: Sequence[str]) -> Iterator[list[Data]]:
    """Cells that have the size and differ in it (and what grows along) alone, smallest first."""
    found: dict[str, list[Data]] = {}
    for cell in cells:
        value = cell["parameters"].get(size)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        rest = {name: text for name, text in cell["parameters"].items() if name not in (size, *along)}
        key = repr((cell["hosts"], cell["platform"], sorted(cell["settings"].items()), cell["workload"], rest))
        found.setdefault(key, []).append(cell)
    for group in found.values():
        group.sort(key=lambda cell: float(cell["parameters"][size]))
        yield group


def _entry(report: Data, size: str, along: Sequence[str], cells: Sequence[Data], level: float) -> dict[str, Any]:
    metric = report["campaign"]["metric"]
    sizes = [float(cell["parameters"][size]) for cell in cells]
    unit = next((cell["metrics"][metric]["unit"] for cell in cells if metric in cell["metrics"]), "")
    entry: dict[str, Any] = {
        "size": size,
        "along": list(along),
        "name": _name(cells),
        "metric": metric,
        "unit": unit,
        "cells": [cell["id"] for cell in cells],
    }
    times = {at: medians_by_block(cell, metric) for at, cell in zip(sizes, cells, strict=True)}
    fitted = growth(times, level) if len(times) == len(sizes) else None
    return entry if fitted is None else {**entry, **_figures(fitted)}


def _name(cells: Sequence[Data]) -> str:
    """What the cells have in common: their workload, and the levels of the factors in which they agree."""
    shared = shared_levels(cells)
    return f"{cells[0]['workload']}, {shared}" if shared else str(cells[0]["workload"])


def medians_by_block(cell: Data, metric: str) -> dict[int, float]:
    """By block: the median of the cell's trials in it."""
    values: dict[int, list[float]] = {}
    for trial in cell["trials"]:
        if trial["status"] == "ok" and metric in trial["values"]:
            values.setdefault(trial["block"], []).append(trial["values"][metric])
    return {block: median(found) for block, found in values.items()}


def _figures(found: Growth) -> dict[str, Any]:
    bounds = {
        f"{name}_{end}": getattr(interval, end) for name, interval in found.intervals.items() for end in ("low", "high")
    }
    return {
        "sizes": list(found.sizes),
        "seconds": list(found.times),
        **vars(found.course),
        **bounds,
        "jumps": list(found.jumps),
        "blocks": found.blocks,
        "verdict": verdict(found),
    }


# -- in words ----------------------------------------------------------------------------------------------------------


def sentences(report: Data) -> list[str]:
    """One sentence for each course of ours, and for each of the paper's that stands beside."""
    said = [_sentence(one) for one in report["growth"]]
    for paper in report["papers"]:
        said += [_published(paper, table) for table in paper["tables"] if table["growth"]]
    return said


def growth_table(report: Data) -> Table | None:
    """One row for each course: sizes, exponent, bend, steepest step and verdict; None where nothing was fitted."""
    heads = ["time of", "sizes", "blocks", "exponent", "bend", "steepest step / median of the others", "verdict"]
    rows = [_row(one) for one in report["growth"] if "exponent" in one]
    for paper in report["papers"]:
        rows += [_published_row(paper, table) for table in paper["tables"] if table["growth"]]
    return (heads, rows) if rows else None


def explanation() -> list[str]:
    """What the table's columns are."""
    return [
        "The exponent is c in time ~ size^c. A fixed cost beside the work lowers it: a straight line that does not "
        "begin at 0 has an exponent below 1.",
        "The bend is the share of the growth that is not a straight line's, whatever the fixed cost: 0 for a straight "
        f"line, positive where growth itself grows. Within {percent(BEND_MARGIN)} of the growth around 0 the verdict "
        "is linear; beyond it, exponential is said only where an exponential is nearer to the logarithms of the times "
        "than a power is.",
        f"Intervals are Student's t over blocks, from {FEWEST_BLOCKS} on, and hold all at once. A step is called a "
        "jump where it is more than twice as steep as the median of the others in such an interval. A published table "
        "has one time a size, so that its figures have no interval.",
    ]


def _sentence(one: Data) -> str:
    if "exponent" not in one:
        return (
            f"{one['name']}: nothing is fitted over {one['size']}, which takes {FEWEST_SIZES} sizes that were all run "
            "in one block."
        )
    words = {
        "linear": f"grows in a straight line with {one['size']}",
        "faster than linear": f"grows faster than a straight line with {one['size']}",
        "exponential": f"grows exponentially with {one['size']}",
        "slower than linear": f"grows more slowly than a straight line with {one['size']}",
        "undecided": f"grows with {one['size']} in a way that these trials do not decide",
    }[one["verdict"]]
    exponent = _with_interval(one["exponent"], one["exponent_low"], one["exponent_high"])
    jumps = f" It jumps on the way to {listed([size_in_words(at) for at in one['jumps']])}." if one["jumps"] else ""
    return f"{one['name']}: the time {words} (exponent {exponent}, {one['blocks']} blocks).{jumps}"


def _published(paper: Data, table: Data) -> str:
    found = table["growth"]
    return (
        f"Paper {paper['key']}, table {table['table']}, as printed: exponent {number(found['exponent'])}, bend "
        f"{number(found['bend'])}; {_nearer(found)}; its steepest step, to {size_in_words(found['steepest_to'])}, is "
        f"{number(found['steepest'])} times the median of the others."
    )


def _nearer(found: Data) -> str:
    return f"{'an exponential' if found['exponential'] > 0 else 'a power'} is nearer to it"


def _row(one: Data) -> list[str]:
    steepest = f"{number(one['steepest'])} (to {size_in_words(one['steepest_to'])})"
    return [
        one["name"],
        _range(one["sizes"], one["size"]),
        str(one["blocks"]),
        _with_interval(one["exponent"], one["exponent_low"], one["exponent_high"]),
        _with_interval(one["bend"], one["bend_low"], one["bend_high"]),
        f"{steepest}, a jump" if one["steepest_to"] in one["jumps"] else steepest,
        one["verdict"],
    ]


def _published_row(paper: Data, table: Data) -> list[str]:
    found = table["growth"]
    return [
        f"paper {paper['key']}, table {table['table']}, as printed: {table['caption']}",
        _range(found["sizes"], table["label"]),
        "–",
        number(found["exponent"]),
        number(found["bend"]),
        f"{number(found['steepest'])} (to {size_in_words(found['steepest_to'])})",
        "one time a size: not tested",
    ]


def _range(sizes: Sequence[float], name: str) -> str:
    return f"{len(sizes)} of {name}, {size_in_words(sizes[0])} to {size_in_words(sizes[-1])}"


def size_in_words(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else number(value)


def _with_interval(value: float, low: float | None, high: float | None) -> str:
    return number(value) if low is None or high is None else f"{number(value)} ({number(low)} to {number(high)})"
