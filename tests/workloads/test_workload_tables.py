"""The tables that people read say what the catalogue says."""

from __future__ import annotations

import re

from sparkbed.home import ROOT
from sparkbed.workloads import catalogue, describe, markdown


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")
    assert page == markdown(), "run python -m sparkbed.workloads"


def test_every_parameter_has_a_row_with_its_meaning_and_source() -> None:
    rows = describe()
    assert len(rows) == sum(len(workload.parameters) for workload in catalogue().values())
    assert all(row["meaning"] and row["source"] and row["type"] and row["default"] for row in rows)


def test_the_page_names_the_tests_whose_data_are_made_in_the_time() -> None:
    """Those whose program keeps nothing of its data before the time begins."""
    paragraph = next(one for one in markdown().split("\n\n") if "generation is in the time" in one)
    named = set(re.findall("`([a-z-]+)`", paragraph.split("do not keep")[0]))
    assert named == {
        "svd", "pca", "summary-statistics", "pic", "block-matrix-mult", "python-pearson", "python-spearman",
    }  # fmt: skip
    programs = [ROOT / f"workloads/mllib/{name}.scala" for name in ("RowMatrices", "PowerIterationTest")]
    assert not any(".cache()" in program.read_text().split("def timed")[0] for program in programs)
    assert "cache" not in (ROOT / "workloads/pyspark/sparkbed_correlation.py").read_text()


def test_defaults_are_shown_at_the_workloads_own_scale() -> None:
    shown = {(row["workload"], row["parameter"]): row["default"] for row in describe()}
    assert shown["scala-agg-by-key", "num-records"] == "200,000,000"
    assert shown["scala-agg-by-key-int", "num-records"] == "400,000,000"
    assert shown["scala-agg-by-key-int", "key-length"] == "10"
    assert shown["submit", "program"] == "(needed)"
