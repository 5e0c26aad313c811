"""A campaign: one execution of a suite, from preflight to the last trial, resumable at any point.

The trial's row in the store is the only checkpoint: whatever was under way when the process died is done again.
"""

from __future__ import annotations

import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from analysis.values import trial_values
from sparkbed import collectors, platforms
from sparkbed.collectors.base import Collector, Context
from sparkbed.errors import HostError, PlatformError, ProvisionError, RunError
from sparkbed.home import Home
from sparkbed.model import Campaign, Cell, PlannedTrial, Sample
from sparkbed.platforms.base import Cluster
from sparkbed.run import node_up, provenance
from sparkbed.run.clusters import Clusters, require, stop_leftovers
from sparkbed.run.enough import Enough
from sparkbed.run.hosts import Hosts, facts_of
from sparkbed.run.left_data import LeftData
from sparkbed.run.preflight import Remark
from sparkbed.run.progress import Live
from sparkbed.run.rates import RATES, rates
from sparkbed.run.recovery import CLUSTERS
from sparkbed.run.shared import in_shared_folder
from sparkbed.run.trial import Launch, Outcome, not_run, now, put_program, run_trial, trial_id
from sparkbed.run.workspace import LocalWorkspace, RemoteWorkspace, Workspace
from sparkbed.sparks import spark_of
from sparkbed.store import Store
from sparkbed.suite import Suite, compared, schedule
from sparkbed.workloads import PlainProgram, Program, catalogue

Say = Callable[[str], None]

PER_TRIAL = "per-trial"
"""The suite's word for hosts that are made for a trial, and end with it."""


@dataclass(frozen=True)
class Bed:
    """What a campaign stands on: the state folder, the store, and the Spark that programs are built against."""

    home: Home
    store: Store
    spark_home: Path
    java_home: Path


def open_campaign(suite: Suite, bed: Bed, remarks: list[Remark], fresh: bool, say: Say) -> Campaign:
    """The campaign to run: the interrupted one of the same fingerprint, or a new one.

    Raises:
        StoreError: when another process is running it.
    """
    versions = provenance.versions(bed.java_home)
    digest, parts = provenance.fingerprint(suite.document(), versions)
    if not fresh:
        found = bed.store.resumable(suite.name, digest)
        if found is not None:
            bed.store.claim(found.id)
            bed.store.set_status(found.id, "running")
            return found
        _say_what_differs(suite, bed.store, parts, say)
    campaign = Campaign(
        id=f"{suite.name}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(1)}",
        suite=suite.name,
        status="running",
        started=now(),
        fingerprint=digest,
        git_revision=provenance.git_revision(),
        plan={
            **suite.document(),
            "comparisons": compared(suite),
            "labels": {cell.id: cell.label for cell in suite.cells},
            "papers": [one.document(suite.cells) for one in suite.repeats],
            "growth": {size: list(along) for size, along in suite.growth.items()},
        },
        cells=suite.cells,
        facts={
            "fingerprint": parts,
            "machine": provenance.machine(),
            "versions": versions,
            "preflight": [{"level": r.level, "what": r.what, "means": r.means} for r in remarks],
        },
    )
    bed.store.add_campaign(campaign)
    bed.store.add_document(campaign.id, f"suites/{suite.path.name}", suite.path.read_text(encoding="utf-8"))
    return campaign


def _say_what_differs(suite: Suite, store: Store, parts: Mapping[str, str], say: Say) -> None:
    interrupted = next((c for c in store.campaigns(suite.name) if c.status == "interrupted"), None)
    if interrupted is None:
        return
    before = interrupted.facts.get("fingerprint", {})
    differs = [name for name in parts if before.get(name) != parts[name]]
    names = {
        "suite": "the suite or its parameters",
        "code": "sparkbed's code",
        "spark": "the versions of Spark, Java or Python",
    }
    say(
        f"{interrupted.id} was interrupted, but {' and '.join(names[d] for d in differs)} changed since: starting anew."
    )


class CampaignRun:
    """Runs what is missing of a campaign."""

    def __init__(self, campaign: Campaign, suite: Suite, bed: Bed, live: Live) -> None:
        self._campaign, self._suite, self._bed, self._live = campaign, suite, bed, live
        self._enough = enough_of(suite, bed.store, campaign.id)
        self._cells = {cell.id: cell for cell in suite.cells}
        workloads = catalogue()
        self._workloads = {cell.id: workloads[cell.workload] for cell in suite.cells}
        self._parameters = {cell.id: self._workloads[cell.id].resolve(cell.parameters) for cell in suite.cells}
        self._programs: dict[str, Program] = {}
        self._placed: dict[tuple[str, str], tuple[Cluster, PurePosixPath]] = {}
        self._collectors: list[Collector] = []
        users = {cell.id for cell in suite.cells if in_shared_folder(self._parameters[cell.id])}
        makers = [cell for cell in suite.cells if cell.id in users and self._workloads[cell.id].leaves_data]
        done = {trial.cell for trial in bed.store.trials(campaign.id) if trial.status == "ok"} if makers else set()
        self._left = LeftData(makers, users, done)
        self._hosts: Hosts
        self._rates: dict[str, Any] = dict(campaign.facts.get(RATES) or {})
        self.clusters: Clusters

    @contextmanager
    def opened(self, keep: bool = False) -> Iterator[CampaignRun]:
        """Hosts up, programs built, leftovers of a killed run ended. On the way out, what was started is ended."""
        with ExitStack() as stack:
            stack.enter_context(calm_ending(self._live.say))
            for cell in self._cells.values():
                self._program(cell)
            self._collectors = [collectors.get(name) for name in self._suite.collectors]
            if self._suite.hosts != PER_TRIAL:
                stack.enter_context(self._standing(self._suite.cells, keep))
            yield self

    @contextmanager
    def _standing(self, cells: tuple[Cell, ...], keep: bool = False) -> Iterator[None]:
        """The hosts of these cells, and what hands out clusters on them."""
        with ExitStack() as stack:
            bed, suite, say = self._bed, self._suite, self._live.say
            fresh = suite.hosts == PER_TRIAL
            hosts = Hosts(bed.home, self._campaign.id, cells, suite.inventories, say, fresh)
            self._hosts = stack.enter_context(hosts)
            self._rates.update(rates(cells, hosts))
            facts = {**facts_of(hosts), RATES: self._rates}
            bed.store.set_status(self._campaign.id, "running", facts=facts)
            require(self._campaign.id, cells, hosts)
            stop_leftovers(self._campaign.id, cells, hosts)
            self.clusters = Clusters(
                hosts,
                self._campaign.id,
                suite.cluster,
                started=self._cluster_started,
                record=self._clusters_recorded,
                say=say,
            )
            self.clusters.keep = hosts.keep = keep
            stack.callback(self.clusters.close)
            yield

    def wanted(self, missing: Sequence[PlannedTrial]) -> Iterator[PlannedTrial]:
        """Of these, in their order, the ones of cells that still need trials; to be run one by one."""
        for planned in missing:
            before = len(self._enough.stopped)
            if not self._enough.stops(planned):
                yield planned
                continue
            self._live.left_out()
            if len(self._enough.stopped) > before:
                blocks, label = self._enough.stopped[planned.cell], self._cells[planned.cell].label
                self._live.say(f"{label}: its interval is tight enough after {blocks} trials")

    def trial(self, planned: PlannedTrial) -> None:
        """Run one trial and record it, however it went."""
        cell = self._cells[planned.cell]
        self._live.trial_started(planned, cell)
        if self._suite.hosts != PER_TRIAL:
            self._trial(planned, cell, now())
            return
        started, stood = now(), False
        try:
            with self._standing((cell,)):
                stood = True
                self._trial(planned, cell, started)
        except (HostError, PlatformError, ProvisionError) as error:
            if stood:  # the trial is recorded; what is left of its hosts is found by tag
                self._live.say(f"{error.what}; ./inv teardown ends what is left")
            else:
                self._record(planned, cell, not_run(self._campaign.id, planned, started, error))

    def _trial(self, planned: PlannedTrial, cell: Cell, started: str) -> None:
        try:
            cluster = self.clusters.use(cell, planned.block)
            for maker in self._left.lost(cell, cluster):
                self._make_again(maker, cluster)
            outcome = run_trial(self.launch(planned, cluster))
            if outcome.trial.status == "ok":
                self._left.made(cell, cluster)
            if self._suite.hosts == PER_TRIAL:
                outcome.samples.extend(self._node_up(cell, cluster))
        except (HostError, PlatformError, RunError) as error:
            outcome = not_run(self._campaign.id, planned, started, error)
        # Recorded before its cluster is touched: ending one whose host has died raises, and must not cost the row.
        self._record(planned, cell, outcome)
        if outcome.trial.status == "failed":
            self.clusters.replace(cell)
        else:
            self.clusters.trial_done(cell)

    def _make_again(self, maker: Cell, cluster: Cluster) -> None:
        """Make the data that a cell had left, which went with its cluster. It is no trial, and no number of it counts.

        Raises:
            RunError: when they can't be made.
        """
        self._live.say(f"{maker.label}: making its data again, which went with their cluster")
        planned = PlannedTrial(cell=maker.id, number=0, block=0, position=0)
        folder = self._bed.home.campaign(self._campaign.id) / "made-again" / maker.id
        launch = replace(self._launch(planned, cluster, folder), iterations=1, warmup=0, collectors=[])
        outcome = run_trial(launch)
        if outcome.trial.status != "ok":
            raise RunError(
                f"the data of {maker.label}, which went with their cluster, could not be made again: "
                f"{outcome.trial.error}",
                where=str(folder),
            )
        self._left.made(maker, cluster)

    def _record(self, planned: PlannedTrial, cell: Cell, outcome: Outcome) -> None:
        if outcome.trial.status == "ok":
            self._enough.measured(planned.cell, planned.number, outcome.samples)
        self._bed.store.add_trial(outcome.trial, outcome.samples, outcome.series, outcome.tasks, outcome.artifacts)
        self._tell(planned, cell, outcome)

    def _node_up(self, cell: Cell, cluster: Cluster) -> list[Sample]:
        """How long the trial's own hosts took to come up."""
        registered: dict[str, float] = {}
        if cluster.web_url:  # Spark's master or Mesos' has seen them come
            by_address = node_up.registrations(self._hosts.agent(cell.hosts, cluster.driver_host), cluster)
            view = cluster.spec.inventory
            for host in view.hosts_of("workers"):
                variables = view.variables(host)
                address = str(variables.get("spark_address") or variables.get("ansible_host") or host)
                if address in by_address:
                    registered[host] = by_address[address]
        return node_up.samples(self._hosts.machines(cell.hosts), registered)

    def launch(self, planned: PlannedTrial, cluster: Cluster) -> Launch:
        """Everything that the trial needs, in a fresh folder of its own."""
        folder = self._bed.home.campaign(self._campaign.id) / "trials" / f"{planned.position:04}"
        return self._launch(planned, cluster, folder)

    def _launch(self, planned: PlannedTrial, cluster: Cluster, folder: Path) -> Launch:
        cell, hosts = self._cells[planned.cell], self._hosts
        # What a killed run left of this very trial is no part of it.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        program = self._program(cell)
        return Launch(
            campaign=self._campaign.id,
            planned=planned,
            cell=cell,
            parameters=self._parameters[cell.id],
            platform=platforms.get(cell.platform),
            cluster=cluster,
            connections=hosts.connections(cell.hosts),
            runner=hosts.runner(cell.hosts),
            program=program,
            program_folder=self._place(program, cluster, cell, hosts),
            iterations=self._suite.iterations,
            warmup=self._suite.warmup,
            deadline=self._suite.deadline_of(cell),
            workspace=self._workspace(planned, cell, cluster, hosts, folder),
            context=Context(folder, hosts.places(cell.hosts), containers=cluster.containers),
            collectors=[one for one in self._collectors if cluster.spec.daemons or not one.needs_spark],
        )

    def _program(self, cell: Cell) -> Program:
        if cell.id not in self._programs:
            prepare = self._workloads[cell.id].prepare
            bed = self._bed
            # Before hosts are made: a version that can't be had is known at once, and nodes here find it in its place.
            spark = spark_of(bed.home, cell.settings.get("spark_version", ""))
            self._programs[cell.id] = prepare(bed.home, spark, bed.java_home, self._parameters[cell.id])
        return self._programs[cell.id]

    def _place(self, program: Program, cluster: Cluster, cell: Cell, hosts: Hosts) -> PurePosixPath | None:
        """Where the program lies on the driver's host; None for where it was built, when that is the same machine."""
        if hosts.is_here(cell.hosts, cluster.driver_host) and not isinstance(program, PlainProgram):
            return None
        key = (cluster.spec.name, program.digest)
        placed = self._placed.get(key)
        if placed is None or placed[0] is not cluster:  # started anew, it has a new folder
            placed = self._placed[key] = (cluster, put_program(cluster, program, hosts.connections(cell.hosts)))
        return placed[1]

    def _workspace(self, planned: PlannedTrial, cell: Cell, cluster: Cluster, hosts: Hosts, folder: Path) -> Workspace:
        if hosts.is_here(cell.hosts, cluster.driver_host):
            return LocalWorkspace(folder)
        remote = PurePosixPath(cluster.folder) / "trials" / trial_id(self._campaign.id, planned)
        return RemoteWorkspace(folder, remote, hosts.connections(cell.hosts), cluster.driver_host)

    def _clusters_recorded(self, clusters: list[dict[str, Any]]) -> None:
        self._bed.store.set_status(self._campaign.id, "running", facts={CLUSTERS: clusters})

    def _cluster_started(self, cluster: Cluster, rendered: Mapping[str, str]) -> None:
        self._live.say(
            f"cluster {cluster.spec.name}: {cluster.spec.workers} workers after {cluster.start_seconds:.1f} s"
        )
        for name, text in rendered.items():
            self._bed.store.add_document(self._campaign.id, f"{cluster.spec.name}/{name}", text)

    def _tell(self, planned: PlannedTrial, cell: Cell, outcome: Outcome) -> None:
        metric, values = self._suite.metric, trial_values(outcome.samples)
        submit = values.get("submit_seconds", 0.0)
        self._live.trial_done(planned, cell, outcome.trial, metric, values.get(metric), submit)


def run_campaign(campaign: Campaign, suite: Suite, bed: Bed, keep: bool) -> Campaign:
    """Run what is missing, and record how it ended: complete, incomplete (trials failed), or interrupted.

    Raises:
        KeyboardInterrupt: passed on, once everything that was started has been ended.
    """
    store = bed.store
    planned = schedule(suite)
    missing, total = store.missing(campaign.id, planned), len(planned)
    try:
        with Live(total, total - len(missing)) as live:
            live.say(
                f"campaign {campaign.id}: {len(suite.cells)} cells, {'at most ' if suite.until else ''}{total} trials"
                + _already(total - len(missing))
            )
            if missing:
                with CampaignRun(campaign, suite, bed, live).opened(keep) as run:
                    for one in run.wanted(missing):
                        run.trial(one)
    except BaseException:
        store.set_status(campaign.id, "interrupted")
        store.release(campaign.id)
        raise
    failed = [trial for trial in store.trials(campaign.id) if trial.status != "ok"]
    store.set_status(campaign.id, "incomplete" if failed else "complete", finished=now())
    store.release(campaign.id)
    return store.campaign(campaign.id)


def enough_of(suite: Suite, store: Store, campaign: str) -> Enough:
    """What says which trials are still wanted, told of all that were recorded before."""
    enough = Enough(suite)
    if suite.until is not None:
        samples = store.samples(campaign)
        for trial in store.trials(campaign):
            if trial.status == "ok":
                enough.measured(trial.cell, trial.number, samples.get(trial.id, ()))
    return enough


def _already(done: int) -> str:
    return f", {done} of them done already" if done else ""


@contextmanager
def calm_ending(say: Say) -> Iterator[None]:
    """An interrupt ends the campaign once; a second one must not cut its clearing up short."""
    previous = signal.getsignal(signal.SIGINT)

    def first(_signal: int, _frame: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("interrupted: ending what was started; run it again to go on")
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, first)
    signal.signal(signal.SIGTERM, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def seconds_of(store: Store, suite: Suite) -> float | None:
    """Seconds that one trial of these cells took, by the last campaigns of the suite; None when there is none."""
    cells = {cell.id for cell in suite.cells}
    spans = [
        (datetime.fromisoformat(trial.finished) - datetime.fromisoformat(trial.started)).total_seconds()
        for campaign in store.campaigns(suite.name)[:3]
        for trial in store.trials(campaign.id)
        if trial.status == "ok" and trial.cell in cells
    ]
    return sorted(spans)[len(spans) // 2] if spans else None
