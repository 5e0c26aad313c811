"""Host series from the real /proc and the real sar: do the numbers mean what they say, and does all of it end?"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from sparkbed.collectors import get, sar
from sparkbed.collectors.agents import launch_on, places_of
from sparkbed.collectors.base import Collected, Context, Place, Watch
from sparkbed.collectors.host import disturbances, parse
from sparkbed.collectors.places import HERE, here, launch_here, places, this_machine
from sparkbed.errors import HostError
from sparkbed.model import Series
from sparkbed.remote import Connections
from tests.components import program

SAMPLER = Path(parse.__code__.co_filename).parent / "sampler.py"

STATES = ("user", "nice", "system", "iowait", "steal", "idle", "irq")


def loopback_traffic(size: int) -> None:
    """Send `size` bytes over a TCP connection on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sender:
        receiver, _ = server.accept()
        with receiver:
            for _ in range(size // 50_000):
                sender.sendall(b"x" * 50_000)
                left = 50_000
                while left:
                    left -= len(receiver.recv(left))


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def a_sample(moment: float, cpu: list[int], net: dict[str, list[int]], **more: object) -> bytes:
    return json.dumps({"t": 1000 + moment, "m": moment, "cpu": cpu, "net": net, **more}).encode() + b"\n"


@pytest.fixture
def over_agent() -> Callable[[], Connections]:
    """Connections to any host name that lead to this machine: the real agent, without an SSH server."""
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return lambda: Connections(lambda _: variables)


def watched(name: str, place: Place, folder: Path, work: Callable[[], object]) -> Collected:
    collector = get(name)
    collector.start(Context(folder, [place], 0.2))
    work()
    return collector.stop()


# -- /proc -------------------------------------------------------------------------------------------------------------


def check_series(series: Series, sent: int) -> None:
    columns = series.columns
    shares = np.stack([columns[f"cpu.{state}"] for state in STATES])
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=0.02)
    assert shares.min() >= 0
    cores = os.cpu_count() or 1
    assert columns["cpu.user"].max() > 0.3 / cores, "a busy core was not seen"
    assert (columns["memory.available"] > 0).all()
    seconds = np.diff(series.times, prepend=2 * series.times[0] - series.times[1])
    assert (columns["net.lo.rx_bytes"] * seconds).sum() > sent * 0.9, "loopback traffic was not seen"
    assert (columns["net.lo.tx_packets"] * seconds).sum() > sent / 65536
    assert abs(series.times[-1] - time.time()) < 60
    assert (np.diff(series.times) > 0).all()
    assert set(series.units) == set(columns)
    assert columns["load.1m"][-1] >= 0


def work() -> None:
    time.sleep(0.3)
    for _ in range(4):
        loopback_traffic(2_000_000)
        busy(0.3)


@pytest.mark.alone("what is seen must come from this test, and it is the whole machine that is looked at")
def test_this_machine_is_sampled(tmp_path: Path) -> None:
    collected = watched("host", here(), tmp_path, work)
    assert collected.faults == ()
    (series,) = collected.series
    assert (series.host, series.source) == (HERE, "proc")
    assert 0 <= collected.facts["host"][HERE]["steal"] < 1
    assert len(series.times) >= 4
    check_series(series, 8_000_000)
    np.testing.assert_allclose(
        series.columns["memory.used"] + series.columns["memory.available"],
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        rtol=0.1,
    )


def told(clocks: Sequence[tuple[float, float]], cpu: Sequence[Sequence[int]] = ()) -> bytes:
    """The sampler's lines of these pairs of wall and monotonic time."""
    lines: list[dict[str, object]] = [{"t": t, "m": m} for t, m in clocks]
    for line, ticks in zip(lines, cpu, strict=False):
        line["cpu"] = ticks
    return "\n".join(map(json.dumps, lines)).encode()


@pytest.mark.parametrize(
    ("leads", "step"),
    [
        ([0, 0, 0, 0, 0], 0.0),
        ([0, 0, 5, 5, 5], 5.0),
        ([0, 0, 0, -7, -7], -7.0),
        ([0, 0, -0.4, 0, 0], 0.0),  # a sampler that waited between its two looks
        ([0, 3], 3.0),
    ],
)
def test_a_clock_that_was_set_is_told_from_a_sampler_that_waited(leads: list[float], step: float) -> None:
    clocks = [(1e9 + place + lead, float(place)) for place, lead in enumerate(leads)]
    assert disturbances(told(clocks)) == {"clock_step": step}


def test_stolen_time_is_a_share_of_all() -> None:
    cpu = [[10, 0, 10, 100, 0, 0, 0, 5], [60, 0, 20, 120, 0, 0, 0, 25]]
    assert disturbances(told([(0.0, 0.0), (1.0, 1.0)], cpu)) == {"clock_step": 0.0, "steal": 0.2}
    assert disturbances(told([(0.0, 0.0)])) == {}


@pytest.mark.alone("what is seen must come from this test, and it is the whole machine that is looked at")
def test_a_host_is_sampled_through_an_agent(tmp_path: Path, over_agent: Callable[[], Connections]) -> None:
    collected = watched("host", Place("far", launch_on("far", over_agent)), tmp_path, work)
    assert collected.faults == ()
    (series,) = collected.series
    assert series.host == "far"
    check_series(series, 8_000_000)


def test_a_trial_shorter_than_the_interval_still_has_a_point(tmp_path: Path) -> None:
    collector = get("host")
    collector.start(Context(tmp_path, [here()], 30.0))
    time.sleep(1.0)
    (series,) = collector.stop().series
    assert len(series.times) == 1


def test_a_collector_serves_one_trial_after_another(tmp_path: Path) -> None:
    collector = get("host")
    for _ in range(2):
        collector.start(Context(tmp_path, [here()], 0.1))
        time.sleep(0.5)
        collected = collector.stop()
        assert len(collected.series) == 1
        assert collected.series[0].times[0] > time.time() - 30
    assert collector.stop() == Collected()


def test_an_interface_that_comes_and_goes_is_nan_where_it_was_not() -> None:
    idle = [0, 0, 0, 0, 0, 0, 0, 0]
    output = (
        a_sample(0, idle, {"lo": [0, 0, 0, 0]})
        + a_sample(1, [10, 0, 0, 90, 0, 0, 0, 0], {"lo": [100, 1, 0, 0], "veth0": [50, 5, 0, 0]})
        + a_sample(3, [10, 0, 0, 90, 0, 0, 0, 0], {"lo": [300, 3, 0, 0], "veth0": [90, 9, 0, 0]})
        + a_sample(4, [30, 0, 10, 150, 0, 5, 5, 0], {"lo": [300, 3, 0, 0], "veth0": [7, 1, 0, 0]})
        + a_sample(5, [30, 0, 10, 250, 0, 5, 5, 0], {"lo": [300, 3, 0, 0]})
    )
    series = parse(output, "h")
    columns = series.columns
    np.testing.assert_array_equal(series.times, [1001, 1003, 1004, 1005])
    np.testing.assert_array_equal(columns["net.lo.rx_bytes"], [100, 100, 0, 0])
    np.testing.assert_array_equal(columns["net.veth0.rx_packets"], [np.nan, 2, np.nan, np.nan])
    np.testing.assert_array_equal(columns["cpu.user"], [0.1, np.nan, 0.2, 0])
    np.testing.assert_array_equal(columns["cpu.irq"], [0, np.nan, 0.1, 0])
    assert np.isnan(columns["memory.used"]).all(), "what a system doesn't have is NaN"
    assert np.isnan(columns["tcp.retransmits"]).all()


@pytest.mark.parametrize("lines", [0, 1])
def test_fewer_than_two_samples_are_an_empty_series(lines: int) -> None:
    assert parse(a_sample(0, [0] * 8, {}) * lines, "h").times.shape == (0,)


def test_what_is_not_the_samplers_is_a_fault(tmp_path: Path) -> None:
    def rubbish(_: object) -> Watch:
        return launch_here(["sh", "-c", "echo rubbish"])

    def failing(_: object) -> Watch:
        return launch_here(["sh", "-c", "echo out of paper >&2; exit 3"])

    def absent(_: object) -> Watch:
        return launch_here(["/nonexistent/python"])

    collector = get("host")
    collector.start(Context(tmp_path, [Place("a", rubbish), Place("b", failing), Place("c", absent), here()], 0.1))
    time.sleep(0.3)
    collected = collector.stop()
    assert [series.host for series in collected.series] == [HERE]
    assert len(collected.faults) == 3
    said = "\n".join(collected.faults)
    assert "status 3: out of paper" in said
    assert "from a" in said
    assert "can't be started" in said


# -- its end -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sampler() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started = []

    def start(**how: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-S", "-E", str(SAMPLER), "--interval", "0.1"]
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **{"stdout": subprocess.PIPE, **how})  # type: ignore[call-overload]  # by keywords
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_it_ends_when_its_input_closes(sampler: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = sampler(stdin=subprocess.PIPE)
    time.sleep(0.5)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(parse(output, "h").times) >= 1


def test_it_ends_at_sigterm_and_gives_what_it_has(sampler: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = sampler(stdin=subprocess.DEVNULL)
    time.sleep(0.7)
    assert process.poll() is None, "/dev/null is no reason to end"
    process.terminate()
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(parse(output, "h").times) >= 1


def test_lines_go_to_a_file_as_they_come(sampler: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-E", str(SAMPLER), "--interval", "0.05", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        wait_until(lambda: (tmp_path / "out").exists() and len((tmp_path / "out").read_bytes().splitlines()) > 3)
    assert process.returncode == 0
    assert len(parse((tmp_path / "out").read_bytes(), "h").times) >= 3


PARENT = """
import sys, time
from pathlib import Path
from sparkbed.collectors import get
from sparkbed.collectors.agents import launch_on
from sparkbed.collectors.base import Context, Place
from sparkbed.collectors.places import here
from sparkbed.remote import Connections

variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
connect = lambda: Connections(lambda _: variables)
place = here() if sys.argv[2] == "here" else Place("far", launch_on("far", connect))
collector = get(sys.argv[1])
collector.start(Context(Path("."), [place], 0.1))
print("started", flush=True)
time.sleep(600)
"""


def descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


@pytest.mark.parametrize("where", ["here", "agent"])
@pytest.mark.parametrize("name", ["host", "sar"])
def test_nothing_is_left_when_the_one_who_started_it_is_killed(tmp_path: Path, name: str, where: str) -> None:
    if name == "sar":
        program("sar", "sysstat")
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, name, where],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"started\n"
            time.sleep(0.5)
            pids = [pid for pid in descendants(parent.pid) if not gone(pid)]
            assert pids
        finally:
            parent.send_signal(signal.SIGKILL)
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_the_next_watch_removes_the_folder_of_one_that_was_cut_off(
    tmp_path: Path, over_agent: Callable[[], Connections], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", PARENT, "host", "agent"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        pids = descendants(parent.pid)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: all(gone(pid) for pid in pids))
    assert len(list(tmp_path.glob("sparkbed-watch-*"))) == 1
    watched("host", Place("far", launch_on("far", over_agent)), tmp_path, lambda: time.sleep(0.5))
    assert list(tmp_path.glob("sparkbed-watch-*")) == []


def test_it_costs_less_than_a_hundredth_of_a_core(sampler: Callable[..., subprocess.Popen[bytes]]) -> None:
    """At ten samples a second here, so five times what it costs at its two."""
    process = sampler(stdin=subprocess.PIPE)
    wait_until(lambda: bool(Path(f"/proc/{process.pid}/schedstat").read_text().split()))
    time.sleep(0.5)

    def seconds() -> float:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9

    before, start = seconds(), time.monotonic()
    time.sleep(3)
    assert (seconds() - before) / (time.monotonic() - start) < 0.05


# -- sar ---------------------------------------------------------------------------------------------------------------


@pytest.mark.alone("what is seen must come from this test, and it is the whole machine that is looked at")
@pytest.mark.parametrize("where", ["here", "agent"])
def test_sar_sees_the_same_as_proc(tmp_path: Path, where: str, over_agent: Callable[[], Connections]) -> None:
    program("sar", "sysstat")
    place = here() if where == "here" else Place(HERE, launch_on("far", over_agent))
    host, sysstat = get("host"), get("sar")
    context = Context(tmp_path, [place], 0.5)
    host.start(context)
    sysstat.start(context)
    for _ in range(3):
        loopback_traffic(4_000_000)
        busy(1.2)
    (theirs,), (ours,) = sysstat.stop().series, host.stop().series
    assert theirs.source == "sar"
    assert len(theirs.times) >= 2
    shares = np.stack([theirs.columns[f"cpu.{state}"] for state in STATES])
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=0.02)
    assert set(theirs.columns) <= set(ours.columns)
    assert {name: ours.units[name] for name in theirs.units} == dict(theirs.units)
    assert ours.times[0] - 2 <= theirs.times[0] <= theirs.times[-1] <= ours.times[-1] + 2
    during = ours.times >= theirs.times[0] - 1
    np.testing.assert_allclose(
        theirs.columns["memory.available"].mean(), ours.columns["memory.available"][during].mean(), rtol=0.1
    )
    assert theirs.columns["net.lo.rx_bytes"].max() > 1_000_000
    assert not list(Path(tmp_path).iterdir())


def test_a_trial_over_before_sars_first_second_is_an_empty_series() -> None:
    assert sar.parse(b"", "h").times.shape == (0,)
    with pytest.raises(ValueError, match="sadf"):
        sar.parse(b'{"sysstat": {}}', "h")


def test_a_machine_without_sysstat_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    collected = watched("sar", here(), tmp_path, lambda: None)
    assert collected.series == ()
    assert "sysstat is not installed" in collected.faults[0]


# -- places ------------------------------------------------------------------------------------------------------------


def test_each_machine_and_network_namespace_is_one_place() -> None:
    def launch(_: str) -> Callable[..., Watch]:
        return launch_here

    found = places(
        {"m": "boot-a\nnet:[1]\n", "w1": "boot-b\nnet:[1]", "w2": "boot-a\nnet:[1]", "w3": "boot-a\nnet:[2]"}, launch
    )
    assert [place.name for place in found] == ["m+w2", "w1", "w3"]
    assert [place.name for place in places({"m": this_machine(), "w1": this_machine()}, launch)] == [HERE]


def test_hosts_that_are_this_machine_are_recognised(over_agent: Callable[[], Connections]) -> None:
    with over_agent() as connections:
        (place,) = places_of(["master", "worker-1", "worker-2"], connections, over_agent)
    assert place == here()


def test_a_host_that_can_not_be_reached_is_a_fault(tmp_path: Path) -> None:
    def launch(_: object) -> Watch:
        raise HostError("no route to host", where="far")

    collected = watched("host", Place("far", launch), tmp_path, lambda: None)
    assert collected.faults == ("collector host has nothing from far: no route to host",)
