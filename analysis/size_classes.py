"""Paper 003's size classes of queries (section 4.2.2): by service time, what the tasks of a query ran for in all.

The classes' limits, 1000 and 7000 s, are for the paper's data and machines. A query's class in the paper stands beside,
and the mean service time of a job, which the paper's job streams are made from, is taken over those classes: so it has
a meaning at other sizes too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis import published
from analysis.words import decimals, fixed

Data = Mapping[str, Any]

LIMITS = {"small": 1000.0, "medium": 7000.0}
"""Seconds that the service times of a class are below; what no class holds is large."""

SHARES = {"small": 0.75, "medium": 0.20, "large": 0.05}
"""The paper's shares of the classes among jobs; within a class each query is as likely as another."""


SIZES_TITLE = "Queries by service time, means over trials, in paper 003's classes"


def size_class(service: float) -> str:
    """The class of a service time in seconds."""
    return next((name for name, limit in LIMITS.items() if service < limit), "large")


def paper_classes() -> dict[str, str]:
    """The class that Table 4.1 has each query in: `1A` to `3C`."""
    values = published.paper("003").table("4.1").values
    return {
        value.row.removeprefix("Query ").replace(" / ", ""): value.text.lower()
        for value in values
        if value.column == "Size"
    }


def mean_service(services: Mapping[str, float]) -> float | None:
    """The mean service time of a job in seconds (equation 4.1), from each query's; None where a class has no query.

    Args:
        services: each query's service time, by its name.
    """
    classes = paper_classes()
    of_class = {name: [time for query, time in services.items() if classes.get(query) == name] for name in SHARES}
    if not all(of_class.values()):
        return None
    return float(sum(share * np.mean(of_class[name]) for name, share in SHARES.items()))


def sizes_table(cells: Sequence[Data]) -> tuple[list[str], list[list[str]]] | None:
    """One row a query: means over trials, as in Table 4.1; None where no query was run. Several cells that run one
    query (platforms, say) have a row each, and no mean of jobs is told then."""
    classes = paper_classes()
    found = [
        (str(cell["parameters"]["query"]), cell["label"], cell["metrics"])
        for cell in cells
        if "query" in cell["parameters"] and {"service_seconds", "trial_seconds"} <= cell["metrics"].keys()
    ]
    if not found:
        return None
    rows = []
    for query, label, metrics in found:
        service, response = metrics["service_seconds"]["mean"], metrics["trial_seconds"]["mean"]
        shown = [fixed(value, decimals([value])) for value in (service, response)]
        rows.append([label, *shown, size_class(service), classes.get(query, "–")])
    services = {query: metrics["service_seconds"]["mean"] for query, _, metrics in found}
    mean = mean_service(services) if len(services) == len(found) else None
    if mean is not None:
        rows.append(["a job, by the paper's shares", fixed(mean, decimals([mean])), "", "", ""])
    return ["query", "service time (s)", "response time (s)", "class by 1000 and 7000 s", "class in the paper"], rows
