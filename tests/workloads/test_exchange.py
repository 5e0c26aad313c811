"""The workload exchange: every way hands over every byte, says so when it does not, and leaves nothing."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from exchange_launch import Bench, in_memory

from sparkbed.home import ROOT
from sparkbed.workloads import catalogue

WAYS = catalogue()["exchange"].parameters["way"].choices
HALF = 50_000
SIZE = 2 * HALF
DEADLINE = 120.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("resources", ["kept", "fresh"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_hands_the_dataset_over(bench: Bench, way: str, resources: str) -> None:
    done = bench.run({"way": way, "size": 100_003, "chunk-size": 4096, "resources": resources}, iterations=3)
    assert (done.rc, done.reading.error) == (0, None), done.errors
    assert done.left == []
    times = done.values("trial_seconds")
    assert len(times) == 3
    assert min(times) > 0
    [with_start] = done.values("with_start_seconds")
    [start], [setup] = done.values("start_seconds"), done.values("setup_seconds")
    assert with_start == pytest.approx(start + setup + times[0])
    for reference, share in (("memcpy_read_seconds", "of_memcpy_read"), ("stream_seconds", "of_stream")):
        pairs = zip(done.values(reference), times, strict=True)
        assert done.values(share) == pytest.approx([one / other for one, other in pairs])


@pytest.mark.full
@pytest.mark.parametrize("size", [1, 7, 8, 9, 4096, 3_000_001])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_at_odd_sizes(bench: Bench, way: str, size: int) -> None:
    done = bench.run({"way": way, "size": size, "chunk-size": 1000, "file-on": "memory"})
    assert (done.rc, done.reading.error, done.left) == (0, None, []), done.errors


def test_a_file_in_memory(bench: Bench) -> None:
    done = bench.run({"way": "shared-file", "size": SIZE, "file-on": "memory"})
    assert (done.rc, done.left) == (0, []), done.errors


FLIPPED = """
import {module} as room
whole = room.{sender}.send
def send(self):
    self.data = self.data.copy()
    self.data[-1] ^= 1
    whole(self)
room.{sender}.send = send
"""


@pytest.mark.parametrize(
    ("way", "module", "sender"),
    [
        ("tcp", "exchange_sockets", "SocketSender"),
        ("pickle5", "exchange_sockets", "OutOfBandSender"),
        ("shared-file", "exchange_files", "FileSender"),
        ("posix-shm", "exchange_memory", "MappedSender"),
    ],
)
def test_one_wrong_bit_fails_the_launch(bench: Bench, way: str, module: str, sender: str) -> None:
    words = bench.changed(FLIPPED.format(module=module, sender=sender))
    done = bench.run({"way": way, "size": SIZE + 3}, sender=words)
    assert done.rc == 1
    assert done.reading.error is not None
    assert done.reading.error.startswith("wrong result: iteration 1: the sum is ")
    assert done.values("trial_seconds") == []
    assert done.left == []


def test_words_in_another_order_have_the_same_sum_and_fail_by_their_hash(bench: Bench) -> None:
    change = """
import exchange_sockets as room
def write(self):
    self.connection.sendall(self.data.view("<u8")[::-1].copy())
room.SocketSender.write = write
"""
    done = bench.run({"way": "tcp", "size": SIZE}, sender=bench.changed(change))
    assert done.reading.error is not None
    assert "the digest is " in done.reading.error


def test_what_an_earlier_exchange_left_does_not_pass_for_a_new_one(bench: Bench) -> None:
    change = """
import exchange_memory as room
whole = room.MappedSender.send
def send(self):
    whole(self)
    room.MappedSender.send = lambda self: self._bell.ring(self.plan.size)
room.MappedSender.send = send
"""
    done = bench.run({"way": "posix-shm", "size": SIZE}, sender=bench.changed(change))
    assert done.reading.error is not None
    assert done.reading.error.startswith("wrong result: iteration 2: the sum is 0, not ")


KILLED_SENDER = """
import os, signal, exchange_memory, exchange_sockets
def send_half(self):
    if hasattr(self, "connection"):
        self.connection.sendall(self.data[:{half}])
    else:
        self.mapped[:{half}] = self.data[:{half}]
        self._bell.ring({half})
    os.kill(os.getpid(), signal.SIGKILL)
exchange_sockets.SocketSender.send = exchange_memory.MappedSender.send = send_half
"""
KILLED_RECEIVER = """
import os, signal, exchange_ways
exchange_ways.Sum.upto = lambda self, end: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("way", ["tcp", "posix-shm", "mmap"])
def test_a_sender_that_is_killed_in_the_middle_is_told(bench: Bench, way: str) -> None:
    done = bench.run({"way": way, "size": SIZE}, sender=bench.changed(KILLED_SENDER.format(half=HALF)))
    assert done.rc == 1
    assert done.reading.error is not None
    assert done.reading.error.startswith("the sender ended with signal 9")
    assert (done.left, bench.alive()) == ([], [])


@pytest.mark.parametrize("way", ["tcp", "unix", "posix-shm", "shared-file"])
def test_a_receiver_that_is_killed_in_the_middle_is_told(bench: Bench, way: str) -> None:
    done = bench.run({"way": way, "size": 8_000_000}, receiver=bench.changed(KILLED_RECEIVER))
    assert done.rc == 1
    assert done.reading.error is not None
    assert done.reading.error.startswith("the receiver ended with signal 9")
    assert (done.left, bench.alive()) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_sides_end_with_the_program(bench: Bench, number: int) -> None:
    memory = in_memory()
    program = subprocess.Popen(
        bench.command({"way": "posix-shm", "size": SIZE}, iterations=1_000_000), stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: bench.samples.exists() and "trial_seconds" in bench.samples.read_text())
        assert len(bench.alive()) == 3
    finally:
        program.send_signal(number)
        status = program.wait(DEADLINE)
    until(lambda: not bench.alive())
    left = bench.left(memory)
    if number == signal.SIGTERM:
        assert (status, left) == (128 + signal.SIGTERM, [])
    else:  # nobody was left to remove the launch's folder; it goes with the cluster's
        assert [name for name in left if not name.startswith("exchange-")] == []


def test_a_side_that_cannot_be_started_is_named(bench: Bench) -> None:
    done = bench.run({"size": 8}, receiver=["/nonexistent/python"])
    assert done.rc == 1
    assert done.reading.error is not None
    assert "the receiver can't be started" in done.reading.error
    assert done.left == []


def test_words_that_lead_nowhere_are_told_with_what_they_say(bench: Bench) -> None:
    done = bench.run({"size": 8}, receiver=["sh", "-c", "echo no such container; exit 126"])
    assert done.reading.error == "the receiver can't be talked to: no such container"
    assert done.left == []


@pytest.mark.parametrize("way", ["posix-shm", "mmap", "shared-file"])
def test_a_full_file_system_is_an_error_that_says_so(bench: Bench, way: str) -> None:
    words = in_small_memory()
    sides = {"sender": words} if way == "shared-file" else {"receiver": words}
    done = bench.run({"way": way, "size": 1_000_000, "file-on": "memory"}, **sides)
    assert done.rc == 1
    assert done.reading.error is not None
    assert "No space left on device" in done.reading.error
    assert (done.left, bench.alive()) == ([], [])


def in_small_memory() -> list[str]:
    """The words that start a side whose /dev/shm has room for 64 KB."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    mounted = 'mount -t tmpfs -o size=64k none /dev/shm && exec "$@"'
    words = [*unshare, "sh", "-c", mounted, "sh"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user can't mount a file system of its own here")
    return [*words, sys.executable]


def ways_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("exchange_ways", ROOT / "workloads" / "ipc" / "exchange_ways.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("exchange_ways", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("size", [1, 7, 8, 17, 100_003])
def test_the_sum_is_over_every_byte_however_it_is_cut(size: int) -> None:
    data = np.random.default_rng(3).integers(0, 256, size, dtype=np.uint8)
    raw = data.tobytes()
    whole = size // 8 * 8
    words = sum(int.from_bytes(raw[at : at + 8], "little") for at in range(0, whole, 8))
    expected = (words + sum(raw[whole:])) % 2**64
    total = ways_module().Sum(data)
    for end in sorted(np.random.default_rng(4).integers(0, size + 1, 9)):
        total.upto(int(end))
    assert total.whole() == expected


def until(true: object) -> None:
    end = time.monotonic() + DEADLINE
    assert callable(true)
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
