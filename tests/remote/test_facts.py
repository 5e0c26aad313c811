"""The facts that `setup` gives: Ansible's names, Ansible's values."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sparkbed.agent import Agent
from sparkbed.home import ROOT
from sparkbed.playbook.facts import FACTS, UNGATHERED
from tests.components import ansible

HOST = ROOT / "sparkbed" / "agent" / "host"
# They change between two looks, or name the process that looks.
VOLATILE = {"date_time", "env", "loadavg", "memfree_mb", "memory_mb", "mounts", "swapfree_mb", "uptime_seconds"}


def gathered(agent: Agent, **options: Any) -> dict[str, Any]:
    result = agent.call("setup", [options])[0]
    assert not result.get("failed"), result
    assert result["changed"] is False
    facts: dict[str, Any] = result["ansible_facts"]
    return facts


def names(facts: dict[str, Any]) -> set[str]:
    return {name[len("ansible_") :] for name in facts if name.startswith("ansible_")}


def test_the_published_names_are_those_that_come(local_agent: Agent) -> None:
    facts = gathered(local_agent)
    devices = {device.replace("-", "_") for device in facts["ansible_interfaces"]}
    extra = names(facts) - FACTS - devices
    assert extra == set()
    # Not every host has each of them: a point release, host keys, flags of its processors, a number of its own.
    depends = ("ssh_host_key_", "distribution_minor_version", "flags", "machine_id", "userspace_architecture")
    assert {name for name in FACTS - names(facts) if not name.startswith(depends)} == set()


@pytest.mark.parametrize(
    ("subset", "there", "missing"),
    [
        (["!all"], {"distribution", "kernel", "pkg_mgr", "env"}, {"processor", "default_ipv4", "virtualization_type"}),
        (["!all", "!min"], set(), {"kernel", "distribution"}),
        (["!all", "!min", "hardware"], {"processor", "memtotal_mb", "kernel"}, {"env", "distribution"}),
        (["!all", "!min", "interfaces"], {"interfaces", "default_ipv4", "distribution"}, {"env", "processor"}),
        (["!all", "!min", "date_time"], {"date_time"}, {"kernel", "env"}),
        (["!hardware"], {"kernel", "distribution"}, {"processor", "interfaces"}),
        (["all", "!hardware"], {"interfaces", "virtualization_role"}, {"processor", "mounts"}),
        (["network", "!facter"], {"all_ipv4_addresses", "env"}, {"processor"}),
    ],
)
def test_subsets(local_agent: Agent, subset: list[str], there: set[str], missing: set[str]) -> None:
    facts = gathered(local_agent, gather_subset=subset)
    assert there - names(facts) == set()
    assert missing & names(facts) == set()
    assert facts["gather_subset"] == subset


def test_an_unknown_subset_is_named(local_agent: Agent) -> None:
    result = local_agent.call("setup", [{"gather_subset": ["nothing"]}])[0]
    assert result["failed"]
    assert "'nothing'" in result["msg"]


def test_filters_are_globs_with_or_without_the_prefix(local_agent: Agent) -> None:
    facts = gathered(local_agent, filter=["kernel*", "ansible_pkg_mgr"])
    assert names(facts) == {"kernel", "kernel_version", "pkg_mgr"}


def test_the_tasks_environment_is_among_the_facts(local_agent: Agent) -> None:
    results = local_agent.call("setup", [{"filter": ["env"]}], environment={"OF_THE_TASK": "a b"})
    assert results[0]["ansible_facts"]["ansible_env"]["OF_THE_TASK"] == "a b"


@pytest.mark.parametrize("path", sorted(HOST.glob("*.py")), ids=lambda path: path.stem)
def test_what_runs_on_hosts_is_python_3_6(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 6))


def by_ansible(folder: Path, *options: str) -> dict[str, Any]:
    program = ansible("ansible")
    env = {**os.environ, "ANSIBLE_HOME": str(folder), "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "LC_ALL": "C.UTF-8"}
    argv = [str(program), "-i", "localhost,", "-c", "local", "localhost", "-m", "setup", *options]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    facts: dict[str, Any] = json.loads(done.stdout.partition("=>")[2])["ansible_facts"]
    return facts


def without_programs(facts: dict[str, Any]) -> dict[str, Any]:
    """Less what Ansible asks lspci, sg_inq and ethtool for, and in one order."""
    told: dict[str, Any] = json.loads(json.dumps(facts))
    for disk in told.get("ansible_devices", {}).values():
        for key in ("host", "serial"):
            disk.pop(key, None)
    for about in told.values():
        if isinstance(about, dict) and "device" in about:
            for key in ("features", "timestamping", "hw_timestamp_filters", "phc_index"):
                about.pop(key, None)
    sets = (
        "interfaces",
        "all_ipv4_addresses",
        "all_ipv6_addresses",
        "virtualization_tech_guest",
        "virtualization_tech_host",
    )
    for name in sets:
        told["ansible_" + name] = sorted(told.get("ansible_" + name, []))
    return told


@pytest.mark.full
def test_the_values_are_ansibles(local_agent: Agent, tmp_path: Path) -> None:
    theirs, ours = without_programs(by_ansible(tmp_path)), without_programs(gathered(local_agent))
    assert names(theirs) - names(ours) - UNGATHERED == set()
    fixed = {name for name in set(theirs) & set(ours) if name[len("ansible_") :] not in VOLATILE}
    assert len(fixed) > 80
    assert {name: ours[name] for name in fixed} == {name: theirs[name] for name in fixed}
    for name in ("date_time", "loadavg", "memory_mb"):
        assert ours["ansible_" + name].keys() == theirs["ansible_" + name].keys()
    for name, value in theirs["ansible_date_time"].items():
        assert isinstance(ours["ansible_date_time"][name], type(value))
    assert abs(int(ours["ansible_date_time"]["epoch"]) - int(theirs["ansible_date_time"]["epoch"])) < 600
    assert 0 <= ours["ansible_uptime_seconds"] - theirs["ansible_uptime_seconds"] < 600
    assert 0 < ours["ansible_memfree_mb"] <= ours["ansible_memtotal_mb"]
    # ansible-core looks at all mounts at once, and lists them as they answer.
    mounts = [sorted(facts["ansible_mounts"], key=lambda one: str(one["mount"])) for facts in (ours, theirs)]
    for mine, other in zip(*mounts, strict=True):
        assert mine.keys() == other.keys()
        for key in ("mount", "device", "fstype", "options", "uuid", "size_total", "inode_total", "dump", "passno"):
            assert mine[key] == other[key]


@pytest.mark.full
def test_the_minimum_is_ansibles(local_agent: Agent, tmp_path: Path) -> None:
    theirs = by_ansible(tmp_path, "-a", "gather_subset=!all")
    ours = gathered(local_agent, gather_subset=["!all"])
    assert names(theirs) - UNGATHERED == names(ours)
