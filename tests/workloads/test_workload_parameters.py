"""Parameter tables: spark-perf's names, defaults and scaling; what is refused, and how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from spark_perf_tables import ENTRIES, FIRST, PRESENT, TABLE, Entry

from sparkbed.documents import parse
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT
from sparkbed.workloads import catalogue, workload
from sparkbed.workloads.options import option_list
from sparkbed.workloads.pyspark import SHARED, PythonWorkload

SIZES = ("num-partitions", "reduce-tasks", "num-records", "unique-keys", "unique-values")


def test_the_catalogue_has_every_workload() -> None:
    others = {"pagerank", "python-shuffles", "kmeans", "submit", "exchange", "teragen", "terasort", "teravalidate"}
    others |= {"logistic-regression", "wordcount", "sleep", "big-data-benchmark", "big-data-benchmark-tables"}
    others |= {"planted-cause"}
    structured = {f"structured-{entry.test}" for entry in ENTRIES if entry.suite == "streaming"} - {"structured-basic"}
    assert set(catalogue()) == {*FIRST, *structured, *others}


def test_each_test_of_spark_perf_is_compared_or_named_as_absent() -> None:
    """A workload that is said to come from spark-perf stands in its tables, and not among the absent."""
    ours = {name for name, one in catalogue().items() if one.source.startswith("spark-perf")}
    assert ours == set(FIRST)
    assert set(TABLE["absent"]) <= {entry.test for entry in ENTRIES}
    assert {workload(name).short_name for name in FIRST} == {entry.test for entry in PRESENT}


@pytest.mark.parametrize("name", FIRST)
def test_names_defaults_and_scaling_are_spark_perfs(name: str) -> None:
    entry, ours = FIRST[name], workload(name)
    expected = {
        option: TABLE["differs"].get(option, value[0] if isinstance(value, list) else value)
        for option, value in entry.options.items()
    }
    assert {option: ours.parameters[option].default for option in expected if option in ours.parameters} == expected
    assert {option for option, one in ours.parameters.items() if one.scales} == entry.scales
    assert ours.scale == entry.scale
    assert ours.runner == entry.runner
    theirs = {option for option, one in ours.parameters.items() if one.source.startswith("spark-perf")}
    # SCALE_FACTOR is no option of a test in spark-perf, and its Python scripts take --random-seed that is not set.
    assert theirs | {"random-seed"} == {*expected, "random-seed", "scale-factor"}


@pytest.mark.parametrize("entry", PRESENT, ids=lambda entry: entry.test)
def test_every_option_of_every_entry_can_be_given(entry: Entry) -> None:
    ours = workload(entry.ours)
    for option, value in entry.options.items():
        for one in value if isinstance(value, list) else [value]:
            assert ours.parameters[option].accepts(one), (option, one)


@pytest.mark.parametrize("factor", [1.0, 0.05, 0.001])
@pytest.mark.parametrize("name", FIRST)
def test_what_scales_does_so_by_spark_perfs_rule(name: str, factor: float) -> None:
    entry = FIRST[name]
    resolved = workload(name).resolve({"scale-factor": factor})
    for option in entry.scales:
        assert resolved[option] == max(1, int(entry.options[option] * (factor * entry.scale))), option
    for option in entry.options.keys() - entry.scales - TABLE["differs"].keys():
        value = entry.options[option]
        assert resolved[option] == (value[0] if isinstance(value, list) else value), option


@pytest.mark.parametrize("factor", TABLE["effective"])
@pytest.mark.parametrize("name", [name for name, entry in FIRST.items() if "num-records" in entry.options])
def test_effective_sizes(name: str, factor: float) -> None:
    resolved = workload(name).resolve({"scale-factor": factor})
    assert [resolved[size] for size in SIZES] == TABLE["effective"][factor][name.split("-", 1)[1]]


def test_a_given_value_is_taken_as_it_is() -> None:
    resolved = workload("scala-agg-by-key-int").resolve({"scale-factor": 0.001, "num-records": 1000})
    assert resolved["num-records"] == 1000
    assert resolved["unique-keys"] == 40


@pytest.mark.parametrize("name", [name for name in catalogue() if name != "submit"])
def test_resolving_twice_changes_nothing(name: str) -> None:
    scales = "scale-factor" in workload(name).parameters
    once = workload(name).resolve({"scale-factor": 0.05} if scales else {})
    assert workload(name).resolve(once) == once


def test_a_workloads_own_meaning_is_its_own_and_changes_nothing_else() -> None:
    scala, python = workload("naive-bayes").parameters, workload("python-naive-bayes").parameters
    assert scala["feature-noise"].meaning != python["feature-noise"].meaning
    assert {name: replace(one, meaning="") for name, one in scala.items()} == {
        name: replace(one, meaning="") for name, one in python.items()
    }
    assert list(scala) == list(python)


UNUSED = {
    "python-glm-classification": {"feature-noise", "per-negative"},
    "python-glm-regression": {"feature-noise", "intercept", "label-noise"},
    "python-naive-bayes": {"feature-noise", "per-negative", "model-type"},
    "python-als": set(),
    "python-kmeans": set(),
    "python-pearson": set(),
    "python-spearman": set(),
}


@pytest.mark.parametrize("name", UNUSED)
def test_the_python_tests_say_which_options_they_have_no_use_for(name: str) -> None:
    """Neither the program nor what the programs share reads them; one with a single choice needs no reading."""
    one = workload(name)
    assert isinstance(one, PythonWorkload)
    files = [one.script, *(one.script.parent / module for module in SHARED if "mllib" in module or "corr" in module)]
    text = "".join(file.read_text() for file in files)
    common = catalogue()["python-scheduling-throughput"].parameters
    own = [option for option, row in one.parameters.items() if option not in common and len(row.choices) != 1]
    unread = {option for option in own if f'options["{option}"]' not in text}
    said = {option for option, row in one.parameters.items() if row.meaning.startswith("Not used by the Python test")}
    assert unread == said == UNUSED[name]


def test_paper_001_sizes() -> None:
    for name in ("teragen", "terasort", "teravalidate"):
        assert workload(name).resolve({})["num-records"] * 100 == 10_000_000_000


def test_paper_000_sizes() -> None:
    pagerank = workload("pagerank").resolve({})
    assert (pagerank["num-edges"], pagerank["num-vertices"], pagerank["num-iterations"]) == (100_000, 10_000, 20)
    kmeans = workload("kmeans").resolve({})
    assert (kmeans["num-points"], kmeans["num-dimensions"], kmeans["num-iterations"]) == (5_000, 7, 20)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("scala-agg-by-key", {"num-partition": 4}, "Did you mean 'num-partitions'"),
    ("scala-agg-by-key", {"num-records": "1e6"}, "1_000_000"),
    ("scala-agg-by-key", {"num-records": 1.5}, "without a fraction"),
    ("scala-agg-by-key", {"num-records": True}, "must be a whole number of at least 1, not True"),
    ("scala-agg-by-key", {"num-records": 0}, "must be a whole number of at least 1, not 0"),
    ("scala-agg-by-key", {"unique-keys": 2**31}, "at most 2147483647"),
    ("scala-agg-by-key", {"scale-factor": 0}, "must be a number above 0"),
    ("scala-agg-by-key", {"scale-factor": float("nan")}, "must be a number above 0"),
    ("scala-agg-by-key", {"inter-trial-wait": -1}, "of at least 0"),
    ("scala-agg-by-key", {"hash-records": 1}, "must be true or false"),
    ("scala-agg-by-key", {"hash-records": True}, "are not numbers"),
    ("scala-agg-by-key", {"persistent-type": "tape"}, "one of memory, disk, hdfs"),
    ("scala-agg-by-key", {"persistent-type": "hdfs"}, "needs a storage-location"),
    ("python-agg-by-key", {"persistent-type": "hdfs"}, "needs a storage-location"),
    ("scala-count-w-fltr", {"hash-records": True}, "are not numbers"),
    ("python-agg-by-key", {"wait-for-exit": True}, "would wait forever"),
    ("scala-agg-by-key", {"key-length": 4}, "has 5 digits; key-length is 4"),
    ("python-agg-by-key-int", {"value-length": 6}, "Set value-length to 7 or more"),
    ("scala-agg-by-key", {"num-records": 10, "num-partitions": 11}, "less than one for each of 11 partitions"),
    ("python-naive-bayes", {"model-type": "bernoulli"}, "can't be trained in Python, whose API has multinomial models"),
    ("state-by-key", {"total-duration": 20}, "20 s have 10 batches of 2000 ms, and the first 10 do not count"),
    ("structured-hdfs-recovery", {"ignored-batches": 12}, "Set total-duration higher, or ignored-batches lower"),
    ("group-by-key-and-window", {"window-duration": 3000}, "3000 is no multiple of batch-duration 2000"),
    ("state-by-key", {"use-receiver": "yes"}, "one of true, false"),
    ("python-shuffles", {"num-shuffles": 41}, "41 of 40 passes can't end in a shuffle"),
    ("kmeans", {"num-points": 5}, "10 centres can't be drawn from 5 points"),
    ("teravalidate", {"expected-checksum": "12AB", "validate-folder": "file:///x"}, "no hexadecimal number as"),
    ("teravalidate", {"expected-checksum": "012ab", "validate-folder": "file:///x"}, "no zeros before it"),
    ("teravalidate", {"expected-checksum": "12ab"}, "expected-checksum needs validate-folder"),
    ("submit", {}, "needs the parameter 'program'"),
]


@pytest.mark.parametrize(("name", "given", "words"), REFUSED)
def test_refused(name: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        workload(name).resolve(given)
    assert words in str(caught.value)


def test_a_streaming_test_has_no_number_of_repetitions_and_words_may_be_flags_in_yaml() -> None:
    options = workload("state-by-key").resolve({"use-receiver": False})
    assert options["use-receiver"] == "false"
    given = option_list(options, "s", 5, 2)
    assert {"--use-receiver=false", "--memory-serialization=true"} < set(given)
    assert not any(option.startswith("--num-trials") for option in given)


def test_a_value_from_a_document_is_refused_at_its_line() -> None:
    given = parse("scale-factor: 0.1\nnum-record: 5\n", Path("suite.yml"))
    with pytest.raises(DocumentError) as caught:
        workload("scala-agg-by-key").resolve(given)
    assert str(caught.value).startswith("suite.yml:2: ")


def test_an_unknown_workload_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="scala-agg-by-key"):
        workload("scala-agg-bykey")


def test_a_single_partition_is_warned_of() -> None:
    agg = workload("scala-agg-by-key")
    assert "single partition" in agg.warnings(agg.resolve({"scale-factor": 0.001}))[0]
    assert agg.warnings(agg.resolve({"scale-factor": 0.05})) == []
    assert agg.warnings(agg.resolve({"scale-factor": 0.001, "num-partitions": 2})) == []


def test_the_options_are_spelt_as_in_spark_perf(built: Any, spark_home: Path) -> None:
    python = workload("python-agg-by-key")
    parameters = python.resolve({"scale-factor": 0.05})
    program = python.prepare(built, spark_home, Path("/nowhere"), parameters)
    argv = program.arguments(parameters, "/there/samples.jsonl", 7, 2, folder="/there")
    assert argv[:3] == [
        "--py-files",
        ",".join(f"/there/{name}" for name in SHARED),
        "/there/aggregate_by_key.py",
    ]
    options = argv[3:]
    assert {"--samples=/there/samples.jsonl", "--expected-executors=2", "--num-trials=7"} < set(options)
    assert {"--num-partitions=20", "--unique-values=50000"} < set(options)
    assert not any(option.startswith(("--hash-records", "--scale-factor")) for option in options)
    assert "--wait-for-exit" not in options
    assert option_list({**parameters, "wait-for-exit": True}, "s", None, 0)[-1] == "--wait-for-exit"
    assert len(program.digest) == 64
    assert all(file.is_file() for file in program.files)


GOOD = "title: T\nsource: s\nscale: 1\nprogram: x.py\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("title: T\n", ""), "mine.yml:1: workload mine needs the key 'title'"),
        (GOOD + "colour: red\n", "mine.yml:5: workload mine has no key 'colour'"),
        (GOOD + "groups: [sizes]\n", "Did you mean 'size'"),
        (GOOD + "groups: [size]\nmeanings:\n  scale: m\n", "mine.yml:7: workload mine has no parameter 'scale'"),
        (GOOD + "groups: [size]\nmeanings: {scale-factor: 5}\n", "the meanings of workload mine must be a mapping"),
        (GOOD + "parameters:\n  a: 5\n", "mine.yml:6: parameter a of workload mine must be a mapping"),
        (GOOD + "parameters:\n  a: {type: whole}\n", "parameter a of workload mine needs the key 'meaning'"),
        (GOOD + "parameters:\n  a: {type: whole, meaning: m, source: s}\n", "type must be one of integer"),
        ("- 1\n", "must hold a mapping"),
    ],
)
def test_a_workloads_file_that_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "parameters.yml").write_bytes((ROOT / "workloads" / "parameters.yml").read_bytes())
    (tmp_path / "pyspark" / "mine.yml").write_text(text)
    with pytest.raises(DocumentError) as caught:
        catalogue(tmp_path)
    assert words in str(caught.value)


def test_a_workload_is_added_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "scala").mkdir()
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "parameters.yml").write_bytes((ROOT / "workloads" / "parameters.yml").read_bytes())
    (tmp_path / "pyspark" / "mine.yml").write_text(GOOD + "groups: [iterations]\n")
    assert catalogue(tmp_path)["mine"].resolve({}) == {"num-trials": 10, "inter-trial-wait": 3}
    (tmp_path / "scala" / "mine.yml").write_text(GOOD)
    catalogue.cache_clear()
    with pytest.raises(DocumentError, match="is there twice"):
        catalogue(tmp_path)
