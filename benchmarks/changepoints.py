"""Our change points beside peers' on the same made-up histories with known steps: precision, recall, time.

    ./inv bench changepoints --rounds 3 -- --histories 200

A history has 100 nights of one number around 2 s, and in six of ten histories one to three steps of 6 to 30 %, up or
down, at least 8 nights apart. Families of scatter: normal (1 to 4 %), heavy (Student's t with 3 degrees of freedom),
spikes (one night in thirty is 20 to 60 % slower), autocorrelated (0.4 from night to night). A point that is found
counts as right within 3 nights of a step that no other point has taken. Peers, each in a venv in the state folder:
Apache Otava (its defaults, and its magnitude set to our 5 %), ruptures' PELT on logarithms (penalty as ours).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.changepoints import change_points
from sparkbed.home import Home

FAMILIES = ("normal", "heavy", "spikes", "autocorrelated")
NIGHTS, APART, NEAR = 100, 8, 3
PEERS = ("apache-otava==0.8.0", "ruptures==1.1.10")


@dataclass(frozen=True)
class History:
    """Numbers of a family, and the first night after each step."""

    family: str
    values: NDArray[np.float64]
    steps: tuple[int, ...]


def histories(count: int, seed: int) -> Iterator[History]:
    """So many of each family."""
    generator = np.random.default_rng(seed)
    for family in FAMILIES:
        for _ in range(count):
            steps = _steps(generator)
            level = np.zeros(NIGHTS)
            for step in steps:
                level[step:] += generator.choice([-1, 1]) * np.log1p(generator.uniform(0.06, 0.30))
            yield History(family, 2.0 * np.exp(level + _scatter(generator, family)), steps)


def _steps(generator: np.random.Generator) -> tuple[int, ...]:
    if generator.random() < 0.4:
        return ()
    while True:
        found = np.sort(generator.integers(APART, NIGHTS - APART + 1, generator.integers(1, 4)))
        if (np.diff(found) >= APART).all():
            return tuple(int(one) for one in found)


def _scatter(generator: np.random.Generator, family: str) -> NDArray[np.float64]:
    size = generator.uniform(0.01, 0.04)
    if family == "heavy":
        return size / np.sqrt(3) * generator.standard_t(3, NIGHTS)
    scatter = generator.normal(0, size, NIGHTS)
    if family == "spikes":
        scatter += (generator.random(NIGHTS) < 1 / 30) * np.log1p(generator.uniform(0.2, 0.6, NIGHTS))
    if family == "autocorrelated":
        for night in range(1, NIGHTS):
            scatter[night] = 0.4 * scatter[night - 1] + np.sqrt(1 - 0.16) * scatter[night]
    return np.asarray(scatter)


def matched(found: Sequence[int], steps: Sequence[int]) -> int:
    """How many of the points lie within NEAR nights of a step of their own."""
    free = list(steps)
    right = 0
    for point in found:
        near = [step for step in free if abs(step - point) <= NEAR]
        if near:
            free.remove(min(near, key=lambda step: abs(step - point)))
            right += 1
    return right


def scores(made: Sequence[History], found: Sequence[Sequence[int]]) -> dict[str, tuple[float, float, float]]:
    """By family and for all: precision, recall, and the share of histories without a step in which one was found."""
    result = {}
    for family in (*FAMILIES, "all"):
        pairs = [(h, f) for h, f in zip(made, found, strict=True) if family in (h.family, "all")]
        right = sum(matched(points, history.steps) for history, points in pairs)
        said, true = sum(len(points) for _, points in pairs), sum(len(history.steps) for history, _ in pairs)
        still = [bool(points) for history, points in pairs if not history.steps]
        result[family] = (right / max(said, 1), right / max(true, 1), sum(still) / max(len(still), 1))
    return result


PEER = """
import json, sys, time
import numpy as np
histories = json.load(sys.stdin)
def otava(magnitude):
    from otava.analysis import compute_change_points
    def found(values):
        points, _ = compute_change_points(list(values), max_pvalue=0.001, min_magnitude=magnitude)
        return [int(point.index) for point in points]
    return found
def pelt(values):
    import ruptures
    logs = np.log(np.array(values))
    scale = 1.4826 * np.median(np.abs(np.diff(logs) - np.median(np.diff(logs)))) / 2**0.5
    algorithm = ruptures.Pelt(model="l2", min_size=3, jump=1).fit((logs / scale).reshape(-1, 1))
    return algorithm.predict(pen=3 * np.log(len(values)))[:-1]
result = {}
methods = {"otava": otava(0.0), "otava, 5 %": otava(0.05), "ruptures": pelt}
for name in sys.argv[1].split(";"):
    method = methods[name]
    method(histories[0])
    begun = time.perf_counter()
    found = [[int(point) for point in method(values)] for values in histories]
    result[name] = {"found": found, "seconds": time.perf_counter() - begun}
json.dump(result, sys.stdout)
"""


def peers(made: Sequence[History], names: str) -> dict[str, tuple[list[list[int]], float]]:
    folder = Home().folder("bench") / "changepoints"
    python = folder / "bin" / "python"
    marker = folder / "installed"
    if not marker.is_file() or marker.read_text() != repr(PEERS):
        print(f"bench: installing the peers into {folder}: {', '.join(PEERS)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)
        marker.write_text(repr(PEERS))
    values = json.dumps([history.values.tolist() for history in made])
    done = subprocess.run([str(python), "-c", PEER, names], input=values, stdout=subprocess.PIPE, text=True, check=True)
    return {name: (one["found"], one["seconds"]) for name, one in json.loads(done.stdout).items()}


def ours(made: Sequence[History]) -> tuple[list[list[int]], float]:
    change_points(made[0].values)
    begun = time.perf_counter()
    found = [[change.index for change in change_points(history.values)] for history in made]
    return found, time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="./inv bench changepoints --", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="so many sets of histories, each of its own seed")
    parser.add_argument("--histories", type=int, default=100, help="histories of each family in a round")
    parser.add_argument("--seed", type=int, default=1, help="the first round's; ours was tuned on 0")
    parser.add_argument("--peers", default="otava;otava, 5 %;ruptures", help="which of them, with ; between")
    options = parser.parse_args()
    made, found, seconds = [], {}, {}
    for number in range(options.rounds):
        of_round = list(histories(options.histories, seed=options.seed + number))
        made += of_round
        for name, (points, took) in {"ours": ours(of_round), **peers(of_round, options.peers)}.items():
            found.setdefault(name, []).extend(points)
            seconds[name] = seconds.get(name, 0.0) + took
    steps = sum(len(history.steps) for history in made)
    print(f"{len(made)} histories of {NIGHTS} nights, {steps} steps; a point is right within {NEAR} nights")
    print("precision / recall / share of still histories with a false point")
    heads = ["", *FAMILIES, "all", "ms a history"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for name, points in found.items():
        by_family = scores(made, points).values()
        cells = [f"{precision:.3f} / {recall:.3f} / {false:.3f}" for precision, recall, false in by_family]
        print("| " + " | ".join([name, *cells, f"{1000 * seconds[name] / len(made):.2f}"]) + " |")


if __name__ == "__main__":
    main()
