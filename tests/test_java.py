"""A Java is taken when it starts and Spark 3.5 runs on it; what is tried and refused is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed import java
from sparkbed.errors import HostError


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    java.find_java.cache_clear()
    yield
    java.find_java.cache_clear()


def home_that_says(folder: Path, script: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder


def banner(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2026-01-01' >&2"


@pytest.mark.parametrize(
    ("script", "major"),
    [
        (banner("17.0.9"), 17),
        (banner("21"), 21),
        (banner("1.8.0_392"), 8),
        (banner("17.0.9") + "; exit 1", None),
        ("echo no version here", None),
    ],
)
def test_the_major_version(script: str, major: int | None, tmp_path: Path) -> None:
    assert java.java_major(home_that_says(tmp_path / "jdk", script)) == major


def test_a_home_without_a_program_is_none(tmp_path: Path) -> None:
    assert java.java_major(tmp_path) is None


def test_java_home_comes_first_if_spark_runs_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = home_that_says(tmp_path / "right", banner("21.0.8"))
    monkeypatch.setenv("JAVA_HOME", str(right))
    assert java.find_java() == right


def test_a_java_home_that_does_not_fit_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(home_that_says(tmp_path / "new", banner("25.0.1"))))
    right = home_that_says(tmp_path / "right", banner("17.0.1"))
    monkeypatch.setenv("PATH", f"{right / 'bin'}")
    assert java.find_java() == right


def test_no_java_says_what_was_tried_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [home_that_says(tmp_path / "new", banner("25.0.1")), home_that_says(tmp_path / "broken", "exit 127")]
    monkeypatch.setattr(java, "candidates", lambda: iter(places))
    with pytest.raises(HostError) as caught:
        java.find_java()
    assert "Java 25" in str(caught.value)
    assert "does not start" in str(caught.value)
    assert "openjdk-17-jre-headless" in str(caught.value)


def test_this_machine_has_one() -> None:
    assert java.java_major(java.find_java()) in java.SUPPORTED
