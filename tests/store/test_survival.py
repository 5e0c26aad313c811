"""The trial's row is the only checkpoint: what `kill -9` leaves is whole, and a dead process holds no campaign."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparkbed.errors import StoreError
from sparkbed.model import Campaign
from sparkbed.store import Store
from sparkbed.store.claims import Process

WRITER = """
import sys
import numpy as np
from sparkbed.model import Sample, Series, TaskTable, Trial
from sparkbed.store import Store

store = Store(sys.argv[1])
store.claim("k")
number = len(store.trials("k"))
times = np.arange(2000.0)
while True:
    number += 1
    store.add_trial(
        Trial(f"t{number}", "k", "c", number, 1, number, "ok", "", ""),
        [Sample("m", float(i), "s", i) for i in range(200)],
        [Series("h", "proc", times, {"cpu.user": np.random.default_rng(number).random(2000)}, {})],
        TaskTable({"run_ms": np.arange(1000)}),
        {"log": b"x" * 100_000},
    )
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    from sparkbed.model import Cell, HostsSpec

    cell = Cell("c", {}, HostsSpec("local"), "standalone", {}, "w", {})
    with Store(tmp_path / "s.db") as store:
        store.add_campaign(Campaign("k", "quick", "running", "t", "f", "g", {}, (cell,)))
        store.release("k")
    return tmp_path / "s.db"


def writer(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)


def test_kill_9_leaves_no_half_trial_and_loses_no_acknowledged_one(path: Path) -> None:
    chance = random.Random(2)
    acknowledged = 0
    for _ in range(8):
        process = writer(path)
        assert process.stdout is not None
        for _ in range(chance.randint(1, 4)):
            line = process.stdout.readline()
            assert line, "the writer ended by itself"
        time.sleep(chance.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        said = line + process.communicate(timeout=60)[0]
        acknowledged = int(said.split()[-1])
        with Store(path) as store:
            trials = store.trials("k")
            assert [trial.number for trial in trials] == list(range(1, len(trials) + 1))
            assert len(trials) in (acknowledged, acknowledged + 1)
            assert {len(samples) for samples in store.samples("k").values()} == {200}
            for trial in trials[-3:]:
                assert len(store.series(trial.id)) == 1
                assert store.tasks(trial.id) is not None
                assert store.artifacts(trial.id) == ["log"]
            assert store.campaign().status == "interrupted"
    assert acknowledged >= 8


def test_a_campaign_that_a_live_process_runs_is_not_taken_and_a_dead_ones_is(path: Path) -> None:
    process = writer(path)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        with Store(path) as store:
            assert store.campaign().status == "running"
            assert store.claimant("k") == process.pid
            with pytest.raises(StoreError, match=f"being run by process {process.pid}"):
                store.claim("k")
            store.release("k")
            assert store.claimant("k") == process.pid, "another process's claim was given up"
    finally:
        process.kill()
        process.communicate(timeout=60)
    with Store(path) as store:
        assert store.campaign().status == "interrupted"
        store.claim("k")
        store.claim("k")
        assert store.claimant("k") == os.getpid()
        store.release("k")
        assert store.claimant("k") is None


def test_a_pid_used_again_or_another_boot_is_not_the_same_process() -> None:
    me = Process.this()
    assert me.alive
    assert not Process(me.pid, me.start_ticks + 1, me.boot_id).alive
    assert not Process(me.pid, me.start_ticks, "another boot").alive


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    from sparkbed.store.claims import _boot_id, _start_ticks

    process = Process(child.pid, _start_ticks(child.pid) or 0, _boot_id())
    assert process.alive
    child.kill()
    deadline = time.monotonic() + 60
    while process.alive:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.wait()
