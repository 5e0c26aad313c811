"""A report as one self-contained HTML page: no script, no font, no request; names of any sort are escaped."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import depending, effects, growing, paper_text, spark_perf
from analysis.answer import groups, names_of, sentence, shared_levels, short_names
from analysis.costs import TITLE as COSTS_TITLE
from analysis.costs import costs_table
from analysis.figures import DARK, LIGHT
from analysis.findings import by_size
from analysis.heap import heap_table
from analysis.packets import packets_table
from analysis.size_classes import SIZES_TITLE, sizes_table
from analysis.stats import median
from analysis.text import cells_table, encodable, findings_table, in_groups, metric_names, parts_table
from analysis.wall import wall_tables
from analysis.words import count, number, percent, seconds

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from analysis.figures import Figure

Data = Mapping[str, Any]

TEMPLATES = Path(__file__).parent / "templates"

MOST_TRIALS = 1_000
"""Trials that the page lists; the CSV has all."""


def as_html(report: Data, figures: Sequence[Figure] = (), documents: Mapping[str, str] | None = None) -> str:
    """The page.

    Args:
        figures: what `report.figures` gives.
        documents: rendered configs and other texts of the campaign, by name; they are folded in at the end.
    """
    text = environment().get_template("report.html.j2").render(**_view(report, figures, documents or {}))
    return encodable(text)


def environment() -> Environment:
    """Jinja2 as the pages' templates need it: everything escaped, nothing undefined."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["bound"] = _bound
    return made


def _view(report: Data, figures: Sequence[Figure], documents: Mapping[str, str]) -> dict[str, Any]:
    campaign = report["campaign"]
    shown = [name for name in metric_names(report) if name in (campaign["metric"], "trial_seconds", "submit_seconds")]
    others = [name for name in metric_names(report) if name not in shown]
    return {
        "campaign": campaign,
        "title": campaign["question"] or f"Suite {campaign['suite']}",
        "when": moment(campaign["started"]),
        "took": lasted(campaign["started"], campaign["finished"]),
        "trials": _trials_in_words(report),
        "answers": _answers(report),
        "plain_answer": report["answer"],
        "depends": [*effects.sentences(report["effects"]), *depending.sentences(report["depends"])],
        "trust": report["trust"],
        "sizes": sizes_table(report["cells"]),
        "sizes_title": SIZES_TITLE,
        "findings": findings_table(report),
        "costs": costs_table(in_groups(report), [names_of(report)[cell["id"]] for cell in in_groups(report)]),
        "costs_title": COSTS_TITLE,
        "tables": [{"metric": name, "table": cells_table(report, name)} for name in shown],
        "other_tables": [{"metric": name, "table": cells_table(report, name)} for name in others],
        "light": LIGHT,
        "dark": DARK,
        "overview": [drawn(figure) for figure in figures if figure.name == "ratios"],
        "groups": _groups(report, figures),
        "growth": _growth(report, figures),
        "papers": [_paper(report, paper) for paper in report["papers"]],
        "design": _design(report),
        "startup": _startup(report),
        "machine": _machine(campaign["facts"].get("machine") or {}),
        "versions": _pairs(campaign["facts"].get("versions") or {}),
        "preflight": campaign["facts"].get("preflight") or [],
        "failed": [(cell, trial) for cell in report["cells"] for trial in cell["trials"] if trial["status"] != "ok"],
        "cells": [_cell(report, cell) for cell in report["cells"]],
        "all_trials": _trial_rows(report),
        "more_trials": max(0, sum(len(cell["trials"]) for cell in report["cells"]) - MOST_TRIALS),
        "documents": sorted(documents.items()),
    }


def _bound(text: str) -> str:
    """With spaces that don't break between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(%|s|ms)\b|%)", "\u00a0", text)


def moment(text: str | None) -> str:
    """ISO 8601 text as `20 November 2026, 12:55 UTC`; the text itself if it is not such."""
    found = _parsed(text)
    return f"{found.day} {found:%B %Y, %H:%M} UTC" if found else str(text or "")


def lasted(started: str | None, finished: str | None) -> str:
    """How long between two moments, in words; empty if one is missing."""
    first, last = _parsed(started), _parsed(finished)
    if first is None or last is None or last < first:
        return ""
    took = (last - first).total_seconds()
    minutes = round(took / 60)
    if took < 90:
        return f"{took:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def _parsed(text: str | None) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    utc = datetime.timezone.utc
    return found.astimezone(utc) if found.tzinfo else found.replace(tzinfo=utc)


def _trials_in_words(report: Data) -> str:
    campaign = report["campaign"]
    failed = f", {campaign['trials_failed']} failed" if campaign["trials_failed"] else ""
    return f"{count(campaign['trials_ok'], 'trial')}{failed}, {count(len(report['cells']), 'cell')}"


def _answers(report: Data) -> list[dict[str, Any]]:
    """The findings as cards, the largest first; none when no trial succeeded (the plain answer says why)."""
    if not report["campaign"]["trials_ok"]:
        return []
    cells = {cell["id"]: cell for cell in report["cells"]}
    return [
        {
            "text": _capital(sentence(finding, cells)),
            "because": finding["because"],
            "verdict": finding["verdict"],
            "kind": str(finding["verdict"]).split()[0],
        }
        for finding in by_size(report["findings"])
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _groups(report: Data, figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """The figures by the group of cells that they show (the number in their name)."""
    found = []
    for number_, cells in enumerate(groups(report), start=1):
        mine = [drawn(figure) for figure in figures if _group_of(figure) == number_]
        title = shared_levels(cells) or ", ".join(short_names(cells))
        found.append({
            "title": title,
            "figures": mine,
            "parts": parts_table(report, cells),
            "walls": wall_tables(report, cells),
            "heap": heap_table(cells, short_names(cells)),
            "packets": packets_table(cells, short_names(cells)),
        })  # fmt: skip
    return [group for group in found if group["figures"]]


def _group_of(figure: Figure) -> int | None:
    """The number of the group of cells that a figure shows; None where it shows another choice of cells."""
    kind, _, rest = figure.name.partition("-")
    number_ = rest.split("-")[0]
    return int(number_) if kind != "growth" and number_.isdigit() else None


def drawn(figure: Figure) -> dict[str, Any]:
    return {"name": figure.name, "title": figure.title, "svg": _markup(figure.svg)}


def _markup(svg: str) -> Markup:
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704  # drawn by us: matplotlib escapes the text in it, and figures.py its title


def _growth(report: Data, figures: Sequence[Figure]) -> dict[str, Any] | None:
    """How the times grow over sizes; None where the suite doesn't ask."""
    if not report["growth"]:
        return None
    return {
        "title": growing.TITLE,
        "sentences": growing.sentences(report),
        "table": growing.growth_table(report),
        "explanation": growing.explanation(),
        "figures": [drawn(figure) for figure in figures if figure.name.startswith("growth-")],
    }


def _paper(report: Data, paper: Data) -> dict[str, Any]:
    """The paper's tables beside ours."""
    introduction, tables = paper_text.introduction(paper), paper_text.tables(report, paper)
    return {"heading": paper_text.heading(paper), "introduction": introduction, "tables": tables}


# -- how it was measured -----------------------------------------------------------------------------------------------

ORDERS = {
    "randomized": "randomised complete blocks: in each block every cell runs once, in an order drawn at random",
    "blocked": "blocks: every cell once, in the suite's order, then again",
    "sequential": "sequential: all trials of a cell, then those of the next",
}
CLUSTERS = {
    "per-trial": "every trial has a freshly started cluster",
    "per-block": "a cluster is started anew in each block, and shared by the cells of the block that can run on it",
    "shared": "each cluster is started once for the whole campaign",
}


def _design(report: Data) -> list[tuple[str, str]]:
    plan, campaign = report["campaign"]["plan"], report["campaign"]
    order, cluster = str(plan.get("order") or ""), str(plan.get("cluster") or "")
    baseline = plan.get("baseline")
    rows = [
        ("order", ORDERS.get(order, order)),
        ("seed of the order", plan.get("seed")),
        ("trials of each cell", _trials_of_each(plan)),
        ("iterations in a trial", _iterations(plan)),
        ("clusters", CLUSTERS.get(cluster, cluster)),
        ("hosts", "made anew for every trial" if plan.get("hosts") == "per-trial" else None),
        ("baseline", ", ".join(f"{k} {v}" for k, v in baseline.items()) if isinstance(baseline, Mapping) else baseline),
        ("compared by", campaign["metric"]),
        ("collectors that were on", ", ".join(map(str, plan.get("collectors") or ())) or "none"),
        ("profile", plan.get("profile")),
        ("code", f"git {campaign['git_revision']}"),
        ("fingerprint", campaign["fingerprint"]),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def _trials_of_each(plan: Data) -> str | None:
    until = plan.get("until")
    if not until:
        return None if plan.get("trials") is None else str(plan["trials"])
    return (
        f"until half of the interval of its median is at most {percent(until['share'])} of it; "
        f"from {until['least']} to {plan['trials']}"
    )


def _iterations(plan: Data) -> str | None:
    if plan.get("iterations") is None:
        return None
    warmup = int(plan.get("warmup") or 0)
    dropped = f", the first {warmup} not kept (warm-up)" if warmup > 1 else ", the first not kept (warm-up)"
    return f"{plan['iterations']}{dropped if warmup else ''}"


def _startup(report: Data) -> list[tuple[str, str]]:
    """How long hosts and clusters took to be there (medians); not part of any trial."""
    hosts = (report["campaign"]["facts"].get("host_timings") or {}).values()
    reached = [float(timings["ssh"]) for timings in hosts if "ssh" in timings]
    found = (
        [("hosts, until they answer SSH", f"{seconds(median(reached))} (median of {len(reached)})")] if reached else []
    )
    for label, values in _cluster_starts(report).items():
        found.append((f"cluster of {label}", f"{seconds(median(values))} (median of {count(len(values), 'start')})"))
    return found


def _cluster_starts(report: Data) -> dict[str, list[float]]:
    """Each cell's cluster starts, every start once; cells without a record are left out."""
    found: dict[str, list[float]] = {}
    for cell in report["cells"]:
        starts = (trial["facts"].get("cluster") or {} for trial in cell["trials"])
        values = list(dict.fromkeys(float(one["start_seconds"]) for one in starts if one.get("start_seconds")))
        if values:
            found[cell["label"]] = values
    return found


def _machine(facts: Data) -> list[tuple[str, str]]:
    shown = dict(facts)
    memory = shown.get("memory")
    if isinstance(memory, (int, float)):
        shown["memory"] = f"{number(memory / 2**30)} GB"
    return _pairs({name: value for name, value in shown.items() if name != "boot_id"})


def _pairs(values: Data) -> list[tuple[str, str]]:
    return [(str(name).replace("_", " "), _said(value)) for name, value in values.items()]


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_said(item) for item in value)
    return number(value, 4) if isinstance(value, float) else str(value)


def _cell(report: Data, cell: Data) -> dict[str, Any]:
    hosts = cell["hosts"]
    counts = ", ".join(f"{n} {group}" for group, n in hosts["count"].items())
    return {
        "id": cell["id"],
        "label": cell["label"],
        "platform": cell["platform"],
        "workload": cell["workload"],
        "hosts": f"{hosts['inventory']}{f' ({counts})' if counts else ''}",
        "settings": _pairs_exact(cell["settings"]),
        "parameters": _pairs_exact(cell["parameters"]),
        "spark_perf": "\n".join(spark_perf.lines_of(report, cell)),
    }


def _pairs_exact(values: Data) -> str:
    return ", ".join(f"{name}={_said(value)}" for name, value in values.items()) or "none"


def _trial_rows(report: Data) -> list[list[str]]:
    metric = report["campaign"]["metric"]
    trials = [(trial, cell) for cell in report["cells"] for trial in cell["trials"]]
    trials.sort(key=lambda pair: pair[0]["position"])
    return [
        [
            str(trial["position"]),
            str(trial["block"]),
            cell["label"],
            trial["status"],
            number(trial["values"].get(metric), 4),
            number(trial["values"].get("submit_seconds"), 4),
            trial["id"],
        ]
        for trial, cell in trials[:MOST_TRIALS]
    ]
