"""A report as JSON, Markdown, CSV, and the table that a campaign ends with."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from analysis import growing, paper_text, spark_perf
from analysis.answer import groups, interval, names_of, short_names, signed
from analysis.costs import TITLE as COSTS_TITLE
from analysis.costs import costs_table
from analysis.decompose import PARTS
from analysis.heap import heap_table
from analysis.packets import is_count, packets_table
from analysis.size_classes import SIZES_TITLE, sizes_table
from analysis.wall import wall_tables
from analysis.words import decimals, fixed, probability

Data = Mapping[str, Any]


def as_json(report: Data) -> str:
    """The contract that other programs read; strict JSON: what is not a finite number is null."""
    return encodable(json.dumps(_plain(report), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def as_csv(report: Data) -> str:
    """One row a sample, with its trial and cell. A failed trial without samples has one row with its status."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["campaign", "cell", "label", "trial", "number", "block", "position", "status", "started"]
    writer.writerow([*heads, "metric", "value", "unit", "iteration", "kept"])
    for cell in report["cells"]:
        for trial in cell["trials"]:
            keys = ("id", "number", "block", "position", "status", "started")
            row = [report["campaign"]["id"], cell["id"], cell["label"], *(trial[key] for key in keys)]
            for sample in trial["samples"]:
                writer.writerow([*row, *(sample[key] for key in ("metric", "value", "unit", "iteration", "kept"))])
            if not trial["samples"]:
                writer.writerow([*row, "", "", "", "", ""])
    return encodable(out.getvalue())


def as_markdown(report: Data) -> str:
    """The report in Markdown: question, what the suite is about, answer, what limits it, tables; names escaped."""
    campaign = report["campaign"]
    lines = [f"# {mark(campaign['question'] or campaign['suite'])}", ""]
    lines += [mark(campaign["description"]), ""] if campaign["description"] else []
    lines += [f"Campaign `{_code(campaign['id'])}` of suite `{_code(campaign['suite'])}`, {campaign['status']}.", ""]
    lines += ["## Answer", "", *(f"- {mark(text)}" for text in report["answer"]), ""]
    if report["trust"]:
        lines += ["## What limits it", ""]
        lines += [f"- **{mark(item['what'])}** {mark(item['means'])}" for item in report["trust"]] + [""]
    for metric in metric_names(report):
        heads, rows = cells_table(report, metric)
        lines += [f"## {mark(metric)}", "", *markdown_table(heads, rows), ""]
    costs = costs_table(in_groups(report), [names_of(report)[cell["id"]] for cell in in_groups(report)])
    if costs:
        lines += [f"## {COSTS_TITLE}", "", *markdown_table(*costs), ""]
    if report["findings"]:
        lines += ["## Findings", "", *markdown_table(*findings_table(report)), ""]
        lines += [f"- {mark(f['cell_label'])}: {mark(f['because'])}" for f in report["findings"] if f["because"]] + [""]
    for cells in groups(report):
        for wall in wall_tables(report, cells):
            lines += [f"## {mark(wall['title'])}", "", *markdown_table(*wall["table"]), ""]
        heap = heap_table(cells, short_names(cells))
        if heap:
            lines += ["## Memory of the JVMs", "", *markdown_table(*heap), ""]
        packets = packets_table(cells, short_names(cells))
        if packets:
            lines += ["## Packets that each cell really sent", "", *markdown_table(*packets), ""]
    sizes = sizes_table(report["cells"])
    if sizes:
        lines += [f"## {SIZES_TITLE}", "", *markdown_table(*sizes), ""]
    lines += _growth(report)
    for paper in report["papers"]:
        lines += _paper(report, paper)
    if any(cell["metrics"] for cell in report["cells"]):
        perf = [line for cell in report["cells"] for line in spark_perf.lines_of(report, cell)]
        heading = "Over iterations, in spark-perf's form (name, options, median, std dev, min, first, last):"
        lines += ["## spark-perf", "", heading, "", *(f"    {_one_line(line)}" for line in perf)]
    return encodable("\n".join(lines).rstrip()) + "\n"


def _growth(report: Data) -> list[str]:
    """How the times grow over sizes; nothing where the suite doesn't ask."""
    if not report["growth"]:
        return []
    table = growing.growth_table(report)
    lines = [f"## {growing.TITLE}", "", *(f"- {mark(text)}" for text in growing.sentences(report)), ""]
    return [*lines, *markdown_table(*table), "", *growing.explanation(), ""] if table else lines


def _paper(report: Data, paper: Data) -> list[str]:
    """The paper's tables beside ours."""
    lines = [f"## {mark(paper_text.heading(paper))}", ""]
    lines += [f"{mark(' '.join(paper_text.introduction(paper)))}", ""]
    for one in paper_text.tables(report, paper):
        lines += [f"### {mark(one['title'])}", ""]
        if one["conditions"]:
            lines += [f"In the paper: {mark(one['conditions'])}.", ""]
        for heads, rows in (one["table"], *([one["ratios"]] if one["ratios"] else [])):
            lines += [*markdown_table(heads, rows), ""]
        lines += [*(f"- {mark(note)}" for note in one["notes"]), ""]
    return lines


def closing_table(report: Data) -> None:
    """Print what a campaign ends with: every cell with n, median, interval and verdict; drawn on a terminal."""
    heads, rows = closing_rows(report)
    metric = report["campaign"]["metric"]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(f"{report['campaign']['suite']}: {metric}"))
        for index, head in enumerate(heads):
            table.add_column(escape(head), justify="right" if 0 < index < 4 else "left", overflow="fold")
        for row in rows:
            table.add_row(*(escape(_one_line(text)) for text in row))
        Console().print(table)
        return
    print(f"{_one_line(report['campaign']['suite'])}: {metric}")
    print("\n".join(aligned(heads, rows)))


def closing_rows(report: Data) -> tuple[list[str], list[list[str]]]:
    """The closing table's heads and rows."""
    metric = report["campaign"]["metric"]
    verdicts = {finding["cell"]: finding for finding in report["findings"]}
    baselines = {finding["baseline"] for finding in report["findings"]}
    rows = []
    for row, cell in zip(_cell_rows(report, metric), in_groups(report), strict=True):
        label, n, middle, between = row[0], row[1], row[2], row[3]
        said = verdict_of(verdicts[cell["id"]]) if cell["id"] in verdicts else ""
        rows.append([label, n, middle, between, said or ("baseline" if cell["id"] in baselines else "")])
    unit = _unit(report, metric)
    return ["cell", "n", f"median {unit}".rstrip(), "95 % interval", "against baseline"], rows


def verdict_of(finding: Data) -> str:
    """`slower +12 % (+8.1 % to +16 %)`."""
    if finding["ratio"] is None:
        return str(finding["verdict"])
    return f"{finding['verdict']}: {signed(finding['ratio'])} ({interval(finding)})"


# -- tables ------------------------------------------------------------------------------------------------------------


def metric_names(report: Data) -> list[str]:
    """Every metric that some cell has and that has no table of its own, the one that cells are compared by first."""
    names = dict.fromkeys([report["campaign"]["metric"]])
    names.update(dict.fromkeys(name for cell in report["cells"] for name in cell["metrics"] if not is_count(name)))
    return [name for name in names if any(name in cell["metrics"] for cell in report["cells"])]


def cells_table(report: Data, metric: str) -> tuple[list[str], list[list[str]]]:
    """One row a cell: name, n, median, interval, mean, std, min, max; numbers of a column line up."""
    unit = _unit(report, metric)
    heads = ["cell", "n", f"median [{unit}]" if unit else "median", "95 % interval", "mean", "std", "min", "max"]
    return heads, _cell_rows(report, metric)


def findings_table(report: Data) -> tuple[list[str], list[list[str]]]:
    """One row a finding: cell, baseline, change, interval, adjusted p, verdict."""
    by_id, names = {cell["id"]: cell for cell in report["cells"]}, names_of(report)
    rows = []
    for finding in report["findings"]:
        pair = [by_id[finding["cell"]], by_id[finding["baseline"]]]
        ratio = finding["ratio"]
        rows.append([
            names[finding["cell"]],
            short_names(pair)[1],
            "–" if ratio is None else signed(ratio),
            "–" if ratio is None else interval(finding),
            probability(finding["p_adjusted"]),
            finding["verdict"],
        ])  # fmt: skip
    return ["cell", "against", "change", "95 % interval", "p (Holm)", "verdict"], rows


def parts_table(report: Data, cells: Sequence[Data]) -> tuple[list[str], list[list[str]]] | None:
    """One row a part of the tasks' time, one column a cell, in task-seconds a trial (means); None without event logs.

    Where there are two cells, one the other's baseline, it is about the blocks that both have, and their difference and
    its interval stand beside them.
    """
    with_tasks = [cell for cell in cells if cell["tasks"]]
    compared = _compared_parts(report, with_tasks)
    means = [cell["tasks"]["parts"] for cell in with_tasks]
    if compared:
        means = [{p: part[side] for p, part in compared.items()} for side in ("baseline", "cell")]
        by_id = {cell["id"]: cell for cell in with_tasks}
        with_tasks = [by_id[cell] for cell in _pair(report, with_tasks) or ()]
    whole = [sum(one.values()) for one in means]
    if not whole or not max(whole):
        return None
    places = min(3, decimals(whole) + 1)
    present = [p for p in PARTS if any(abs(one[p]) > 1e-3 * max(whole) for one in means)]
    rows = [[PARTS[p], *(fixed(one[p], places) for one in means), *_difference(compared, p, places)] for p in present]
    total = [_signed(whole[1] - whole[0], places), ""] if compared else []
    rows.append(["all", *(fixed(value, places) for value in whole), *total])
    return [
        "part",
        *short_names(with_tasks),
        *(["difference", "95 % interval, all together"] if compared else []),
    ], rows


def _pair(report: Data, cells: Sequence[Data]) -> tuple[str, str] | None:
    """Baseline and cell, if these are the two cells of one finding that has parts."""
    ids = {cell["id"] for cell in cells}
    pairs = [(f["baseline"], f["cell"]) for f in report["findings"] if f["parts"] and {f["baseline"], f["cell"]} == ids]
    return pairs[0] if pairs else None


def _compared_parts(report: Data, cells: Sequence[Data]) -> dict[str, Data]:
    """The parts of the finding about these two cells, by name; empty if there is none."""
    pair = _pair(report, cells)
    found = [finding for finding in report["findings"] if (finding["baseline"], finding["cell"]) == pair]
    return {part["part"]: part for part in found[0]["parts"]} if found else {}


def _difference(compared: Mapping[str, Data], name: str, places: int) -> list[str]:
    if not compared:
        return []
    part = compared[name]
    between = "–" if part["low"] is None else f"{_signed(part['low'], places)} to {_signed(part['high'], places)}"
    return [_signed(part["difference"], places), between]


def _signed(value: float, places: int) -> str:
    text = fixed(abs(value), places)
    return text if not float(text.replace(",", "")) else f"{'+' if value > 0 else '−'}{text}"


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table as lines of plain text; columns 1 to 3 are numbers and stand right."""
    texts = [[_one_line(text) for text in row] for row in [heads, *rows]]
    widths = [max(len(row[i]) for row in texts) for i in range(len(heads))]
    return [
        "  ".join(
            text.rjust(width) if 0 < index < 4 else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in texts
    ]


def in_groups(report: Data) -> list[Data]:
    """The cells with those beside each other that are compared."""
    return [cell for group in groups(report) for cell in group]


def _cell_rows(report: Data, metric: str) -> list[list[str]]:
    cells, names = in_groups(report), names_of(report)
    found = [cell["metrics"].get(metric) or {} for cell in cells]
    places = decimals([one.get("median") for one in found])
    rows = []
    for cell, one in zip(cells, found, strict=True):
        shown = {
            key: fixed(one.get(key), places) for key in ("median", "ci_low", "ci_high", "mean", "std", "min", "max")
        }
        between = f"{shown['ci_low']} to {shown['ci_high']}" if one.get("ci_low") is not None else "–"
        rest = [shown[key] for key in ("mean", "std", "min", "max")]
        rows.append([names[cell["id"]], str(one.get("n", 0)), shown["median"], between, *rest])
    return rows


def _unit(report: Data, metric: str) -> str:
    return next((cell["metrics"][metric]["unit"] for cell in report["cells"] if metric in cell["metrics"]), "")


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---" if index == 0 else "---:" for index in range(len(heads))]
    marked = [[mark(text) for text in row] for row in [heads, *rows]]
    return ["| " + " | ".join(cells) + " |" for cells in [marked[0], rule, *marked[1:]]]


def mark(text: Any) -> str:
    """Text that Markdown shows as it is, on one line, also inside a table."""
    found = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", found)


def _code(text: Any) -> str:
    return _one_line(text).replace("`", "'")


def _one_line(text: Any) -> str:
    """Without line breaks and control characters, which could forge lines or drive a terminal."""
    return encodable(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", str(text)))


def encodable(text: str) -> str:
    """Without halves of surrogate pairs, which undecodable bytes become in Python and UTF-8 can't hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
