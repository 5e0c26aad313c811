"""`hosts`: how long a suite's hosts live."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import DocumentError
from sparkbed.suite import load

SUITE = "suite: s\nworkload: sleep\ninventory: INVENTORY\nhosts: HOSTS\ncluster: CLUSTER\n"


def read(folder: Path, hosts: str, cluster: str = "per-trial") -> str:
    (folder / "hosts.yml").write_text("all: {children: {master: {hosts: {m: }}, workers: {hosts: {w: }}}}\n")
    path = folder / "s.yml"
    path.write_text(
        SUITE.replace("HOSTS", hosts).replace("CLUSTER", cluster).replace("INVENTORY", str(folder / "hosts.yml"))
    )
    suite = load(path)
    assert suite.document()["hosts"] == suite.hosts
    return suite.hosts


def test_they_are_shared_or_one_trials(tmp_path: Path) -> None:
    assert read(tmp_path, "shared", "per-block") == "shared"
    assert read(tmp_path, "per-trial") == "per-trial"


@pytest.mark.parametrize("cluster", ["per-block", "shared"])
def test_a_cluster_can_not_outlive_its_hosts(tmp_path: Path, cluster: str) -> None:
    with pytest.raises(DocumentError, match="end with their trial") as caught:
        read(tmp_path, "per-trial", cluster)
    assert "cluster: per-trial" in str(caught.value)


def test_another_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="hosts can't be 'forever'"):
        read(tmp_path, "forever")
