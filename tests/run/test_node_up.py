"""How long hosts took to come up, as samples."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from sparkbed.errors import HostError
from sparkbed.model import Machine
from sparkbed.platforms.base import Cluster
from sparkbed.run import node_up

LOG = """\
26/11/27 00:08:39.001 INFO Master: Starting Spark master at spark://10.1.2.3:7077
26/11/27 00:08:40.123 INFO Master: Registering worker 10.1.2.4:4455 with 1 cores, 1024.0 MiB RAM
26/11/27 00:08:41.456 INFO Master: Registering worker ip-10-1-2-5:4456 with 1 cores, 1024.0 MiB RAM
26/11/27 00:08:42.000 INFO Master: Registering app s
"""


class Shell:
    """An agent whose host is this machine."""

    host = "here"

    def call(self, module: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert module == "command"
        done = subprocess.run(items[0]["argv"], capture_output=True, text=True, check=False, env={"TZ": "UTC"})
        return [{"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}]


def cluster_in(folder: Path) -> Cluster:
    return cast(Cluster, type("There", (), {"folder": str(folder)}))


def test_registrations_are_read_from_the_masters_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "master.log").write_text(LOG)
    found = node_up.registrations(cast(Any, Shell()), cluster_in(tmp_path))
    assert found == {"10.1.2.4": 1795738120.123, "ip-10-1-2-5": 1795738121.456}


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"master\.log"):
        node_up.registrations(cast(Any, Shell()), cluster_in(tmp_path))


def machine(name: str, asked: float | None, **timings: float) -> Machine:
    return Machine(name, "a", 22, "u", Path("k"), Path("h"), asked=asked, timings=timings)


def test_each_host_is_an_iteration_and_the_slowest_a_figure_of_the_trial() -> None:
    hosts = [
        machine("master-1", 100.0, api=0.1, running=0.5, ssh=0.7),
        machine("worker-1", 100.0, api=0.1, running=0.4, ssh=0.9),
        machine("found", None),
    ]
    found = node_up.samples(hosts, {"worker-1": 104.5, "found": 7.0})
    rows = [(one.metric, round(one.value, 6), one.iteration) for one in found]
    assert rows == [
        ("node_api_seconds", 0.1, 1),
        ("node_running_seconds", 0.5, 1),
        ("node_ssh_seconds", 0.7, 1),
        ("node_api_seconds", 0.1, 2),
        ("node_running_seconds", 0.4, 2),
        ("node_ssh_seconds", 0.9, 2),
        ("node_registered_seconds", 4.5, 2),
        ("all_ssh_seconds", 0.9, None),
        ("all_registered_seconds", 4.5, None),
    ]
