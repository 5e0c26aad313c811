"""The tables that people read say what the catalogue says."""

from __future__ import annotations

from sparkbed.home import ROOT
from sparkbed.workloads import catalogue, describe, markdown


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")
    assert page == markdown(), "run python -m sparkbed.workloads"


def test_every_parameter_has_a_row_with_its_meaning_and_source() -> None:
    rows = describe()
    assert len(rows) == sum(len(workload.parameters) for workload in catalogue().values())
    assert all(row["meaning"] and row["source"] and row["type"] and row["default"] for row in rows)


def test_defaults_are_shown_at_the_workloads_own_scale() -> None:
    shown = {(row["workload"], row["parameter"]): row["default"] for row in describe()}
    assert shown["scala-agg-by-key", "num-records"] == "200,000,000"
    assert shown["scala-agg-by-key-int", "num-records"] == "400,000,000"
    assert shown["scala-agg-by-key-int", "key-length"] == "10"
    assert shown["submit", "program"] == "(needed)"
