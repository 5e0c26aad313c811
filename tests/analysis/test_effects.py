"""Main effects and interactions: planted ones are found with their size, and none is made up of clusters' scatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.effects import effects, sentences

Report = dict[str, Any]
WORK, SIZES = ("sort", "count"), ("small", "large")


def report_of(
    seed: int,
    *,
    platform: float = 1.0,
    on_count: float = 1.0,
    blocks: int = 8,
    spread: float = 0.03,
    plots: float = 0.0,
    cluster: str = "per-block",
    unit: str = "s",
) -> Report:
    """Two platforms, two programs, two sizes. `plots` is the scatter of clusters, which cells of one platform share."""
    generator = np.random.default_rng(seed)
    cells: list[dict[str, Any]] = []
    starts = {name: generator.normal(0, plots, blocks) for name in ("bare", "docker")} if plots else {}
    for work in WORK:
        for size in SIZES:
            for name in ("bare", "docker"):
                effect = (platform * (on_count if work == "count" else 1.0)) if name == "docker" else 1.0
                logs = generator.normal(np.log(effect * (1 + (size == "large"))), spread, blocks)
                logs = logs + starts.get(name, 0.0)
                trials = [
                    {"status": "ok", "block": block, "values": {"trial_seconds": float(np.exp(value))}}
                    for block, value in enumerate(logs, start=1)
                ]
                cells.append(
                    {
                        "id": f"{work}-{size}-{name}",
                        "label": f"{work} {size} {name}",
                        "factors": {"platform": name, "work": work, "size": size},
                        "hosts": {"inventory": "local", "count": {}},
                        "platform": name,
                        "settings": {},
                        "metrics": {"trial_seconds": {"unit": unit}},
                        "trials": trials,
                    }
                )
    plan = {
        "order": "randomized",
        "cluster": cluster,
        "seed": 1,
        "factors": {"platform": ["bare", "docker"], "work": list(WORK), "size": list(SIZES)},
        "baseline": {"platform": "bare"},
    }
    return {"campaign": {"metric": "trial_seconds", "plan": plan}, "cells": cells, "findings": []}


def of(found: list[dict[str, Any]], other: str = "") -> dict[str, Any]:
    [one] = [one for one in found if one["other"] == other]
    return one


def test_a_planted_effect_and_its_interaction_are_found_with_their_sizes() -> None:
    found = effects(report_of(1, platform=1.10, on_count=1.25))
    assert [(one["factor"], one["other"], one["at"]) for one in found] == [
        ("platform", "", ""),
        ("platform", "work", "count"),
        ("platform", "size", "large"),
    ]
    main = of(found)
    assert main["verdict"] == "slower"
    assert main["ci_low"] < 1.10 * 1.25**0.5 < main["ci_high"]
    assert (main["combinations"], main["whole_plots"], main["units"]) == (4, True, 8)
    work = of(found, "work")
    assert work["verdict"] == "larger"
    assert work["ci_low"] < 1.25 < work["ci_high"]
    size = of(found, "size")
    assert size["verdict"] in ("equivalent", "undecided")
    assert size["ci_low"] < 1.0 < size["ci_high"]
    said = sentences(found)
    assert said[0].startswith("Over 4 combinations of the other factors, platform docker is slower than bare: ")
    assert "8 exchanges of whole clusters" in said[0]
    assert said[1].startswith("The ratio of docker to bare (platform) is larger at work count than at sort (+2")


def test_a_rate_is_slower_where_it_is_lower() -> None:
    assert of(effects(report_of(1, platform=1.3, unit="records/s")))["verdict"] == "faster"


def test_cells_that_share_no_cluster_are_exchanged_by_themselves() -> None:
    main = of(effects(report_of(1, platform=1.10, cluster="per-trial")))
    assert (main["whole_plots"], main["units"]) == (False, 32)


@pytest.mark.parametrize("cluster", ["per-block", "per-trial"])
def test_scatter_of_clusters_is_no_effect(cluster: str) -> None:
    """Clusters scatter five times as much as trials. As plots, 5 % of reports hold a finding; by trials, most would.

    A binomial of 5 % in 200 reaches 21 in one of 1,000 cases.
    """
    errors = 0
    for seed in range(200):
        found = effects(report_of(seed, plots=0.15, cluster=cluster))
        errors += any(one["verdict"] in ("slower", "faster", "larger", "smaller") for one in found)
    if cluster == "per-block":
        assert errors <= 20
    else:
        assert errors > 60, "the campaign is said to have had a cluster for each trial: this is what would be wrong"


def test_nothing_is_said_without_a_second_factor_a_baseline_or_a_drawn_order() -> None:
    for key, value in (
        ("factors", {"platform": ["bare", "docker"]}),
        ("baseline", {}),
        ("order", "sequential"),
        ("zips", [["platform", "work"]]),
    ):
        report = report_of(1)
        report["campaign"]["plan"][key] = value
        assert effects(report) == [], key


def test_trials_that_failed_or_are_missing_leave_the_others() -> None:
    report = report_of(2, platform=1.2)
    for cell in report["cells"][:2]:
        cell["trials"][0]["status"] = "failed"
        del cell["trials"][3]
    main = of(effects(report))
    assert main["verdict"] == "slower"
    assert main["units"] == 8  # the other combinations of these blocks are there
