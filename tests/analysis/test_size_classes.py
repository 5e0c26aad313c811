"""Paper 003's size classes of queries, and the mean service time that its job streams are made from."""

from __future__ import annotations

from typing import Any

import pytest

from analysis import published
from analysis.size_classes import mean_service, paper_classes, size_class, sizes_table


def printed(table: str, column: str) -> dict[str, float]:
    """What the paper has for each query in a table's column."""
    return {
        value.row.removeprefix("Query ").replace(" / ", ""): value.number
        for value in published.paper("003").table(table).values
        if value.column == column and value.number is not None
    }


SERVICE = {table: printed(table, "Service Time (s)") for table in ("4.1", "4.12")}


def test_the_papers_service_times_fall_into_its_classes() -> None:
    classes = paper_classes()
    assert list(classes) == ["1A", "1B", "1C", "2A", "2B", "2C", "3A", "3B", "3C"]
    found = {query: size_class(time) for query, time in SERVICE["4.1"].items()}
    assert {query for query in classes if classes[query] != found[query]} == {"2C"}  # 7170.5 s, and called medium


@pytest.mark.parametrize(("table", "mean"), [("4.1", 2334.5), ("4.12", 1675.4)])  # equations 4.1 and 4.3
def test_the_mean_service_time_is_the_papers(table: str, mean: float) -> None:
    assert mean_service(SERVICE[table]) == pytest.approx(mean, abs=0.3)  # the paper adds up rounded means
    assert mean_service({query: time for query, time in SERVICE[table].items() if query != "3C"}) is None


def cell(query: str, service: float, label: str = "") -> dict[str, Any]:
    metrics = {"service_seconds": {"mean": service}, "trial_seconds": {"mean": service / 4}}
    return {"label": label or query, "parameters": {"query": query}, "metrics": metrics}


def test_a_report_has_a_row_a_query_and_one_for_a_job() -> None:
    cells = [cell(query, time) for query, time in SERVICE["4.1"].items()]
    heads, rows = sizes_table([*cells, {"label": "make", "parameters": {}, "metrics": {}}]) or ([], [])
    assert len(heads) == 5
    assert rows[0] == ["1A", "450", "112", "small", "small"]
    assert rows[5][3:] == ["large", "medium"]
    assert rows[8] == ["3C", "13,520", "3,380", "large", "large"]
    assert rows[9][:2] == ["a job, by the paper's shares", "2,335"]
    twice = sizes_table([*cells, cell("1A", 3.0, "1A docker"), cell("4", 0.5)])
    assert twice is not None
    assert twice[1][-1] == ["4", "0.500", "0.125", "small", "–"]
    assert sizes_table([{"label": "sort", "parameters": {}, "metrics": {}}]) is None
