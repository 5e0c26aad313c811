"""A campaign as a report. This is the one file of analysis/ that reads the store.

report = build(store)                # plain data: the JSON contract, and more keys beside it
as_json(report); as_markdown(report); as_csv(report)
as_html(report, figures(store, report), store.documents(report["campaign"]["id"]))
render(store, None, "html")          # all of that in one
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis import decompose, depending, effects, packets, stats, wall
from analysis.answer import answer, short_names
from analysis.costs import cost
from analysis.depending import dependences
from analysis.findings import Design, Question, Side, decided, findings
from analysis.growing import growths
from analysis.page import as_html
from analysis.paper import papers
from analysis.parts import KEY, TaskParts, known_parts, task_parts
from analysis.spark_perf import as_spark_perf, as_spark_perf_json
from analysis.text import as_csv, as_json, as_markdown, closing_table
from analysis.trust import trust
from analysis.unlike import unlike_sentence
from analysis.values import trial_values
from sparkbed.errors import UsageError
from sparkbed.model import Campaign, Cell, Sample, Trial

if TYPE_CHECKING:
    from analysis.figures import Figure
    from sparkbed.store import Store

__all__ = [
    "FORMATS",
    "as_csv",
    "as_html",
    "as_json",
    "as_markdown",
    "build",
    "closing_table",
    "figures",
    "measured",
    "render",
]

FORMATS = ("html", "md", "json", "csv", "spark-perf", "spark-perf-json")

PRIMARY = "trial_seconds"
"""The metric that cells are compared by, unless the suite names another."""


def render(store: Store, campaign_id: str | None = None, form: str = "html") -> str:
    """A campaign's report as text (default: the last campaign).

    Raises:
        UsageError: for an unknown format or campaign.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no report format {form!r}", hint=f"It can be {', '.join(FORMATS)}.")
    report = build(store, campaign_id)
    if form == "html":
        return as_html(report, figures(store, report), store.documents(report["campaign"]["id"]))
    writers: dict[str, Callable[[dict[str, Any]], str]] = {
        "md": as_markdown,
        "json": as_json,
        "csv": as_csv,
        "spark-perf": as_spark_perf,
        "spark-perf-json": as_spark_perf_json,
    }
    return writers[form](report)


def build(store: Store, campaign_id: str | None = None) -> dict[str, Any]:
    """Everything that a report says of a campaign, as plain data (JSON once NaN is taken off: see `as_json`).

    The keys `campaign`, `cells` and `findings` are the contract that other programs read; `answer` and `trust` are
    the same in sentences. `papers` has the tables that the suite repeats beside ours (see `paper.papers`), and `paper`
    the first of them; `growth` says how times grow over sizes (see `growing.growths`), and `depends` whether
    what a comparison found depends on them (see `depending.dependences`); `effects` has what factors do over all cells
    (see `effects.effects`).
    """
    campaign = store.campaign(campaign_id)
    trials = store.trials(campaign.id)
    samples = store.samples(campaign.id)
    tasks = {trial.id: _task_parts(store, trial, samples.get(trial.id, ())) for trial in trials if trial.status == "ok"}
    of_cell = _by_cell(campaign, trials)
    cells = [_cell_data(campaign, cell, of_cell[cell.id], samples, tasks) for cell in campaign.cells]
    report = {
        "campaign": _campaign_data(campaign, trials),
        "cells": cells,
        "findings": [_explained(finding, cells) for finding in findings(_questions(campaign, cells))],
    }
    said = papers(report)
    courses = growths(report)
    depends = dependences(report, courses)
    of_factors = effects.effects(report)
    return {
        **report,
        "trust": trust(report),
        "answer": [*answer(report), *effects.sentences(of_factors), *depending.sentences(depends)],
        "papers": said,
        "paper": said[0] if said else None,
        "growth": courses,
        "depends": depends,
        "effects": of_factors,
    }


def measured(store: Store, campaign_id: str | None = None) -> dict[str, Any]:
    """The report's `campaign` and `cells` alone: quick, since no task table is read and nothing is compared."""
    campaign = store.campaign(campaign_id)
    trials, samples = store.trials(campaign.id), store.samples(campaign.id)
    of_cell = _by_cell(campaign, trials)
    return {
        "campaign": _campaign_data(campaign, trials),
        "cells": [_cell_data(campaign, cell, of_cell[cell.id], samples, {}) for cell in campaign.cells],
    }


def nights(store: Store, tag: str) -> list[dict[str, Any]]:
    """The ended campaigns with this tag, oldest first, as `history.courses` takes them: medians over trials.

    A failed trial takes no part, and a cell without any that succeeded is absent.
    """
    ended = [one for one in store.campaigns() if one.status in ("complete", "incomplete")]
    return [_night(store, one) for one in reversed(ended) if one.facts.get("tag") == tag]


def _night(store: Store, campaign: Campaign) -> dict[str, Any]:
    samples = store.samples(campaign.id)
    values: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for trial in store.trials(campaign.id):
        if trial.status == "ok":
            units = {sample.metric: sample.unit for sample in reversed(samples.get(trial.id, ()))}
            for name, value in trial_values(samples.get(trial.id, ())).items():
                values.setdefault(trial.cell, {}).setdefault(name, []).append((value, units[name]))
    labels = campaign.plan.get("labels") or {}
    return {
        "campaign": campaign.id,
        "suite": campaign.suite,
        "started": campaign.started,
        "git_revision": campaign.git_revision,
        "metric": campaign.plan.get("metric") or PRIMARY,
        "cells": {
            cell.id: {
                "label": str(labels.get(cell.id) or cell.label),
                "metrics": {
                    name: (stats.median([value for value, _ in found]), found[0][1], len(found))
                    for name, found in values[cell.id].items()
                },
            }
            for cell in campaign.cells
            if cell.id in values
        },
    }


# -- campaign and cells ------------------------------------------------------------------------------------------------


def _by_cell(campaign: Campaign, trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {cell.id: [] for cell in campaign.cells}
    for trial in trials:
        found[trial.cell].append(trial)
    return found


def _campaign_data(campaign: Campaign, trials: Sequence[Trial]) -> dict[str, Any]:
    plan = campaign.plan
    return {
        "id": campaign.id,
        "suite": campaign.suite,
        "status": campaign.status,
        "started": campaign.started,
        "finished": campaign.finished,
        "git_revision": campaign.git_revision,
        "question": plan.get("question") or "",
        "description": plan.get("description") or "",
        "metric": plan.get("metric") or PRIMARY,
        "trials_planned": len(campaign.cells) * int(plan.get("trials") or 0),
        "trials_ok": sum(trial.status == "ok" for trial in trials),
        "trials_failed": sum(trial.status != "ok" for trial in trials),
        "plan": dict(plan),
        "facts": dict(campaign.facts),
        "fingerprint": campaign.fingerprint,
    }


def _cell_data(
    campaign: Campaign,
    cell: Cell,
    trials: Sequence[Trial],
    samples: Mapping[str, Sequence[Sample]],
    tasks: Mapping[str, TaskParts | None],
) -> dict[str, Any]:
    totals = [found.totals for trial in trials if (found := tasks.get(trial.id)) is not None]
    told = [_trial_data(trial, samples.get(trial.id, ()), tasks.get(trial.id)) for trial in trials]
    metrics = _metrics([trial for trial in told if trial["status"] == "ok"])
    return {
        "id": cell.id,
        "label": str((campaign.plan.get("labels") or {}).get(cell.id) or cell.label),
        "factors": dict(cell.factors),
        "hosts": {"inventory": cell.hosts.inventory, "count": dict(cell.hosts.count)},
        "platform": cell.platform,
        "settings": dict(cell.settings),
        "workload": cell.workload,
        "parameters": dict(cell.parameters),
        "trials": told,
        "metrics": metrics,
        "cost": cost((campaign.facts.get("rates") or {}).get(cell.id), metrics),
        "tasks": {"unit": "s", "n": len(totals), "parts": decompose.mean_parts(totals)} if totals else None,
    }


def _trial_data(trial: Trial, samples: Sequence[Sample], tasks: TaskParts | None) -> dict[str, Any]:
    return {
        "id": trial.id,
        "status": trial.status,
        "block": trial.block,
        "position": trial.position,
        "started": trial.started,
        "error": trial.error,
        "samples": [vars(sample) for sample in samples],
        "number": trial.number,
        "finished": trial.finished,
        "facts": {name: value for name, value in trial.facts.items() if name != KEY},
        "values": trial_values(samples),
        "tasks": tasks.totals if tasks else None,
        "wall": tasks.wall if tasks else None,
        "spilled": tasks.spilled if tasks else None,
    }


def _metrics(trials: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By metric, what these trials came to."""
    values: dict[str, list[float]] = {}
    units: dict[str, str] = {}
    iterations: dict[str, list[float]] = {}
    for trial in trials:
        for name, value in trial["values"].items():
            values.setdefault(name, []).append(value)
        for sample in trial["samples"]:
            units.setdefault(sample["metric"], sample["unit"])
            if sample["kept"] and math.isfinite(sample["value"]):
                iterations.setdefault(sample["metric"], []).append(sample["value"])
    return {name: _summary(units[name], values[name], iterations[name]) for name in sorted(values, key=_metric_order)}


def _metric_order(name: str) -> tuple[int, str]:
    return ({"trial_seconds": 0, "submit_seconds": 1}.get(name, 2), name)


def _summary(unit: str, values: Sequence[float], iterations: Sequence[float]) -> dict[str, Any]:
    interval = stats.median_interval(values)
    five = stats.five_numbers(iterations)
    return {
        "unit": unit,
        "n": len(values),
        "median": stats.median(values),
        "ci_low": interval.low,
        "ci_high": interval.high,
        "mean": float(np.mean(values)),
        "std": stats.sample_std(values),
        "min": min(values),
        "max": max(values),
        "first": values[0],
        "last": values[-1],
        "interval": interval.method,
        "spark_perf": {**vars(five), "n": len(iterations)} if five else None,
    }


def _task_parts(store: Store, trial: Trial, samples: Sequence[Sample]) -> TaskParts | None:
    def by_table() -> TaskParts | None:
        table = store.tasks(trial.id)
        if table is None:
            return None
        each = [vars(sample) for sample in samples]
        series = store.series(trial.id) if "python" in trial.facts.get("collectors", ()) else ()
        return task_parts(each, trial_values(samples), trial.facts, trial.finished, table.columns, series)

    return known_parts(trial.facts, by_table)


# -- comparisons -------------------------------------------------------------------------------------------------------


def _questions(campaign: Campaign, cells: Sequence[Mapping[str, Any]]) -> list[Question]:
    by_id = {cell["id"]: cell for cell in cells}
    metric = campaign.plan.get("metric") or PRIMARY
    pairs = [(by_id.get(a), by_id.get(b)) for a, b in campaign.plan.get("comparisons") or ()]
    return [_question(campaign, metric, a, b) for a, b in pairs if a is not None and b is not None]


def _question(campaign: Campaign, metric: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Question:
    cluster = ("hosts", "platform", "settings")
    units = [cell["metrics"][metric]["unit"] for cell in (a, b) if metric in cell["metrics"]]
    return Question(
        metric=metric,
        unit=units[0] if units else "",
        baseline=_side(a, metric),
        cell=_side(b, metric),
        design=Design(
            order=str(campaign.plan.get("order") or "sequential"),
            own_start=campaign.plan.get("cluster") == "shared" and any(a[key] != b[key] for key in cluster),
            seed=int(campaign.plan.get("seed") or 0),
        ),
        parts=_part_differences(a, b),
    )


def _side(cell: Mapping[str, Any], metric: str) -> Side:
    measured = [trial for trial in cell["trials"] if trial["status"] == "ok" and metric in trial["values"]]
    return Side(
        cell=cell["id"],
        label=cell["label"],
        values=[trial["values"][metric] for trial in measured],
        blocks=[trial["block"] for trial in measured],
        places=[trial["position"] for trial in measured],
        failed=sum(trial["status"] != "ok" for trial in cell["trials"]),
    )


def _explained(finding: dict[str, Any], cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The finding with where a whole submit differs, and what each of its two cells sent."""
    by_id = {cell["id"]: cell for cell in cells}
    baseline, cell = by_id[finding["baseline"]], by_id[finding["cell"]]
    parts = {whole: wall.wall_differences(baseline, cell, whole) for whole in wall.WHOLES}
    names = short_names([cell, baseline])
    said = [finding["because"]]
    if decided(finding["p_adjusted"]):
        said += [wall.wall_sentence(found, whole) for whole, found in parts.items()]
    said += [unlike_sentence(cell, baseline, names), packets.packets_sentence(cell, baseline, names)]
    return {
        **finding,
        "because": " ".join(one for one in said if one),
        "wall": {whole: [vars(part) for part in found] for whole, found in parts.items()},
    }


def _part_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[decompose.Difference]:
    """By parts of the tasks' time, of the blocks in which both cells have an event log."""
    before = {trial["block"]: trial["tasks"] for trial in a["trials"] if trial["tasks"]}
    after = {trial["block"]: trial["tasks"] for trial in b["trials"] if trial["tasks"]}
    blocks = sorted(before.keys() & after.keys())
    return decompose.differences([before[block] for block in blocks], [after[block] for block in blocks])


# -- figures -----------------------------------------------------------------------------------------------------------


def figures(store: Store, report: Mapping[str, Any]) -> list[Figure]:
    """The page's figures: the trials' values, hosts over time and tasks of each cell's middle trial, times by part."""
    from analysis.evidence import figures_of

    typical = {cell["id"]: _typical_trial(cell, report["campaign"]["metric"]) for cell in report["cells"]}
    series = {cell: store.series(trial["id"]) for cell, trial in typical.items() if trial}
    tables = {cell: store.tasks(trial["id"]) for cell, trial in typical.items() if trial}
    tasks = {cell: table.columns for cell, table in tables.items() if table is not None}
    return figures_of(report, series, tasks)


def _typical_trial(cell: Mapping[str, Any], metric: str) -> Mapping[str, Any] | None:
    """The trial whose value is nearest to the cell's median; any that succeeded where none has the metric."""
    done: list[Mapping[str, Any]] = [trial for trial in cell["trials"] if trial["status"] == "ok"]
    measured = [trial for trial in done if metric in trial["values"]]
    if not measured:
        return done[0] if done else None
    middle = cell["metrics"][metric]["median"]
    return min(measured, key=lambda trial: abs(trial["values"][metric] - middle))
