"""`inv plan` and `inv run-suite`."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

from analysis.words import count
from sparkbed import platforms, workloads
from sparkbed.assembly import SuiteChoice, checked_suite, open_bed, open_store
from sparkbed.errors import RunError
from sparkbed.home import Home
from sparkbed.inventory import logins
from sparkbed.platforms.settings import memory_bytes
from sparkbed.replacing import write_whole
from sparkbed.run.campaign import open_campaign, run_campaign, seconds_of
from sparkbed.run.deciding import too_few_trials
from sparkbed.run.preflight import preflight, require
from sparkbed.run.progress import duration
from sparkbed.run.recovery import clear_up
from sparkbed.suite import Suite, cluster_settings, schedule
from sparkbed.table import table
from sparkbed.verbs.against import Baseline

GUESS = 10.0
"""Seconds for a trial of a suite that has never run here: starting an application takes most of it."""


def plan(choice: SuiteChoice) -> None:
    """Print cells, order and a rough time."""
    suite = checked_suite(choice)
    print(f"{suite.name}: {suite.question}")
    for one in suite.repeats:
        print(f"Paper {one.words()}")
    print()
    counts = Counter(planned.cell for planned in schedule(suite))
    most = "at most " if suite.until else ""
    rows = []
    for cell in suite.cells:
        hosts = len(suite.inventory(cell).hosts)
        rows.append([cell.id, cell.label, cell.platform, cell.workload, str(hosts), f"{most}{counts[cell.id]}"])
    table(["cell", "factors", "platform", "workload", "hosts", "trials"], rows)
    order = [[str(p.position), str(p.block), suite.cell(p.cell).label, str(p.number)] for p in schedule(suite)]
    print()
    table(["position", "block", "cell", "trial"], order)
    with open_store(Home()) as store:
        measured = seconds_of(store, suite)
    seconds = (measured or GUESS) * len(order)
    basis = "by the last campaigns here" if measured else f"guessing {GUESS:.0f} s a trial"
    print(f"\n{most}{len(order)} trials, {suite.order} (seed {suite.seed}), cluster {suite.cluster}:")
    print(f"roughly {most}{duration(seconds)} ({basis}).")
    few = too_few_trials(suite)
    if few:
        print(f"warning: {few}")
    print(f"Run it: ./inv run-suite {choice.words()}")


@dataclass(frozen=True)
class RunOptions:
    """The flags of `inv run-suite` that say how; empty means without."""

    fresh: bool = False
    keep_cluster: bool = False
    against: str = ""
    margin: str = "5%"
    tag: str = ""


def run_suite(choice: SuiteChoice, options: RunOptions) -> None:
    """Run it, and end with the table and the report.

    Raises:
        RunError: when a trial failed, or there is a regression; the rest was run and is reported all the same.
    """
    from analysis import report

    suite = checked_suite(choice)
    home = Home()
    baseline = Baseline.of(home, suite, options.against, options.margin) if options.against else None
    bed = open_bed(home)
    with bed.store:
        clear_up(home, bed.store, print)
        remarks = preflight(home.folder(), memory_wanted(suite))
        for remark in remarks:
            if remark.level != "ok":
                print(f"{remark.level}: {remark.what}\n  {remark.means}")
        require(remarks)
        for warning in warnings(suite):
            print(f"warning: {warning}")
        campaign = open_campaign(suite, bed, remarks, options.fresh, print)
        if options.tag:
            bed.store.set_status(campaign.id, "running", facts={"tag": options.tag})
        campaign = run_campaign(campaign, suite, bed, options.keep_cluster)
        print()
        found = report.build(bed.store, campaign.id)
        report.closing_table(found)
        page = home.campaign(campaign.id) / "report.html"
        write_whole(page, report.as_html(found, report.figures(bed.store, found), bed.store.documents(campaign.id)))
        failed = [trial for trial in bed.store.trials(campaign.id) if trial.status != "ok"]
        regressions = baseline.told(report.measured(bed.store, campaign.id)) if baseline else []
    print(f"\nReport: {page}")
    sys.stdout.flush()  # what was done stands before what went wrong, also where both go to one file
    if failed:
        raise RunError(
            f"{len(failed)} trial{'s' if len(failed) > 1 else ''} failed; the first: {failed[0].error}",
            hint=f"See what it wrote: ./inv logs {failed[0].id}",
        )
    if baseline and regressions:
        raise RunError(
            f"{count(len(regressions), 'regression')} against {baseline.name}: {'; '.join(regressions)}",
            hint=f"Both side by side: ./inv compare {options.against} {campaign.id}",
        )


def memory_wanted(suite: Suite) -> int:
    """Bytes that the largest cell may take: daemons, driver, and an executor a slot. An upper bound."""
    return max(_memory(suite, cell.id) for cell in suite.cells)


def _memory(suite: Suite, cell_id: str) -> int:
    cell = suite.cell(cell_id)
    settings = platforms.get(cell.platform).resolve(cluster_settings(cell))
    hosts = suite.inventory(cell)
    here = logins(hosts)  # the others are elsewhere for certain
    workers = sum(host in here for host in hosts.hosts_of("workers"))
    cores = int(settings["executor_cores"])
    executors = workers * (int(settings.get("worker_cores", cores)) // cores)
    daemon = 250 * 2**20
    each = memory_bytes(str(settings["executor_memory"])) + 300 * 2**20
    return (workers + 1) * daemon + executors * each + memory_bytes(str(settings["driver_memory"])) + daemon


def warnings(suite: Suite) -> list[str]:
    """What the suite can't show, and what its workloads say of their parameters."""
    catalogue = workloads.catalogue()
    found = [
        w
        for cell in suite.cells
        for w in catalogue[cell.workload].warnings(catalogue[cell.workload].resolve(cell.parameters))
    ]
    few = too_few_trials(suite)
    return [*([few] if few else []), *dict.fromkeys(found)]
