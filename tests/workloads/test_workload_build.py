"""Compiling the Scala sources: once, whole, and with words when it fails."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sparkbed.errors import RunError
from sparkbed.home import Home
from sparkbed.java import find_java
from sparkbed.workloads import catalogue
from sparkbed.workloads.build import build_jar
from sparkbed.workloads.scala import ScalaWorkload


@pytest.mark.parametrize("folder", ["scala", pytest.param("mllib", marks=pytest.mark.soak)])
def test_one_jar_for_all_workloads_of_a_folder_built_once(built: Home, spark_home: Path, folder: str) -> None:
    all_scala = [workload for workload in catalogue().values() if isinstance(workload, ScalaWorkload)]
    scala = [workload for workload in all_scala if workload.folder.name == folder]
    (jar,) = {workload.prepare(built, spark_home, find_java()).files[0] for workload in scala}
    names = set(zipfile.ZipFile(jar).namelist())
    for workload in scala:
        main_class = workload.prepare(built, spark_home, find_java()).main_class
        assert f"{str(main_class).replace('.', '/')}.class" in names
    changed = jar.stat().st_mtime_ns
    scala[0].prepare(built, spark_home, find_java())
    assert jar.stat().st_mtime_ns == changed
    assert not list(built.build.glob("compiling-*"))


def test_what_does_not_compile_is_told_in_the_compilers_words(tmp_path: Path, spark_home: Path) -> None:
    source = tmp_path / "Broken.scala"
    source.write_text("object Broken { val x: Int = missing }\n")
    with pytest.raises(RunError, match="not found: value missing"):
        build_jar([source], tmp_path, spark_home, find_java())
    assert not list(tmp_path.glob("*.jar"))
    assert not list(tmp_path.glob("compiling-*"))


def test_a_spark_without_the_compiler_is_told(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    with pytest.raises(RunError, match="no scala-compiler jar"):
        build_jar([], tmp_path, tmp_path, Path("/nowhere"))


@pytest.mark.full
def test_two_processes_at_once_build_it_once_and_a_killed_one_leaves_nothing(tmp_path: Path, spark_home: Path) -> None:
    source = tmp_path / "Small.scala"
    source.write_text("object Small { def main(a: Array[String]): Unit = println(1) }\n")
    left_over = tmp_path / "compiling-left"
    left_over.mkdir()
    code = (
        "import sys; from pathlib import Path; from sparkbed.workloads.build import build_jar; "
        "p = [Path(a) for a in sys.argv[1:]]; jar = build_jar([p[0]], p[1], p[2], p[3]); print(jar, jar.stat().st_ino)"
    )
    command = [sys.executable, "-c", code, str(source), str(tmp_path), str(spark_home), str(find_java())]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = {process.communicate(timeout=120)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(answers) == 1  # the same file, not one that replaced the other
    assert len(list(tmp_path.glob("*.jar"))) == 1
    assert not left_over.exists()
