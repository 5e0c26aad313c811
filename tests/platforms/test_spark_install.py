"""shared/spark.yml really installs Spark and Java, by our engine and by ansible-core, and both leave the same."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cluster_site import Ansible, Ours, Site

from sparkbed import inventory
from sparkbed.home import ROOT
from sparkbed.remote import Connections

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

INSTALL = ROOT / "playbooks" / "shared" / "spark.yml"
# Compiled at different times, or with the folder's own path in them.
PASSED_OVER = ("__pycache__",)


def alone(site: Site, host: str, folder: Path) -> Site:
    """The site's host of that name as one that has neither Spark nor Java."""
    content = yaml.safe_load(site.inventory.path.read_text(encoding="utf-8"))
    spark = content["all"]["children"]["spark"]
    for name in ("spark_home", "java_home", "python"):
        del spark["vars"][name]
    (group,) = (group for group in spark["children"].values() if host in group["hosts"])
    spark["children"] = {"workers": {"hosts": {host: group["hosts"][host]}}}
    path = folder / f"{host}.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return replace(site, inventory=inventory.load(path))


def tree(folder: Path) -> dict[str, str]:
    """Every file below the folder with its mode; where a link leads to, seen from the folder."""
    found = {}
    for path in _below(folder):
        mode = f"{path.lstat().st_mode:o}"
        found[str(path.relative_to(folder))] = (
            f"{mode} {str(path.readlink()).replace(str(folder), '.')}" if path.is_symlink() else mode
        )
    return found


def _below(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if not set(PASSED_OVER) & set(path.parts))


def changed(engine: Ours | Ansible) -> int:
    assert engine.last is not None
    return sum(counts.changed for counts in engine.last.recap.values())


def test_both_engines_install_the_same(site: Site, ansible: Ansible, tmp_path: Path) -> None:
    first, second = alone(site, "w1", tmp_path), alone(site, "w2", tmp_path)
    with Connections(first.inventory.variables) as one, Connections(second.inventory.variables) as two:
        assert Ours(first, one).play(INSTALL, {}).ok
        theirs = replace(ansible, site=second)
        assert theirs.play(INSTALL, {}).ok
        for again in (Ours(first, one), Ours(second, two), replace(ansible, site=first), theirs):
            assert again.play(INSTALL, {}).ok
            assert changed(again) == 0
    assert tree(site.folders["w1"]) == tree(site.folders["w2"])
    for host in ("w1", "w2"):
        folder = site.folders[host]
        done = subprocess.run(
            [str(folder / "spark" / "bin" / "spark-submit"), "--version"],
            env={"PATH": os.environ["PATH"], "JAVA_HOME": str(folder / "java")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "version 3.5.9" in done.stderr
