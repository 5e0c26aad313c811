"""The page in a real browser: everything is drawn, nothing overlaps, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import browser
import made_up
import pytest

from analysis import report
from sparkbed.store import Store

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def page(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report.render(store), encoding="utf-8")
    return path


BOXES = """[...document.querySelectorAll('figure svg')].map(svg => {
  const box = svg.getBoundingClientRect();
  return [box.width, box.height];
})"""

LOST_TEXTS = """[...document.querySelectorAll('figure svg')].map(svg => {
  const outer = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const b = t.getBoundingClientRect();
    return b.width <= 0 || b.left < outer.left - 2 || b.right > outer.right + 2 || b.bottom > outer.bottom + 2;
  }).map(t => t.textContent);
}).flat()"""

OVERLAPS = """[...document.querySelectorAll('figure svg')].map(svg => {
  const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  return texts.flatMap(([a, p], i) => texts.slice(i + 1).filter(([b, q]) =>
    p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3
  ).map(([b]) => a + ' / ' + b));
}).flat()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_visible_and_legible(opened: browser.Browser, page: Path, dark: bool) -> None:
    opened.open(page, dark=dark)
    boxes = opened.ask(BOXES)
    assert len(boxes) == 17
    assert all(width > 500 and height > 60 for width, height in boxes)
    assert opened.ask(LOST_TEXTS) == []
    assert opened.ask(OVERLAPS) == []
    ink, paper = (opened.ask(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor"))
    assert (luminance(ink) > luminance(paper)) == dark
    text = opened.ask("getComputedStyle(document.querySelector('figure svg text')).fill")
    assert text == ink


@pytest.mark.parametrize("width", [1200, 400])
def test_page_is_no_wider_than_its_window(opened: browser.Browser, page: Path, width: int) -> None:
    opened.open(page, width=width)
    assert opened.ask("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1200, 400])
def test_a_paper_s_table_fits_a_wide_window_and_scrolls_in_a_narrow_one(
    opened: browser.Browser, tmp_path: Path, width: int
) -> None:
    made = made_up.cells()
    table = {
        "table": "1",
        "metric": "trial_seconds",
        "cells": {"kmeans (no Docker)": [made[0].id], "kmeans (with Docker)": [made[1].id]},
        "compare": [["kmeans (with Docker)", "kmeans (no Docker)"]],
    }
    said = {"key": "000", "experiment": "spark", "state": "repeated by substitute", "substitute": "processes for VMs"}
    with made_up.store_with(
        tmp_path, made_up.campaign(made, paper={**said, "needs": "", "tables": [table]}), extras=False
    ) as store:
        (tmp_path / "report.html").write_text(report.render(store), encoding="utf-8")
    opened.open(tmp_path / "report.html", width=width)
    assert opened.ask("document.documentElement.scrollWidth") <= width
    tables = "[...document.querySelectorAll('section[aria-labelledby=paper] .scroll')]"
    hidden = opened.ask(f"{tables}.map(box => box.scrollWidth - box.clientWidth)")
    assert len(hidden) == 2
    assert (max(hidden) > 0) == (width < 1000)


def test_nothing_is_fetched_and_nothing_is_refused(opened: browser.Browser, page: Path) -> None:
    opened.requests.clear()
    opened.complaints.clear()
    opened.open(page)
    opened.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert {address for address in opened.requests if not address.startswith("data:")} == {page.as_uri()}
    assert opened.complaints == []
    assert opened.ask("performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length") == 0


def luminance(colour: str) -> float:
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
