"""Limits of nodes: how control groups of either version are told, and what an inventory may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import DocumentError, HostError
from sparkbed.provision.nodes import cgroups
from sparkbed.provision.nodes.base import Limits
from tests.inventory.test_inventory_provisioning import spec

LINE = "30 23 0:26 / {where} rw,nosuid - {kind} {kind} rw,{options}\n"


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the root of version 2's hierarchy; the kernel would make the files of a group."""
    root = tmp_path / "unified"
    root.mkdir()
    (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(LINE.format(where=root, kind="cgroup2", options="nsdelegate"))
    monkeypatch.setattr(cgroups, "MOUNTS", mounts)
    made = Path.mkdir

    def mkdir(self: Path, *args: object, **more: object) -> None:
        made(self, *args, **more)  # type: ignore[arg-type]
        if self.parent == root:
            (self / "cgroup.controllers").write_text("")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    return root


def test_version_2_is_told_both_in_one_group(second: Path) -> None:
    [group] = cgroups.make("sparkbed-a-i-1", Limits(0.5, 512 << 20))
    assert group == second / "sparkbed-a-i-1"
    assert (group / "cpu.max").read_text() == "50000 100000"
    assert (group / "memory.max").read_text() == str(512 << 20)
    assert (second / "cgroup.subtree_control").read_text() == "+memory", "asked for one by one; the last stands here"
    assert cgroups.names("sparkbed-a-") == {"sparkbed-a-i-1"}


def test_without_limits_there_are_no_groups(second: Path) -> None:
    assert cgroups.make("sparkbed-a-i-1", Limits()) == []
    assert [path.name for path in second.iterdir()] == ["cgroup.controllers"]


def test_version_1_has_a_group_in_each_hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    text = ""
    for controllers in ("cpu,cpuacct", "memory"):
        (tmp_path / controllers).mkdir()
        text += LINE.format(where=tmp_path / controllers, kind="cgroup", options=controllers)
    mounts.write_text(text)
    monkeypatch.setattr(cgroups, "MOUNTS", mounts)
    processor, memory = cgroups.make("n", Limits(1.5, 1 << 30))
    assert (processor / "cpu.cfs_quota_us").read_text() == "150000"
    assert (memory / "memory.limit_in_bytes").read_text() == str(1 << 30)


def test_a_machine_without_control_groups_says_what_to_take_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mountinfo").write_text("")
    monkeypatch.setattr(cgroups, "MOUNTS", tmp_path / "mountinfo")
    with pytest.raises(HostError) as caught:
        cgroups.make("n", Limits(cpus=1))
    assert "Take cpus out of `provision`" in str(caught.value)


def test_an_inventory_limits_nodes_as_java_and_docker_write_it(tmp_path: Path) -> None:
    found = spec(tmp_path, "{provider: ec2, node: netns, cpus: 0.5, memory: 512m}")
    assert (found.cpus, found.memory) == (0.5, 512 << 20)
    assert spec(tmp_path, "{provider: ec2, node: container, memory: 2G}").memory == 2 << 30
    assert spec(tmp_path, "{provider: ec2, node: netns, bandwidth: 10Mbit}").bandwidth == 10_000_000


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ("{provider: ec2, cpus: 1}", "process nodes have no limits"),
        ("{provider: ec2, node: process, memory: 1g}", "process nodes have no limits"),
        ("{provider: ec2, node: netns, memory: 512}", "memory can't be 512"),
        ("{provider: ec2, node: netns, memory: 0m}", "memory can't be '0m'"),
        ("{provider: ec2, bandwidth: 1mbit}", "process nodes have no limits"),
        ("{provider: ec2, node: container, bandwidth: 1mbit}", "kind container have no slow links"),
        ("{provider: ec2, node: netns, bandwidth: 1mb}", "bandwidth can't be '1mb'"),
        ("{provider: ec2, node: netns, bandwidth: 0mbit}", "bandwidth can't be '0mbit'"),
        ("{provider: ec2, node: netns, cpus: -1}", "cpus must be a number above 0"),
        ("{provider: ec2, endpoint: aws, region: r, instance_type: t, image: i, cpus: 1}", "only endpoint: local has"),
        ("{provider: ec2, control: osv}", "nodes on this machine are all logged in to"),
        (
            "{provider: ec2, endpoint: aws, region: r, instance_type: t, image: i, control: telnet}",
            "control can't be 'telnet'",
        ),
        ("{provider: ec2, endpoint: aws, region: r, control: osv, ttl: 2h}", "an OSv instance can't end itself"),
    ],
)
def test_limits_that_can_not_be_are_refused(tmp_path: Path, said: str, match: str) -> None:
    with pytest.raises(DocumentError, match=match):
        spec(tmp_path, said)
