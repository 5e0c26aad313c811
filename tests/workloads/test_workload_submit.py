"""`submit`: programs of the user's own, and where their numbers come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import RunError, UsageError
from sparkbed.home import Home
from sparkbed.model import Sample
from sparkbed.workloads import extract_numbers, read_numbers, workload


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "my app.py"
    file.write_text("print(1)\n")
    return file


def test_the_command_line(script: Path, tmp_path: Path) -> None:
    extra, table = tmp_path / "more.zip", tmp_path / "table.csv"
    extra.touch()
    table.touch()
    submit = workload("submit")
    parameters = submit.resolve(
        {
            "program": str(script),
            "arguments": ["--out", "{samples}", 3, "{iterations}/{executors}", "{other}"],
            "files": [str(table), str(extra)],
            "jars": ["hdfs://namenode/one.jar"],
        }
    )
    program = submit.prepare(Home(tmp_path), tmp_path, tmp_path, parameters)
    assert program.files == (script, table, extra)
    assert program.arguments(parameters, "/there/s.jsonl", 5, 2, folder="/there") == [
        *("--jars", "hdfs://namenode/one.jar"),
        *("--py-files", "/there/more.zip"),
        *("--files", "/there/table.csv"),
        *("/there/my app.py", "--out", "/there/s.jsonl", "3", "5/2", "{other}"),
    ]


def test_a_jar_with_its_class(tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.touch()
    submit = workload("submit")
    parameters = submit.resolve({"program": str(jar), "main-class": "org.example.Main", "arguments": ["x"]})
    program = submit.prepare(Home(tmp_path), tmp_path, tmp_path, parameters)
    assert program.arguments(parameters, "s", None, 1) == ["--class", "org.example.Main", str(jar), "x"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"program": "/nowhere/app.py"}, "there is no such file"),
        ({"program": "app.sh"}, "must be a .py or a .jar"),
        ({"main-class": "X"}, "has no main-class"),
        ({"jars": ["/nowhere/one.jar"]}, "jars names /nowhere/one.jar"),
        ({"jars": "one.jar"}, "must be a list"),
        ({"numbers": {"took": "took (.*"}}, "the pattern of took is no regular expression"),
        ({"numbers": {"took": "took .*"}}, "must have one group, not 0"),
        ({"numbers": {"took": "(a)(b)"}}, "must have one group, not 2"),
        ({"numbers": {"took": {"patern": "(a)"}}}, "Did you mean 'pattern'"),
        ({"numbers": {"took": {"unit": "s"}}}, "needs a regular expression"),
        ({"numbers": {"took": 5}}, "needs a regular expression"),
        ({"numbers": {"a b": "(a)"}}, "can't be a metric's name"),
        ({"numbers": {"submit_seconds": "(a)"}}, "is measured already"),
    ],
)
def test_refused(script: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        workload("submit").resolve({"program": str(script), **given})
    assert words in str(caught.value)


def test_two_files_of_one_name_are_refused(tmp_path: Path, script: Path) -> None:
    other = tmp_path / "other" / script.name
    other.parent.mkdir()
    other.touch()
    submit = workload("submit")
    parameters = submit.resolve({"program": str(script), "files": [str(other)]})
    with pytest.raises(UsageError, match=r"two files are called my app\.py"):
        submit.prepare(Home(tmp_path), tmp_path, tmp_path, parameters)


OUTPUT = "load 1,234.5 rows\nrun took 1.5 s\nrun took 2e-1 s\nrun took 3 s\n"


def test_numbers_by_pattern() -> None:
    patterns = {"took": {"pattern": r"^run took (\S+) s$", "unit": "s"}, "rows": r"load (\S+) rows"}
    assert extract_numbers(OUTPUT, patterns, warmup=1) == [
        Sample("took", 1.5, "s", 1, kept=False),
        Sample("took", 0.2, "s", 2),
        Sample("took", 3.0, "s", 3),
        Sample("rows", 1234.5, ""),
    ]


def test_a_number_that_is_not_there_names_the_pattern() -> None:
    with pytest.raises(RunError, match=r"done in \(\\d\+\)"):
        extract_numbers(OUTPUT, {"took": r"done in (\d+)"})


@pytest.mark.parametrize("pattern", [r"run (\w+)", r"load (x)?"])
def test_what_is_found_must_be_a_number(pattern: str) -> None:
    with pytest.raises(RunError, match="not a number"):
        extract_numbers(OUTPUT, {"took": pattern})


def test_numbers_by_file() -> None:
    csv_text = "metric,value,unit,iteration\ntook,1.5,s,1\ntook,2,s,2\nrows,7,,\n"
    expected = [Sample("took", 1.5, "s", 1, kept=False), Sample("took", 2.0, "s", 2), Sample("rows", 7.0, "")]
    assert read_numbers(csv_text, "out.csv", warmup=1) == expected
    lines = '{"metric": "took", "value": 1.5, "unit": "s", "iteration": 1}\n\n{"rows": 7, "files": 2}\n'
    assert read_numbers(lines, "out.json") == [
        Sample("took", 1.5, "s", 1),
        Sample("rows", 7.0, ""),
        Sample("files", 2.0, ""),
    ]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "a.json", "is empty"),
        ("", "a.csv", "is empty"),
        ("name,value\nx,1\n", "a.csv", "no column metric"),
        ("metric,value\nx,one\n", "a.csv", "'one' is not a number"),
        ("metric,value\nx\n", "a.csv", "is not a number"),
        ("took 5\n", "a.json", "a.json, line 1: not JSON"),
        ("[5]\n", "a.json", "not a JSON object"),
        ('{"took": "5"}\n', "a.json", "a.json, line 1: not a finite number"),
        ('{"metric": "took"}\n', "a.json", "no 'value'"),
    ],
)
def test_a_numbers_file_that_can_not_be_read(text: str, name: str, words: str) -> None:
    with pytest.raises(RunError) as caught:
        read_numbers(text, name)
    assert words in str(caught.value)


@pytest.mark.full
def test_a_script_of_the_users_own_runs(launch: Callable[..., Any], tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_text(
        "import sys\nfrom pyspark import SparkContext\n"
        "sc = SparkContext(appName='own')\nprint('counted', sc.parallelize(range(int(sys.argv[1]))).count())\n"
        'open(sys.argv[2], \'w\').write(\'{"metric": "own", "value": 4}\\n\')\nsc.stop()\n'
    )
    done = launch("submit", {"program": str(script), "arguments": [50, "{samples}"]})
    assert done.code == 0
    assert extract_numbers(done.output, {"count": r"^counted (\d+)$"}) == [Sample("count", 50.0, "")]
    assert done.reading.samples == [Sample("own", 4.0, "")]
