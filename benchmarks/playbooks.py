"""The same play on the same hosts by our engine and by its peers, interleaved in one run.

    ./inv bench playbooks --rounds 5 -- --hosts 10 --engines ours,pyinfra --docs

benchmarks/README.md says what is measured and how.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from accounting import Cost, RunFailed, adopt_orphans, end_orphans, measured
from engines import NAMES, Engine, engines
from sshd import Hosts, hosts

from sparkbed.home import ROOT, Home

RUNS = ("first run", "second run")
DOCS = ROOT / "docs" / "playbooks.md"

Costs = dict[str, list[tuple[Cost, Cost]]]
"""By engine: a round's first and second run."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each engine runs (default: 5)")
    parser.add_argument("--hosts", type=int, default=10, help="how many SSH servers (default: 10)")
    parser.add_argument("--engines", default=",".join(NAMES), help=f"which of {','.join(NAMES)} (default: all)")
    parser.add_argument("--forks", type=int, default=10, help="Ansible's forks (default: 10)")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/playbooks.md")
    options = parser.parse_args()
    names = [name for name in options.engines.split(",") if name]
    unknown = set(names) - set(NAMES)
    if unknown or not names or len(set(names)) < len(names):
        parser.error(f"--engines takes some of {','.join(NAMES)}, each once")
    if min(options.rounds, options.hosts, options.forks) < 1:
        parser.error("--rounds, --hosts and --forks are whole numbers from 1 on")
    adopt_orphans()
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder:
        # What hosts have; elsewhere the interpreter behind our venv.
        python = system if Path(system := "/usr/bin/python3").exists() else str(Path(sys.executable).resolve())
        with hosts(Path(folder).resolve(), options.hosts, python) as up:
            chosen = engines(names, up, Home(), options.forks)
            try:
                costs = rounds(chosen, up, options.rounds)
            except RunFailed as failure:
                print(f"bench: {failure}", file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                print("bench: interrupted", file=sys.stderr)
                return 1
            finally:
                end_orphans(up.pids)
    report = "\n\n".join([how(up, options.rounds, costs), *tables(chosen, costs)])
    print(f"\n{report}")
    if options.docs:
        paste(report, f"bench playbooks, {options.hosts} hosts")
    return 0


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


# -- running -----------------------------------------------------------------------------------------------------------


def rounds(chosen: Sequence[Engine], up: Hosts, number: int) -> Costs:
    """Each round runs every engine twice from empty trees; the order moves on by one each round.

    Raises:
        RunFailed: when a command fails, or two engines end in different states.
    """
    costs: Costs = {engine.name: [] for engine in chosen}
    # What Python compiles and the disk's cache learns at first use is nobody's cost.
    for engine in chosen:
        print(f"warming up: {engine.title}", flush=True)
        run(engine, up)
    first: tuple[str, str] | None = None
    for index in range(number):
        turn = index % len(chosen)
        for engine in [*chosen[turn:], *chosen[:turn]]:
            up.wipe()
            pair = []
            for which in RUNS:
                pair.append(run(engine, up))
                state = up.state()
                first = first or (f"{engine.title}, {which}", state)
                if state != first[1]:
                    raise RunFailed(f"{engine.title}, {which} ended in another state than {first[0]}")
            costs[engine.name].append((pair[0], pair[1]))
            tell(index + 1, engine, pair, up.litter())
    return costs


def tell(number: int, engine: Engine, pair: Sequence[Cost], litter: Sequence[str]) -> None:
    """One round of one engine, as it ends."""
    print(f"round {number}: {engine.title}; left in HOME: {', '.join(litter) or 'nothing'}")
    for which, cost in zip(RUNS, pair, strict=True):
        cpu = f"CPU {cost.controller:.2f} + {cost.hosts:.2f} s"
        print(f"  {which}: {cost.wall:.2f} s, {cpu}; other processes: {cost.foreign:.2f} cores", flush=True)


def run(engine: Engine, up: Hosts) -> Cost:
    return measured(engine.command, up.pids, up.folder / f"{engine.name}.log", {**os.environ, **engine.environment})


# -- telling -----------------------------------------------------------------------------------------------------------


def how(up: Hosts, number: int, costs: Costs) -> str:
    """What was measured, where and when, in a sentence or two."""
    load = [cost.foreign for pairs in costs.values() for pair in pairs for cost in pair]
    return (
        f"{len(up.all)} hosts, {number} interleaved {'rounds' if number > 1 else 'round'}, {datetime.date.today()}: "
        f"{os.cpu_count()} cores ({cpu_model()}) shared by controller and hosts, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release().split('-')[0]}. Other processes used "
        f"{statistics.median(load):.2f} cores meanwhile (median of the runs; {min(load):.2f} to {max(load):.2f})."
    )


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def tables(chosen: Sequence[Engine], costs: Costs) -> list[str]:
    """The costs, and how many times ours each peer's is, in Markdown."""
    rows = []
    for engine in chosen:
        cells = [engine.title]
        for which in range(2):
            runs = [pair[which] for pair in costs[engine.name]]
            cells += [spread([cost.wall for cost in runs], "{:.2f}"), parts(runs)]
        rows.append(cells)
    header = ["", *(f"{which}{what}" for which in RUNS for what in (", s", ", CPU s: controller + hosts"))]
    result = [markdown(header, rows)]
    if "ours" in costs and len(costs) > 1:
        peers = [engine for engine in chosen if engine.name != "ours"]
        result.append(markdown(["times ours", *_RATIOS], [ratios(engine, costs) for engine in peers]))
    return result


_RATIOS = [f"{which}, {what}" for what in ("wall", "CPU") for which in RUNS]


def ratios(engine: Engine, costs: Costs) -> list[str]:
    """The peer's median over ours, and the range of the rounds' own ratios."""
    cells = [engine.title]
    for of in (attrgetter("wall"), attrgetter("cpu")):
        for which in range(2):
            theirs = [of(pair[which]) for pair in costs[engine.name]]
            ours = [of(pair[which]) for pair in costs["ours"]]
            each = [a / b for a, b in zip(theirs, ours, strict=True)]
            middle = statistics.median(theirs) / statistics.median(ours)
            cells.append(f"**{middle:.1f}** ({min(each):.1f} to {max(each):.1f})")
    return cells


def spread(values: Sequence[float], form: str) -> str:
    shown = [form.format(value) for value in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def parts(runs: Sequence[Cost]) -> str:
    controller, remote = (statistics.median(map(attrgetter(part), runs)) for part in ("controller", "hosts"))
    return f"{controller:.2f} + {remote:.2f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paste(report: str, name: str) -> None:
    """Put the report between the two marks of that name in docs/playbooks.md."""
    text = DOCS.read_text(encoding="utf-8")
    begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"bench: {DOCS} has no place for this: {begin.strip()} and {end}")
    DOCS.write_text(f"{before}{begin}{report}\n{end}{after}", encoding="utf-8")
    print(f"\nWritten to {DOCS}.")


if __name__ == "__main__":
    sys.exit(main())
