"""One rule for verdicts, tried at each of its edges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from analysis.decompose import Difference
from analysis.findings import Design, Question, Side, by_size, findings, higher_is_better

KEYS = {"metric", "baseline", "cell", "ratio", "ci_low", "ci_high", "p_adjusted", "verdict", "because"}
NOISE = np.random.default_rng(9).normal(0, 0.01, (2, 8))


def question(
    ratio: float = 1.2,
    trials: int = 8,
    order: str = "randomized",
    unit: str = "s",
    noise: float = 1.0,
    parts: Sequence[Difference] = (),
    own_start: bool = False,
    failed: int = 0,
) -> Question:
    blocks = list(range(trials))
    baseline = Side("a", "cell a", (2 * np.exp(noise * NOISE[0][:trials])).tolist(), blocks)
    cell = Side("b", "cell b", (2 * ratio * np.exp(noise * NOISE[1][:trials])).tolist(), blocks, failed)
    return Question("trial_seconds", unit, baseline, cell, Design(order, own_start), parts)


def verdict(asked: Question) -> str:
    (found,) = findings([asked])
    assert set(found) >= KEYS
    return str(found["verdict"])


def test_verdicts() -> None:
    assert verdict(question(1.2)) == "slower"
    assert verdict(question(0.8)) == "faster"
    assert verdict(question(1.0)) == "equivalent within 5 %"
    assert verdict(question(1.0, noise=20)) == "undecided"
    assert verdict(question(2.0, order="sequential")) == "not randomised"
    assert verdict(question(1.2, unit="records/s")) == "faster"
    assert higher_is_better("MB/s")
    assert not higher_is_better("s")


def test_a_drift_inside_blocks_that_was_taken_out_is_told() -> None:
    asked = question(1.2, trials=8)
    late = np.array([0, 1] * 4)
    places = [2 * np.arange(8) + late, 2 * np.arange(8) + 1 - late]
    sides = [
        replace(side, values=(np.array(side.values) * 1.8 ** (place % 2)).tolist(), places=place.tolist())
        for side, place in zip((asked.baseline, asked.cell), places, strict=True)
    ]
    (found,) = findings([replace(asked, baseline=sides[0], cell=sides[1])])
    assert found["verdict"] == "slower"
    assert re.search(r"without a drift inside blocks \((7[5-9]|8[0-5]) % more from place to place\)", found["test"])
    (plain,) = findings([asked])
    assert found["ratio"] == pytest.approx(plain["ratio"], rel=0.01)
    assert found["trials_for_margin"] == pytest.approx(plain["trials_for_margin"], abs=3)


def test_in_blocks_of_a_fixed_order_a_place_is_no_drift() -> None:
    asked = question(1.2, order="blocked")
    first, second = (
        replace(side, places=list(range(at, 16, 2))) for at, side in enumerate((asked.baseline, asked.cell))
    )
    assert verdict(replace(asked, baseline=first, cell=second)) == "slower"


def test_a_small_but_certain_difference_is_equivalent_and_its_size_is_told() -> None:
    (found,) = findings([question(1.03)])
    assert found["verdict"] == "equivalent within 5 %"
    assert found["p_adjusted"] < 0.05
    assert "There is a difference" in found["because"]


def test_ratio_is_cell_over_baseline_with_its_interval() -> None:
    (found,) = findings([question(1.2)])
    assert found["ratio"] == pytest.approx(1.2, rel=0.02)
    assert found["ci_low"] < 1.2 < found["ci_high"]
    assert found["ratio_of_medians"] == pytest.approx(1.2, rel=0.02)


def test_holm_is_over_all_findings_of_a_report_that_were_tested() -> None:
    two = findings([question(1.5, trials=6), question(1.5, trials=6)])
    assert [found["verdict"] for found in two] == ["undecided", "undecided"]
    assert two[0]["p_adjusted"] == pytest.approx(4 / 64)
    assert "From 7 trials of each cell on" in two[0]["because"]
    beside = findings([question(1.5, trials=6), question(1.5, order="sequential")])
    assert beside[0]["verdict"] == "slower"
    assert beside[1]["p_adjusted"] is None


def test_too_few_trials_say_how_many_it_takes() -> None:
    (found,) = findings([question(3.0, trials=3)])
    assert found["verdict"] == "undecided"
    assert found["ci_low"] is None
    assert "it takes 6 trials" in found["because"]


def test_scatter_is_not_blamed_where_no_difference_could_have_been_seen() -> None:
    """Six blocks and 24 comparisons: a fourfold time would be undecided too."""
    few = findings([question(1.0, trials=6, noise=20), *[question(4.0, trials=6) for _ in range(23)]])
    assert {found["verdict"] for found in few} == {"undecided"}
    assert "scatter too much" not in few[0]["because"]
    assert few[0]["because"].startswith("6 blocks cannot tell a difference from chance among 24 comparisons")
    assert "From 10 trials of each cell on" in few[0]["because"]
    assert few[0]["minimum_detectable_ratio"] is None
    enough = findings([question(1.0, noise=20), question(1.0, noise=20)])
    assert "scatter too much" in enough[0]["because"]


def test_what_could_be_found_is_told_for_as_many_comparisons_as_there_are() -> None:
    (alone,) = findings([question(1.0, noise=20)])
    among = findings([question(1.0, noise=20) for _ in range(3)])[0]
    assert among["minimum_detectable_ratio"] > alone["minimum_detectable_ratio"]
    assert among["trials_for_margin"] > alone["trials_for_margin"]


def test_undecided_says_what_it_would_have_found() -> None:
    (found,) = findings([question(1.0, noise=20)])
    assert found["minimum_detectable_ratio"] > 1.1
    assert "four times in five" in found["because"]


def test_without_trials_there_is_a_finding_that_says_so() -> None:
    asked = question()
    nothing = Question("trial_seconds", "s", asked.baseline, Side("b", "cell b", [], [], failed=8), asked.design)
    (found,) = findings([nothing])
    assert found["verdict"] == "undecided"
    assert found["ratio"] is None
    assert found["because"].startswith("cell b has no trial with trial_seconds (8 trials failed)")


def test_values_that_are_not_positive_have_no_ratio() -> None:
    asked = question()
    zeros = Side("b", "cell b", [0.0] * 8, list(range(8)))
    (found,) = findings([Question("failures", "", asked.baseline, zeros, asked.design)])
    assert found["verdict"] == "undecided"
    assert "not above zero" in found["because"]


def test_because_names_the_parts_that_differ_and_the_reservations() -> None:
    parts = [
        Difference("gc", 1.0, 3.0, 2.0, 1.5, 2.5),
        Difference("compute", 10.0, 10.2, 0.2, -0.3, 0.7),
        Difference("scheduler_delay", 2.0, 1.4, -0.6, -0.8, -0.4),
    ]
    (found,) = findings([question(1.2, parts=parts, own_start=True, failed=2)])
    assert (
        "tasks took 14.6 s in sum against 13.0 s for the baseline: "
        "GC +2.0 s (+1.5 to +2.5) and scheduler delay −0.60 s (−0.80 to −0.40)." in found["because"]
    )
    assert "compute" not in found["because"]
    assert "one cluster, started once" in found["because"]
    assert "2 trials of cell b failed" in found["because"]


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ({"ratio": 1.0, "noise": 20}, "undecided"),
        ({"ratio": 1.0}, "equivalent within 5 %"),
        ({"ratio": 2.0, "order": "sequential"}, "not randomised"),
        ({"ratio": 3.0, "trials": 5}, "undecided"),
    ],
)
def test_where_no_difference_is_shown_no_cause_of_it_is_told(asked: dict[str, float], verdict: str) -> None:
    parts = [Difference("gc", 1.0, 3.0, 2.0, 1.5, 2.5)]
    (found,) = findings([question(**asked, parts=parts)])  # type: ignore[arg-type]  # the cases' options differ in type
    assert found["verdict"] == verdict
    assert "tasks took" not in found["because"]


def test_blocks_in_a_fixed_order_are_told() -> None:
    assert "was fixed, not drawn" in findings([question(order="blocked")])[0]["because"]


def test_largest_decided_finding_comes_first() -> None:
    made = findings([question(1.0, noise=20), question(1.1), question(0.5), question(1.0)])
    assert [found["verdict"] for found in by_size(made)] == ["faster", "slower", "equivalent within 5 %", "undecided"]


def test_at_most_six_of_a_hundred_reports_on_equal_cells_hold_a_false_finding() -> None:
    """Three comparisons with one baseline, eight blocks that drift: the level holds for the report as a whole."""
    generator = np.random.default_rng(21)
    runs, false = 400, 0
    for _ in range(runs):
        drift = generator.normal(0, 0.2, 8) + np.linspace(0, 0.3, 8)
        a, *others = np.exp(drift + generator.normal(0, 0.06, (4, 8))).tolist()
        sides = [Side(str(i), str(i), values, range(8)) for i, values in enumerate(others, start=1)]
        baseline = Side("0", "0", a, range(8))
        made = findings([Question("trial_seconds", "s", baseline, side, Design("randomized")) for side in sides])
        false += any(found["verdict"] in ("slower", "faster") for found in made)
    assert false / runs <= 0.06 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_planted_slowdown_is_found_about_as_often_as_the_t_test_finds_it() -> None:
    from scipy.stats import ttest_1samp

    generator = np.random.default_rng(22)
    found, by_t, runs = 0, 0, 300
    for _ in range(runs):
        noise = generator.normal(0, 0.05, (2, 8))
        sides = [
            Side("a", "a", np.exp(noise[0]).tolist(), range(8)),
            Side("b", "b", (1.1 * np.exp(noise[1])).tolist(), range(8)),
        ]
        (made,) = findings([Question("trial_seconds", "s", *sides, Design("randomized"))])
        found += made["verdict"] == "slower"
        by_t += ttest_1samp(np.log(1.1) + noise[1] - noise[0], 0).pvalue <= 0.05
    assert found / runs >= by_t / runs - 0.05
