"""One application by its event log alone: where its tasks' time went, stage by stage, and what could be gained.

data = describe(log)          # plain data; `log` is what sparkbed.event_log reads
as_json(data); as_markdown(data); as_html(data, figures(data, log))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis import blocked, decompose
from analysis.attempts import rows_by_attempt
from analysis.critical import critical_paths, longest_path
from analysis.figures import DARK, LIGHT
from analysis.text import as_json as plain_json
from analysis.text import encodable, mark, markdown_table
from analysis.wall import executor_cores
from analysis.words import count, number, percent, seconds

if TYPE_CHECKING:
    from analysis.figures import Figure

Data = Mapping[str, Any]
Columns = Mapping[str, NDArray[Any]]
Table = tuple[list[str], list[list[str]]]

MOST_STAGES = 50
"""Stages that a table shows, those with most task time; the JSON has all."""
DRAWN_STAGES = 12
MOST_STEPS = 4
"""Stages of a critical path that its sentence names."""


class Log(Protocol):
    """An event log as read (sparkbed.event_log.EventLog)."""

    @property
    def facts(self) -> Data: ...
    @property
    def tasks(self) -> Any: ...


def describe(log: Log) -> dict[str, Any]:
    """All that is said of an application, as plain data (times in seconds, but for moments: Unix seconds).

    Returns:
        `application` (id, name, version, times, `complete`), `cores` (the most at a time), `wall` (`seconds` from the
        application's start to its end, or to the last event of a log that breaks off; `busy`: while some task ran;
        `idle`: the rest), `tasks` (counts and `parts`, see decompose.PARTS), `stages`, `jobs`, `critical_paths` of
        these (see critical.py), and `could_save`: by kind of waiting, at most which share of the wall time would be
        gone without it (see blocked.py).
    """
    facts, columns = log.facts, log.tasks.columns
    cores = executor_cores({"application": facts})
    stages = _stages(facts["stages"], columns)
    wall = _wall(facts, columns)
    return {
        "application": {
            "id": facts["application"],
            "name": facts["name"],
            "spark_version": facts["spark_version"],
            "started": facts["started"],
            "finished": facts["finished"],
            "complete": facts["complete"],
        },
        "cores": cores,
        "executors": [dict(one) for one in facts["executors"]],
        "wall": wall,
        "tasks": {
            "n": int(columns["task"].size),
            "failed": int((columns["failed"] | columns["killed"]).sum()),
            "seconds": float(decompose.task_seconds(columns).sum()),
            "parts": decompose.totals(columns),
            "spilled": decompose.spilled(columns),
        },
        "stages": stages,
        "jobs": [dict(one) for one in facts["jobs"]],
        "critical_paths": critical_paths(facts["jobs"], facts["stages"]),
        "could_save": blocked.could_save(columns, cores, wall["seconds"]) if cores and wall["seconds"] else {},
    }


def _wall(facts: Data, columns: Columns) -> dict[str, float | None]:
    moments = [one[key] for table in ("executors", "jobs", "stages") for one in facts[table] for key in one]
    times = [float(moment) for moment in moments if isinstance(moment, float)]
    if columns["task"].size:
        times += [float(columns["launch_ms"].min()) / 1e3, float(columns["finish_ms"].max()) / 1e3]
    start = facts["started"] if facts["started"] is not None else min(times, default=None)
    end = facts["finished"] if facts["finished"] is not None else max(times, default=None)
    whole = max(0.0, end - start) if start is not None and end is not None else None
    busy = decompose.busy_seconds(columns)
    return {"seconds": whole, "busy": busy, "idle": None if whole is None else max(0.0, whole - busy)}


def _stages(said: Sequence[Data], columns: Columns) -> list[dict[str, Any]]:
    """Each attempt of a stage that has tasks or was completed, in order of its number."""
    told = {(one["id"], one["attempt"]): one for one in said}
    rows, numbers = rows_by_attempt(columns), {name: c for name, c in columns.items() if c.dtype.kind != "U"}
    nothing = np.zeros(0, dtype=np.int64)
    return [
        _stage(key, told.get(key), {name: column[rows.get(key, nothing)] for name, column in numbers.items()})
        for key in sorted({*told, *rows})
    ]


def _stage(key: tuple[int, int], told: Data | None, columns: Columns) -> dict[str, Any]:
    times = decompose.task_seconds(columns)
    middle = float(np.median(times)) if times.size else None
    longest = float(times.max()) if times.size else None
    submitted, finished = (told["submitted"], told["finished"]) if told else (None, None)
    return {
        "id": key[0],
        "attempt": key[1],
        "name": told["name"] if told else "",
        "failure": told["failure"] if told else None,
        "tasks": int(times.size),
        "failed_tasks": int((columns["failed"] | columns["killed"]).sum()),
        "wall": finished - submitted if submitted is not None and finished is not None else None,
        "seconds": float(times.sum()),
        "parts": decompose.totals(columns),
        "median_task": middle,
        "longest_task": longest,
        "straggling": longest / middle if middle and longest is not None else None,
    }


# -- in words ----------------------------------------------------------------------------------------------------------


def sentences(data: Data) -> list[str]:
    """What there is to say first."""
    wall, tasks = data["wall"], data["tasks"]
    name = data["application"]["name"] or data["application"]["id"]
    said = []
    if wall["seconds"]:
        said.append(
            f"{name} took {seconds(wall['seconds'])}; for {seconds(wall['busy'])} of it "
            f"({percent(min(1.0, wall['busy'] / wall['seconds']))}) at least one task was running."
        )
    if not data["application"]["complete"]:
        said.append("The log breaks off before the application's end: all figures are of what it holds.")
    if tasks["n"]:
        failed = f", {tasks['failed']:,} of them failed or killed" if tasks["failed"] else ""
        said.append(f"{count(tasks['n'], 'task')}{failed}, {seconds(tasks['seconds'])} of task time in all.")
        largest = sorted(tasks["parts"].items(), key=lambda item: -item[1])[:3]
        whole = tasks["seconds"] or 1.0
        shares = [f"{decompose.PARTS[part]} {percent(value / whole)}" for part, value in largest if value > 0]
        if shares:
            said.append(f"Most of the task time: {', '.join(shares)}.")
    said += [
        f"Without {blocked.KINDS[kind]} it would be at most {percent(share)} shorter."
        for kind, share in sorted(data["could_save"].items(), key=lambda item: -item[1])
        if share >= 0.005
    ]
    path = longest_path(data["critical_paths"])
    return [*said, _path_in_words(path, data["stages"])] if path else said


def _path_in_words(path: Data, stages: Sequence[Data]) -> str:
    """What the longest job waited for: its stages by size, and what lies between."""
    names = {(one["id"], one["attempt"]): _stage_name(one) for one in stages}
    steps = sorted(path["path"], key=lambda one: -one["seconds"])
    shown = [f"stage {names[one['stage'], one['attempt']]} ({seconds(one['seconds'])})" for one in steps[:MOST_STEPS]]
    rest = sum(one["seconds"] for one in steps[MOST_STEPS:])
    if rest:
        shown.append(f"{count(len(steps) - MOST_STEPS, 'stage')} more ({seconds(rest)})")
    between = path["after"] + sum(one["waited"] for one in steps)
    return (
        f"The longest job ({path['job']}, {seconds(path['seconds'])}) waited for {', '.join(shown)}, and "
        f"{seconds(between)} between them: only what is on this path can make it shorter."
    )


def parts_table(data: Data) -> Table:
    """Task time by part."""
    whole = data["tasks"]["seconds"] or 1.0
    rows = [
        [decompose.PARTS[part], number(value, 4), percent(value / whole)]
        for part, value in data["tasks"]["parts"].items()
    ]
    return ["part", "task-seconds", "share"], rows


def stages_table(data: Data) -> Table:
    """The stages with most task time, in order of their number."""
    chosen = sorted(data["stages"], key=lambda one: -one["seconds"])[:MOST_STAGES]
    shown = [part for part in decompose.PARTS if any(abs(one["parts"][part]) >= 0.0005 for one in chosen)]
    heads = ["stage", "tasks", "wall [s]", "task time [s]", *(decompose.PARTS[part] for part in shown)]
    heads += ["median task [s]", "longest / median"]
    rows = [
        [
            _stage_name(one),
            str(one["tasks"]) + (f" ({one['failed_tasks']} failed)" if one["failed_tasks"] else ""),
            number(one["wall"]),
            number(one["seconds"]),
            *(number(one["parts"][part]) for part in shown),
            number(one["median_task"]),
            number(one["straggling"]),
        ]
        for one in sorted(chosen, key=lambda one: (one["id"], one["attempt"]))
    ]
    return heads, rows


def left_out(data: Data) -> str:
    """What the table of stages does not show; empty if nothing."""
    more = len(data["stages"]) - MOST_STAGES
    return f"{count(more, 'stage')} with less task time not shown; --format json has all." if more > 0 else ""


def _stage_name(one: Data) -> str:
    attempt = f".{one['attempt']}" if one["attempt"] else ""
    return f"{one['id']}{attempt} {one['name']}".strip()


# -- forms -------------------------------------------------------------------------------------------------------------


def figures(data: Data, log: Log) -> list[Figure]:
    """Task time by part of the largest stages, and the tasks of each executor over time."""
    from analysis.evidence import executors_of
    from analysis.figures import Bar, stacked, timeline

    chosen = sorted(data["stages"], key=lambda one: -one["seconds"])[:DRAWN_STAGES]
    bars = [Bar(_stage_name(one), one["parts"]) for one in chosen if one["tasks"]]
    if not bars:
        return []
    return [
        stacked("parts", "Task-seconds by part, the largest stages", "task-seconds", bars, decompose.PARTS),
        timeline("timeline", "Tasks over time, by executor", executors_of(log.tasks.columns)),
    ]


def as_json(data: Data) -> str:
    """The data as JSON; what is not a number is null."""
    return plain_json(data)


def as_markdown(data: Data) -> str:
    lines = [f"# {mark(_title(data))}", "", *(f"{mark(text)}  " for text in sentences(data)), ""]
    lines += ["## Task time by part", "", *markdown_table(*parts_table(data)), ""]
    lines += ["## Stages", "", *markdown_table(*stages_table(data)), ""]
    if left_out(data):
        lines += [left_out(data), ""]
    return "\n".join(lines)


def as_html(data: Data, figures: Sequence[Figure]) -> str:
    """One self-contained page."""
    from analysis.page import drawn, environment

    page = environment().get_template("application.html.j2")
    return encodable(
        page.render(
            light=LIGHT,
            dark=DARK,
            title=_title(data),
            application=data["application"],
            cores=data["cores"],
            sentences=sentences(data),
            parts=parts_table(data),
            stages=stages_table(data),
            left_out=left_out(data),
            figures=[drawn(figure) for figure in figures],
        )
    )


def _title(data: Data) -> str:
    return f"Application {data['application']['name'] or data['application']['id']}"
