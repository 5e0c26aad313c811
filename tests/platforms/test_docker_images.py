"""Images: made once of the same inputs, tagged by them. Small stand-ins for Spark's folder are real inputs too."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster_site import Ours

from sparkbed.home import ROOT
from tests.docker_images import make_image

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("docker_engine")]


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=120).stdout


@dataclass(frozen=True)
class Made:
    built: bool
    image: str


def made(spark: Path, **settings: Any) -> Made:
    done = make_image(spark, **settings)
    assert done.returncode == 0, done.stderr
    first, image, *inside = done.stdout.splitlines()
    assert first in ("built", "there")
    assert inside == ["/opt/spark", "", "/usr/bin/python3"]
    return Made(first == "built", image)


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[Path]:
    """Spark's folder of a version that nobody else has; its images go afterwards."""
    version = f"3.5.{secrets.randbelow(10**9)}"
    folder = tmp_path / "a spark"
    (folder / "jars").mkdir(parents=True)
    (folder / "version.py").write_text(f"__version__: str = '{version}'\n")
    (folder / "jars" / "core.jar").write_text("jar")
    yield folder
    images = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "sparkbed-spark").split()
    for image in images:
        if image.startswith(f"sparkbed-spark:{version}"):
            docker("rmi", image)


def test_made_once_of_the_same_inputs(spark: Path) -> None:
    with ThreadPoolExecutor(2) as pool:  # two clusters that start at once
        both = list(pool.map(lambda _: made(spark), range(2)))
    assert sorted(one.built for one in both) == [False, True]
    assert both[0].image == both[1].image
    assert docker("run", "--rm", both[0].image, "cat", "/opt/spark/jars/core.jar") == "jar"
    (spark / "__pycache__").mkdir()
    (spark / "__pycache__" / "version.pyc").write_text("compiled meanwhile")
    assert made(spark) == Made(False, both[0].image)


def test_made_anew_of_other_inputs(spark: Path) -> None:
    first = made(spark)
    (spark / "jars" / "core.jar").write_text("jax")  # of the same length
    second = made(spark)
    assert second.built
    assert second.image != first.image
    (spark / "jars" / "core.jar").write_text("jar")
    assert made(spark) == Made(False, first.image)
    version = spark / "version.py"
    version.write_text(version.read_text().replace("'\n", "7'\n").replace("'", '"'))
    third = made(spark)
    assert third.built
    assert third.image.split("-")[1] == f"{first.image.split('-')[1]}7"


def small_image(name: str, content: str, folder: Path, *changes: str) -> None:
    """An image with one file in it, under that name."""
    (folder / "content").write_text(content)
    archive = subprocess.run(["tar", "-C", str(folder), "-c", "content"], capture_output=True, check=True, timeout=60)
    words = ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", name]
    subprocess.run(words, input=archive.stdout, capture_output=True, check=True, timeout=120)


def base_of(image: str) -> str:
    return docker("history", "--quiet", "--no-trunc", image).split()[-1]


def images_of(label: str) -> list[str]:
    """Ids of the images that carry the label or that have it for a name, newest first."""
    return list(
        dict.fromkeys(
            image
            for words in (("--filter", f"label={label}"), (label,))
            for image in docker("images", "--quiet", *words).split()
        )
    )


@pytest.fixture
def label() -> Iterator[str]:
    """A label for images that no other test has; they go afterwards, whatever their names."""
    name = f"sparkbed-test-{secrets.token_hex(4)}"
    yield name
    deadline = time.monotonic() + 60
    while left := images_of(name):
        # An engine that is still taking down a build's containers refuses; and who goes may take its parents along.
        for image in left:
            subprocess.run(["docker", "rmi", "--force", image], capture_output=True, timeout=60)
        assert time.monotonic() < deadline, docker("rmi", "--force", *images_of(name))


def test_made_anew_of_a_base_that_was_rebuilt_under_the_same_name(spark: Path, tmp_path: Path, label: str) -> None:
    given = {"base_image": f"{label}:mine", "docker_packages": [], "docker_image_label": label}
    small_image(f"{label}:mine", "one", tmp_path)
    first = made(spark, **given)
    assert made(spark, **given) == Made(False, first.image)
    small_image(f"{label}:mine", "two", tmp_path)
    second = made(spark, **given)
    assert second.built
    assert base_of(second.image) != base_of(first.image)


def test_images_are_removed_by_every_name_but_for_those_in_use(ours: Ours, label: str, tmp_path: Path) -> None:
    def small(name: str, kind: str) -> str:
        small_image(f"{label}:{name}", name, tmp_path, f"LABEL {label}={kind}")
        return f"{label}:{name}"

    def names() -> list[str]:
        return sorted(docker("images", "--format", "{{.Tag}}", "--filter", f"label={label}").split())

    def play() -> int:
        result = ours.play(ROOT / "playbooks/docker/images.yml", {"docker_image_label": label})
        assert result.ok, result.failures
        return sum(counts.changed for counts in result.recap.values())

    docker("tag", small("base", "base"), f"{label}:second-name")
    used, _ = small("used", "spark"), small("unused", "spark")
    small("unnamed", "spark")
    small_image(f"{label}:unnamed", "its successor", tmp_path)
    container = docker("create", used, "x").strip()
    try:
        assert names() == ["<none>", "base", "second-name", "unused", "used"]
        assert play() > 0
        assert names() == ["used"]
        assert play() == 0
    finally:
        docker("rm", container)
    assert play() > 0
    assert names() == []


def test_what_cannot_be_made_says_why_and_leaves_no_image(spark: Path) -> None:
    version = f"0.0.{secrets.randbelow(10**9)}"
    done = make_image(spark, spark_version=version)
    assert done.returncode != 0
    assert f"pyspark=={version}" in done.stderr
    assert docker("images", "--quiet", "--filter", f"reference=sparkbed-spark:{version}-*") == ""
    done = make_image(spark, base_image="localhost:9/no/such:image")
    assert done.returncode != 0
    assert "base image localhost:9/no/such:image can't be had" in done.stderr


def test_no_spark_and_no_version_is_told(tmp_path: Path) -> None:
    done = make_image(tmp_path / "none")
    assert done.returncode != 0
    assert "spark_version" in done.stderr
