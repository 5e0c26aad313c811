"""What the harness adds: run-suite against a plain shell script with the same spark-submit calls, and against starting
the same daemons by hand.

    ./inv bench harness --rounds 5

Two comparisons, each interleaved within one run, so that a machine that drifts slows both sides alike:

1. The submits of the suite quick, once each, on clusters that are up: by the campaign's own loop (collectors, event
   log, database) and by a shell script that only calls spark-submit. Reported: script / ours, the share of our time
   that the submits themselves take.
2. From nothing to a cluster that has its workers: provisioning and cluster start by ours, and the same daemons started
   by hand. Reported: ours - by hand, in seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from analysis import stats
from sparkbed.assembly import SuiteChoice, checked_suite, open_bed
from sparkbed.home import Home
from sparkbed.model import PlannedTrial
from sparkbed.run.campaign import Bed, CampaignRun, open_campaign
from sparkbed.run.progress import Live
from sparkbed.run.trial import command
from sparkbed.suite import Suite, schedule

DEADLINE = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--suite", default="quick")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder:
        home = Home(Path(folder))
        suite = replace(checked_suite(SuiteChoice(options.suite)), cluster="shared")
        bed = open_bed(home)
        with bed.store:
            submits(suite, bed, options.rounds)
            starts(suite, bed, options.rounds)
    return 0


# -- the submits -------------------------------------------------------------------------------------------------------


def submits(suite: Suite, bed: Bed, rounds: int) -> None:
    """Time one block of the suite by ours and by a script, in turns."""
    block = [planned for planned in schedule(suite) if planned.block == 1]
    campaign = open_campaign(suite, bed, [], True, print)
    ours, script = [], []
    with Live(len(block) * rounds, 0) as live, CampaignRun(campaign, suite, bed, live).opened() as run:
        for cell in suite.cells:
            run.clusters.use(cell, 1)
        for number in range(rounds + 1):
            trials = [moved(planned, number, len(block)) for planned in block]
            pair = {}
            for side in ("ours", "script") if number % 2 else ("script", "ours"):
                began = time.perf_counter()
                if side == "ours":
                    for planned in trials:
                        run.trial(planned)
                else:
                    by_script(run, suite, trials, Path(bed.home.folder("script")))
                pair[side] = time.perf_counter() - began
            if number:  # the first round warms the disk's cache
                ours.append(pair["ours"])
                script.append(pair["script"])
                print(f"round {number}: ours {pair['ours']:.1f} s, script {pair['script']:.1f} s")
    ratios = [b / a for a, b in zip(ours, script, strict=True)]
    tell(f"script / ours, {len(block)} submits a round", ratios, "{:.3f}", "at least 0.9 is the aim")


def moved(planned: PlannedTrial, round_number: int, size: int) -> PlannedTrial:
    """The planned trial under a number of its own for each round."""
    return replace(planned, number=round_number + 1, position=round_number * size + planned.position)


def by_script(run: CampaignRun, suite: Suite, trials: Sequence[PlannedTrial], folder: Path) -> None:
    """The same command lines, in a shell script that does nothing else."""
    lines = ["set -e"]
    for planned in trials:
        launch = run.launch(planned, run.clusters.use(suite.cell(planned.cell), 1))
        (launch.context.folder / "event-log").mkdir()
        environment = " ".join(
            f"{name}={shlex.quote(value)}" for name, value in launch.platform.submit_environment(launch.cluster).items()
        )
        lines.append(f"cd {shlex.quote(str(launch.context.folder))}")
        lines.append(f"env {environment} {shlex.join(command(launch))} >driver.out 2>driver.log")
    path = folder / "submits.sh"
    path.write_text("\n".join(lines) + "\n")
    subprocess.run(["sh", str(path)], check=True)


# -- the starts --------------------------------------------------------------------------------------------------------


def starts(suite: Suite, bed: Bed, rounds: int) -> None:
    """Time from nothing to a ready cluster by ours and by hand, in turns."""
    cell = max(suite.cells, key=lambda one: one.hosts.count.get("workers", 0))
    alone = replace(suite, cells=(cell,))
    ours, hand = [], []
    for number in range(rounds + 1):
        pair = {}
        for side in ("ours", "hand") if number % 2 else ("hand", "ours"):
            if side == "ours":
                campaign = open_campaign(alone, bed, [], True, print)
                with Live(1, 0) as live:
                    began = time.perf_counter()
                    with CampaignRun(campaign, alone, bed, live).opened() as run:
                        run.clusters.use(cell, 1)
                        pair[side] = time.perf_counter() - began
            else:
                began = time.perf_counter()
                with by_hand(bed, cell.hosts.count["workers"], int(cell.settings.get("worker_cores", 1))):
                    pair[side] = time.perf_counter() - began
        if number:
            ours.append(pair["ours"])
            hand.append(pair["hand"])
            print(f"round {number}: ours {pair['ours']:.1f} s, by hand {pair['hand']:.1f} s")
    extra = [a - b for a, b in zip(ours, hand, strict=True)]
    tell("provisioning and cluster start, ours - by hand", extra, "{:+.1f} s", "at most 10 s more is the aim")


@contextlib.contextmanager
def by_hand(bed: Bed, workers: int, cores: int) -> Iterator[None]:
    """A master and workers by spark-class on loopback, ready when the master lists every worker."""
    port, web = free_port(), free_port()
    environment = {
        **os.environ,
        "JAVA_HOME": str(bed.java_home),
        "SPARK_HOME": str(bed.spark_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "512m",
    }
    spark_class = str(bed.spark_home / "bin" / "spark-class")
    deploy = "org.apache.spark.deploy"
    commands = [[spark_class, f"{deploy}.master.Master", *f"--host 127.0.0.1 --port {port} --webui-port {web}".split()]]
    for _ in range(workers):
        options = f"--host 127.0.0.1 --webui-port 0 -c {cores} -m 1g".split()
        commands.append([spark_class, f"{deploy}.worker.Worker", *options, f"spark://127.0.0.1:{port}"])
    with tempfile.TemporaryDirectory() as folder:
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for one in commands:
                quiet = subprocess.DEVNULL
                processes.append(subprocess.Popen(one, env=environment, cwd=folder, stdout=quiet, stderr=quiet))
                if len(processes) == 1:
                    wait_until(lambda: alive_workers(web) is not None, processes)
            wait_until(lambda: alive_workers(web) == workers, processes)
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)


def wait_until(done: object, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + DEADLINE
    assert callable(done)
    while not done():
        if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
            raise SystemExit("bench: the cluster started by hand did not come up")
        time.sleep(0.1)


def alive_workers(web: int) -> int | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/json/", timeout=5) as answer:
            state = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return sum(1 for worker in state["workers"] if worker["state"] == "ALIVE")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tell(what: str, values: Sequence[float], form: str, aim: str) -> None:
    around = stats.median_interval(values)
    show = form.format
    known = around.low is not None and around.high is not None
    interval = f"95 % interval {show(around.low)} to {show(around.high)} ({around.method}), " if known else ""
    print(
        f"{what}: median {show(statistics.median(values))}, {interval}"
        f"range {show(min(values))} to {show(max(values))}, {len(values)} rounds ({aim})"
    )


if __name__ == "__main__":
    sys.exit(main())
