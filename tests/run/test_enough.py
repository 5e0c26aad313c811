"""When a cell has enough trials: by its scatter and its baseline's, in whole blocks, and the same after a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.values import trial_values
from sparkbed.model import PlannedTrial, Sample
from sparkbed.run.enough import Enough, tight
from sparkbed.suite import Suite, load, schedule


def suite_of(folder: Path, order: str = "randomized", most: int = 60) -> Suite:
    (folder / "s.yml").write_text(
        f"suite: s\nworkload: scala-count\norder: {order}\ntrials: {{until: 5%, max: {most}, min: 6}}\n"
        "factors: {who: {base: {}, quiet: {alias: a}, loud: {alias: b}}}\nbaseline: {who: base}\n"
    )
    return load(folder / "s.yml")


SPREADS = {"base": 0.02, "quiet": 0.02, "loud": 0.25}


def values_of(
    suite: Suite, spreads: dict[str, float] = SPREADS, seed: int = 1
) -> Callable[[PlannedTrial], list[Sample]]:
    """Each planned trial's samples: the same whenever they are asked for."""
    generator = np.random.default_rng(seed)
    table = {cell.id: np.exp(generator.normal(0, spreads[cell.factors["who"]], suite.trials)) for cell in suite.cells}
    return lambda planned: [Sample("trial_seconds", float(table[planned.cell][planned.number - 1]), "s", 1)]


def run(suite: Suite, samples: Callable[[PlannedTrial], list[Sample]], interrupted: int | None = None) -> Counter[str]:
    """So many trials of each cell are run; the rule is made anew after `interrupted` of them."""
    enough = Enough(suite)
    done: list[PlannedTrial] = []
    for planned in schedule(suite):
        if len(done) == interrupted:
            enough = Enough(suite)
            for one in done:
                enough.measured(one.cell, one.number, samples(one))
        if not enough.stops(planned):
            done.append(planned)
            enough.measured(planned.cell, planned.number, samples(planned))
    names = {cell.id: cell.factors["who"] for cell in suite.cells}
    return Counter(names[one.cell] for one in done)


def test_a_quiet_cell_stops_and_its_baseline_runs_on_with_the_loud_one(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    ran = run(suite, values_of(suite))
    assert 6 < ran["quiet"] < 12
    assert ran["loud"] == ran["base"] == 60


def test_none_stops_before_its_comparisons_could_decide(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    ran = run(suite, values_of(suite, {"base": 1e-6, "quiet": 1e-6, "loud": 1e-6}))
    assert ran == {"base": 7, "quiet": 7, "loud": 7}  # two comparisons after Holm: 2 / 2^7 * 2 <= 0.05


def test_a_cell_needs_a_tight_baseline_to_stop(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    assert run(suite, values_of(suite, {"base": 0.5, "quiet": 1e-6, "loud": 1e-6})) == dict.fromkeys(SPREADS, 60)


@pytest.mark.parametrize("after", range(1, 40, 3))
def test_an_interrupted_campaign_goes_on_with_the_same_decisions(tmp_path: Path, after: int) -> None:
    suite = suite_of(tmp_path)
    samples = values_of(suite, {"base": 0.03, "quiet": 0.04, "loud": 0.08}, seed=after)
    assert run(suite, samples, after) == run(suite, samples)


def test_in_sequence_each_cell_is_by_itself(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, order="sequential")
    ran = run(suite, values_of(suite))
    assert ran["base"] < 12
    assert ran["loud"] == 60


def test_trials_without_a_number_do_not_count(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, most=12)
    samples = values_of(suite, {"base": 1e-6, "quiet": 1e-6, "loud": 1e-6})
    assert run(suite, lambda planned: [] if planned.number % 2 else samples(planned)) == dict.fromkeys(SPREADS, 12)


def test_tightness_is_the_shown_intervals() -> None:
    assert not tight([1.0] * 5, 0.05, 6)
    assert tight([0.96, 1.0, 1.0, 1.0, 1.0, 1.04], 0.05, 6)
    assert not tight([0.94, 1.0, 1.0, 1.0, 1.0, 1.06], 0.05, 6)  # of six values the interval is from end to end
    assert not tight([0.0] * 8, 0.05, 6)


def test_a_trial_counts_by_the_median_of_what_it_kept() -> None:
    samples = [Sample("trial_seconds", value, "s", i, i > 1) for i, value in enumerate((9.0, 1.0, 2.0, 4.0), start=1)]
    assert trial_values([*samples, Sample("other", 7.0, "s")]) == {"trial_seconds": 2.0, "other": 7.0}
    assert trial_values([Sample("trial_seconds", float("nan"), "s", 1)]) == {}
