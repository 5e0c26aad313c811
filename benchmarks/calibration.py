"""Are the verdicts right as often as they say? Simulated campaigns, in which the truth is known.

    ./inv bench calibration --rounds 2000

A campaign has cells that take turns in randomised blocks; what a trial takes is drawn from a family of noise by its
position in time, so that what drifts or lasts touches neighbours alike, and a cell's effect goes on top.

False findings: a baseline and three cells that are all the same, compared as a report compares them (permutation inside
blocks, Holm). A report is wrong when any of its verdicts is slower or faster. The aim: at most 6 % of reports.

Power: one cell that is slower by 5, 10 or 20 %. Found means that the adjusted p is at most 0.05 on that side. The
oracle uses the same estimate (the mean of the log ratios inside blocks), but knows the noise: its critical value is
that of 20,000 campaigns of the family without an effect. The aim: within 5 points of it.

Both again where cells stop by `trials: {until: 5%, max: 40}`; the oracle then has the critical value of as many blocks.

The families: normal (5 %), log-normal (10 %), heavy (Student's t with 3 degrees of freedom, 3 %), bimodal (a quarter of
the trials 20 % slower), drift (30 % over the campaign and 10 % within each block), autocorrelated (0.7 from trial to
trial, 5 %), and real: stretches of what trials of real campaigns were off their cell's median, in order of time
(noise.json says of which).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis import stats
from analysis.findings import Design, Question, Side, findings
from sparkbed.run.enough import tight
from sparkbed.suite.until import COMPARED

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Noise = Callable[[np.random.Generator, int, int], Floats]
"""Generator, cells, blocks: what each of cells * blocks positions in time adds to a trial's logarithm."""

NOISE = Path(__file__).parent / "noise.json"
EFFECTS = (1.05, 1.10, 1.20)
SIZES = (10, 20, 40)
SHARE, MOST = 0.05, 40
AIM_FALSE, AIM_POWER = 0.06, 0.05
NULLS = 20_000


def normal(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    return np.log(np.maximum(generator.normal(1, 0.05, cells * blocks), 0.1))


def lognormal(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    return generator.normal(0, 0.1, cells * blocks)


def heavy(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    return 0.03 * generator.standard_t(3, cells * blocks)


def bimodal(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    slow = generator.random(cells * blocks) < 0.25
    return generator.normal(0, 0.02, cells * blocks) + slow * math.log(1.2)


def drift(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    position = np.arange(cells * blocks)
    rise = 0.3 * position / position.size + 0.1 * (position % cells) / max(cells - 1, 1)
    return rise + generator.normal(0, 0.03, position.size)


def autocorrelated(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    made = generator.normal(0, 0.05, cells * blocks)
    for place in range(1, made.size):
        made[place] = 0.7 * made[place - 1] + math.sqrt(1 - 0.49) * made[place]
    return made


def real(generator: np.random.Generator, cells: int, blocks: int) -> Floats:
    series = _recorded()[generator.integers(len(_recorded()))]
    start = generator.integers(series.size)
    return np.asarray(np.take(series, np.arange(start, start + cells * blocks), mode="wrap"))


_SERIES: list[Floats] = []


def _recorded() -> list[Floats]:
    if not _SERIES:
        document = json.loads(NOISE.read_text(encoding="utf-8"))
        _SERIES.extend(np.array(one["off"]) for one in document["series"])
    return _SERIES


FAMILIES: dict[str, Noise] = {
    "normal": normal,
    "log-normal": lognormal,
    "heavy": heavy,
    "bimodal": bimodal,
    "drift": drift,
    "autocorrelated": autocorrelated,
    "real": real,
}


def campaign(
    generator: np.random.Generator, noise: Noise, blocks: int, effects: tuple[float, ...]
) -> tuple[Floats, Places]:
    """Values of cells by block and their places in time, (cells, blocks) each; a block's order is drawn at random."""
    cells = len(effects)
    by_time = noise(generator, cells, blocks).reshape(blocks, cells)
    slots = np.argsort(generator.random((blocks, cells)), axis=1)
    values = np.exp(np.take_along_axis(by_time, slots, axis=1).T + np.log(effects)[:, None])
    return values, (slots + cells * np.arange(blocks)[:, None]).T


def report(values: Floats, places: Places, lengths: list[int], seed: int) -> list[dict[str, object]]:
    """The findings of a report on these cells, the first of which is the baseline; each has its own length."""
    sides = [
        Side(str(cell), str(cell), row[:n].tolist(), range(1, n + 1), places=place[:n].tolist())
        for cell, (row, place, n) in enumerate(zip(values, places, lengths, strict=True))
    ]
    asked = [Question("trial_seconds", "s", sides[0], side, Design("randomized", seed=seed)) for side in sides[1:]]
    return findings(asked)


def lengths_until(values: Floats, share: float = SHARE, least: int = COMPARED) -> list[int]:
    """Blocks after which each cell stops (see sparkbed/run/enough.py); the first cell is the others' baseline."""
    cells, most = values.shape
    decide = max(least, stats.blocks_needed(comparisons=cells - 1))

    def first(cell: int) -> int:
        for n in range(decide, most):
            if tight(values[0, :n].tolist(), share, decide) and tight(values[cell, :n].tolist(), share, decide):
                return n
        return int(most)

    ends = [first(cell) for cell in range(1, cells)]
    return [max(ends), *ends]


def wrong(found: list[dict[str, object]]) -> bool:
    return any(one["verdict"] in ("slower", "faster") for one in found)


@dataclass(frozen=True)
class Oracle:
    """Knows the noise: by number of blocks, the critical value of the mean log ratio inside them."""

    critical: Floats

    def finds(self, values: Floats, blocks: int) -> bool:
        return float(np.log(values[1, :blocks] / values[0, :blocks]).mean()) >= float(self.critical[blocks])


def oracle(generator: np.random.Generator, noise: Noise, count: int = NULLS) -> Oracle:
    """From campaigns of two cells without an effect; of `MOST` blocks, shorter ones being their beginnings."""
    means = np.empty((count, MOST))
    for row in means:
        values, _ = campaign(generator, noise, MOST, (1.0, 1.0))
        row[:] = np.cumsum(np.log(values[1] / values[0])) / np.arange(1, MOST + 1)
    return Oracle(np.concatenate([[np.inf], np.quantile(np.abs(means), stats.LEVEL, axis=0)]))


def false_share(noise: Noise, rounds: int, blocks: int, seed: int, until: bool = False) -> float:
    """The share of reports on four cells that are the same, in which there is a finding."""
    generator = np.random.default_rng(seed)
    errors = 0
    for number in range(rounds):
        values, places = campaign(generator, noise, MOST if until else blocks, (1.0,) * 4)
        errors += wrong(report(values, places, lengths_until(values) if until else [blocks] * 4, number))
    return errors / rounds


def power(
    noise: Noise, knows: Oracle, effect: float, rounds: int, blocks: int, seed: int, until: bool = False
) -> tuple[float, float, float]:
    """Ours, the oracle's, and the mean number of blocks, on the same campaigns."""
    generator = np.random.default_rng(seed)
    ours = theirs = total = 0
    for number in range(rounds):
        values, places = campaign(generator, noise, MOST if until else blocks, (1.0, effect))
        lengths = lengths_until(values) if until else [blocks] * 2
        [found] = report(values, places, lengths, number)
        p, ratio = found["p_adjusted"], found["ratio"]
        assert isinstance(p, float)
        assert isinstance(ratio, float)
        ours += p <= 1 - stats.LEVEL + 1e-12 and ratio > 1
        theirs += knows.finds(values, lengths[1])
        total += lengths[1]
    return ours / rounds, theirs / rounds, total / rounds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000, help="campaigns of each kind")
    parser.add_argument("--families", default=",".join(FAMILIES), help="by commas (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=("both", "false", "power"), default="both", help="one of the two tables only")
    options = parser.parse_args()
    chosen = options.families.split(",")
    unknown = [one for one in chosen if one not in FAMILIES]
    if unknown or options.rounds < 1:
        parser.error(f"unknown family {unknown[0]!r}" if unknown else "--rounds must be 1 or more")
    if options.part != "power":
        print_false(chosen, options.rounds, options.seed)
    if options.part != "false":
        print_power(chosen, options.rounds, options.seed)
    return 0


def print_false(families: list[str], rounds: int, seed: int) -> None:
    """How often a report is wrong, a row a family."""
    print(f"{rounds} reports on four cells that are the same: share with a finding (aim: at most {AIM_FALSE:.0%})\n")
    print(f"| family | {SIZES[0]} blocks | {SIZES[1]} blocks | until {SHARE:.0%}, at most {MOST} |")
    print("|---|---|---|---|")
    good = True
    for name in families:
        noise = FAMILIES[name]
        shares = [
            *(false_share(noise, rounds, blocks, seed) for blocks in SIZES[:2]),
            false_share(noise, rounds, MOST, seed, until=True),
        ]
        good &= max(shares) <= AIM_FALSE
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)
    print(f"\nFalse findings within the aim: {'yes' if good else 'no'}")


def print_power(families: list[str], rounds: int, seed: int) -> None:
    """How often a slower cell is found, by ours and by the oracle, a row an effect."""
    print(f"\n{rounds} campaigns with one slower cell: found by ours / by the oracle")
    print(f"(aim: {AIM_POWER:.0%} apart at most)\n")
    ways = [*(f"{blocks} blocks" for blocks in SIZES), f"until {SHARE:.0%}, at most {MOST} (mean blocks)"]
    print("| family | slower by | " + " | ".join(ways) + " |")
    print("|---|---|" + "---|" * len(ways))
    gaps: dict[str, float] = {}
    for name in families:
        knows = oracle(np.random.default_rng(seed + 1), FAMILIES[name])
        for effect in EFFECTS:
            told = []
            for way, blocks, until in [*zip(ways, SIZES, (False,) * 3, strict=False), (ways[-1], MOST, True)]:
                ours, theirs, mean = power(FAMILIES[name], knows, effect, rounds, blocks, seed + 2, until)
                gaps[way] = max(gaps.get(way, 0.0), theirs - ours)
                told.append(f"{ours:.1%} / {theirs:.1%}" + (f" ({mean:.0f})" if until else ""))
            print(f"| {name} | {effect - 1:.0%} | " + " | ".join(told) + " |", flush=True)
    print("\nLargest distance from the oracle: " + "; ".join(f"{way}: {gap:.1%}" for way, gap in gaps.items()))


if __name__ == "__main__":
    sys.exit(main())
