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
from tests.workloads.spark_perf_tables import FIRST

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
    scaled = {"scale-factor": 0.05, "inter-trial-wait": 3}
    # Every combination is run, as by spark-perf: here, two of reduce-tasks.
    assert [(cell.workload, dict(cell.parameters)) for cell in suite.cells] == [
        ("scala-agg-by-key-int", {**scaled, **key_value, "reduce-tasks": 40}),
        ("scala-agg-by-key-int", {**scaled, **key_value, "reduce-tasks": 80}),
        ("python-broadcast-w-set", {**scaled, "broadcast-size": 10_485_760}),
        ("mllib-kmeans", {**scaled, "num-centers": 7}),
        ("pca", scaled),
    ]
    # What it does not give has our default at its scale, and what it gives is not scaled again.
    some = [
        {"num-partitions": 40, "reduce-tasks": 40, "num-records": 20_000_000, "unique-keys": 2_000},
        {"num-partitions": 40, "reduce-tasks": 80, "num-records": 20_000_000, "unique-values": 100_000},
        {"num-partitions": 20, "broadcast-size": 10_485_760},
        {"num-partitions": 6, "num-examples": 50_000, "num-features": 10_000},
        {"num-partitions": 6, "num-rows": 50_000, "num-cols": 1_000, "rank": 50},
    ]
    for cell, expected in zip(suite.cells, some, strict=True):
        resolved = workload(cell.workload).resolve(cell.parameters)
        assert {name: resolved[name] for name in expected} == expected
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
    assert "it has our default" in next(note for note in notes if note.startswith("num-cols"))
    assert "no-such-test (streaming): there is no such test here" in said
    text = (tmp_path / "mine.yml").read_text()
    assert all(f"# {note}" in text for note in notes)


def test_values_are_made_to_fit_and_what_can_not_fit_is_refused_at_its_line(tmp_path: Path) -> None:
    def with_options(options: str) -> str:
        return HEAD.replace("OPTIONS", f"[{options}]")

    options = "OptionSet('num-trials', ['10']), OptionSet('num-records', ['7']), OptionSet('key-length', [12.0])"
    suite, notes = imported(tmp_path, with_options(options))
    assert [dict(cell.parameters) for cell in suite.cells] == [
        {"scale-factor": 1.0, "num-records": 7, "key-length": 12}
    ]
    assert suite.iterations == 10
    assert notes == []
    suite, _ = imported(tmp_path, with_options("OptionSet('num-records', ['many'])"))
    with pytest.raises(UsageError, match="must be a whole number"):
        workload("scala-count").resolve(suite.cells[0].parameters)
    with pytest.raises(UsageError, match="an option of scala-count can't be told"):
        imported(tmp_path, with_options("OptionSet('num-records', [(1, 2)])"))


STREAMING = """
RUN_STREAMING_TESTS = True
SCALE_FACTOR = 0.5
HDFS_URL = "hdfs://%s:9000/test/" % socket.gethostname()
JAVA = [JavaOptionSet("spark.executor.extraJavaOptions", [" -XX:+UseConcMarkSweepGC "])]
COMMON = [OptionSet("total-duration", [60]), OptionSet("hdfs-url", [HDFS_URL])]
KEYS = COMMON + [
    OptionSet("batch-duration", [2000]), OptionSet("num-streams", [1], can_scale=True),
    OptionSet("records-per-sec", [10 * 1000]), OptionSet("reduce-tasks", [10], can_scale=True),
    OptionSet("memory-serialization", ["true"]), OptionSet("unique-keys", [100 * 1000], can_scale=True),
    OptionSet("unique-values", [1000 * 1000], can_scale=True), OptionSet("use-receiver", ["true", False]),
]
WINDOW = KEYS + [OptionSet("window-duration", [10000])]
MAIN = "streaming.perf.TestRunner"
STREAMING_TESTS = [
    ("basic", MAIN, SCALE_FACTOR, JAVA, COMMON + [OptionSet("batch-duration", [1000])]),
    ("state-by-key", MAIN, SCALE_FACTOR, JAVA, KEYS),
    ("group-by-key-and-window", MAIN, SCALE_FACTOR, JAVA, WINDOW),
    ("reduce-by-key-and-window", MAIN, SCALE_FACTOR, JAVA, WINDOW),
    ("hdfs-recovery", MAIN, SCALE_FACTOR, JAVA, COMMON + [
        OptionSet("batch-duration", [5000]), OptionSet("records-per-file", [10000]),
        OptionSet("file-cleaner-delay", [300])]),
]
"""


def test_the_streaming_tests_are_imported(tmp_path: Path) -> None:
    suite, notes = imported(tmp_path, STREAMING)
    once, twice = ["basic", "hdfs-recovery"], ["state-by-key", "group-by-key-and-window", "reduce-by-key-and-window"]
    assert sorted(cell.workload for cell in suite.cells) == sorted([*once, *twice, *twice])
    for cell in suite.cells:
        resolved = workload(cell.workload).resolve(cell.parameters)
        assert (resolved["total-duration"], resolved["hdfs-url"]) == (60, "file://{shared}/streams")
        assert not cell.settings  # the collector that it names is gone
        if cell.workload in twice:
            sizes = [resolved[name] for name in ("num-streams", "reduce-tasks", "unique-keys", "unique-values")]
            assert sizes == [1, 5, 50_000, 500_000]
    received = [c.parameters["use-receiver"] for c in suite.cells if c.workload == "state-by-key"]
    assert received == ["true", "false"]
    assert notes == [f"hdfs-url (line 6): {UNTOLD}; it has our default"]


HEAD = "RUN_SPARK_TESTS = True\nSPARK_TESTS = [('scala-count', 'x', 1.0, [], OPTIONS)]\n"
UNTOLD = "left out, as its value can't be told without running the file"


def test_what_can_not_be_told_has_our_default_scaled(tmp_path: Path) -> None:
    options = "[OptionSet('num-records', [os.cpu_count()], can_scale=True)]"
    suite, notes = imported(tmp_path, HEAD.replace("1.0", "0.001").replace("OPTIONS", options))
    (cell,) = suite.cells
    assert workload(cell.workload).resolve(cell.parameters)["num-records"] == 200_000
    assert f"num-records (line 2): {UNTOLD}; it has our default, scaled" in notes


@pytest.mark.parametrize("factor", [1.0, 0.7, 0.3, 0.05, 0.01, 0.007, 0.001])
@pytest.mark.parametrize("name", [name for name, entry in FIRST.items() if entry.suite in ("core", "pyspark")])
def test_defaults_are_scaled_as_spark_perf_does_to_the_last_record(tmp_path: Path, name: str, factor: float) -> None:
    entry = FIRST[name]
    prefix = {"core": "SPARK", "pyspark": "PYSPARK"}[entry.suite]
    test = f"({entry.test!r}, 'x', {factor} * {entry.scale}, [], [])"
    suite, _ = imported(tmp_path, f"RUN_{prefix}_TESTS = True\n{prefix}_TESTS = [{test}]\n")
    (cell,) = suite.cells
    resolved = workload(cell.workload).resolve(cell.parameters)
    for option in entry.scales:
        assert resolved[option] == max(1, int(entry.options[option] * (factor * entry.scale))), option


@pytest.mark.parametrize(
    ("change", "sizes"),
    [
        ("S.append(2)", [1, 2]),
        ("T = S\nT += [2]", [1, 2]),
        ("O.append(OptionSet('key-length', [9]))", [1]),
        ("S[0] = 2", None),
        ("S.append([])", None),
        ("for s in (2, 3):\n    S.append(s)", None),
        ("for test in SPARK_TESTS:\n    test[4].append(OptionSet('num-records', [7]))", None),
    ],
)
def test_what_changes_after_it_was_used_counts_or_is_told(tmp_path: Path, change: str, sizes: list[int] | None) -> None:
    text = f"S = [1]\nO = [OptionSet('num-records', S), {TRIALS.replace('WHICH', '10')}]\n{HEAD}{change}\n"
    if sizes:
        suite, notes = imported(tmp_path, text.replace("OPTIONS", "O"))
        assert [cell.parameters["num-records"] for cell in suite.cells] == sizes
        assert notes == []
        assert all(("key-length" in cell.parameters) == ("key-length" in change) for cell in suite.cells)
    else:
        with pytest.raises(UsageError, match="can't be told"):
            imported(tmp_path, text.replace("OPTIONS", "O"))


TRIALS = "OptionSet('num-trials', [WHICH])"
NO_NUMBER = "num-trials: no test has a number that can be told, so it is 10"


@pytest.mark.parametrize(
    ("values", "iterations", "said"),
    [
        ("'10'", 10, []),
        ("10.0", 10, []),
        ("'4', 7", 7, ["num-trials: a suite has one number for all tests; the largest is taken (7)"]),
        ("'4', '04'", 4, []),
        (
            "'few', 'many'",
            10,
            ["num-trials (line 2): left out, as 'few' is no number of repetitions",
             "num-trials (line 2): left out, as 'many' is no number of repetitions", NO_NUMBER],
        ),
        ("0", 10, ["num-trials (line 2): left out, as 0 is no number of repetitions", NO_NUMBER]),
        ("a(), b()", 10, [f"num-trials (line 2): {UNTOLD}", NO_NUMBER]),
        ("a(), 3", 3, [f"num-trials (line 2): {UNTOLD}"]),
    ],
)  # fmt: skip
def test_the_number_of_repetitions(tmp_path: Path, values: str, iterations: int, said: list[str]) -> None:
    suite, notes = imported(tmp_path, HEAD.replace("OPTIONS", f"[{TRIALS.replace('WHICH', values)}]"))
    assert (suite.iterations, notes) == (iterations, said)


def test_without_a_number_of_repetitions_it_is_spark_perfs(tmp_path: Path) -> None:
    suite, notes = imported(tmp_path, HEAD.replace("OPTIONS", "[]"))
    assert (suite.iterations, notes) == (10, [NO_NUMBER])


@pytest.mark.parametrize(
    ("value", "warmup", "said"),
    [
        ("'3'", 3, []),
        ("os.cpu_count()", 0, ["IGNORED_TRIALS (line 3) is no number that can be told: no repetition is left out"]),
        ("-1", 0, ["IGNORED_TRIALS is no number that can be told: no repetition is left out"]),
        ("10", 0, ["IGNORED_TRIALS is 10, and num-trials 10: no repetition is left out"]),
    ],
)
def test_the_repetitions_that_are_left_out(tmp_path: Path, value: str, warmup: int, said: list[str]) -> None:
    text = HEAD.replace("OPTIONS", f"[{TRIALS.replace('WHICH', '10')}]") + f"IGNORED_TRIALS = {value}\n"
    suite, notes = imported(tmp_path, text)
    assert (suite.warmup, notes) == (warmup, said)


NO_PLACE = "persistent-type (line 2): hdfs is left out, as storage-location is not there or can't be told"


def test_a_drivers_memory_that_can_not_be_told_is_left_out(tmp_path: Path) -> None:
    text = HEAD.replace("OPTIONS", f"[{TRIALS.replace('WHICH', '10')}]")
    suite, notes = imported(tmp_path, text + "SPARK_DRIVER_MEMORY = os.environ['MEMORY']\n")
    assert "driver_memory" not in suite.cells[0].settings
    assert notes == ["SPARK_DRIVER_MEMORY (line 3): left out, as its value can't be told"]


@pytest.mark.parametrize(
    ("types", "place", "kept", "said"),
    [
        ("'hdfs'", "'hdfs://a/b'", ["hdfs"], []),
        ("'hdfs'", "socket.gethostname()", ["memory"], [NO_PLACE + "; it has our default"]),
        ("'disk', 'hdfs'", "socket.gethostname()", ["disk"], [NO_PLACE]),
        ("'hdfs'", "", ["memory"], [NO_PLACE + "; it has our default"]),
        ("'disk'", "socket.gethostname()", ["disk"], []),
    ],
)  # fmt: skip
def test_hdfs_without_a_place_is_left_out(
    tmp_path: Path, types: str, place: str, kept: list[str], said: list[str]
) -> None:
    options = f"OptionSet('num-trials', [10]), OptionSet('persistent-type', [{types}])"
    if place:
        options += f", OptionSet('storage-location', [{place}])"
    suite, notes = imported(tmp_path, HEAD.replace("OPTIONS", f"[{options}]"))
    found = [workload(cell.workload).resolve(cell.parameters) for cell in suite.cells]
    assert [one["persistent-type"] for one in found] == kept
    about = [note for note in notes if note.startswith("persistent-type")]
    assert about == said


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
        ("a = [1]\nx = a\nx += [2]\na += (3,)", [1, 2, 3]),
        ("x = [1]\na = x\na.append(2)\na = [0]\na.append(0)", [1, 2]),
        ("x = a = [1]\na.extend([2])", [1, 2]),
        ("x = [1]\na = [2, x]\nx.append(3)\nx = a[1]", [1, 3]),
        ("x = [1]\na = x\na = a + [2]", [1]),
        ("x = [1]\na = x\na *= 2\nx = 5", 5),
        ("x = 'a'\nfor y in z:\n    x.strip()", "a"),
        ("x = [1]\ny = x.index(1)\nprint(x)", [1]),
        ("x = [1]\nfor y in x:\n    w.append(y)", [1]),
        ("x = [1]\nfor y in z:\n    w.append((y, x))", [1]),
        ("x = [1]\nif 1 < 2:\n    x.append(2)", [1, 2]),
        ("x = [1]\nfor a in b:\n    y += x + [a]", [1]),
        ("x = [1]\ndef f(n):\n    return [n]\ny = f(x)", [1]),
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
        "x = '%s' % ([[0] * 9000] * 9000,)",
        "x = [1]\nfor y in range(3):\n    x.append(y)",
        "x = [1]\nwhile unheard_of:\n    x += [2]",
        "x = [1]\nif unheard_of:\n    x.extend([2])",
        "x = [1]\nif unheard_of:\n    x[0] = 2",
        "x = [1]\nx[0] = 5",
        "x = [1]\nx[0] += 5",
        "x = [1, 2]\ndel x[0]",
        "x = {'a': 1}\nx['a'] = 5\nx = x['a']",
        "x = {'a': 1}\nx.update(a=2)",
        "x = [1]\nx.remove(1)",
        "x = [1]\ny = x.pop()",
        "x = [2, 1]\nx.sort()",
        "x = [1]\nx.extend(unheard_of)",
        "x = [1]\na = x\na.remove(1)",
        "x = [1]\na = x\na[0] = 2",
        "x = [1]\na = x\na += unheard_of",
        "x = [1]\na = x\na *= 2",
        "x = [1]\na = x\nfor y in z:\n    a += [y]",
        "a = [1]\nx = [a]\na.remove(1)",
        "a = [[1]]\nx = a[0]\na[0].remove(1)",
        "x = [1]\na = [[0]]\nb = [a[0], x]\nfor y in (a, b):\n    y[0].append(2)",
        "x = [1]\nfor y in [x]:\n    y.append(2)",
        "x = [1]\nif unheard_of:\n    y = x\n    y.append(2)",
        "x = [[1]]\n[y.append(2) for y in x]",
        "x = [1]\nx.append(x)",
        "x = [1]\nshuffle(x)",
        "x = [1]\nrandom.shuffle(x)",
        "x = [1]\ndef f(n):\n    x.append(n)\nf(2)",
        "x = [1]\ndef f(n):\n    n.append(2)\nf(x)",
        "x = [1]\ny = [(lambda: x.append(2))()]",
        "x, *y = [1, 2]\n*x, y = [1, 2]",
        "x = 1\nfrom there import x",
        "x = 1\nfrom there import *",
        "x = 1\nclass x:\n    pass",
        pytest.param(
            "x = [1]\n"
            + "".join(f"def f{n}():\n    f{n + 1}()\n    f{n + 1}()\n" for n in range(40))
            + "f0()\nx[0] = 2",
            id="functions-that-call-each-other-twice",
        ),
    ],
)
def test_what_can_not_be_told_is_unknown_and_costs_nothing(text: str) -> None:
    assert isinstance(value(text), Unknown)
