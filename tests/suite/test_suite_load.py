"""Reading suites: what is resolved, and every kind of bad input with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import DocumentError, UsageError
from sparkbed.suite import Suite, find, load, names

GOOD = """\
suite: demo
question: Which layout?
inventory: local
settings: {executor_memory: 512m, spark: {spark.shuffle.compress: false}}
workload: scala-agg-by-key
parameters: {num-records: 1000}
factors:
  layout:
    one: {count: {workers: 1}, settings: {worker_cores: 2}}
    two: {count: {workers: 2}, settings: {worker_cores: 1, spark: {spark.ui.enabled: false}}}
  parameters.num-tasks: [10, 20]
iterations: 3
warmup: 1
baseline: {layout: one}
profiles:
  tiny:
    trials: 1
    parameters: {num-records: 10}
    factors: {layout: {two: {settings: {worker_memory: 1g}}}}
"""


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "demo.yml").write_text(text)
    return tmp_path / "demo.yml"


def read(tmp_path: Path, text: str, **choices: Any) -> Suite:
    return load(write(tmp_path, text), **choices)


def test_every_combination_is_a_cell_with_what_its_levels_set(tmp_path: Path) -> None:
    suite = read(tmp_path, GOOD)
    assert [cell.label for cell in suite.cells] == [
        "layout=one parameters.num-tasks=10",
        "layout=one parameters.num-tasks=20",
        "layout=two parameters.num-tasks=10",
        "layout=two parameters.num-tasks=20",
    ]
    last = suite.cells[-1]
    assert (last.hosts.inventory, last.hosts.count) == ("local", {"workers": 2})
    assert last.parameters == {"num-records": 1000, "num-tasks": 20}
    assert last.settings == {
        "executor_memory": "512m",
        "worker_cores": 1,
        "spark.shuffle.compress": "false",
        "spark.ui.enabled": "false",
    }
    assert list(suite.inventory(suite.cells[0]).hosts) == ["master-1", "worker-1"]


def test_defaults(tmp_path: Path) -> None:
    suite = read(tmp_path, "suite: s\nworkload: w\n")
    assert (suite.trials, suite.iterations, suite.warmup, suite.order, suite.cluster) == (
        6,
        1,
        0,
        "randomized",
        "per-block",
    )
    assert (suite.metric, suite.deadline, suite.collectors) == (
        *("trial_seconds", 600.0),
        ("eventlog", "host", "python"),
    )
    assert [(cell.label, cell.platform, cell.hosts.inventory) for cell in suite.cells] == [("w", "standalone", "local")]


def test_a_level_may_have_a_deadline_of_its_own_which_is_no_part_of_its_cells(tmp_path: Path) -> None:
    levels = "{small: {parameters: {n: 1}}, large: {parameters: {n: 2}EXTRA}}"
    text = f"suite: s\nworkload: w\ndeadline: 1h\nfactors: {{size: {levels}}}\n"
    plain, own = (read(tmp_path, text.replace("EXTRA", extra)) for extra in ("", ", deadline: 90s"))
    assert [plain.deadline_of(cell) for cell in plain.cells] == [3600, 3600]
    assert [own.deadline_of(cell) for cell in own.cells] == [3600, 90]
    assert own.cells == plain.cells
    assert own.document() != plain.document()
    with pytest.raises(UsageError, match="factor 'size' varies deadline"):
        read(tmp_path, text.replace("EXTRA", ", deadline: 90s"), sets=["deadline=5m"])


def test_profile_and_sets_lie_over_the_suite_in_this_order(tmp_path: Path) -> None:
    suite = read(tmp_path, GOOD, profile="tiny", sets=["seed=3", "settings.spark.ui.port=4050"])
    assert (suite.trials, suite.seed, suite.profile) == (1, 3, "tiny")
    cell = suite.cells[-1]
    assert cell.parameters["num-records"] == 10
    assert cell.settings["worker_memory"] == "1g"
    assert cell.settings["worker_cores"] == 1
    assert cell.settings["spark.ui.port"] == "4050"
    assert read(tmp_path, GOOD, profile="tiny", sets={"trials": "4"}).trials == 4
    assert read(tmp_path, GOOD, profile="tiny", sets={"trials": "4"}, trials=5).trials == 5


def test_a_set_can_replace_the_levels_of_a_factor(tmp_path: Path) -> None:
    suite = read(tmp_path, GOOD, sets=["factors.parameters.num-tasks=[5]"])
    assert [cell.parameters["num-tasks"] for cell in suite.cells] == [5, 5]


def test_only_takes_globs_of_labels_levels_and_pairs(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    every = load(path).cells
    assert load(path, only="layout=one").cells == every[:2]
    assert load(path, only="two").cells == every[2:]
    assert load(path, only="*num-tasks=20").cells == every[1::2]
    assert load(path, only="layout=one, 20").cells == every[1:2]
    assert load(path, only=every[3].id).cells == every[3:]


def test_an_inventory_may_be_a_path_beside_the_suite(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("workers: {hosts: {a: }}\n")
    suite = read(tmp_path, "suite: s\nworkload: w\ninventory: mine.yml\n")
    assert list(suite.inventory(suite.cells[0]).hosts) == ["a"]
    assert suite.cells[0].hosts.inventory == str(tmp_path.resolve() / "mine.yml")
    assert read(tmp_path, GOOD, inventory="local").cells == read(tmp_path, GOOD).cells


def test_values_know_where_they_were_said(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    suite = load(path, profile="tiny", sets=["platform=standalone"])
    cell = suite.cells[-1]
    assert str(suite.position_of(cell, "workload")) == f"{path}:5"
    assert str(suite.position_of(cell, "parameters", "num-tasks")) == f"{path}:11"
    assert str(suite.position_of(cell, "parameters", "num-records")) == f"{path}:18"
    assert str(suite.position_of(cell, "settings", "worker_cores")) == f"{path}:10"
    assert str(suite.position_of(cell, "count", "workers")) == f"{path}:10"
    assert str(suite.position_of(cell, "platform")) == "--set platform=standalone"
    assert str(suite.where("baseline")) == f"{path}:14"


def test_document_is_plain_json_without_paths_of_this_machine(tmp_path: Path) -> None:
    import json

    suite = read(tmp_path, GOOD)
    document = suite.document()
    assert json.loads(json.dumps(document)) == document
    assert str(tmp_path) not in json.dumps(document)
    assert [cell["id"] for cell in document["cells"]] == [cell.id for cell in suite.cells]


BASE = "suite: s\nworkload: w\n"
BAD = {
    "a list": ("- suite: s\n", 1, "a suite is a mapping, not a list"),
    "empty": ("", 1, "the suite is empty"),
    "unknown key": (BASE + "trails: 3\n", 3, "a suite has no key 'trails'"),
    "no name": ("workload: w\n", 1, "the suite has no name"),
    "name with a slash": ("suite: ../s\n", 1, "'../s' can't be the name of a suite"),
    "name a number": ("suite: 5\n", 1, "suite must be text, not the value 5"),
    "no workload": ("suite: s\n", 1, "the suite has no workload"),
    "workload a list": ("suite: s\nworkload: [a]\n", 2, "workload must be text, not a list"),
    "trials zero": (BASE + "trials: 0\n", 3, "trials must be a whole number from 1 on, not the value 0"),
    "trials text": (BASE + "trials: six\n", 3, "trials must be a whole number from 1 on, not the text 'six'"),
    "trials true": (BASE + "trials: yes\n", 3, "trials must be a whole number from 1 on, not the truth value true"),
    "warmup": (BASE + "iterations: 2\nwarmup: 2\n", 4, "warmup is 2 of 2 iterations: none would be kept"),
    "order": (BASE + "order: random\n", 3, "order can't be 'random'"),
    "seed": (BASE + "seed: -1\n", 3, "seed must be a whole number from 0 on"),
    "cluster": (BASE + "cluster: per-trail\n", 3, "cluster can't be 'per-trail'"),
    "collectors": (BASE + "collectors: host\n", 3, "collectors must be a list, not the text 'host'"),
    "collector twice": (BASE + "collectors:\n- host\n- host\n", 5, "'host' stands twice in collectors"),
    "deadline": (BASE + "deadline: soon\n", 3, "deadline must be a length of time, not 'soon'"),
    "a level's deadline": (
        "suite: s\nworkload: w\nfactors:\n  a:\n    one: {workload: v}\n    two:\n      deadline: soon\n",
        7,
        "deadline must be a length of time, not 'soon'",
    ),
    "metric": (BASE + "metric: [a]\n", 3, "metric must be text, not a list"),
    "inventory": (BASE + "inventory: locl\n", 3, "there is no inventory 'locl'"),
    "platform": (BASE + "platform: standalon\n", 3, "there is no platform 'standalon'"),
    "setting twice": (
        BASE + "settings:\n  spark.a: 1\n  spark:\n    spark.a: 2\n",
        6,
        "setting 'spark.a' stands twice",
    ),
    "setting empty": (BASE + "settings:\n  gc:\n", 4, "setting 'gc' has no value"),
    "settings that don't fit": (
        BASE + "settings:\n  worker_memory: 1g\n  executor_memory: 4g\n",
        5,
        "executor_memory 4g is more than worker_memory 1g",
    ),
    "property of the platform's": (
        BASE + "settings:\n  spark:\n    spark.a: 1\n    spark.driver.memory: 1g\n",
        6,
        "property spark.driver.memory can't be set",
    ),
    "settings a list": (BASE + "settings: [a]\n", 3, "settings must be a mapping, not a list"),
    "setting": (BASE + "settings:\n  executor_memry: 1g\n", 4, "platform standalone has no setting 'executor_memry'"),
    "memory": (BASE + "settings: {executor_memory: 512}\n", 3, "setting executor_memory can't be 512"),
    "memory unit": (BASE + "settings: {driver_memory: 1.5g}\n", 3, "setting driver_memory can't be '1.5g'"),
    "cores": (BASE + "settings: {worker_cores: 0}\n", 3, "setting worker_cores can't be 0"),
    "gc": (BASE + "settings: {gc: zgc}\n", 3, "setting gc can't be 'zgc'"),
    "spark": (BASE + "settings: {spark: fast}\n", 3, "must be a mapping of Spark's properties"),
    "property": (BASE + "settings:\n  spark:\n    shuffle.compress: 1\n", 5, "'shuffle.compress' is not a property"),
    "property value": (BASE + "settings:\n  spark:\n    spark.x: [1]\n", 5, "property spark.x can't be [1]"),
    "parameters": (BASE + "parameters: 5\n", 3, "parameters must be a mapping, not the value 5"),
    "parameter name": (BASE + "parameters:\n  5: 5\n", 4, "a parameter's name must be text, not the value 5"),
    "parameter date": (BASE + "parameters:\n  a: 1\n  d: 2020-01-01\n", 5, "parameter 'd' must be text, a number"),
    "parameter inf": (BASE + "parameters: {a: [1, .inf]}\n", 3, "parameter 'a' must be a finite number"),
    "count group": (BASE + "count: {wrokers: 1}\n", 3, "inventory 'local': the inventory has no group 'wrokers'"),
    "count too many": (BASE + "count:\n  workers: 9\n", 4, "group 'workers' has 2 hosts, 9 are asked for"),
    "count zero": (BASE + "count: {workers: 0}\n", 3, "workers must be a whole number from 1 on"),
    "factors a list": (BASE + "factors: [a]\n", 3, "factors must be a mapping, not a list"),
    "factor text": (BASE + "factors:\n  a: b\n", 4, "factor 'a' must be a list of values or a mapping of levels"),
    "factor path": (BASE + "factors:\n  layout: [a, b]\n", 4, "its name must be the path of what it sets"),
    "factor path end": (BASE + "factors:\n  parameters: [a, b]\n", 4, "'parameters' is a mapping: name a key in it"),
    "factor path long": (BASE + "factors:\n  workload.x: [a, b]\n", 4, "'workload' is one value"),
    "factor empty": (BASE + "factors:\n  workload: []\n", 4, "factor 'workload' has no levels"),
    "factor value twice": (BASE + "factors:\n  parameters.n:\n  - 1\n  - 2\n  - 1\n", 7, "has the value 1 twice"),
    "factor value map": (BASE + "factors:\n  parameters.n: [{a: 1}]\n", 4, "must be text or a number, not a mapping"),
    "factor setting": (
        BASE + "factors:\n  settings.worker_core: [1]\n",
        4,
        "platform standalone has no setting 'worker_core'",
    ),
    "level text": (BASE + "factors:\n  a:\n    x: 1\n", 5, "level 'x' of factor 'a' must be a mapping"),
    "level key": (BASE + "factors:\n  a:\n    x: {setting: 1}\n", 5, "level 'x' of factor 'a' has no key 'setting'"),
    "level settings": (
        BASE + "factors:\n  a:\n    x: {settings: 1}\n",
        5,
        "settings of level 'x' of factor 'a' must be",
    ),
    "level alias": (BASE + "factors:\n  a:\n    x: {alias: 1}\n", 5, "alias must be text"),
    "set twice": (
        BASE + "factors:\n  parameters.n: [1]\n  b:\n    x: {parameters: {n: 2}}\n",
        6,
        "factors 'parameters.n' and 'b' both set parameters.n",
    ),
    "same cells": (
        BASE + "factors:\n  a:\n    x: {}\n    y: {}\n",
        3,
        "the cells 'a=x' and 'a=y' are the same",
    ),
    "level without workload": (
        "suite: s\nfactors:\n  a:\n    x: {workload: w}\n    y: {}\n",
        1,
        "the cell 'a=y' has no workload",
    ),
    "combine": (BASE + "combine: cross\n", 3, "combine can't be the text 'cross'"),
    "zip unknown": (BASE + "factors: {parameters.n: [1]}\ncombine: {zip: [parameters.n, b]}\n", 4, "has no factor 'b'"),
    "zip lengths": (
        BASE + "factors: {parameters.n: [1], parameters.m: [1, 2]}\ncombine: {zip: [parameters.n, parameters.m]}\n",
        4,
        "parameters.n has 1, parameters.m has 2",
    ),
    "zip twice": (
        BASE
        + "factors: {parameters.n: [1], parameters.m: [1]}\ncombine:\n- zip: [parameters.n, parameters.m]\n"
        + "- zip: [parameters.m, parameters.n]\n",
        6,
        "factor 'parameters.m' stands in two zips",
    ),
    "exclude a mapping": (BASE + "exclude: {a: b}\n", 3, "exclude must be a list, not a mapping"),
    "exclude factor": (BASE + "factors: {parameters.n: [1]}\nexclude:\n- {m: 1}\n", 5, "the suite has no factor 'm'"),
    "exclude level": (BASE + "factors: {parameters.n: [1]}\nexclude:\n- {parameters.n: 3}\n", 5, "has no level '3'"),
    "exclude all": (BASE + "factors: {parameters.n: [1]}\nexclude: [{parameters.n: 1}]\n", 4, "no cell is left"),
    "baseline text": (BASE + "baseline: one\n", 3, "baseline must be a mapping of factors to levels"),
    "baseline level": (BASE + "factors: {parameters.n: [1]}\nbaseline: {parameters.n: 2}\n", 4, "has no level '2'"),
    "baseline excluded": (
        BASE + "factors: {parameters.n: [1, 2]}\nexclude: [{parameters.n: 1}]\nbaseline: {parameters.n: 1}\n",
        5,
        "no cell has the levels of the baseline",
    ),
    "profiles": (BASE + "profiles: [tiny]\n", 3, "profiles must be a mapping"),
    "profile key": (BASE + "profiles:\n  tiny:\n    trial: 1\n", 5, "profile 'tiny' has no key 'trial'"),
    "profile value": (BASE + "profiles:\n  tiny: 1\n", 4, "tiny must be a mapping"),
    "duplicate key": (BASE + "workload: x\n", 3, "key 'workload' stands twice"),
    "not YAML": (BASE + "settings: {a\n", 3, "not valid YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_suite_is_named_by_file_and_line(case: str, tmp_path: Path) -> None:
    text, line, words = BAD[case]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert words in caught.value.what
    assert str(caught.value.where) == f"{tmp_path / 'demo.yml'}:{line}"


def test_too_few_hosts_names_the_range_to_widen(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, BASE + "count: {workers: 4}\n")
    assert "local.yml" in (caught.value.hint or "")
    assert "from worker-[1:2] to worker-[1:4]" in (caught.value.hint or "")


def test_a_fault_in_an_inventory_names_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("g:\n  hosts: [a]\n")
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, BASE + "inventory: mine.yml\n")
    assert str(caught.value.where).endswith("mine.yml:2")


CHOICES: dict[str, tuple[dict[str, Any], str, str]] = {
    "profile": ({"profile": "tny"}, "no profile 'tny'", "'tiny'"),
    "no equals sign": ({"sets": ["trials"]}, "not of the form path=value", "--set trials=2"),
    "unknown path": ({"sets": ["trails=2"]}, "nothing is called 'trails' here", "'trials'"),
    "path too long": ({"sets": ["trials.x=2"]}, "'trials' is one value", ""),
    "path too short": ({"sets": ["parameters=2"]}, "'parameters' is a mapping", "parameters.KEY"),
    "varied": ({"sets": ["settings.worker_cores=2"]}, "factor 'layout' varies settings.worker_cores", "--only"),
    "varied parameter": ({"sets": ["parameters.num-tasks=2"]}, "varies parameters.num-tasks", "--only"),
    "wrong value": ({"sets": ["trials=many"]}, "trials must be a whole number", ""),
    "wrong YAML": ({"sets": ["seed=[1"]}, "not valid YAML", ""),
    "wrong setting": ({"sets": ["settings.executor_memory=5"]}, "setting executor_memory can't be 5", ""),
    "only": ({"only": "three"}, "--only 'three' names no cell", "layout=one"),
    "only nothing": ({"only": " , "}, "names no cell", "layout=one"),
    "trials": ({"trials": 0}, "trials must be a whole number from 1 on", ""),
    "inventory": ({"inventory": "locla"}, "there is no inventory 'locla'", "'local'"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_bad_choice_is_refused_with_what_to_do(case: str, tmp_path: Path) -> None:
    choices, words, hint = CHOICES[case]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD, **choices)
    assert words in caught.value.what
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def test_a_fault_on_the_command_line_is_placed_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD, sets=["settings.executor_memory=5"])
    assert str(caught.value.where) == "--set settings.executor_memory=5"
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD, inventory="loc'al")
    assert str(caught.value.where) == "--inventory loc'al"


def test_suites_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    assert "quick" in names()
    assert find("quick").name == "quick.yml"
    assert find(write(tmp_path, GOOD)) == tmp_path / "demo.yml"
    with pytest.raises(UsageError, match="no suite 'quik'") as caught:
        find("quik")
    assert "'quick'" in (caught.value.hint or "")


@pytest.mark.parametrize("name", names())
def test_our_own_suites_load_with_all_their_profiles(name: str) -> None:
    suite = load(name)
    for profile in suite.source.get("profiles", {}):
        assert load(name, profile=profile).cells
