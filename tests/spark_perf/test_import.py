"""A spark-perf configuration becomes a suite with its choices, and is never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import UsageError
from sparkbed.spark_perf import read_config, suite_of
from sparkbed.spark_perf.expressions import Names, Unknown
from sparkbed.suite import Suite, load
from sparkbed.workloads import workload

CONFIG = Path(__file__).parent / "data" / "config.txt"


def imported(folder: Path, text: str | None = None) -> tuple[Suite, list[str]]:
    source = CONFIG
    if text is not None:
        source = folder / "config.py"
        source.write_text(text)
    made, notes = suite_of(read_config(source))
    (folder / "mine.yml").write_text(made)
    return load(folder / "mine.yml"), notes


def test_the_suite_has_the_configurations_tests_with_its_values_scaled(tmp_path: Path) -> None:
    suite, _ = imported(tmp_path)
    key_value = {
        "inter-trial-wait": 3, "num-partitions": 40, "random-seed": 5, "persistent-type": "memory",
        "hash-records": False, "num-records": 20_000_000,
    }  # fmt: skip
    # Every combination is run, as by spark-perf: here, two of reduce-tasks.
    assert [(cell.workload, dict(cell.parameters)) for cell in suite.cells] == [
        ("scala-agg-by-key-int", {**key_value, "reduce-tasks": 40}),
        ("scala-agg-by-key-int", {**key_value, "reduce-tasks": 80}),
        ("python-broadcast-w-set", {"broadcast-size": 10_485_760, "inter-trial-wait": 3}),
        ("mllib-kmeans", {"inter-trial-wait": 3, "num-centers": 7}),
        ("pca", {"inter-trial-wait": 3}),
    ]
    for cell in suite.cells:
        workload(cell.workload).resolve(cell.parameters)
        settings = cell.settings
        assert settings["driver_memory"] == "20g"
        assert settings["executor_memory"] == settings["worker_memory"] == "9g"
        assert settings["spark.serializer"].endswith("JavaSerializer")
        assert settings["spark.locality.wait"] == "60000000ms"
        assert "spark.storage.memoryFraction" not in settings
    assert (suite.trials, suite.iterations, suite.warmup) == (1, 10, 2)


def test_what_is_left_out_is_told_with_its_line(tmp_path: Path) -> None:
    _, notes = imported(tmp_path)
    said = "\n".join(notes)
    lines = CONFIG.read_text().splitlines()

    def line(holding: str) -> int:
        return next(number for number, text in enumerate(lines, 1) if holding in text)

    assert f"spark.storage.memoryFraction (line {line('memoryFraction')}): left out, as it does nothing" in said
    assert f"scala-agg-by-key-int: left out, as it has no such parameter here: colour (line {line('colour')})" in said
    assert f"line {line('JAVA[1:]')}: the options of kmeans can't be told without running it: left out" in said
    assert f"rank (line {line('time.time')}): left out, as its value can't be told without running the file" in said
    assert f"num-cols (line {line('cpu_count')}): left out, as its value can't be told" in said
    assert "no-such-test (streaming): there is no such test here" in said
    text = (tmp_path / "mine.yml").read_text()
    assert all(f"# {note}" in text for note in notes)


def test_values_are_made_to_fit_and_what_can_not_fit_is_refused_at_its_line(tmp_path: Path) -> None:
    def with_options(options: str) -> str:
        return HEAD.replace("OPTIONS", f"[{options}]")

    suite, notes = imported(tmp_path, with_options("OptionSet('num-records', ['7']), OptionSet('key-length', [12.0])"))
    assert [dict(cell.parameters) for cell in suite.cells] == [{"num-records": 7, "key-length": 12}]
    assert notes == []
    suite, _ = imported(tmp_path, with_options("OptionSet('num-records', ['many'])"))
    with pytest.raises(UsageError, match="must be a whole number"):
        workload("scala-count").resolve(suite.cells[0].parameters)
    with pytest.raises(UsageError, match="an option of scala-count can't be told"):
        imported(tmp_path, with_options("OptionSet('num-records', [(1, 2)])"))


HEAD = "RUN_SPARK_TESTS = True\nSPARK_TESTS = [('scala-count', 'x', 1.0, [], OPTIONS)]\n"


MANY = "[OptionSet('key-length', [1] * 200), OptionSet('value-length', [1] * 200)]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RUN_SPARK_TESTS = False\n", "no tests are chosen"),
        ("print 'hello'\n", "config.py:1: not Python 3"),
        ("x = (" * 300 + ")" * 300, "not Python"),
        ("\0", "not Python"),
        ("RUN_SPARK_TESTS = True\nSPARK_TESTS = [1]\n", "a test is not a tuple of five"),
        (HEAD.replace("OPTIONS", "[1]"), "an option of scala-count can't be told"),
        (HEAD.replace("1.0", "nothing").replace("OPTIONS", "[]"), "the name or scale of a test can't be told"),
        ("RUN_SPARK_TESTS = True\nSPARK_TESTS = unheard_of\n", "SPARK_TESTS can't be told without running it"),
        (HEAD.replace("OPTIONS", "[OptionSet(n, [1]) for n in 'ab']"), "the options of scala-count can't be told"),
        (HEAD.replace("OPTIONS", MANY), "more than 10,000 combinations"),
    ],
)  # fmt: skip
def test_files_that_give_no_suite(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        imported(tmp_path, text)
    assert words in str(caught.value)


def value(text: str) -> Any:
    import ast

    names = Names({})
    names.run(ast.parse(text).body)
    return names.values["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 200 << 20", 209_715_200),
        ("x = str(60 * 1000)", "60000"),
        ("x = '%s/%s' % ('a', 1)", "a/1"),
        ("x = [1] + [2, 3]\nx.extend([4])", [1, 2, 3, 4]),
        ("def f(n, m=2):\n    return [n * m]\nx = f(3)", [6]),
        ("x = 1\nif 1 < 2:\n    x = 2\nelse:\n    x = 3", 2),
        ("x = 5 if False else 6", 6),
        ("a, x = 1, 2", 2),
        ("x = {'a': 7}['a']", 7),
        ("x = None or 4", 4),
    ],
)
def test_what_plain_python_gives(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x = open('/etc/passwd').read()",
        "x = __import__('os').getpid()",
        "x = 1\nif unheard_of:\n    x = 2",
        "x = 1\nfor y in range(3):\n    x = y",
        "x = 'a' * 10 ** 9",
        "x = 'a' * 1000000000",
        "x = [0] * 1000000000",
        "x = 1 << 100000",
        "x = '%999999999d' % 1",
        "x = '%*d' % (999999999, 1)",
        "x = 1 / 0",
        "x = {}['a']",
        "def f(n):\n    return f(n)\nx = f(1)",
        "def f(n):\n    return f(n) + f(n)\nx = f(1)",
        "x = 1\n" + "x = x + x\n" * 70,
        "a = [0] * 9000\nb = [a] * 9000\nx = str([b] * 9000)",
        "x = " + "-" * 90 + "1",
        "x = 1e999",
        "x = 1e999 - 1e999",
    ],
)
def test_what_can_not_be_told_is_unknown_and_costs_nothing(text: str) -> None:
    assert isinstance(value(text), Unknown)
