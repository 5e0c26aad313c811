"""The report of a large campaign: seconds and memory of `inv report`, beside reading the same rows and no more.

    ./inv bench large_report --rounds 3
    ./inv bench large_report -- --trials 10000

A made-up campaign of 20 cells in randomised blocks is recorded: each trial has three iterations, twelve other numbers,
host series of 100 points in 20 columns, and a table of 40 tasks. A round makes its report as a page and as JSON, each
in a process of its own (all of Python's start included), and lets another process read all samples of the campaign by
the store and take each cell's median: the least that any report needs. Memory is the largest resident size.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from analysis.parts import KEY, task_parts
from analysis.values import trial_values
from sparkbed.model import Campaign, Cell, HostsSpec, Sample, Series, TaskTable, Trial
from sparkbed.store import Store

CELLS, POINTS, COLUMNS, TASKS = 20, 100, 20, 40
EXECUTORS = [{"id": str(n), "host": "h", "cores": 1, "added": 1.79e9 - 5, "removed": None} for n in range(2)]
AIM_SECONDS, AIM_BYTES = 10.0, 2**30
LEAST = """
import statistics, sys
from pathlib import Path
from sparkbed.store import Store
with Store(Path(sys.argv[1])) as store:
    campaign = store.campaign()
    samples, values = store.samples(campaign.id), {}
    for trial in store.trials(campaign.id):
        kept = [one.value for one in samples[trial.id] if one.metric == "trial_seconds" and one.kept]
        values.setdefault(trial.cell, []).append(statistics.median(kept))
    print({cell: statistics.median(found) for cell, found in values.items()})
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=10_000)
    options = parser.parse_args()
    if options.rounds < 1 or options.trials < CELLS:
        parser.error(f"--rounds must be 1 or more, --trials {CELLS} or more")
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder:
        home = Path(folder)
        began = time.perf_counter()
        trials = recorded(home / "sparkbed.db", options.trials // CELLS)
        points = trials * POINTS
        size = (home / "sparkbed.db").stat().st_size / 1e6
        print(
            f"{trials:,} trials of {CELLS} cells, {points:,} points in time with {COLUMNS} values each, {size:.0f} MB, "
            f"recorded in {time.perf_counter() - began:.0f} s"
        )
        report = [sys.executable, "-m", "sparkbed", "report", "--format"]
        ways = {
            "page": [*report, "html"],
            "JSON": [*report, "json"],
            "least": [sys.executable, "-c", LEAST, str(home / "sparkbed.db")],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(options.rounds):
            for name, words in ways.items():
                found[name].append(cost(words, home))
            told = ", ".join(f"{name} {one[-1][0]:.1f} s {one[-1][1] / 2**20:.0f} MiB" for name, one in found.items())
            print(f"round {number + 1}: {told}", flush=True)
    for name in ("page", "JSON"):
        ratios = [ours[0] / least[0] for ours, least in zip(found[name], found["least"], strict=True)]
        print(f"{name} / least: median {statistics.median(ratios):.1f}, {min(ratios):.1f} to {max(ratios):.1f}")
    worst = max(one[0] for one in found["page"]), max(one[1] for one in found["page"])
    good = worst[0] <= AIM_SECONDS and worst[1] <= AIM_BYTES
    print(f"the page within {AIM_SECONDS:.0f} s and {AIM_BYTES / 2**30:.0f} GiB: {'yes' if good else 'no'}")
    return 0


def cost(words: list[str], home: Path) -> tuple[float, float]:
    """Seconds and bytes of a process."""
    began = time.perf_counter()
    environment = {**os.environ, "SPARKBED_HOME": str(home)}
    with (home / "out").open("wb") as out, subprocess.Popen(words, stdout=out, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"bench: {' '.join(words[:5])} ended with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024


def recorded(path: Path, blocks: int) -> int:
    """A campaign of so many blocks in a new store; the number of its trials."""
    generator = np.random.default_rng(1)
    cells = tuple(
        Cell(
            f"cell-{i:02}",
            {"layout": f"l{i:02}"},
            HostsSpec("local", {}),
            "standalone",
            {"worker_cores": i + 1},
            "w",
            {},
        )
        for i in range(CELLS)
    )
    moment = "2026-11-20T10:15:00.000+00:00"
    plan = {
        "order": "randomized",
        "seed": 1,
        "trials": blocks,
        "iterations": 3,
        "cluster": "per-block",
        "metric": "trial_seconds",
        "factors": {"layout": [cell.factors["layout"] for cell in cells]},
        "baseline": {"layout": "l00"},
        "comparisons": [[cells[0].id, other.id] for other in cells[1:]],
        "collectors": ["eventlog", "host"],
        "labels": {cell.id: cell.label for cell in cells},
    }
    name = "large-20261120-101500-ab"
    with Store(path) as store:
        store.add_campaign(Campaign(name, "large", "running", moment, "0" * 16, "0" * 12, plan, cells))
        position = 0
        for block in range(1, blocks + 1):
            for index in generator.permutation(CELLS):
                position += 1
                base = 2.0 * (1 + 0.01 * int(index)) * float(np.exp(generator.normal(0, 0.05)))
                samples = [Sample("trial_seconds", base * float(x), "s", i) for i, x in enumerate((1.02, 1, 0.99), 1)]
                samples += [Sample("submit_seconds", base + 4, "s")]
                samples += [Sample(f"packets.k{k}", float(k * 100), "packets") for k in range(11)]
                table = tasks(generator, base)
                facts: dict[str, Any] = {
                    "workload": {"iterations_began": [1.79e9] * 3},
                    "application": {"executors": EXECUTORS, "host": {"localhost": {"steal": 0.001}}},
                }
                # As a trial is recorded (sparkbed/run/trial.py).
                parts = task_parts(list(map(vars, samples)), trial_values(samples), facts, moment, table.columns)
                trial = Trial(
                    f"{name}-{position:05}", name, cells[index].id, block, block, position, "ok", moment, moment, None,
                    {**facts, KEY: parts.recorded()},
                )  # fmt: skip
                store.add_trial(trial, samples, [series(generator)], table)
        store.set_status(name, "complete", finished=moment)
    return position


def series(generator: np.random.Generator) -> Series:
    names = ["cpu.user", "cpu.system", "cpu.idle", "cpu.steal", "memory.used", "net.lo.rx_packets", "net.lo.tx_packets"]
    names += [f"more.{i}" for i in range(COLUMNS - len(names))]
    times = 1.7e9 + np.arange(POINTS) * 0.5
    return Series(
        "localhost", "proc", times, {n: generator.random(POINTS) for n in names}, dict.fromkeys(names, "share")
    )


def tasks(generator: np.random.Generator, whole: float) -> TaskTable:
    """Forty tasks of two stages on two executors, one behind the other."""
    run = generator.gamma(3, whole * 1000 * 2 / TASKS / 3, TASKS).round() + 1
    executor = np.arange(TASKS) % 2
    taken = run + 3
    launch = np.zeros(TASKS)
    for one in (0, 1):
        launch[executor == one] = np.concatenate([[0.0], np.cumsum(taken[executor == one])[:-1]])
    launch += 1.79e12
    return TaskTable(
        {
            "stage": np.arange(TASKS) // (TASKS // 2),
            "task": np.arange(TASKS),
            "executor": executor.astype(str),
            "host": np.full(TASKS, "worker-1"),
            "launch_ms": launch,
            "finish_ms": launch + taken,
            "getting_result_ms": np.zeros(TASKS),
            "failed": np.zeros(TASKS, dtype=bool),
            "killed": np.zeros(TASKS, dtype=bool),
            "deserialize_ms": np.ones(TASKS),
            "run_ms": run,
            "cpu_ns": run * 8e5,
            "result_serialization_ms": np.ones(TASKS),
            "gc_ms": np.zeros(TASKS),
            "fetch_wait_ms": np.zeros(TASKS),
            "shuffle_write_ns": np.zeros(TASKS),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
