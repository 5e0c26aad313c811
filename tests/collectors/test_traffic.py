"""Packets at 127.0.0.1 are told from those at other loopback addresses, and no rule stays behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sparkbed.collectors import get
from sparkbed.collectors.base import Context
from sparkbed.collectors.places import here
from sparkbed.collectors.traffic_counter import MARK, rule
from sparkbed.home import ROOT
from tests.components import missing, program

COLLECTORS = ROOT / "sparkbed" / "collectors"

pytestmark = [pytest.mark.full, pytest.mark.alone("one packet filter and one loopback interface for the whole machine")]


def filters() -> str:
    done = subprocess.run(["iptables", "-w", "30", "-S", "OUTPUT"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


@pytest.fixture
def packet_filter() -> None:
    if os.getuid() != 0:
        missing("only root may count packets by a rule")
    program("iptables", "iptables")


def datagrams(address: str, number: int) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind((address, 0))
        sender.bind((address, 0))
        for _ in range(number):
            sender.sendto(b"x" * 100, receiver.getsockname())
            receiver.recv(200)


def ours() -> list[str]:
    """The marks of the rules of our own counters: other test beds on this machine may count as well."""
    children = {child.pid for child in psutil.Process().children()}
    return [mark for mark in re.findall(rf"{MARK}\d+", filters()) if int(mark.removeprefix(MARK)) in children]


def counted(folder: Path, address: str, number: int) -> float:
    """What was counted; its rule was there, and is gone."""
    collector = get("traffic")
    collector.start(Context(folder, [here()]))
    deadline = time.monotonic() + 60
    while not (marks := ours()):
        assert time.monotonic() < deadline, "no rule within 60 s"
        time.sleep(0.1)
    datagrams(address, number)
    collected = collector.stop()
    assert collected.faults == ()
    assert not set(marks) & set(re.findall(rf"{MARK}\d+", filters()))
    return {one.metric: one.value for one in collected.samples}["packets.host-localhost"]


def test_only_packets_at_localhost_count(tmp_path: Path, packet_filter: None) -> None:
    assert counted(tmp_path, "127.0.0.1", 20_000) >= 20_000
    # Other programs use localhost as well, but none of them sends so many.
    assert counted(tmp_path, "127.88.3.4", 20_000) < 20_000


def test_the_rule_of_one_that_was_killed_goes_with_the_next(tmp_path: Path, packet_filter: None) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    orphan = f"{MARK}{dead.pid}"
    subprocess.run(["iptables", "-w", "30", "-I", *rule(orphan)], check=True)
    counted(tmp_path, "127.0.0.1", 1)
    assert orphan not in filters()


def test_no_rule_is_left_by_one_that_is_ended_before_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packet_filter: None
) -> None:
    """SIGTERM comes as an agent sends it, to the counter and to its iptables: once the rule is in, before it goes."""
    program = tmp_path / "iptables"
    program.write_text(
        f"""#!/bin/sh
        case $* in *" -D "*) kill -TERM $PPID $$ ;; esac
        "{shutil.which("iptables")}" "$@" || exit
        case $* in *" -I "*) kill -TERM $PPID $$ ;; esac
        """
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script = "\n".join((COLLECTORS / name).read_text() for name in ("lifetime.py", "traffic_counter.py"))
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", script], stdout=subprocess.PIPE, text=True) as counter:
        output, _ = counter.communicate(timeout=60)
    monkeypatch.undo()
    assert f"{MARK}{counter.pid}" not in filters()
    assert counter.returncode == 0
    assert json.loads(output)["packets"] >= 0


def test_without_rights_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "iptables").write_text("#!/bin/sh\necho 'Permission denied (you must be root)' >&2\nexit 4\n")
    (tmp_path / "iptables").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    collector = get("traffic")
    collector.start(Context(tmp_path, [here()]))
    collected = collector.stop()
    assert collected.samples == ()
    assert "Permission denied (you must be root)" in collected.faults[0]
