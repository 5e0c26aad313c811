"""Two or more campaigns, or cells, side by side: each against the first, with ratio, interval and n.

What ran in one campaign in interleaved blocks gets the verdict that its report gives (see findings.py). Campaigns are
not randomised against each other: whatever changed on the machine in between is in the difference too. The figures are
given all the same, with the interval of a permutation test that exchanges trials between the two campaigns, and the
verdict is `not randomised`: the interval holds what chance among trials can do, not what a week can do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.findings import INTERLEAVED, Design, Question, Side, findings
from analysis.text import markdown_table
from analysis.words import fixed, number

Data = Mapping[str, Any]

SEPARATE = "separate campaigns"
"""The order of trials that were not in one campaign: none that allows a verdict."""

WHY_NOT = (
    "The campaigns were not randomised against each other: a difference may come from anything that changed between "
    "them. For a verdict, run what you compare as levels of one factor of one suite."
)


@dataclass(frozen=True)
class Chosen:
    """One side: a campaign as `report.measured` gives it, and one of its cells if only that is meant."""

    data: Data
    cell: Data | None = None

    @property
    def name(self) -> str:
        return str(self.data["campaign"]["id"]) + (f":{self.cell['label']}" if self.cell else "")


def compared(sides: Sequence[Chosen], metric: str = "") -> dict[str, Any]:
    """The sides, rows of what is the same cell in the first and another side, what is alone, and what else differs.

    Cells are the same when their ids are: an id is a digest of all that a cell is. Where a side names one cell,
    that one is compared, whatever its content; the others then have to name one too, or have the same.
    """
    metric = metric or sides[0].data["campaign"]["metric"]
    rows = _rows(sides)
    places = [(r, s) for r, row in enumerate(rows) for s in range(1, len(sides)) if row[0] and row[s]]
    found = findings([_question(sides, rows[r], s, metric) for r, s in places])
    by_place = dict(zip(places, found, strict=True))
    return {
        "metric": metric,
        "sides": [_side(one) for one in sides],
        "rows": [
            {
                "cell": row[0]["id"],
                "label": row[0]["label"],
                "unit": _unit(row, metric),
                "sides": [_of_row(cell, metric, by_place.get((r, s))) for s, cell in enumerate(row)],
            }
            for r, row in enumerate(rows)
            if row[0] is not None
        ],
        "alone": _alone(sides, rows),
        "differs": differences([one.data["campaign"] for one in sides]),
    }


def differences(campaigns: Sequence[Data]) -> list[dict[str, Any]]:
    """What else was not the same: code, machine, versions, and how the trials were run; one value a campaign."""
    facts = [_facts(campaign) for campaign in campaigns]
    names = dict.fromkeys(name for one in facts for name in one)
    values = {name: [one.get(name) for one in facts] for name in names}
    return [{"what": name, "values": found} for name, found in values.items() if len(set(map(str, found))) > 1]


def notes(found: Data) -> list[str]:
    """What a reader has to know besides the table."""
    lines = []
    if any(side["verdict"] == "not randomised" for row in found["rows"] for side in row["sides"][1:] if side):
        lines.append(WHY_NOT)
    lines += [f"Only in {one['campaign']}: {one['label']} (cell {one['cell']})." for one in found["alone"]]
    return lines + [f"{one['what']} differs: {', '.join(map(_said, one['values']))}." for one in found["differs"]]


def table(found: Data) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: a cell and side each, the first side of every cell without a ratio."""
    heads = [
        "cell",
        "campaign",
        "n",
        f"median of {found['metric']}",
        "95 % interval",
        "ratio",
        "its interval",
        "verdict",
    ]
    rows = []
    for row in found["rows"]:
        for place, side in enumerate(row["sides"]):
            if side is None:
                continue
            name = row["label"] if not place else "" if side["label"] == row["label"] else f"→ {side['label']}"
            rows.append(
                [
                    name,
                    found["sides"][place]["campaign"],
                    f"{side['n']}" + (f" ({side['failed']} failed)" if side["failed"] else ""),
                    f"{number(side['median'])} {row['unit']}".rstrip(),
                    _between(side["ci_low"], side["ci_high"], number),
                    fixed(side.get("ratio"), 3) if place else "",
                    _between(side.get("ratio_low"), side.get("ratio_high"), lambda v: fixed(v, 3)) if place else "",
                    side.get("verdict") or "",
                ]
            )
    return heads, rows


def as_markdown(found: Data) -> str:
    return "\n".join([*markdown_table(*table(found)), "", *(f"- {note}" for note in notes(found))]).rstrip() + "\n"


# -- how ---------------------------------------------------------------------------------------------------------------


def _rows(sides: Sequence[Chosen]) -> list[list[Data | None]]:
    """For each cell of the first side, the same one of each side (None where it has none)."""
    if any(one.cell for one in sides):
        first = sides[0].cell or _same(sides[0], next(one.cell for one in sides if one.cell))
        return [[one.cell or _same(one, first) for one in sides]]
    return [[_same(one, cell) for one in sides] for cell in sides[0].data["cells"]]


def _same(side: Chosen, cell: Data | None) -> Data | None:
    return next((one for one in side.data["cells"] if cell and one["id"] == cell["id"]), None)


def _alone(sides: Sequence[Chosen], rows: Sequence[Sequence[Data | None]]) -> list[dict[str, str]]:
    if any(one.cell for one in sides):
        return []
    matched = {row[0]["id"] for row in rows if row[0] and any(row[1:])}
    return [
        {"campaign": one.data["campaign"]["id"], "cell": cell["id"], "label": cell["label"]}
        for one in sides
        for cell in one.data["cells"]
        if cell["id"] not in matched
    ]


def _question(sides: Sequence[Chosen], row: Sequence[Data | None], place: int, metric: str) -> Question:
    a, b = row[0], row[place]
    assert a is not None
    assert b is not None
    first, second = sides[0].data["campaign"], sides[place].data["campaign"]
    together = first["id"] == second["id"] and first["plan"].get("order") in INTERLEAVED and a["id"] != b["id"]
    cluster = ("hosts", "platform", "settings")
    design = Design(
        order=str(first["plan"]["order"]) if together else SEPARATE,
        own_start=together and first["plan"].get("cluster") == "shared" and any(a[key] != b[key] for key in cluster),
        seed=int(first["plan"].get("seed") or 0),
    )
    return Question(metric, _unit([a, b], metric), _trials(a, metric, together), _trials(b, metric, together), design)


def _trials(cell: Data, metric: str, blocks: bool) -> Side:
    """The cell's trials; without blocks they may all be exchanged for each other."""
    measured = [trial for trial in cell["trials"] if trial["status"] == "ok" and metric in trial["values"]]
    return Side(
        cell=cell["id"],
        label=cell["label"],
        values=[trial["values"][metric] for trial in measured],
        blocks=[trial["block"] if blocks else 0 for trial in measured],
        places=[trial["position"] for trial in measured] if blocks else (),
        failed=sum(trial["status"] != "ok" for trial in cell["trials"]),
    )


def _of_row(cell: Data | None, metric: str, finding: Data | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    one = cell["metrics"].get(metric) or {}
    found = {
        "cell": cell["id"],
        "label": cell["label"],
        "n": one.get("n", 0),
        "failed": sum(trial["status"] != "ok" for trial in cell["trials"]),
        **{key: one.get(key) for key in ("median", "ci_low", "ci_high")},
    }
    if finding is None:
        return found
    return {
        **found,
        "ratio": finding["ratio"],
        "ratio_low": finding["ci_low"],
        "ratio_high": finding["ci_high"],
        "p_adjusted": finding["p_adjusted"],
        "verdict": finding["verdict"],
    }


def _side(one: Chosen) -> dict[str, Any]:
    keys = ("suite", "status", "started", "finished", "git_revision", "trials_ok", "trials_failed")
    campaign = one.data["campaign"]
    return {"campaign": campaign["id"], "cell": one.cell["id"] if one.cell else None, **{k: campaign[k] for k in keys}}


def _unit(cells: Sequence[Data | None], metric: str) -> str:
    return next((str(cell["metrics"][metric]["unit"]) for cell in cells if cell and metric in cell["metrics"]), "")


def _facts(campaign: Data) -> dict[str, Any]:
    facts = campaign["facts"]
    return {
        "suite": campaign["suite"],
        "git revision": campaign["git_revision"],
        "order": campaign["plan"].get("order"),
        **{f"machine: {name}": value for name, value in (facts.get("machine") or {}).items()},
        **{f"version of {name}": value for name, value in (facts.get("versions") or {}).items()},
    }


def _said(value: Any) -> str:
    return "–" if value is None else str(value)


def _between(low: float | None, high: float | None, written: Any) -> str:
    if low is None and high is None:
        return "–"
    return f"{'open' if low is None else written(low)} to {'open' if high is None else written(high)}"
