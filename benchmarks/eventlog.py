"""Our reading of an event log, against Spark's own History Server loading the same one.

    ./inv bench eventlog --rounds 5
    ./inv bench eventlog -- --tasks 100000
    ./inv bench eventlog --rounds 3 -- --tasks 2000 --megabytes 1000

Spark runs a query with so many tasks here and writes its log. With --megabytes the log is made that large by further
tasks: each start and end of a task is written again, as of a new task, as often as it takes. A round has both sides in
turns. Ours: a new process that reads the log and prints the report (`inv report --event-log FILE --format json`, all of
Python's start included). The server: one that is up and knows the application (its JVM's start and its look through the
folder are not counted), from the request of the application's stages to the answer, for which it reads the log whole;
the server is started anew for each round, because it keeps what it has read. Memory is the largest resident size of
each process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import psutil

from sparkbed.collectors.eventlog import spark_properties
from sparkbed.java import find_java

DEADLINE = 120.0
START, END = (b'{"Event":"SparkListenerTask%s"' % kind for kind in (b"Start", b"End"))
NAMED = b'"Task ID":'
TASK = re.compile(NAMED + rb"(\d+)")
PROGRAM = """
import json, sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
for name, value in json.loads(sys.argv[2]).items():
    builder = builder.config(name, value)
session = builder.getOrCreate()
tasks = int(sys.argv[1])
session.range(0, tasks * 10, 1, tasks).selectExpr("id", "id % 100 as k").groupBy("k").count().collect()
session.stop()
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks in the log, some 4 KB each")
    parser.add_argument("--megabytes", type=int, default=0, help="make the log this large")
    options = parser.parse_args()
    if options.rounds < 1 or options.tasks < 1 or options.megabytes < 0:
        parser.error("--rounds and --tasks must be 1 or more, --megabytes 0 or more")
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder:
        log = written(Path(folder), options.tasks)
        more = grown(log, options.megabytes * 10**6)
        size = log.stat().st_size / 1e6
        print(f"log: {size:.0f} MB, {options.tasks + more:,} tasks and more", flush=True)
        ours, theirs = [], []
        for number in range(options.rounds):
            for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                if side == "ours":
                    ours.append(by_ours(log))
                else:
                    theirs.append(by_history_server(log, Path(folder) / f"server-{number}"))
            print(f"round {number + 1}: ours {shown(ours[-1])}, History Server {shown(theirs[-1])}", flush=True)
    ratios = [server[0] / mine[0] for mine, server in zip(ours, theirs, strict=True)]
    print(
        f"History Server / ours: median {statistics.median(ratios):.1f}, {min(ratios):.1f} to {max(ratios):.1f} "
        f"({options.rounds} rounds); ours {size / statistics.median(seconds for seconds, _ in ours):.0f} MB/s"
    )
    return 0


def shown(side: tuple[float, float]) -> str:
    return f"{side[0]:.2f} s, {side[1] / 2**20:.0f} MiB"


def written(folder: Path, tasks: int) -> Path:
    """The event log of a query with so many tasks, that Spark runs now."""
    (folder / "logs").mkdir()
    quiet = {"spark.ui.showConsoleProgress": "false", "spark.driver.host": "127.0.0.1"}
    properties = json.dumps({**spark_properties(folder / "logs"), **quiet})
    subprocess.run([sys.executable, "-c", PROGRAM, str(tasks), properties], check=True, cwd=folder, timeout=3600)
    [log] = [file for file in (folder / "logs").iterdir() if not file.name.startswith(".")]
    return log


def grown(log: Path, size: int) -> int:
    """Writes the tasks of the log again until it has `size` bytes, and how many that gave."""
    lines = log.read_bytes().splitlines(keepends=True)
    starts = {_task(line): line for line in lines if line.startswith(START)}
    ends = {_task(line): line for line in lines if line.startswith(END)}
    pair = sum(map(len, (*starts.values(), *ends.values())))
    copies = max(0, math.ceil((size - sum(map(len, lines))) / pair))
    if not copies:
        return 0
    numbers = itertools.count(max(ends) + 1)
    with log.open("wb") as file:
        for line in lines:
            file.write(line)
            if line.startswith(END):
                for number in itertools.islice(numbers, copies):
                    for event in (starts[_task(line)], line):
                        file.write(TASK.sub(b"%s%d" % (NAMED, number), event, count=1))
    return copies * len(ends)


def _task(line: bytes) -> int:
    found = TASK.search(line)
    assert found is not None
    return int(found[1])


def by_ours(log: Path) -> tuple[float, float]:
    """Seconds and bytes of a process of ours that reads the log and prints the report."""
    words = [sys.executable, "-m", "sparkbed", "report", "--event-log", str(log), "--format", "json"]
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"bench: our report ended with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024


def by_history_server(log: Path, folder: Path) -> tuple[float, float]:
    """Seconds from the request of the stages to the answer, and the largest resident size seen after it."""
    folder.mkdir()
    (folder / "logs").mkdir()
    os.link(log, folder / "logs" / log.name)
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    words = [
        *(str(find_java() / "bin" / "java"), "-Xmx4g", "-cp", f"{spec.submodule_search_locations[0]}/jars/*"),
        f"-Dspark.history.fs.logDirectory={(folder / 'logs').as_uri()}",
        *("-Dspark.history.ui.port=0", "org.apache.spark.deploy.history.HistoryServer"),
    ]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    with (folder / "out").open("wb") as out:
        server = subprocess.Popen(words, stdout=out, stderr=out, env=environment, cwd=folder)
    try:
        base = f"{address_of(server, folder / 'out')}/api/v1/applications"
        application = known(base)
        began = time.perf_counter()
        with urllib.request.urlopen(f"{base}/{application}/stages", timeout=3600) as answer:  # noqa: S310  # http
            if not json.load(answer):
                raise SystemExit("bench: the History Server knows no stage")
        return time.perf_counter() - began, float(psutil.Process(server.pid).memory_info().rss)
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder)


def address_of(server: subprocess.Popen[bytes], out: Path) -> str:
    """Where the server answers, once it says so."""
    deadline = time.monotonic() + DEADLINE
    while True:
        said = out.read_text(errors="replace")
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: the History Server did not start:\n{said[-3000:]}")
        started = re.search(r"started at http://\S+:(\d+)\b", said)
        if started:
            return f"http://127.0.0.1:{started[1]}"
        time.sleep(0.1)


def known(base: str) -> str:
    """The application's id, once the server has looked through its folder."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(base, timeout=60) as answer:  # noqa: S310  # http
                found = json.load(answer)
        except urllib.error.URLError:
            found = []
        if found:
            return str(found[0]["id"])
        time.sleep(0.2)
    raise SystemExit("bench: the History Server finds no application")


if __name__ == "__main__":
    sys.exit(main())
