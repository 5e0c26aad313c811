"""Campaigns with made-up numbers in a real store, shaped as those that `run` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sparkbed.model import Campaign, Cell, HostsSpec, Sample, Series, TaskTable, Trial
from sparkbed.store import Store
from sparkbed.store.trials import _key, belongings

WORKLOADS = {"scheduling-throughput": 0.85, "agg-by-key": 2.1}
LAYOUTS = {"one-worker": 1.0, "two-workers": 1.14}


def cells(names: Sequence[str] = tuple(LAYOUTS), workloads: Sequence[str] = tuple(WORKLOADS)) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            id=f"{layout}-{workload}"[:40],
            factors={"layout": layout, "workload": workload},
            hosts=HostsSpec("local", {"workers": 1 + index}),
            platform="standalone",
            settings={"worker_cores": 2 - index % 2, "executor_memory": "512m"},
            workload=f"scala-{workload}",
            parameters={"num-partitions": 4},
        )
        for workload in workloads
        for index, layout in enumerate(names)
    )


def campaign(
    chosen: Sequence[Cell], name: str = "quick-20261120-101500-ab", status: str = "complete", **plan: object
) -> Campaign:
    by_workload: dict[str, list[Cell]] = {}
    for cell in chosen:
        by_workload.setdefault(cell.workload, []).append(cell)
    pairs = [[group[0].id, other.id] for group in by_workload.values() for other in group[1:]]
    return Campaign(
        id=name,
        suite="quick",
        status=status,
        started="2026-11-20T10:15:00.000+00:00",
        finished="2026-11-20T10:18:41.000+00:00",
        fingerprint="0123456789abcdef",
        git_revision="b9ad7c6920bd",
        plan={
            "suite": "quick",
            "question": "Does it matter whether two cores sit in one Spark worker or in two?",
            "order": "randomized",
            "seed": 7,
            "trials": 7,
            "iterations": 3,
            "warmup": 1,
            "cluster": "per-block",
            "baseline": {"layout": "one-worker"},
            "comparisons": pairs,
            "collectors": ["eventlog", "host"],
            "metric": "trial_seconds",
            "labels": {cell.id: cell.label for cell in chosen},
            **plan,
        },
        cells=tuple(chosen),
        facts={
            "machine": {"cpu": "Some CPU @ 2.40GHz", "cores": 2, "memory": 8 * 2**30, "system": "Debian GNU/Linux 12"},
            "versions": {"python": "3.11.7", "java": "Eclipse Adoptium 17.0.9", "pyspark": "3.5.3"},
            "preflight": [
                {"level": "ok", "what": "0.1 of 2 cores busy before the start", "means": ""},
                {
                    "level": "warning",
                    "what": "the CPU frequency governor is powersave",
                    "means": "The clock follows the load, so early trials can differ from late ones.",
                },
            ],
        },
    )


def fill(
    store: Store,
    made: Campaign,
    trials: int = 7,
    failing: Sequence[int] = (),
    extras: bool = True,
    noise: float = 0.03,
    seed: int = 3,
    slower: Mapping[str, float] = MappingProxyType({}),
) -> Campaign:
    """Record the campaign and its trials; `failing` are the positions that fail, `slower` has factors by cell."""
    store.add_campaign(made)
    generator = np.random.default_rng(seed)
    position = 0
    for block in range(1, trials + 1):
        for index in generator.permutation(len(made.cells)):
            position += 1
            cell = made.cells[int(index)]
            failed = position in failing
            trial = Trial(
                id=f"{made.id}-{position:04}",
                campaign=made.id,
                cell=cell.id,
                number=block,
                block=block,
                position=position,
                status="failed" if failed else "ok",
                started=f"2026-11-20T10:{15 + position // 60:02}:{position % 60:02}.000+00:00",
                finished=f"2026-11-20T10:{16 + position // 60:02}:{position % 60:02}.000+00:00",
                error="the driver exited with 1\njava.lang.OutOfMemoryError: Java heap space" if failed else None,
                facts=facts(cell.hosts.count.get("workers", 1)),
            )
            if failed:
                store.add_trial(trial, [])
                continue
            base = WORKLOADS.get(cell.factors.get("workload", ""), 1.0) * LAYOUTS.get(
                cell.factors.get("layout", ""), 1.0
            )
            base *= float(np.exp(generator.normal(0, noise))) * slower.get(cell.id, 1.0)
            samples = [
                Sample(
                    "trial_seconds", base * (2.2 if i == 1 else float(np.exp(generator.normal(0, 0.02)))), "s", i, i > 1
                )
                for i in (1, 2, 3)
            ]
            samples.append(Sample("submit_seconds", 6.1 + 3 * base, "s"))
            if not extras:
                store.add_trial(trial, samples)
                continue
            store.add_trial(
                trial, samples, [series(generator, base)], tasks(generator, base, cell.hosts.count["workers"])
            )
    store.add_document(made.id, "spark-defaults.conf", "spark.executor.memory 512m\nspark.eventLog.enabled true\n")
    return made


def facts(workers: int) -> dict[str, object]:
    """As a trial with an event log and GC logs has them; every iteration is taken to begin with the first task."""
    executors = [{"id": str(n), "host": "h", "cores": 2, "added": 1.79e9 - 5, "removed": None} for n in range(workers)]
    jvm = {"version": "17.0.9", "collector": "G1", "processors": 2, "heap": 512 * 2**20, "pauses": 3}
    return {
        "cluster": {"start_seconds": 4.2},
        "workload": {"iterations_began": [1.79e9] * 3},
        "application": {"executors": executors},
        "jvms": [{**jvm, "name": name, "pause_seconds": 0.02} for name in ("driver", "worker-1/0")],
    }


def series(generator: np.random.Generator, base: float) -> Series:
    n = int(14 + 4 * base)
    times = 1.79e9 + np.arange(n) * 0.5
    busy = np.clip(0.55 + 0.3 * np.sin(np.arange(n) / 2.5) + generator.normal(0, 0.05, n), 0.02, 0.98)
    columns = {
        "cpu.user": busy * 0.8,
        "cpu.system": busy * 0.2,
        "cpu.idle": 1 - busy,
        "cpu.iowait": np.zeros(n),
        "net.lo.rx_packets": 900 * busy,
        "net.lo.tx_packets": 900 * busy,
        "net.eth0.rx_packets": 12 * busy,
        "net.eth0.tx_packets": 9 * busy,
    }
    columns["cpu.user"][0] = np.nan
    return Series("controller", "proc", times, columns, dict.fromkeys(columns, "1/s"))


def tasks(generator: np.random.Generator, base: float, executors: int) -> TaskTable:
    n = 80
    executor = np.arange(n) % executors
    slot = np.arange(n) % 2
    run = generator.gamma(3, 12 * base, n).round() + 4
    deserialize, serialize, delay = (
        generator.poisson(4, n),
        generator.poisson(1, n),
        generator.poisson(5, n) + 2 * executors,
    )
    duration = run + deserialize + serialize + delay
    launch = np.zeros(n)
    for lane in {(int(e), int(s)) for e, s in zip(executor, slot, strict=True)}:
        mine = (executor == lane[0]) & (slot == lane[1])
        launch[mine] = np.concatenate([[0], np.cumsum(duration[mine])[:-1]])
    launch += 1.79e12
    return TaskTable(
        {
            "stage": np.arange(n) // 20,
            "task": np.arange(n),
            "executor": executor.astype(str),
            "host": np.full(n, "worker-1"),
            "launch_ms": launch,
            "finish_ms": launch + duration,
            "getting_result_ms": np.zeros(n),
            "failed": np.zeros(n, dtype=bool),
            "killed": np.zeros(n, dtype=bool),
            "deserialize_ms": deserialize,
            "run_ms": run,
            "cpu_ns": run * 8e5,
            "result_serialization_ms": serialize,
            "gc_ms": generator.poisson(1.5, n),
            "fetch_wait_ms": generator.poisson(2, n),
            "shuffle_write_ns": generator.poisson(1, n) * 1e6,
        }
    )


def store_with(folder: Path, made: Campaign | None = None, **options: object) -> Store:
    store = Store(folder / "sparkbed.db")
    fill(store, made or campaign(cells()), **options)  # type: ignore[arg-type]  # the options of `fill`
    return store


def give_artifacts(store: Store, trial: str, files: Mapping[str, Path | bytes]) -> None:
    """Artifacts for a trial that is recorded already, as `add_trial` would have recorded them with it."""
    rest = belongings([], (), None, files, store.path.parent)
    with store._write() as connection:
        rest.insert(connection, _key(connection, trial))
