"""Sparks of other versions than the installed one: each once, whole, and with words when it can't be had."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from sparkbed.errors import HostError
from sparkbed.home import Home
from sparkbed.sparks import installed_spark, spark_of

INSTALLED = importlib.metadata.version("pyspark")


def test_the_installed_one_is_not_installed_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert spark_of(home, "") == installed_spark()
    assert not (tmp_path / "sparks").exists()
    link = spark_of(home, INSTALLED)
    assert link == home.sparks / INSTALLED / "pyspark"  # where hosts look for it
    assert link.resolve() == installed_spark().resolve()
    link.unlink()
    link.symlink_to(tmp_path)  # from a virtual environment that has gone
    assert spark_of(home, INSTALLED).resolve() == installed_spark().resolve()


def test_one_that_is_there_is_taken(tmp_path: Path) -> None:
    home = Home(tmp_path)
    submit = home.sparks / "4.9.9" / "pyspark" / "bin" / "spark-submit"
    submit.parent.mkdir(parents=True)
    submit.write_text("")
    assert spark_of(home, "4.9.9") == submit.parent.parent


@pytest.mark.full  # it asks the package index
def test_one_that_is_nowhere_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.sparks / "installing-killed" / "made").mkdir(parents=True)
    with pytest.raises(HostError, match=r"Spark 0.0.1 can't be installed: .*pyspark==0.0.1") as caught:
        spark_of(home, "0.0.1")
    assert "pip index versions pyspark" in str(caught.value.hint)
    assert [path.name for path in home.sparks.iterdir()] == ["installing.lock"]
