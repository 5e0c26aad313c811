"""A paper's table beside ours: what is put where, in the data, the page and the Markdown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import made_up
import numpy as np
import pytest

from analysis import report
from sparkbed.model import Campaign, Cell, HostsSpec, Sample, Trial
from sparkbed.store import Store

TIMES = {
    "pagerank-standalone": (6.1, 6.3, 6.2, 6.0, 6.4, 6.2, 6.25, 6.15, 6.05, 6.35),
    "pagerank-docker": (6.5, 6.7, 6.6, 6.4, 6.8, 6.6, 6.65, 6.55, 6.45, 6.75),
    "kmeans-standalone": (2.0, 2.1, 2.05, 1.95, 2.2, 2.0, 2.15, 2.08, 1.98, 2.12),
    "kmeans-docker": (2.3, 2.4, 2.35, 2.25, 2.5, 2.3, 2.45, 2.38, 2.28, 2.42),
}
TABLE_1 = {
    "table": "1",
    "metric": "trial_seconds",
    "cells": {
        "kmeans (no Docker)": ["kmeans-standalone"],
        "kmeans (with Docker)": ["kmeans-docker"],
        "pagerank (no Docker)": ["pagerank-standalone"],
        "pagerank (with Docker)": ["pagerank-docker"],
    },
    "compare": [
        ["kmeans (with Docker)", "kmeans (no Docker)"],
        ["pagerank (no Docker)", "pagerank (with Docker)"],
    ],
}
REPEATED = {
    "key": "000",
    "experiment": "spark",
    "state": "repeated",
    "substitute": "",
    "needs": "",
    "tables": [TABLE_1],
}


def cells() -> list[Cell]:
    return [
        Cell(
            id=name,
            factors={"workload": name.split("-")[0], "platform": name.split("-")[1]},
            hosts=HostsSpec("local", {}),
            platform=name.split("-")[1],
            settings={},
            workload=name.split("-")[0],
            parameters={},
        )
        for name in TIMES
    ]


def campaign(**plan: Any) -> Campaign:
    pairs = [["pagerank-standalone", "pagerank-docker"], ["kmeans-standalone", "kmeans-docker"]]
    return made_up.campaign(cells(), comparisons=pairs, baseline={"platform": "standalone"}, **plan)


def built(folder: Path, *forms: str, **plan: Any) -> list[Any]:
    """The report as data, and rendered in each of these forms."""
    with Store(folder / "sparkbed.db") as store:
        made = campaign(**plan)
        store.add_campaign(made)
        for block, (place, name) in ((b, one) for b in range(10) for one in enumerate(TIMES)):
            trial = Trial(
                id=f"{block}-{name}",
                campaign=made.id,
                cell=name,
                number=block + 1,
                block=block + 1,
                position=block * len(TIMES) + (place if block % 2 else len(TIMES) - 1 - place) + 1,
                status="ok",
                started="2026-11-20T10:15:00.000+00:00",
                finished="2026-11-20T10:16:00.000+00:00",
                error=None,
                facts={},
            )
            value = TIMES[name][block]
            store.add_trial(trial, [Sample("trial_seconds", value, "s"), Sample("submit_seconds", value + 4, "s")])
        return [report.build(store), *(report.render(store, None, form) for form in forms)]


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return built(tmp_path_factory.mktemp("paper"), "md", "html", "json", paper=REPEATED)


def rows(markdown: str, first: str) -> list[list[str]]:
    """Rows of the Markdown tables that begin with `first`."""
    return [
        [text.strip() for text in line.strip("|").split("|")]
        for line in markdown.splitlines()
        if line.startswith(f"| {first}")
    ]


def test_both_numbers_stand_in_fields_of_their_own(repeated: Any) -> None:
    data = repeated[0]["paper"]
    assert (data["key"], data["state"], data["substitute"]) == ("000", "repeated", "")
    (table,) = data["tables"]
    row = {row["cell"]: row for row in table["rows"]}["kmeans (with Docker)"]
    assert {name: (value["value"], value["printed"]) for name, value in row["published"].items()} == {
        "mean": (13.05, "13.0500"),
        "variance": (0.4476, "0.4476"),
    }
    (ours,) = row["ours"]
    times = np.array(TIMES["kmeans-docker"])
    assert ours["cell"] == "kmeans-docker"
    assert ours["n"] == 10
    assert ours["median"] == pytest.approx(np.median(times))
    assert ours["mean"] == pytest.approx(times.mean())
    assert ours["variance"] == pytest.approx(times.var(ddof=1))
    assert ours["ci_low"] < ours["median"] < ours["ci_high"]
    assert (ours["ratio"], ours["ratio_of"]) == (pytest.approx(times.mean() / 13.05), "mean")
    assert table["left_out"] == []


def test_ratios_of_cells_stand_beside_ours_as_they_were_tested(repeated: Any) -> None:
    data = repeated[0]
    kmeans, pagerank = data["paper"]["tables"][0]["ratios"]
    findings = {finding["cell"]: finding for finding in data["findings"]}
    assert kmeans["published"] == pytest.approx(13.05 / 24.1752)
    (ours,) = kmeans["ours"]
    finding = findings["kmeans-docker"]
    assert (ours["ratio"], ours["ci_low"], ours["ci_high"]) == (finding["ratio"], finding["ci_low"], finding["ci_high"])
    assert ours["verdict"] == finding["verdict"] == "slower"
    assert pagerank["published"] == pytest.approx(59.5073 / 47.3747)
    (turned,) = pagerank["ours"]
    finding = findings["pagerank-docker"]
    assert turned["ratio"] == pytest.approx(1 / finding["ratio"])
    assert (turned["ci_low"], turned["ci_high"]) == pytest.approx((1 / finding["ci_high"], 1 / finding["ci_low"]))
    assert (turned["verdict"], finding["verdict"]) == ("faster", "slower")


def test_json_has_it_and_keeps_the_contract(repeated: Any) -> None:
    loaded = json.loads(repeated[3])
    assert loaded["paper"]["tables"][0]["rows"][0]["published"]["mean"]["printed"] == "24.1752"
    assert {"campaign", "cells", "findings"} <= set(loaded)


def test_markdown_has_the_paper_s_numbers_as_printed_beside_ours(repeated: Any) -> None:
    markdown = repeated[1]
    assert "## Paper 000 beside ours" in markdown
    assert "State: repeated." in markdown
    (row,) = rows(markdown, "kmeans (with Docker) |")
    times = np.array(TIMES["kmeans-docker"])
    assert row[:5] == ["kmeans (with Docker)", "13.0500", "0.4476 †", "kmeans docker", "10"]
    assert row[5] == f"{np.median(times):.2f}"
    assert row[7] == f"{times.mean():.2f}"
    assert row[8] == f"{times.var(ddof=1):.5f}"
    assert row[9] == "0.181"
    assert "† As printed. The head gives seconds; a variance of seconds has the unit s²." in markdown
    (ratio,) = rows(markdown, "kmeans (with Docker) / kmeans (no Docker) |")
    assert ratio[1] == "0.540"
    assert ratio[-1] == "slower"


def test_the_page_has_the_same(repeated: Any) -> None:
    page = repeated[2]
    section = page[page.index('<h2 id="paper">') : page.index('<h2 id="measured">')]
    text = re.sub(r"<[^>]+>", " ", section)
    for expected in ("Paper 000 beside ours", "State: repeated.", "24.1752", "59.5073", "47.3747", "0.4476 †", "n"):
        assert expected in text
    assert "Table 1 (section 5.2)" in text


def test_a_substitute_is_named_where_its_numbers_stand(tmp_path: Path) -> None:
    named = {**REPEATED, "state": "repeated by substitute", "substitute": "YARN <for> Mesos"}
    data, markdown, page = built(tmp_path, "md", "html", paper=named)
    for row in data["paper"]["tables"][0]["rows"]:
        assert {one["substitute"] for one in row["ours"]} == {"YARN <for> Mesos"}
    (heads,) = [row for row in rows(markdown, "cell |") if any("paper: mean" in head for head in row)]
    assert "ours, by substitute: YARN &lt;for&gt; Mesos" in heads
    assert "ours, by substitute: YARN &lt;for&gt; Mesos" in page
    assert "State: repeated by substitute: YARN &lt;for&gt; Mesos." in page


def test_what_is_only_prepared_says_what_it_needs(tmp_path: Path) -> None:
    prepared = {**REPEATED, "state": "prepared", "needs": "an OSv image", "tables": []}
    _, markdown, page = built(tmp_path, "md", "html", paper=prepared)
    assert "State: prepared; it needs an OSv image." in markdown
    assert "State: prepared; it needs an OSv image." in page


def test_a_profile_that_makes_it_smaller_is_told(tmp_path: Path) -> None:
    _, markdown = built(tmp_path, "md", paper=REPEATED, profile="tiny")
    assert "the profile tiny: its sizes are not the paper's" in markdown
    (tmp_path / "full").mkdir()
    assert "its sizes" not in built(tmp_path / "full", "md", paper=REPEATED, profile="paper")[1]


def test_cells_that_did_not_run_and_cells_that_are_not_repeated_are_told(tmp_path: Path) -> None:
    some = {"kmeans (no Docker)": ["kmeans-standalone"], "kmeans (with Docker)": []}
    data, markdown = built(tmp_path, "md", paper={**REPEATED, "tables": [{**TABLE_1, "cells": some}]})
    (row,) = rows(markdown, "kmeans (with Docker) |")
    assert row[1:5] == ["13.0500", "0.4476 †", "not in this campaign", "0"]
    assert set(row[5:]) == {"–"}
    assert data["paper"]["tables"][0]["left_out"] == ["pagerank (no Docker)", "pagerank (with Docker)"]
    assert "this suite does not repeat pagerank (no Docker) and pagerank (with Docker)." in markdown


def test_several_of_our_cells_can_stand_for_one(tmp_path: Path) -> None:
    both = {"shm": ["kmeans-standalone", "pagerank-standalone"], "dockersh": ["kmeans-docker", "pagerank-docker"]}
    table = {"table": "2", "metric": "submit_seconds", "cells": both, "compare": [["dockersh", "shm"]]}
    data, markdown = built(tmp_path, "md", paper={**REPEATED, "experiment": "prototypes", "tables": [table]})
    assert [row[3] for row in rows(markdown, "shm |")] == ["kmeans standalone", "pagerank standalone"]
    ratio = data["paper"]["tables"][0]["ratios"][0]
    assert [(one["cell"], one["against"]) for one in ratio["ours"]] == [
        ("kmeans-docker", "kmeans-standalone"),
        ("pagerank-docker", "pagerank-standalone"),
    ]
    # The suite tests trial_seconds; of another metric there is a ratio of medians, and no verdict.
    expected = np.median(np.array(TIMES["kmeans-docker"]) + 4) / np.median(np.array(TIMES["kmeans-standalone"]) + 4)
    assert ratio["ours"][0]["ratio"] == pytest.approx(expected)
    assert ratio["ours"][0]["verdict"] is None


def test_a_metric_in_another_unit_gets_no_ratio(tmp_path: Path) -> None:
    cells_of = {"1:2 / 5 minutes / F_1": ["kmeans-standalone"]}
    table = {"table": "4.9", "metric": "trial_seconds", "cells": cells_of, "compare": []}
    data, markdown = built(
        tmp_path, "md", paper={**REPEATED, "key": "003", "experiment": "feedback-two", "tables": [table]}
    )
    (ours,) = data["paper"]["tables"][0]["rows"][0]["ours"]
    assert (ours["ratio"], ours["ratio_of"]) == (None, None)
    (row,) = rows(markdown, "1:2 / 5 minutes / F\\_1 |")
    assert row[1:4] == ["8.75", "2.10", "33.89"]


def test_a_suite_that_repeats_nothing_has_no_such_section(tmp_path: Path) -> None:
    data, markdown, page, loaded = built(tmp_path, "md", "html", "json")
    assert data["paper"] is None
    assert json.loads(loaded)["paper"] is None
    assert "beside ours" not in markdown
    assert 'id="paper"' not in page


def test_a_paper_that_this_version_does_not_know_is_left_out(tmp_path: Path) -> None:
    assert built(tmp_path, paper={**REPEATED, "key": "999"})[0]["paper"] is None
    (tmp_path / "table").mkdir()
    strange = {**REPEATED, "tables": [{**TABLE_1, "table": "99"}]}
    assert built(tmp_path / "table", paper=strange)[0]["paper"]["tables"] == []
