"""In what two cells were unlike beyond their names: the Python, Spark and JVMs that their trials really ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.words import listed, number

Data = Mapping[str, Any]


def unlike(cell: Data, baseline: Data) -> dict[str, tuple[list[str], list[str]]]:
    """What differs, by what it is called: all values of the cell's trials, and of the baseline's.

    A thing of which one side recorded nothing is left out: it is not known to differ.
    """
    mine, others = _ran(cell), _ran(baseline)
    both = {name: (sorted(mine[name]), sorted(others[name])) for name in mine}
    return {name: sides for name, sides in both.items() if all(sides) and sides[0] != sides[1]}


def unlike_sentence(cell: Data, baseline: Data, names: Sequence[str]) -> str | None:
    """What else may make the cells differ; None where they ran the same.

    Args:
        names: the cell's and the baseline's.
    """
    found = unlike(cell, baseline)
    if not found:
        return None
    each = [f"{name} ({', '.join(mine)} against {', '.join(others)})" for name, (mine, others) in found.items()]
    return f"What {names[0]} and {names[1]} ran was not the same: {listed(each)}."


def _ran(cell: Data) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {
        name: set() for name in ("Spark", "Python", "JVM", "collector", "largest heap", "processors that a JVM sees")
    }
    for trial in (one for one in cell["trials"] if one["status"] == "ok"):
        facts = trial.get("facts") or {}
        workload = facts.get("workload") or {}
        for name, key in (("Spark", "spark_version"), ("Python", "python_version")):
            if workload.get(key):
                found[name].add(str(workload[key]))
        for jvm in facts.get("jvms") or ():
            found["JVM"].add(str(jvm["version"]))
            found["collector"].add(str(jvm["collector"]))
            found["largest heap"].add(f"{number(jvm['heap'] / 2**20)} MiB")
            found["processors that a JVM sees"].add(str(jvm["processors"]))
    return found
