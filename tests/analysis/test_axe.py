"""Our pages pass axe-core in Chromium, light and dark, with names that people should not give."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import browser
import made_up
import pytest

from analysis import report
from analysis.history import courses
from analysis.history_page import history_html
from analysis.report import nights
from sparkbed.store import Store

pytestmark = pytest.mark.full

HOSTILE = "<script>document.title='taken'</script>\"'&quot;</svg>ünïcødé\u202e" + "long" * 60


def axe() -> str:
    spec = find_spec("axe_core_python")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def complaints(opened: browser.Browser) -> list[str]:
    """What axe-core has against the page that is open, with everything unfolded."""
    opened.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
    opened.ask(axe() + "; 0")
    found: dict[str, Any] = opened.ask("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "it looked at something"
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:300]}" for one in found["violations"]]


def hostile_report(folder: Path) -> str:
    made = [
        dataclasses.replace(cell, factors={HOSTILE[:40]: f"{HOSTILE}{index}", "workload": cell.workload})
        for index, cell in enumerate(made_up.cells())
    ]
    with made_up.store_with(folder, made_up.campaign(made, question=HOSTILE), failing=(5,)) as store:
        return report.render(store)


def history(folder: Path) -> str:
    cell = dataclasses.replace(made_up.cells(workloads=("agg-by-key",))[0], factors={"layout": HOSTILE})
    with Store(folder / "sparkbed.db") as store:
        for number, factor in enumerate([1.0] * 18 + [1.3] * 5):
            started = datetime(2026, 9, 1, 2, 17, tzinfo=timezone.utc) + timedelta(days=number)
            made = made_up.campaign((cell,), f"night-{number:03}")
            facts = {**made.facts, "tag": "nightly"}
            made = dataclasses.replace(made, started=started.isoformat(), git_revision=f"r{number}", facts=facts)
            made_up.fill(store, made, trials=3, extras=False, seed=number, slower={cell.id: factor})
        return history_html(courses(nights(store, "nightly")))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", [hostile_report, history], ids=["report", "history"])
def test_axe_has_nothing_to_say(
    opened: browser.Browser, tmp_path: Path, page: Callable[[Path], str], dark: bool
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(tmp_path), encoding="utf-8")
    opened.open(path, dark=dark)
    assert complaints(opened) == []
    assert opened.ask("document.title") != "taken"


def test_axe_would_speak_up(opened: browser.Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><title>t</title><img src='data:,'><p style='color:#999;background:#aaa'>pale</p>")
    opened.open(path)
    found = "\n".join(complaints(opened))
    assert "image-alt" in found
    assert "color-contrast" in found
    assert "html-has-lang" in found
