"""`{shared}` in a parameter: a folder that all workers see, or a trial that does not take place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import PlatformError
from sparkbed.inventory import load
from sparkbed.platforms import get
from sparkbed.platforms.base import Cluster, ClusterSpec
from sparkbed.run.shared import located

INVENTORY = """
all:
  children:
    master: {hosts: {master-1: {node_kind: KIND}}}
    workers: {hosts: {worker-1: {node_kind: KIND}}}
"""


def cluster(folder: Path, kind: str) -> Cluster:
    (folder / "hosts.yml").write_text(INVENTORY.replace("KIND", kind))
    spec = ClusterSpec("c", {}, load(folder / "hosts.yml"), 1)
    return Cluster(spec, {}, "", "", ("w",), "master-1", "127.0.0.1", "/beds/cluster", "/beds/conf", 1.0)


@pytest.mark.parametrize("platform", ["standalone", "docker"])
def test_the_place_is_the_clusters_own_folder(tmp_path: Path, platform: str) -> None:
    given = {"storage-location": "file://{shared}/tera", "num-records": 5, "hash-records": True, "form": "text"}
    there = cluster(tmp_path, "process")
    assert located(given, get(platform), there) == {
        "storage-location": "file:///beds/cluster/shared/tera",
        "num-records": 5,
        "hash-records": True,
        "form": "text",
    }
    assert given["storage-location"] == "file://{shared}/tera"


@pytest.mark.parametrize("platform", ["standalone", "docker"])
def test_workers_on_other_machines_have_none(tmp_path: Path, platform: str) -> None:
    with pytest.raises(PlatformError) as caught:
        located({"storage-location": "file://{shared}/tera"}, get(platform), cluster(tmp_path, "vm"))
    assert "there is no folder that all workers see" in str(caught.value)
    assert "Set storage-location to one that they do" in str(caught.value)
    elsewhere = {"storage-location": "hdfs://namenode:9000/tera"}
    assert located(elsewhere, get(platform), cluster(tmp_path, "vm")) == elsewhere
    assert located({"num-tasks": 5}, get(platform), cluster(tmp_path, "vm")) == {"num-tasks": 5}
