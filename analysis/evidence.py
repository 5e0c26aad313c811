"""Which figures a report has, from its data and from the series and tasks of one typical trial of each cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.answer import groups, shared_levels, short_names
from analysis.decompose import PARTS
from analysis.figures import Bar, Figure, Line, Ratio, Row, Sizes, boxes, lines, ratios, sizes, stacked, timeline
from analysis.interfaces import interface_kind

Data = Mapping[str, Any]
Floats = NDArray[np.float64]
Tasks = Mapping[str, NDArray[Any]]

TIMELINES = 8
"""Cells that get a timeline of their tasks; a page with more would not be read."""


class HostSeries(Protocol):
    """Numbers over time from one host (sparkbed.model.Series)."""

    @property
    def host(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def times(self) -> Floats: ...
    @property
    def columns(self) -> Mapping[str, Floats]: ...


def figures_of(report: Data, series: Mapping[str, Sequence[HostSeries]], tasks: Mapping[str, Tasks]) -> list[Figure]:
    """The figures in the order of the page.

    Args:
        series, tasks: of one typical trial of each cell, by the cell's id; cells without any are left out.
    """
    found = [*_ratios(report), *_growths(report)]
    for number, cells in enumerate(groups(report), start=1):
        names = dict(zip([cell["id"] for cell in cells], short_names(cells), strict=True))
        work = shared_levels(cells)
        found += _boxes(report, number, cells, names, work)
        found += _parts(number, cells, names, work)
        found += _over_time(number, cells, names, work, series)
        found += _timelines(number, cells, names, work, tasks) if len(report["cells"]) <= TIMELINES else []
    return found


def _ratios(report: Data) -> Iterator[Figure]:
    by_id = {cell["id"]: cell for cell in report["cells"]}
    compared = [finding for finding in report["findings"] if finding["ratio"]]
    rows = []
    for finding in compared:
        pair = [by_id[finding["baseline"]], by_id[finding["cell"]]]
        names, work = short_names(pair), shared_levels(pair)
        decided = finding["verdict"] not in ("undecided", "not randomised")
        label = f"{names[1]} against {names[0]}" + (f", {work}" if work else "")
        rows.append(Ratio(label, finding["ratio"], finding["ci_low"], finding["ci_high"], decided))
    if rows:
        title = f"{report['campaign']['metric']}: each cell against its baseline"
        yield ratios("ratios", title, rows, compared[0]["margin"])


def _growths(report: Data) -> Iterator[Figure]:
    """Times over sizes, a figure for each size and what it is the size of, with the cells that differ otherwise."""
    by_id = {cell["id"]: cell for cell in report["cells"]}
    together: dict[tuple[str, str], list[Data]] = {}
    for one in report["growth"]:
        together.setdefault((one["size"], by_id[one["cells"][0]]["workload"]), []).append(one)
    for number, ((size, work), mine) in enumerate(together.items(), start=1):
        drawn = [
            Sizes(
                one["name"].removeprefix(f"{work}, "),
                {float(by_id[cell]["parameters"][size]): _values(by_id[cell], one["metric"]) for cell in one["cells"]},
            )
            for one in mine
        ]
        yield sizes(f"growth-{number}", f"{mine[0]['metric']} over {size}", mine[0]["unit"], size, drawn, work)


def _boxes(report: Data, number: int, cells: Sequence[Data], names: Data, work: str) -> Iterator[Figure]:
    for metric in dict.fromkeys([report["campaign"]["metric"], "submit_seconds"]):
        units = [cell["metrics"][metric]["unit"] for cell in cells if metric in cell["metrics"]]
        rows = [Row(names[cell["id"]], _values(cell, metric)) for cell in cells]
        if units:
            yield boxes(f"box-{number}-{_name(metric)}", metric, units[0], rows, work)


def _values(cell: Data, metric: str) -> list[float]:
    done = (trial for trial in cell["trials"] if trial["status"] == "ok")
    return [trial["values"][metric] for trial in done if metric in trial["values"]]


def _parts(number: int, cells: Sequence[Data], names: Data, work: str) -> Iterator[Figure]:
    bars = [Bar(names[cell["id"]], cell["tasks"]["parts"]) for cell in cells if cell["tasks"]]
    if bars:
        label = "task-seconds a trial (mean)"
        yield stacked(f"parts-{number}", "Where tasks spend their time", label, bars, PARTS, work)


# -- over time ---------------------------------------------------------------------------------------------------------


def _over_time(
    number: int, cells: Sequence[Data], names: Data, work: str, series: Mapping[str, Sequence[HostSeries]]
) -> Iterator[Figure]:
    found = {cell["id"]: one_source(series.get(cell["id"], ())) for cell in cells}
    busy = [line for cell, hosts in found.items() if (line := _line(names[cell], hosts, _busy))]
    if busy:
        yield lines(f"cpu-{number}", "CPU over time", "share of all CPUs that is busy", busy, work, top=1.02)
    cores = [line for cell, hosts in found.items() if (line := _line(names[cell], hosts, _cores, np.sum))]
    if cores:
        yield lines(f"cores-{number}", "CPU of the containers over time", "cores in use", cores, work)
    kinds = sorted({kind for hosts in found.values() for host in hosts for kind in _kinds(host)})
    for kind in kinds:
        packets = [
            line
            for cell, hosts in found.items()
            if (line := _line(names[cell], hosts, lambda host, kind=kind: _packets(host, kind), np.sum))
        ]
        if any(np.nanmax(line.values, initial=0) > 0 for line in packets):
            title = f"Packets over time, {KIND_NAMES[kind]}"
            yield lines(f"packets-{number}-{_name(kind)}", title, "packets sent a second", packets, work)


def one_source(series: Sequence[HostSeries]) -> list[HostSeries]:
    """Each host once: two collectors that watched one host saw the same packets, which are not to be added up.

    Taken is the source that looked most often; of equals, the first by name.
    """
    chosen: dict[str, HostSeries] = {}
    for one in sorted(series, key=lambda one: (-len(one.times), one.source)):
        chosen.setdefault(one.host, one)
    return [one for one in series if chosen[one.host] is one]


KIND_NAMES = {
    "loopback": "the hosts' loopback",
    "bridge": "bridges",
    "veth": "hosts' ends of virtual pairs",
    "card": "network cards",
    "container loopback": "containers' own loopback",
    "container card": "containers' ends of virtual pairs",
}


def _line(label: str, hosts: Sequence[HostSeries], value: Any, together: Any = np.mean) -> Line | None:
    """The mean (or sum) over hosts, at the times of the longest watched; None where no host has the value.

    A host counts as nothing while it was not watched: a driver's container is there for a part of the time.
    """
    with_values = [(host.times, found) for host in hosts if (found := value(host)) is not None and host.times.size]
    if not with_values:
        return None
    times = np.asarray(max((at for at, _ in with_values), key=len), dtype=np.float64)
    outside = {} if together is np.mean else {"left": 0.0, "right": 0.0}
    columns = [
        np.interp(times, at[good], v[good], **outside) for at, v in with_values if (good := np.isfinite(v)).any()
    ]
    return Line(label, times - times[0], together(columns, axis=0)) if columns else None


def _cores(host: HostSeries) -> Floats | None:
    return host.columns.get("cgroup.cpu")


def _kinds(host: HostSeries) -> set[str]:
    """The keys of KIND_NAMES that the host's interfaces have: a container's are apart from the hosts'."""
    where = "container " if "cgroup.cpu" in host.columns else ""
    return {f"{where}{interface_kind(name)}" for name in _interfaces(host)}


def _busy(host: HostSeries) -> Floats | None:
    if "cpu.idle" not in host.columns:
        return None
    waiting = np.nan_to_num(host.columns.get("cpu.iowait", np.zeros(host.times.size)))
    return np.clip(1.0 - host.columns["cpu.idle"] - waiting, 0.0, 1.0)


def _packets(host: HostSeries, kind: str) -> Floats | None:
    where = "container " if "cgroup.cpu" in host.columns else ""
    names = [name for name in _interfaces(host) if f"{where}{interface_kind(name)}" == kind]
    columns = [host.columns[f"net.{n}.tx_packets"] for n in names]
    return np.sum(columns, axis=0) if columns else None


def _interfaces(host: HostSeries) -> list[str]:
    """The interfaces of which packets were counted both ways."""
    names = (match.group(1) for column in host.columns if (match := re.fullmatch(r"net\.(.+)\.rx_packets", column)))
    return [name for name in names if f"net.{name}.tx_packets" in host.columns]


# -- tasks -------------------------------------------------------------------------------------------------------------


def _timelines(
    number: int, cells: Sequence[Data], names: Data, work: str, tasks: Mapping[str, Tasks]
) -> Iterator[Figure]:
    for index, cell in enumerate(cells, start=1):
        executors = executors_of(tasks.get(cell["id"], {}))
        if executors:
            title = f"Tasks of one trial: {names[cell['id']]}"
            yield timeline(f"tasks-{number}-{index}", title, executors, work)


def executors_of(columns: Tasks) -> dict[str, tuple[Floats, Floats]]:
    """Start and end of each executor's tasks, in seconds since the first task."""
    if not columns or not len(columns["launch_ms"]):
        return {}
    first = float(np.min(columns["launch_ms"]))
    start = (np.asarray(columns["launch_ms"], dtype=np.float64) - first) / 1e3
    end = (np.asarray(columns["finish_ms"], dtype=np.float64) - first) / 1e3
    executor = np.asarray(columns["executor"]).astype(str)
    order = sorted(set(executor.tolist()), key=lambda name: (len(name), name))
    return {name: (start[executor == name], end[executor == name]) for name in order}


def _name(text: str) -> str:
    """Text as part of an element's id."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "x"
