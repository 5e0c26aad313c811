"""What our Scala test adds: scheduling throughput by a campaign's trial, against spark-submit of the same loop by hand.

    ./inv bench submit --rounds 20
    ./inv bench submit -- --tasks 2000 --jobs 1 --repetitions 8

Both run on one cluster that is up, with its settings, by the same spark-submit options. A round is a pair: one trial of
the workload scheduling-throughput, as a campaign runs it, and one spark-submit of benchmarks/submit/Loop.scala, a plain
program that knows nothing of sparkbed. The side that begins changes from round to round, and a pair before the first
round is not counted. No collectors are on. Each side repeats its loop inside one launch; a launch counts as one number,
the median of its repetitions but the first ones. Three ratios, ours / by hand, over the pairs:

- in the program: what each program timed itself;
- whole submit: spark-submit from its start to its end;
- whole trial: our trial with all that a campaign does around the submit, against the plain submit.

The interval is that of the permutation test that exchanges the two sides inside pairs (analysis/stats.py).
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis import stats
from sparkbed.assembly import SuiteChoice, checked_suite, open_bed
from sparkbed.home import ROOT, Home
from sparkbed.model import Cell
from sparkbed.platforms import get as platform_named
from sparkbed.platforms.base import Cluster
from sparkbed.run.campaign import Bed, CampaignRun, open_campaign
from sparkbed.run.progress import Live
from sparkbed.run.trial import trial_id
from sparkbed.suite import Suite, schedule
from sparkbed.workloads.build import build_jar

FOLDER = ROOT / "benchmarks" / "submit"
TOOK = re.compile(r"^took ([0-9.E-]+) s$", re.MULTILINE)
AIM = (0.90, 1.10)


@dataclass(frozen=True)
class Side:
    """One launch: seconds of the kept repetitions' median, of the submit, and of all around it."""

    program: float
    submit: float
    whole: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="pairs")
    parser.add_argument("--tasks", type=int, default=0, help="tasks in a job (default: the suite's)")
    parser.add_argument("--jobs", type=int, default=0, help="jobs in a repetition (default: the suite's)")
    parser.add_argument("--repetitions", type=int, default=0, help="of the loop in a launch (default: the suite's)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    given = {
        "parameters.num-tasks": options.tasks,
        "parameters.num-jobs": options.jobs,
        "iterations": options.repetitions,
    }
    sets = tuple(f"{name}={value}" for name, value in given.items() if value)
    suite = checked_suite(SuiteChoice(str(FOLDER / "suite.yml"), sets=sets))
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder:
        bed = open_bed(Home(Path(folder)))
        with bed.store:
            pairs = measured(suite, bed, options.rounds)
    parameters = suite.cells[0].parameters
    print(
        f"{len(pairs)} pairs; {parameters['num-jobs']} jobs of {parameters['num-tasks']} tasks a repetition, "
        f"{suite.iterations - suite.warmup} of {suite.iterations} repetitions kept"
    )
    ours, hand = [one for one, _ in pairs], [other for _, other in pairs]
    good = tell("in the program", [one.program for one in ours], [one.program for one in hand])
    tell("whole submit", [one.submit for one in ours], [one.submit for one in hand])
    tell("whole trial", [one.whole for one in ours], [one.whole for one in hand])
    tasks = parameters["num-jobs"] * parameters["num-tasks"]
    rates = [statistics.median(tasks / one.program for one in side) for side in (ours, hand)]
    print(f"tasks a second: ours {rates[0]:.0f}, by hand {rates[1]:.0f}")
    print(f"in the program, the interval lies within {AIM[0]:.2f} to {AIM[1]:.2f}: {'yes' if good else 'no'}")
    return 0


def measured(suite: Suite, bed: Bed, rounds: int) -> list[tuple[Side, Side]]:
    """Launches of ours and by hand, in pairs."""
    [planned] = schedule(suite)
    [cell] = suite.cells
    campaign = open_campaign(suite, bed, [], True, print)
    pairs = []
    with Live(rounds + 1, 0) as live, CampaignRun(campaign, suite, bed, live).opened() as run:
        cluster = run.clusters.use(cell, planned.block)
        jar = build_jar([FOLDER / "Loop.scala"], bed.home.folder("loop"), bed.spark_home, bed.java_home)
        for number in range(rounds + 1):
            both: dict[str, Side] = {}
            for side in ("ours", "hand") if number % 2 else ("hand", "ours"):
                if side == "ours":
                    moved = replace(planned, number=number + 1, position=number + 1)
                    began = time.perf_counter()
                    run.trial(moved)
                    whole = time.perf_counter() - began
                    both[side] = of_trial(bed, trial_id(campaign.id, moved), whole)
                else:
                    both[side] = by_hand(suite, cell, cluster, jar, bed.home.folder("loop"))
            if number:  # the first pair warms the disk's cache
                pairs.append((both["ours"], both["hand"]))
                print(f"pair {number}: " + ", ".join(f"{name} {shown(one)}" for name, one in both.items()), flush=True)
    return pairs


def shown(side: Side) -> str:
    return f"{side.program:.3f} s (submit {side.submit:.2f} s, in all {side.whole:.2f} s)"


def of_trial(bed: Bed, trial: str, whole: float) -> Side:
    """What a campaign's trial measured."""
    row = bed.store.trial(trial)
    if row.status != "ok":
        raise SystemExit(f"bench: the trial failed: {row.error}")
    samples = bed.store.samples(row.campaign)[trial]
    [submit] = [sample.value for sample in samples if sample.metric == "submit_seconds"]
    return Side(statistics.median(s.value for s in samples if s.metric == "trial_seconds" and s.kept), submit, whole)


def by_hand(suite: Suite, cell: Cell, cluster: Cluster, jar: Path, folder: Path) -> Side:
    """spark-submit of the loop on the cluster, by its own settings."""
    platform = platform_named(cell.platform)
    numbers = [cell.parameters["num-jobs"], cell.parameters["num-tasks"], suite.iterations]
    command = [*platform.submit_arguments(cluster), "--class", "Loop", str(jar), *map(str, numbers)]
    environment = {**os.environ, **platform.submit_environment(cluster)}
    with (folder / "log").open("wb") as log:
        began = time.perf_counter()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=folder, timeout=suite.deadline
        )
        seconds = time.perf_counter() - began
    took = [float(found) for found in TOOK.findall(done.stdout)]
    if done.returncode != 0 or len(took) != suite.iterations:
        raise SystemExit(f"bench: the loop ended with {done.returncode}:\n{(folder / 'log').read_text()[-3000:]}")
    return Side(statistics.median(took[suite.warmup :]), seconds, seconds)


def tell(what: str, ours: Sequence[float], hand: Sequence[float]) -> bool:
    """Print the ratio ours / by hand; whether its interval lies within the aim."""
    blocks = list(range(len(ours)))
    found = stats.compare(hand, blocks, ours, blocks)
    assert found is not None
    ratios = [one / other for one, other in zip(ours, hand, strict=True)]
    known = found.low is not None and found.high is not None
    interval = f"95 % interval {found.low:.3f} to {found.high:.3f}" if known else "too few pairs for a 95 % interval"
    print(
        f"{what}, ours / by hand: {found.ratio:.3f}, {interval}; single pairs {min(ratios):.3f} to {max(ratios):.3f}; "
        f"medians {statistics.median(ours):.3f} s and {statistics.median(hand):.3f} s"
    )
    return found.low is not None and found.high is not None and AIM[0] <= found.low and found.high <= AIM[1]


if __name__ == "__main__":
    sys.exit(main())
