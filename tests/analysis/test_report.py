"""A report from a real store: the contract, the page, and campaigns that went wrong."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import made_up
import pytest

from analysis import report
from analysis.answer import groups
from analysis.text import parts_table
from sparkbed.errors import UsageError
from sparkbed.model import Cell, HostsSpec, Sample, Trial
from sparkbed.store import Store

CAMPAIGN = {"id", "suite", "status", "started", "finished", "git_revision"}
CELL = {"id", "hosts", "platform", "settings", "workload", "parameters", "trials", "metrics"}
TRIAL = {"id", "status", "block", "position", "started", "error", "samples"}
SAMPLE = {"metric", "value", "unit", "iteration"}
METRIC = {"unit", "n", "median", "ci_low", "ci_high", "mean", "std", "min", "max", "first", "last"}
FINDING = {"metric", "baseline", "cell", "ratio", "ci_low", "ci_high", "p_adjusted", "verdict", "because"}


@pytest.fixture(scope="module")
def html(store: Store) -> str:
    return report.render(store)


def as_data(store: Store, campaign: str | None = None) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(report.render(store, campaign, "json"))
    return loaded


def test_json_has_every_key_of_the_contract(store: Store) -> None:
    data = as_data(store)
    assert set(data) >= {"campaign", "cells", "findings"}
    assert set(data["campaign"]) >= CAMPAIGN
    for cell in data["cells"]:
        assert set(cell) >= CELL
        assert set(cell["hosts"]) == {"inventory", "count"}
        for trial in cell["trials"]:
            assert set(trial) >= TRIAL
            assert trial["status"] in ("ok", "failed")
            assert all(set(sample) >= SAMPLE for sample in trial["samples"])
        for metric in ("trial_seconds", "submit_seconds"):
            assert set(cell["metrics"][metric]) >= METRIC
    for finding in data["findings"]:
        assert set(finding) >= FINDING
        assert 0 <= finding["p_adjusted"] <= 1
    assert {cell["id"] for cell in data["cells"]} >= {finding["cell"] for finding in data["findings"]}


def test_n_counts_trials_and_a_trial_is_the_median_of_its_kept_iterations(empty_store: Store) -> None:
    (cell,) = made_up.cells(["one-worker"], ["agg-by-key"])
    empty_store.add_campaign(made_up.campaign([cell], trials=3))
    for number, values in enumerate([(9.0, 2.0, 4.0), (9.0, 1.0, 2.0), (9.0, 5.0, 5.0)], start=1):
        samples = [Sample("trial_seconds", value, "s", i, i > 1) for i, value in enumerate(values, start=1)]
        empty_store.add_trial(trial_of(cell, number), samples)
    metric = as_data(empty_store)["cells"][0]["metrics"]["trial_seconds"]
    assert (metric["n"], metric["median"], metric["min"], metric["max"]) == (3, 3.0, 1.5, 5.0)
    assert (metric["first"], metric["last"]) == (3.0, 5.0)
    assert metric["std"] == pytest.approx(1.7559, abs=1e-4)  # the sample's, over trials
    assert metric["ci_low"] < 3.0 < metric["ci_high"]
    perf = metric["spark_perf"]
    assert (perf["n"], perf["median"], perf["min"], perf["first"], perf["last"]) == (6, 3.0, 1.0, 2.0, 5.0)
    assert perf["std"] == pytest.approx(1.5723, abs=1e-4)  # the population's, over iterations


def trial_of(cell: Cell, number: int, status: str = "ok", error: str | None = None) -> Trial:
    moment = "2026-11-20T10:15:00.000+00:00"
    name = f"quick-20261120-101500-ab-{number:04}"
    return Trial(name, "quick-20261120-101500-ab", cell.id, number, number, number, status, moment, moment, error)


def test_what_a_collector_could_not_do_is_said_once(empty_store: Store) -> None:
    (cell,) = made_up.cells(["one-worker"], ["agg-by-key"])
    empty_store.add_campaign(made_up.campaign([cell], trials=3))
    told = "the page cache of worker-1 was not dropped: only root may"
    for number, faults in enumerate([[told], [], [told]], start=1):
        facts = {"faults": faults}
        empty_store.add_trial(
            dataclasses.replace(trial_of(cell, number), facts=facts), [Sample("trial_seconds", 1.0, "s", 1)]
        )
    found = [item for item in as_data(empty_store)["trust"] if "page cache" in item["what"]]
    assert [item["what"] for item in found] == [f"In 2 trials: {told}."]
    assert found[0]["level"] == "warning"


def test_planted_slowdown_is_found_in_both_workloads(store: Store) -> None:
    data = as_data(store)
    assert [finding["verdict"] for finding in data["findings"]] == ["slower", "slower"]
    assert all(finding["ci_low"] < 1.14 < finding["ci_high"] for finding in data["findings"])
    assert data["answer"][0].startswith("workload scheduling-throughput: two-workers is slower than one-worker")
    assert any("1 trial failed" in item["what"] for item in data["trust"])


def twins(store: Store, noise: float, seed: int) -> dict[str, Any]:
    """The report of a campaign in which one cell was measured under two names, eight trials each."""
    (one,) = made_up.cells(("one-worker",), ("scheduling-throughput",))
    other = dataclasses.replace(one, id="other", factors={**one.factors, "layout": "one-worker-again"})
    made = made_up.campaign((one, other), f"twins-{seed}")
    made_up.fill(store, made, trials=8, noise=noise, seed=seed)
    return as_data(store, made.id)


@pytest.mark.parametrize(("noise", "verdict"), [(0.01, "equivalent within 5 %"), (0.2, "undecided")])
def test_the_same_cell_twice_ends_equivalent_or_undecided(empty_store: Store, noise: float, verdict: str) -> None:
    """By the scatter of its trials, and without a cause; as far as a verdict at 95 % goes, for any seed."""
    reports = [twins(empty_store, noise, seed) for seed in range(20)]
    found = [data["findings"][0] for data in reports]
    assert all(finding["smallest_p"] < 0.05 for finding in found)
    # Of 20 true equalities one is rejected on average, and more than 3 in 1.6 % of such lots.
    assert sum(finding["p_adjusted"] <= 0.05 for finding in found) <= 3
    verdicts = [finding["verdict"] for finding in found]
    assert set(verdicts) <= {"equivalent within 5 %", "undecided"} | ({"slower", "faster"} if noise > 0.05 else set())
    assert verdicts.count(verdict) >= 17
    for data, finding in zip(reports, found, strict=True):
        if finding["p_adjusted"] > 0.05:
            assert finding["ci_low"] < 1 < finding["ci_high"]
            assert "Per trial, tasks took" not in finding["because"]
            assert finding["verdict"].split()[0] in data["answer"][0]


def test_a_trials_time_is_taken_apart_by_the_blocks_that_both_have(store: Store) -> None:
    built = report.build(store)
    seconds = {
        cell["id"]: {t["block"]: t["values"]["trial_seconds"] for t in cell["trials"] if t["status"] == "ok"}
        for cell in built["cells"]
    }
    for finding in built["findings"]:
        before, after = seconds[finding["baseline"]], seconds[finding["cell"]]
        shared = before.keys() & after.keys()
        parts = finding["wall"]["trial_seconds"]
        # Two kept iterations a trial: their mean, which the parts add up to, is their median.
        assert sum(part["baseline"] for part in parts) == pytest.approx(sum(before[b] for b in shared) / len(shared))
        assert sum(part["cell"] for part in parts) == pytest.approx(sum(after[b] for b in shared) / len(shared))
        assert finding["wall"]["submit_seconds"] == [], "these trials do not say when their programs ended"
    text = report.as_markdown(built)
    assert "## Where a trial differs: two-workers against one-worker" in text
    assert "| GC pauses of the driver, s | 0.0200 | 0.0200 |" in text


def test_csv_has_a_row_for_every_sample_and_for_the_failed_trial(store: Store) -> None:
    rows = list(csv.DictReader(io.StringIO(report.render(store, None, "csv"))))
    assert len(rows) == 27 * 4 + 1
    assert [row["metric"] for row in rows if row["status"] == "failed"] == [""]
    assert float(next(row["value"] for row in rows if row["metric"] == "submit_seconds")) > 0


def test_markdown_has_question_answer_and_tables(store: Store) -> None:
    text = report.render(store, None, "md")
    assert text.startswith("# Does it matter whether two cores")
    assert "| --- |" in text
    assert "## spark-perf" in text
    assert re.search(
        r"^ {4}scala-agg-by-key, --num-partitions=4, \d+\.\d+, \d+\.\d{3}(, \d+\.\d+){3}$", text, re.MULTILINE
    )


def test_what_the_suite_is_about_stands_below_its_question(empty_store: Store) -> None:
    made_up.fill(empty_store, made_up.campaign(made_up.cells(), description="Two layouts of *one* size."))
    assert "Two layouts of *one* size." in report.render(empty_store)
    lines = report.render(empty_store, None, "md").splitlines()
    assert lines[0].startswith("# Does it matter whether")
    assert lines[2] == r"Two layouts of \*one\* size."


def test_closing_table_lines_up_when_it_is_not_on_a_terminal(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    report.closing_table(report.build(store))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert "median s" in lines[1]
    ends = {line.index(" to ") for line in lines[2:]}
    assert len(ends) == 1
    assert [("baseline" in line, "slower" in line) for line in lines[2:]] == [(True, False), (False, True)] * 2


def test_unknown_format_and_campaign_are_wrong_usage(store: Store) -> None:
    with pytest.raises(UsageError, match="pdf"):
        report.render(store, None, "pdf")
    with pytest.raises(UsageError, match="nothing-like-it"):
        report.render(store, "nothing-like-it")


# -- the page ----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page holds: tags with their attributes, ids, and text by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def test_page_has_question_answer_evidence_and_how_it_was_measured(html: str) -> None:
    page = Page(html)
    for expected in (
        "Does it matter whether two cores sit in one Spark worker or in two?",
        "The answer",
        "two-workers is slower than one-worker",
        "What limits this answer",
        "The evidence",
        "How it was measured",
        "randomised complete blocks",
        "Some CPU @ 2.40GHz",
        "java.lang.OutOfMemoryError",
        "spark.eventLog.enabled true",
        "the CPU frequency governor is powersave",
    ):
        assert expected in page.text
    figures = [attributes["id"] for tag, attributes in page.tags if tag == "figure"]
    for kind in ("ratios", "box-1-trial-seconds", "parts-2", "cpu-1", "packets-1-loopback", "tasks-2-2"):
        assert kind in figures


def test_page_fetches_nothing_and_runs_nothing(html: str) -> None:
    text = html
    page = Page(text)
    assert "http" not in text.replace("http-equiv", "")
    assert not {"script", "iframe", "object", "embed", "img", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        if tag != "link":
            assert (attributes.get("href") or "#").startswith("#")
        assert "src" not in attributes
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!#)", text)


def test_ids_are_unique_and_what_refers_to_them_finds_them(html: str) -> None:
    text = html
    ids = [str(attributes["id"]) for _, attributes in Page(text).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    for named in re.findall(r'aria-labelledby="([^"]+)"', text):
        assert set(named.split()) <= set(ids)


def test_no_drawing_colour_is_left_and_every_variable_is_defined(html: str) -> None:
    text = html
    assert not re.search(r"#0102[0-9a-f]{2}", text)
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", text)) <= set(re.findall(r"(--[a-z0-9-]+):", text))


HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "a $b^2$ {{ 7 * 7 }} {% raw %} & co | `tick` \\ back",
    "名前 ünïcödé \u202e desrever \U0001f600",
    "x" * 400,
    "line\nbreak\x00\x1b[31m",
    "half \ud800 pair",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(empty_store: Store, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [
        dataclasses.replace(cell, factors={"layout": level, name.encode("utf-8", "replace").decode(): "same"})
        for cell, level in zip(made_up.cells(workloads=["agg-by-key"]), ("plain", name), strict=True)
    ]
    made = made_up.campaign(chosen, question=name, labels={chosen[1].id: name}, description=name, suite=name)
    made_up.fill(empty_store, made, failing=(3,))
    empty_store.add_document(made.id, f"{name.encode('utf-8', 'replace').decode()}.conf", name)
    built = report.build(empty_store)
    text = report.render(empty_store)
    text.encode()
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "img" not in {tag for tag, _ in page.tags}
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert ("{{ 7 * 7 }}" in name) == ("{{ 7 * 7 }}" in page.text)
    json.loads(report.as_json(built).encode())
    marked = re.sub(r"`[^`]*`|^ {4}.*$", "", report.as_markdown(built), flags=re.MULTILINE)
    assert "<" not in marked
    report.closing_table(built)
    printed = capsys.readouterr().out
    printed.encode()
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 4
    assert len(list(csv.reader(io.StringIO(report.as_csv(built).encode().decode())))) == 13 * 4 + 2


# -- campaigns that went wrong -----------------------------------------------------------------------------------------


def every_format(store: Store) -> Page:
    for form in ("md", "json", "csv"):
        assert report.render(store, None, form)
    report.closing_table(report.build(store))
    return Page(report.render(store))


def test_campaign_without_trials(empty_store: Store) -> None:
    empty_store.add_campaign(made_up.campaign(made_up.cells(), status="interrupted"))
    page = every_format(empty_store)
    assert "No trial has run yet." in page.text
    assert "0 of 28 trials are done" in page.text


def test_campaign_without_cells_or_plan(empty_store: Store) -> None:
    bare = dataclasses.replace(made_up.campaign([]), plan={}, facts={})
    empty_store.add_campaign(bare)
    assert "No trial has run yet." in every_format(empty_store).text


def test_all_trials_failed(tmp_path: Path) -> None:
    made = made_up.campaign(made_up.cells(), status="incomplete")
    with made_up.store_with(tmp_path, made, failing=range(1, 29)) as store:
        page = every_format(store)
        assert "There is no answer: all 28 trials failed." in page.text
        assert "28 trials are done" not in page.text  # as if some were missing
        assert "java.lang.OutOfMemoryError" in page.text
        assert as_data(store)["cells"][0]["metrics"] == {}


def test_one_cell_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    made = made_up.campaign(made_up.cells(["one-worker"], ["agg-by-key"]))
    with made_up.store_with(tmp_path, made) as store:
        assert "Nothing was compared" in every_format(store).text


def test_one_trial_of_each_cell(tmp_path: Path) -> None:
    with made_up.store_with(tmp_path, trials=1) as store:
        page = every_format(store)
        data = as_data(store)
        assert {finding["verdict"] for finding in data["findings"]} == {"undecided"}
        metric = data["cells"][0]["metrics"]["trial_seconds"]
        assert (metric["n"], metric["ci_low"], metric["std"]) == (1, None, None)
        assert "it takes 6 trials of each cell, or 7 when 2 comparisons are made" in page.text


def test_sequential_order_gets_no_verdict(tmp_path: Path) -> None:
    with made_up.store_with(tmp_path, made_up.campaign(made_up.cells(), order="sequential")) as store:
        data = as_data(store)
        assert {finding["verdict"] for finding in data["findings"]} == {"not randomised"}
        assert all("order: randomized" in finding["because"] for finding in data["findings"])
        every_format(store)


def test_clusters_started_once_for_each_cell_are_told(tmp_path: Path) -> None:
    with made_up.store_with(tmp_path, made_up.campaign(made_up.cells(), cluster="shared")) as store:
        assert all("started once" in finding["because"] for finding in as_data(store)["findings"])


def test_campaign_without_collectors_has_boxes_only(tmp_path: Path) -> None:
    with made_up.store_with(tmp_path, extras=False) as store:
        names = [figure.name.split("-")[0] for figure in report.figures(store, report.build(store))]
        assert set(names) == {"ratios", "box"}


def test_many_cells_and_numbers_that_are_not_finite(empty_store: Store) -> None:
    cells = [
        Cell(f"c{i}", {"partitions": str(i)}, HostsSpec("local"), "standalone", {}, "agg", {"partitions": i})
        for i in range(40)
    ]
    empty_store.add_campaign(made_up.campaign(cells, comparisons=[["c0", f"c{i}"] for i in range(1, 40)]))
    for i, cell in enumerate(cells):
        samples = [
            Sample("trial_seconds", float("nan") if i == 3 else 1.0 + i, "s", 1),
            Sample("odd", float("inf"), "", 1),
        ]
        empty_store.add_trial(dataclasses.replace(trial_of(cell, 1), id=f"t{i}", position=i + 1), samples)
    every_format(empty_store)
    assert as_data(empty_store)["cells"][3]["metrics"] == {}


def test_parts_table_adds_up_and_is_about_the_blocks_that_both_have(store: Store) -> None:
    built = report.build(store)
    for cells in groups(built):
        made = parts_table(built, cells)
        assert made is not None
        heads, rows = made
        assert heads == ["part", "one-worker", "two-workers", "difference", "95 % interval, all together"]
        numbers = {row[0]: [float(text.replace("−", "-")) for text in row[1:4]] for row in rows}
        whole = numbers.pop("all")
        assert whole == pytest.approx([sum(column) for column in zip(*numbers.values(), strict=True)], abs=0.02)
        assert whole[2] == pytest.approx(whole[1] - whole[0], abs=0.002)
