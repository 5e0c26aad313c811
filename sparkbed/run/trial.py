"""One trial: a workload's application launched on a cluster, watched, and read.

The driver runs on the cluster's driver host. What it wrote is brought to the trial's folder first; the trial's row in
the store comes last.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

from analysis.parts import KEY, task_parts
from analysis.values import trial_values
from sparkbed.collectors.base import Collected, Collector, Context
from sparkbed.errors import HostError, RunError, SparkbedError
from sparkbed.model import Cell, PlannedTrial, Sample, Series, TaskTable, Trial
from sparkbed.platforms.base import Cluster, Platform
from sparkbed.playbook import Runner
from sparkbed.remote import Connections, Finished
from sparkbed.run import jvms, pinned
from sparkbed.run.numbers_file import NumbersFile
from sparkbed.run.shared import located, shared_folder
from sparkbed.run.workspace import Workspace
from sparkbed.workloads import PlainProgram, Program, Side, catalogue, extract_numbers, read_samples

_LOGGED = re.compile(r"\d\d/\d\d/\d\d [\d:.]+ (INFO|DEBUG) ")
"""A line of Spark's log that is no complaint (templates/spark/log4j2.properties.j2)."""

_ENDING = "SparkContext: Invoking stop() from shutdown hook"
"""Spark logs this when the program is over: what fails after it comes of the end, and did not bring it about."""

STDOUT, STDERR, SAMPLES, EXECUTORS = "driver.out", "driver.log", "samples.jsonl", "executors"


@dataclass(frozen=True)
class Launch:
    """Everything that a trial needs to know of its surroundings. `parameters` are resolved ones."""

    campaign: str
    planned: PlannedTrial
    cell: Cell
    parameters: Mapping[str, Any]
    platform: Platform
    cluster: Cluster
    connections: Connections
    runner: Runner
    program: Program
    program_folder: PurePosixPath | None
    iterations: int
    warmup: int
    deadline: float
    workspace: Workspace
    context: Context
    collectors: Sequence[Collector]

    @property
    def id(self) -> str:
        return trial_id(self.campaign, self.planned)


@dataclass
class Outcome:
    """A trial as it goes into the store."""

    trial: Trial
    samples: list[Sample] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    tasks: TaskTable | None = None
    artifacts: dict[str, Path] = field(default_factory=dict)


def trial_id(campaign: str, planned: PlannedTrial) -> str:
    return f"{campaign}-{planned.position:04}"


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def run_trial(launch: Launch) -> Outcome:
    """Launch the application, wait for its end, and gather what it left.

    A program that fails, hangs past the deadline or writes rubbish gives a failed trial, not an exception. What is
    raised (HostError, an interrupt) means that the trial did not take place.
    """
    launch.workspace.make()
    numbers_file = _numbers_file(launch)
    with watched(launch.collectors, launch.context) as collected:
        started = now()
        finished = _submit(launch)
        ended = now()
        launch.workspace.bring_back()
    return _outcome(launch, finished, collected, started, ended, numbers_file)


@contextmanager
def watched(collectors: Sequence[Collector], context: Context) -> Iterator[list[Collected]]:
    """While the collectors run; afterwards the list holds what they gathered. What was started is stopped, always."""
    collected: list[Collected] = []
    with ExitStack() as stack:
        for collector in collectors:
            collector.start(context)
            stack.callback(_gather, collector, collected)
        yield collected


def _gather(collector: Collector, collected: list[Collected]) -> None:
    collected.append(collector.stop())


def _submit(launch: Launch) -> Finished:
    there = launch.workspace.path
    return launch.connections.agent(launch.cluster.driver_host).run(
        command(launch),
        env=launch.platform.submit_environment(launch.cluster),
        cwd=str(there),
        stdout=str(there / STDOUT),
        stderr=str(there / STDERR),
        deadline=launch.deadline,
    )


def command(launch: Launch) -> list[str]:
    """spark-submit with the platform's arguments, the collectors' properties, the program and its parameters.

    For a plain program: the platform's Python, the program and its parameters.
    """
    if isinstance(launch.program, PlainProgram):
        return _plain_command(launch, launch.program)
    there = launch.workspace.path
    properties = _launched(launch)
    program = launch.program.arguments(
        located(launch.parameters, launch.platform, launch.cluster),
        there / SAMPLES,
        iterations=launch.iterations,
        expected_executors=launch.platform.expected_executors(launch.cluster),
        folder=launch.program_folder,
    )
    folders = [str(there), *(str(folder) for folder in _program_folders(launch))]
    return [*launch.platform.submit_arguments(launch.cluster, properties, folders), *program]


def _launched(launch: Launch) -> dict[str, str]:
    """The properties of the launch itself: they go over the cell's."""
    properties: dict[str, str] = {"spark.app.name": launch.id, "spark.eventLog.enabled": "false"}
    for collector in launch.collectors:
        properties.update(collector.spark_properties(launch.context))
    if "spark.eventLog.dir" in properties:
        properties["spark.eventLog.dir"] = f"file://{launch.workspace.path / 'event-log'}"
    return properties


def _program_folders(launch: Launch) -> list[PurePosixPath]:
    """The folders on the driver's host that hold the program's files."""
    if launch.program_folder is not None:
        return [launch.program_folder]
    return list(dict.fromkeys(PurePosixPath(file.parent) for file in launch.program.files))


def _plain_command(launch: Launch, program: PlainProgram) -> list[str]:
    platform, cluster = launch.platform, launch.cluster
    placed = program.placed(shared_folder(cluster), [_side(launch, host) for host in _workers(cluster)])
    arguments = placed.arguments(
        launch.parameters,
        launch.workspace.path / SAMPLES,
        iterations=launch.iterations,
        expected_executors=0,
        folder=launch.program_folder,
    )
    return [*platform.plain_command(cluster), *arguments]


def _workers(cluster: Cluster) -> list[str]:
    return list(cluster.spec.inventory.hosts_of("workers"))


def _side(launch: Launch, host: str) -> Side:
    """Where a worker's processes run. In a place of its own (a container) a side has its own address and Python."""
    locations = launch.cluster.locations
    inside = launch.platform.inside(launch.cluster, host)
    if inside:
        return Side((*inside, locations.get("inside_python", locations["python"])))
    variables = launch.cluster.spec.inventory.variables(host)
    address = variables.get("spark_address") or variables.get("ansible_host") or host
    return Side((locations["python"],), str(address))


def _numbers_file(launch: Launch) -> NumbersFile | None:
    name = str(launch.parameters.get("numbers-file") or "")
    host = launch.cluster.driver_host
    return NumbersFile(launch.connections, host, launch.context.folder, name) if name else None


def _outcome(
    launch: Launch,
    finished: Finished,
    collected: Sequence[Collected],
    started: str,
    ended: str,
    numbers_file: NumbersFile | None,
) -> Outcome:
    """The trial's row, samples, series and tasks."""
    samples, facts, error, missing = _numbers(launch, numbers_file)
    if finished.timed_out:
        error = f"did not end within its deadline of {launch.deadline:.0f} s and was stopped"
    elif finished.rc != 0:
        program = "the program" if isinstance(launch.program, PlainProgram) else "spark-submit"
        error = error or f"{program} exited with {finished.rc}: {last_words(launch.context.folder)}"
    elif facts.get("executors_at_end", facts.get("executors")) != facts.get("executors"):
        error = (
            error
            or f"{facts['executors']} executors at the start, {facts['executors_at_end']} at the end: one was lost"
        )
    error = error or missing
    samples.append(Sample("submit_seconds", finished.seconds, "s"))
    application: dict[str, Any] = {}
    faults: list[str] = []
    outcome = Outcome(_row(launch, started, ended, error, {}), samples)
    for part in collected:
        outcome.series.extend(part.series)
        outcome.samples.extend(part.samples)
        outcome.artifacts.update(part.artifacts)
        outcome.tasks = part.tasks or outcome.tasks
        application.update(part.facts)
        faults.extend(part.faults)
    faults.extend(_executor_logs(launch, facts.get("application_id") or application.get("application")))
    found = jvms.jvms_of(launch.context.folder, EXECUTORS)
    if not isinstance(launch.program, PlainProgram):
        error = error or pinned.otherwise(found, application, _asked(launch, facts))
    outcome.artifacts.update(_written(launch.context.folder))
    tested = catalogue()[launch.cell.workload]
    recorded = {
        "workload": facts,
        "application": application,
        "parameters": dict(launch.parameters),
        "test": {"short_name": tested.short_name, "runner": tested.runner, "source": tested.source},
        "program": launch.program.digest,
        "cluster": {"name": launch.cluster.spec.name, "start_seconds": launch.cluster.start_seconds},
        "jvms": jvms.recorded(found),
        "collectors": [collector.name for collector in launch.collectors],
        "faults": faults,
    }
    if outcome.tasks is not None:
        each, values = [vars(sample) for sample in samples], trial_values(samples)
        recorded[KEY] = task_parts(each, values, recorded, ended, outcome.tasks.columns, outcome.series).recorded()
    outcome.trial = _row(launch, started, ended, error, recorded)
    return outcome


def _asked(launch: Launch, facts: Mapping[str, Any]) -> pinned.Asked:
    """What the cell pins. Programs that say how many executors they had waited for all of them."""
    settings = launch.cluster.settings
    waited = "executors" in facts and settings["spark_properties"].get("spark.dynamicAllocation.enabled") != "true"
    return pinned.Asked(
        settings,
        (launch.platform.expected_executors(launch.cluster) or None) if waited else None,  # none: they come with tasks
        launch.platform.processor_limit(settings),
        _launched(launch),
    )


def _executor_logs(launch: Launch, application: str | None) -> list[str]:
    """Fetch them; a trial is not lost because its logs could not be brought."""
    if not application:
        return []
    try:
        launch.platform.executor_logs(launch.cluster, application, launch.runner, launch.context.folder / EXECUTORS)
    except SparkbedError as error:
        return [f"the executors' logs are missing: {error.what}"]
    return []


def _written(folder: Path) -> dict[str, Path]:
    """What driver and executors wrote, by the names that `inv logs` shows."""
    paths = [folder / name for name in (STDOUT, STDERR, SAMPLES, "gc.log")]
    paths += sorted([*(folder / EXECUTORS).rglob("*.std*"), *(folder / EXECUTORS).rglob("*.gc.log")])
    return {str(path.relative_to(folder)): path for path in paths if path.is_file()}


def _numbers(
    launch: Launch, numbers_file: NumbersFile | None
) -> tuple[list[Sample], dict[str, Any], str | None, str | None]:
    """Samples, facts and error by the workload's own file; and as the parameters `numbers` and `numbers-file` say.

    The last is what is wrong with the numbers that these two name: why a program ended badly comes before it.
    """
    folder = launch.context.folder
    samples, facts, error = read_samples(_text(folder / SAMPLES).splitlines(), launch.warmup)
    missing = None
    try:
        if launch.parameters.get("numbers"):
            samples += extract_numbers(_text(folder / STDOUT), launch.parameters["numbers"], launch.warmup)
        if numbers_file is not None:
            samples += numbers_file.read(launch.warmup)
    except RunError as problem:
        missing = problem.what
    return list(samples), dict(facts), error, missing


def _row(launch: Launch, started: str, ended: str, error: str | None, facts: Mapping[str, Any]) -> Trial:
    return row(launch.campaign, launch.planned, started, ended, error, facts)


def row(
    campaign: str, planned: PlannedTrial, started: str, ended: str, error: str | None, facts: Mapping[str, Any]
) -> Trial:
    """The trial's row: failed when there is an error."""
    return Trial(
        id=trial_id(campaign, planned),
        campaign=campaign,
        cell=planned.cell,
        number=planned.number,
        block=planned.block,
        position=planned.position,
        status="failed" if error else "ok",
        started=started,
        finished=ended,
        error=printable(error) if error else None,
        facts=facts,
    )


def printable(text: str) -> str:
    """The text with control characters written out: it comes from programs, and goes to people's terminals."""
    return "".join(one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode() for one in text)


def not_run(campaign: str, planned: PlannedTrial, started: str, error: SparkbedError) -> Outcome:
    """A trial that did not take place: no cluster, or its host went away."""
    return Outcome(row(campaign, planned, started, now(), f"the trial did not take place: {error}", {}))


def put_program(cluster: Cluster, program: Program, connections: Connections) -> PurePosixPath:
    """Copy a program's files to the driver's host, and say to which folder."""
    # A plain program runs in the workers' places too.
    base = shared_folder(cluster) if isinstance(program, PlainProgram) else PurePosixPath(cluster.folder)
    folder = base / "programs" / program.digest[:16]
    driver = connections.agent(cluster.driver_host)
    [made] = driver.call("file", [{"path": str(folder), "state": "directory", "mode": "0755"}])
    if made.get("failed"):
        raise HostError(f"{folder} on {cluster.driver_host}: {made.get('msg')}", hint="Is its disk full?")
    for file in program.files:
        connections.put(cluster.driver_host, file, str(folder / file.name))
    return folder


def last_words(folder: Path, lines: int = 5) -> str:
    """The lines that say why a program ended: errors that it or Spark logged, else the log's last lines."""
    log = list(takewhile(lambda line: _ENDING not in line, _text(folder / STDERR).splitlines()))
    printed = _text(folder / STDOUT).splitlines()
    # spark-submit sends what a Python driver writes to standard error to its own standard output; a traceback's last
    # line is the one that says what went wrong.
    told = [line for line in log if _tells(line)][:2] or [line for line in printed if _tells(line)][-1:]
    own = [line for line in printed if not _LOGGED.match(line)] or [line for line in log if not _LOGGED.match(line)]
    return " | ".join(line.strip()[:300] for line in (told or own[-lines:] or log[-lines:])) or "it wrote nothing"


def _tells(line: str) -> bool:
    if line.lstrip().startswith("at "):  # a frame of a stack, whose classes may be named so
        return False
    return "sparkbed:" in line or "Error" in line or "Exception" in line


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
