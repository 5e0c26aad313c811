"""Figures as SVG text for an HTML page: matplotlib draws, colours become CSS variables, text stays text.

No figure needs a script, a font or a request. What colour says is said by a label, marker, hatch or line style too.
matplotlib is imported when the first figure is drawn.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDTH = 7.6
"""Inches; the page scales figures to its width."""

# Values that occur nowhere else stand for colours while matplotlib draws, and are replaced by CSS variables.
INK, FAINT, PAPER = "#010203", "#010204", "#010205"
COLOURS = tuple(f"#0102{number:02x}" for number in range(16, 32))
LIGHT = (
    *("#3b78b5", "#e08a2e", "#3f9a6b", "#c0504d", "#8467ad", "#937860", "#ce7fae", "#7d8791"),
    *("#c9d4e0", "#8fb3d9", "#f0b67a", "#8fcaa8", "#e29a96", "#b7a5d3", "#cfbfa9", "#e6b9d3"),
)
DARK = (
    *("#6aa5e0", "#eda55b", "#67c092", "#e07f7b", "#ab92d3", "#b89c83", "#e3a3c8", "#a3adb6"),
    *("#4d5966", "#3a6391", "#8f5d24", "#2f6b4b", "#8a403c", "#5d4a83", "#6b5a46", "#80486a"),
)
"""Lines and points take the first eight, stacked parts the second."""
_VARIABLES = {INK: "--ink", FAINT: "--faint", PAPER: "--paper"} | {
    colour: f"--series-{number + 1}" for number, colour in enumerate(COLOURS)
}
_LIGHT = {"--ink": "#1d2329", "--faint": "#59636d", "--paper": "#ffffff", "--figure-font": "sans-serif"} | {
    f"--series-{number + 1}": colour for number, colour in enumerate(LIGHT)
}
HATCHES = ("|||", "///", "\\\\\\", "---", "xxx", "", "/", "\\", "+++", "x")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""Lines only: dots and circles would make a figure a hundred times larger."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

MOST_TASKS = 800
"""Bars that a timeline draws; beyond that, neighbours are drawn as one."""


MOST_LANES = 16
"""Lanes that a timeline draws."""


@dataclass(frozen=True)
class Figure:
    """One figure: `svg` goes into HTML as it is; `summary` says in words what it shows."""

    name: str
    title: str
    summary: str
    svg: str

    @property
    def standalone(self) -> str:
        """The figure as an SVG file: with its namespace, and light colours in the place of the page's variables.

        Most programs that place SVG in a paper know no CSS variables.
        """
        drawn = re.sub(r"var\((--[\w-]+)\)", lambda found: _LIGHT[found[1]], self.svg)
        return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


@dataclass(frozen=True)
class Row:
    """One cell's values in a box plot."""

    label: str
    values: Sequence[float]


@dataclass(frozen=True)
class Line:
    """One cell's course over time: seconds since the start of its trial, and the value then."""

    label: str
    seconds: Floats
    values: Floats


@dataclass(frozen=True)
class Sizes:
    """The trials' values of cells that differ in their size, by the size."""

    label: str
    values: Mapping[float, Sequence[float]]


@dataclass(frozen=True)
class Ratio:
    """One finding: the ratio cell / baseline and its interval (None: open); `decided` ones have a filled marker."""

    label: str
    ratio: float
    low: float | None
    high: float | None
    decided: bool


@dataclass(frozen=True)
class Bar:
    """One cell's parts, in seconds."""

    label: str
    parts: Mapping[str, float]


def boxes(name: str, title: str, unit: str, rows: Sequence[Row], work: str = "") -> Figure:
    """Horizontal box plots, one a cell, with every trial as a point."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        spread = np.random.default_rng(0)
        for index, row in enumerate(rows):
            values, place = np.asarray(row.values, dtype=np.float64), len(rows) - 1 - index
            if not values.size:
                axes.text(0.01, place, "no values", transform=axes.get_yaxis_transform(), va="center", color=FAINT)
                continue
            if values.size >= 3:
                _box(axes, values, place, COLOURS[index % 8])
            heights = place + spread.uniform(-0.16, 0.16, values.size)
            style = {"facecolor": COLOURS[index % 8], "edgecolor": INK, "linewidth": 0.6}
            axes.scatter(values, heights, s=20, marker=MARKERS[index % len(MARKERS)], zorder=3, **style)
        _rows(axes, [_wrapped(row.label) for row in rows])
        axes.set_xlabel(f"{title} [{unit}]" if unit else title)
        axes.xaxis.grid(True, color=FAINT, linewidth=0.4, alpha=0.5)
        if any(len(row.values) for row in rows):
            _roomy(axes, np.concatenate([np.asarray(row.values, dtype=np.float64) for row in rows]))

    said = "; ".join(f"{row.label}: {len(row.values)} trials" for row in rows)
    return figure_of(
        name, title, f"Box plots of {_of(title, work)}, a point for every trial. {said}.", _height(rows), draw
    )


def lines(
    name: str, title: str, ylabel: str, drawn: Sequence[Line], work: str = "", top: float | None = None
) -> Figure:
    """Values over time, one line a cell, told apart by dashes and by a legend below; `top` ends the scale."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for index, line in enumerate(drawn):
            style = {"color": COLOURS[index % 8], "linestyle": DASHES[index % len(DASHES)], "linewidth": 1.5}
            axes.plot(line.seconds, line.values, label=_wrapped(line.label, 60), **style)
        axes.set_xlabel("seconds since the trial's first reading")
        axes.set_ylabel(ylabel)
        axes.set_ylim(0, top)
        axes.margins(x=0.01)
        axes.grid(True, color=FAINT, linewidth=0.4, alpha=0.5)
        _legend(figure, axes)

    said = "; ".join(f"{line.label}: mean {np.nanmean(line.values):.3g}" for line in drawn if line.values.size)
    return figure_of(name, title, f"{_of(title, work)}: {ylabel}. {said}.", 2.5 + 0.2 * len(drawn), draw)


def sizes(name: str, title: str, unit: str, size: str, drawn: Sequence[Sizes], work: str = "") -> Figure:
    """Values over sizes: a box a size where three trials or more have one, every trial as a point, medians joined."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        every = sorted({at for one in drawn for at in one.values})
        step = min(np.diff(every), default=1.0)
        width = 0.7 * float(step) / max(len(drawn), 1)
        for index, one in enumerate(drawn):
            colour, aside = COLOURS[index % 8], (index - (len(drawn) - 1) / 2) * width
            there = [at for at in sorted(one.values) if len(one.values[at])]
            for at in there:
                values = np.asarray(one.values[at], dtype=np.float64)
                if values.size >= 3:
                    _standing_box(axes, values, at + aside, 0.8 * width, colour)
                style = {"facecolor": colour, "edgecolor": INK, "linewidth": 0.6}
                marker = MARKERS[index % len(MARKERS)]
                axes.scatter([at + aside] * values.size, values, s=14, marker=marker, zorder=3, **style)
            middles = [float(np.median(one.values[at])) for at in there]
            dashes = DASHES[index % len(DASHES)]
            places = [at + aside for at in there]
            axes.plot(places, middles, color=colour, linestyle=dashes, linewidth=1.2, label=_wrapped(one.label, 60))
        axes.set_xlabel(size)
        axes.set_ylabel(f"{title.split()[0]} [{unit}]" if unit else title.split()[0])
        axes.set_ylim(bottom=0)
        axes.yaxis.grid(True, color=FAINT, linewidth=0.4, alpha=0.5)
        _legend(figure, axes)

    said = "; ".join(f"{one.label}: {len(one.values)} sizes" for one in drawn)
    summary = (
        f"{_of(title, work)}: boxes from the quartiles, whiskers to the extremes, medians joined by a line. {said}."
    )
    return figure_of(name, title, summary, 3.4, draw)


def ratios(name: str, title: str, rows: Sequence[Ratio], margin: float) -> Figure:
    """The findings' ratios with their intervals on a logarithmic scale; the band is what counts as equivalent."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.axvspan(1 / (1 + margin), 1 + margin, facecolor=FAINT, alpha=0.18, linewidth=0)
        axes.axvline(1.0, color=INK, linewidth=0.8)
        ends = [end for row in rows for end in (row.ratio, row.low, row.high) if end is not None]
        reach = 1.08 * max([2 * margin, *(abs(np.log(end)) for end in ends)])
        axes.set_xscale("log")
        axes.set_xlim(np.exp(-reach), np.exp(reach))
        for index, row in enumerate(rows):
            place = len(rows) - 1 - index
            low, high = row.low or np.exp(-reach), row.high or np.exp(reach)
            dashes = "solid" if row.low and row.high else (0, (2, 2))
            axes.hlines(place, low, high, color=INK, linewidth=1.6, linestyle=dashes)
            axes.scatter([row.ratio], [place], s=42, marker=MARKERS[0 if row.decided else 1], zorder=3,
                         facecolor=COLOURS[0] if row.decided else PAPER, edgecolor=INK)  # fmt: skip
        _rows(axes, [_wrapped(row.label, 38) for row in rows])
        _percent_scale(axes, reach)
        axes.set_xlabel(f"change against the baseline, with 95 % interval (shaded: within {100 * margin:g} %)")

    said = "; ".join(f"{row.label}: ratio {row.ratio:.3f}" for row in rows)
    return figure_of(name, title, f"{title}. {said}.", _height(rows), draw)


def stacked(
    name: str, title: str, xlabel: str, bars: Sequence[Bar], names: Mapping[str, str], work: str = ""
) -> Figure:
    """Horizontal bars, one a cell, stacked of parts in the order of `names`; large parts carry their number."""
    longest = max((sum(max(0.0, value) for value in bar.parts.values()) for bar in bars), default=0.0) or 1.0
    present = [part for part in names if any(bar.parts.get(part, 0.0) > 1e-3 * longest for bar in bars)]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for index, bar in enumerate(bars):
            left = 0.0
            for part in present:
                value = max(0.0, bar.parts.get(part, 0.0))
                order = list(names).index(part)
                style = {"facecolor": COLOURS[8 + order % 8], "hatch": HATCHES[order % len(HATCHES)], "edgecolor": INK}
                label = names[part] if index == 0 else None
                axes.barh(len(bars) - 1 - index, value, left=left, height=0.62, linewidth=0.5, label=label, **style)
                if value > 0.09 * longest:
                    _number(axes, left + value / 2, len(bars) - 1 - index, value)
                left += value
        _rows(axes, [_wrapped(bar.label) for bar in bars])
        axes.set_xlabel(xlabel)
        _legend(figure, axes, columns=3)

    said = "; ".join(
        f"{bar.label}: " + ", ".join(f"{names[part]} {bar.parts.get(part, 0.0):.3g} s" for part in present)
        for bar in bars
    )
    return figure_of(name, title, f"{_of(title, work)}. {said}.", _height(bars) + 0.2 * ((len(present) + 2) // 3), draw)


def timeline(name: str, title: str, executors: Mapping[str, tuple[Floats, Floats]], work: str = "") -> Figure:
    """When tasks ran, by executor: a bar a task, in lanes; where that takes too many lanes, how many were under way.

    Many lanes come about when tasks are over before the driver knows: its clock gives both their ends.

    Args:
        executors: start and end of every task in seconds since the trial's first task, each of shape (n,).
    """
    slots = {executor: _slots(start, end) for executor, (start, end) in executors.items()}
    lanes = [(executor, slot) for executor, found in slots.items() for slot in range(1 + max(found, default=0))]
    if len(lanes) > max(MOST_LANES, 2 * len(executors)):
        return _under_way(name, title, executors, work)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, (executor, slot) in enumerate(reversed(lanes)):
            start, end = (times[slots[executor] == slot] for times in executors[executor])
            bars = [(a, b - a) for a, b in _merged(start, end, MOST_TASKS // max(1, len(lanes)))]
            axes.broken_barh(bars, (place - 0.4, 0.8), facecolor=COLOURS[0], edgecolor=PAPER, linewidth=0.3)
        _rows(axes, [f"executor {executor}" if slot == 0 else "" for executor, slot in lanes])
        axes.set_xlabel("seconds since the first task")

    number = sum(start.size for start, _ in executors.values())
    summary = f"{_of(title, work)}: {number} tasks on {len(executors)} executors, a bar for each task, over time."
    return figure_of(name, title, summary, 1.0 + 0.22 * max(2, len(lanes)), draw)


def _under_way(name: str, title: str, executors: Mapping[str, tuple[Floats, Floats]], work: str) -> Figure:
    """How many tasks of each executor were under way, a strip an executor with its own scale."""
    shown = dict(list(executors.items())[:MOST_LANES])
    last = max((float(end.max()) for _, end in shown.values() if end.size), default=1.0)

    def draw(figure: Any) -> None:
        strips = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (executor, (start, end)) in zip(strips, shown.items(), strict=True):
            times, running = _running(start, end, last)
            axes.fill_between(times, running, step="post", facecolor=COLOURS[0], alpha=0.45, linewidth=0)
            axes.step(times, running, where="post", color=COLOURS[0], linewidth=0.8)
            axes.set_ylim(0, None)
            axes.set_ylabel(f"executor {executor}")
            axes.yaxis.get_major_locator().set_params(integer=True, nbins=3)
        strips[-1].set_xlabel("seconds since the first task; upwards: tasks under way")

    number = sum(start.size for start, _ in executors.values())
    summary = f"{_of(title, work)}: {number} tasks on {len(executors)} executors, how many were under way over time."
    return figure_of(name, title, summary, 0.6 + 0.95 * len(shown), draw)


# -- drawing -----------------------------------------------------------------------------------------------------------


def _box(axes: Any, values: Floats, place: int, colour: str) -> None:
    """Box from quartile to quartile, whiskers to the farthest value within 1.5 times its length, line at the median.

    Drawn by hand: the arguments of matplotlib's own differ between the versions that are allowed.
    """
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    inside = values[(values >= lower - 1.5 * (upper - lower)) & (values <= upper + 1.5 * (upper - lower))]
    box = {"facecolor": colour, "edgecolor": INK, "alpha": 0.3, "linewidth": 0.8}
    axes.barh(place, upper - lower, left=lower, height=0.52, **box)
    axes.hlines([place, place], [inside.min(), upper], [lower, inside.max()], color=INK, linewidth=0.8)
    axes.vlines([inside.min(), inside.max()], place - 0.13, place + 0.13, color=INK, linewidth=0.8)
    axes.vlines(middle, place - 0.26, place + 0.26, color=INK, linewidth=2.0)


def _standing_box(axes: Any, values: Floats, place: float, width: float, colour: str) -> None:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.bar(place, high - low, width, low, facecolor=colour, alpha=0.25, edgecolor=INK, linewidth=0.6)
    axes.vlines(place, values.min(), values.max(), color=INK, linewidth=0.8)
    axes.hlines(middle, place - width / 2, place + width / 2, color=INK, linewidth=2.0)


def _percent_scale(axes: Any, reach: float) -> None:
    """Ticks of a logarithmic axis of ratios as signed changes, about seven of them."""
    from matplotlib.ticker import FixedLocator, NullLocator

    steps = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    step = next((step for step in steps if np.log1p(step) * 3.5 >= reach), None)
    if step is None:
        ticks = [10.0**power * factor for power in range(-4, 5) for factor in (1, 2, 5)]
        texts = [f"×{tick:g}" for tick in ticks]
    else:
        changes = [step * k for k in range(-9, 10) if step * k > -0.95]
        ticks = [1 + change for change in changes]
        texts = [f"{change * 100:+.3g} %".replace("-", "−") if change else "0" for change in changes]
    shown = [(tick, text) for tick, text in zip(ticks, texts, strict=True) if abs(np.log(tick)) <= reach]
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator([tick for tick, _ in shown]))
    axes.set_xticklabels([text for _, text in shown])


def _rows(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), reversed(labels))
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.tick_params(axis="y", length=0)


def _roomy(axes: Any, values: Floats) -> None:
    """The scale begins at 0 where that hides little, so that bars and boxes are not taken for larger than they are."""
    least, most = float(values.min()), float(values.max())
    margin = 0.06 * (most - least) or 0.06 * abs(most) or 1.0
    axes.set_xlim(0 if 0 <= least < 0.5 * most else least - margin, most + margin)


def _number(axes: Any, x: float, y: float, value: float) -> None:
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    axes.text(x, y, f"{value:.3g}", ha="center", va="center", color=INK, fontsize=8, bbox=box)


def _legend(figure: Any, axes: Any, columns: int = 1) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=columns, frameon=False, handlelength=3.2)


def _of(title: str, work: str) -> str:
    return f"{title} ({work})" if work else title


def _height(rows: Sequence[Any]) -> float:
    extra = sum(_wrapped(row.label).count("\n") for row in rows)
    return 0.85 + 0.46 * max(1, len(rows)) + 0.12 * extra


def _wrapped(label: str, width: int = 30) -> str:
    """The label in at most three lines."""
    found = textwrap.wrap(
        _clean(label), width, break_long_words=True, break_on_hyphens=True, max_lines=3, placeholder=" …"
    )
    return "\n".join(found)


def _slots(start: Floats, end: Floats) -> NDArray[np.int64]:
    """For each task the lowest lane of its executor that is free when it starts (1 ms of overlap is forgiven)."""
    free: list[float] = []
    found = np.zeros(start.size, dtype=np.int64)
    for index in np.argsort(start, kind="stable"):
        slot = next((lane for lane, until in enumerate(free) if until <= start[index] + 1e-3), len(free))
        if slot == len(free):
            free.append(0.0)
        free[slot] = float(end[index])
        found[index] = slot
    return found


def _running(start: Floats, end: Floats, last: float, points: int = 400) -> tuple[Floats, Floats]:
    """The mean number of tasks under way in each of `points` equal spans of time: their beginnings, and the numbers."""
    edges = np.linspace(0.0, last or 1.0, points + 1)
    begun, ended = np.sort(start), np.sort(end)

    def spent(sorted_moments: Floats) -> Floats:
        """Summed over moments, the time from each to each edge."""
        sums = np.concatenate([[0.0], np.cumsum(sorted_moments)])
        before = np.searchsorted(sorted_moments, edges)
        return np.asarray(before * edges - sums[before], dtype=np.float64)

    return edges[:-1], np.diff(spent(begun) - spent(ended)) / np.diff(edges)


def _merged(start: Floats, end: Floats, most: int) -> list[tuple[float, float]]:
    """Bars in order of time; the smallest gaps between them are closed until at most `most` are left."""
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    if start.size <= most:
        return list(zip(start.tolist(), end.tolist(), strict=True))
    gaps = start[1:] - end[:-1]
    cuts = np.sort(np.argsort(-gaps, kind="stable")[: most - 1])
    first, last = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [start.size - 1]])
    return list(zip(start[first].tolist(), end[last].tolist(), strict=True))


# -- from matplotlib to a page -----------------------------------------------------------------------------------------


def figure_of(name: str, title: str, summary: str, height: float, draw: Callable[[Any], None]) -> Figure:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with _style():
        figure = Canvas(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True)
    return Figure(name, _clean(title), _clean(summary), _for_page(out.getvalue(), name, _clean(title), _clean(summary)))


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "sparkbed",
        "text.parse_math": False,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "hatch.linewidth": 0.5,
        "hatch.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.labelsize": 9,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.fontsize": 8.5,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK),
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # Text stays text: the reader's fonts draw it, whether or not ours has the glyph.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield


def _for_page(svg: str, name: str, title: str, summary: str) -> str:
    """The <svg> element for HTML: own ids, CSS variables for colours, title and description."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, body = svg.split(">", 1)
    box = re.search(r'viewBox="([^"]*)"', head)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    for sentinel, variable in _VARIABLES.items():
        body = body.replace(sentinel, f"var({variable})")
    body = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "var(--figure-font)", body)
    return (
        f'<svg viewBox="{box.group(1) if box else ""}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(summary)}</desc>{body}'
    )


def _clean(text: str) -> str:
    """Without what XML can't hold (control characters, lone surrogates)."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+", " ", text)
