"""The workload exchange against what the machine can do: memcpy with the same read, and TCP from senders in C.

    ./inv bench ipc --rounds 7
    ./inv bench ipc -- --ways posix-shm,tcp --sizes 67108864 --docs

Every round launches every way at every size once, in an order of its own, on this machine without containers. A launch
has four exchanges, of which the first is not kept; beside each, in the same two processes and in turns, both references
(workloads/ipc/exchange_reference.py). Where iperf3 is installed, a round has it too, with the same number of bytes and
its own defaults. A launch counts as one number, the median of its kept iterations; what is printed are medians over
the rounds, with the smallest and the largest round in brackets.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparkbed.home import ROOT, Home
from sparkbed.workloads import PlainProgram, Side, catalogue, read_samples

SIZES = (1 << 26, 1 << 28, 1 << 29)
ITERATIONS, WARMUP = 4, 1
METRICS = ("trial_seconds", "memcpy_read_seconds", "stream_seconds", "of_memcpy_read", "of_stream")
PAGE = ROOT / "docs" / "ipc.md"
MARKS = ("<!-- measured by ./inv bench ipc -->", "<!-- end of what was measured -->")

Launched = Mapping[str, float]


def main() -> int:
    workload = catalogue()["exchange"]
    ways = workload.parameters["way"].choices
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ways", default=",".join(ways), help="ways, by commas (default: all)")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="bytes, by commas")
    parser.add_argument(
        "--docs", action="store_true", help=f"put the tables of these sizes into {PAGE.relative_to(ROOT)}"
    )
    options = parser.parse_args()
    chosen, sizes = options.ways.split(","), [int(size) for size in options.sizes.split(",")]
    if options.rounds < 1 or not set(chosen) <= set(ways):
        parser.error(f"--rounds must be 1 or more, and --ways some of {', '.join(ways)}")
    found: dict[tuple[str, int], list[Launched]] = {(way, size): [] for way in chosen for size in sizes}
    iperf: dict[int, list[float]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder:
        program = placed(Path(folder))
        for number in range(1, options.rounds + 1):
            order: list[tuple[str, int]] = [*found, *((("iperf3", size)) for size in sizes if shutil.which("iperf3"))]
            random.Random(number).shuffle(order)  # noqa: S311 - an order that others can repeat
            for way, size in order:
                if way == "iperf3":
                    iperf[size].append(iperf3(size))
                else:
                    found[way, size].append(launched(program, Path(folder), way, size))
            print(f"round {number} of {options.rounds}", flush=True)
    tables = {size: table(size, {way: found[way, size] for way in chosen}, iperf[size]) for size in sizes}
    print("\n".join(line for lines in tables.values() for line in lines))
    if options.docs:
        write(tables)
    return 0


def placed(folder: Path) -> PlainProgram:
    """The program with both sides on this machine, in `folder`."""
    program = catalogue()["exchange"].prepare(Home(folder), ROOT, ROOT)
    assert isinstance(program, PlainProgram)
    for file in program.files:
        shutil.copy(file, folder)
    side = Side((sys.executable,), "127.0.0.1")
    return program.placed(str(folder), [side, side])


def launched(program: PlainProgram, folder: Path, way: str, size: int) -> Launched:
    """One launch: each metric's median over the kept iterations."""
    samples = folder / "samples.jsonl"
    parameters = catalogue()["exchange"].resolve({"way": way, "size": size, "inter-trial-wait": 0})
    command = [sys.executable, *program.arguments(parameters, samples, ITERATIONS, 0, folder=folder)]
    subprocess.run(command, check=True)
    reading = read_samples(samples.read_text().splitlines(), WARMUP)
    return {
        metric: statistics.median(s.value for s in reading.samples if s.metric == metric and s.kept)
        for metric in METRICS
    }


def iperf3(size: int) -> float:
    """Seconds that iperf3 takes for `size` bytes over loopback, as its receiver counts them."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with subprocess.Popen(
        ["iperf3", "-s", "-1", "--forceflush", "-B", "127.0.0.1", "-p", port], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        while line and b"listening" not in line:
            line = server.stdout.readline()
        client = ["iperf3", "-c", "127.0.0.1", "-p", port, "-n", str(size), "--json"]
        done = subprocess.run(client, check=True, capture_output=True)
        server.communicate()
    received = json.loads(done.stdout)["end"]["sum_received"]
    return float(size / (received["bits_per_second"] / 8))


def table(size: int, ways: Mapping[str, Sequence[Launched]], iperf: Sequence[float]) -> list[str]:
    """One size's table, fastest way first."""
    every = [one for launches in ways.values() for one in launches]
    fastest = sorted(ways, key=lambda way: statistics.median(one["trial_seconds"] for one in ways[way]))
    against = " | speed / iperf3's" if iperf else ""
    lines = [
        f"### {size >> 20} MiB, {len(ways[fastest[0]])} rounds",
        "",
        f"| way | GB/s | speed / memcpy and read | speed / stream{against} |",
        "|---|---|---|---|" + ("---|" if iperf else ""),
    ]
    for way in fastest:
        launches = ways[way]
        cells = [
            spread([size / one["trial_seconds"] / 1e9 for one in launches]),
            spread([one["of_memcpy_read"] for one in launches]),
            spread([one["of_stream"] for one in launches]),
        ]
        if iperf:
            pairs = zip(iperf, launches, strict=True)
            cells.append(spread([seconds / one["trial_seconds"] for seconds, one in pairs]))
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    references = [
        ("memcpy and read", [size / one["memcpy_read_seconds"] / 1e9 for one in every]),
        ("stream", [size / one["stream_seconds"] / 1e9 for one in every]),
        ("iperf3", [size / seconds / 1e9 for seconds in iperf]),
    ]
    told = "; ".join(f"{name} {spread(values)} GB/s" for name, values in references if values)
    return [*lines, "", f"References: {told}.", ""]


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def write(tables: Mapping[int, Sequence[str]]) -> None:
    """Put each size's table between the page's marks, in place of an earlier one of that size; others stay."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    measured, _, after = rest.partition(MARKS[1])
    there = {int(one.split()[0]): one.rstrip() for one in measured.split("### ")[1:]}
    there |= {size >> 20: "\n".join(lines).removeprefix("### ").rstrip() for size, lines in tables.items()}
    sections = "".join(f"### {there[size]}\n\n" for size in sorted(there))
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{sections}{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
