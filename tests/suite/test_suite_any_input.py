"""Whatever stands in a document, its reader gets a UsageError with a place, never another exception."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sparkbed.errors import UsageError
from sparkbed.inventory import load as load_inventory
from sparkbed.inventory import specs
from sparkbed.suite import load, schedule

calm = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])

SUITE = """\
suite: s
workload: w
inventory: local
count: {workers: 1}
settings: {worker_cores: 2, spark: {spark.a: 1}}
parameters: {n: 1}
factors: {a: {x: {settings: {gc: G1}}, y: {alias: b}}, parameters.m: [1, 2]}
combine: {zip: [a, parameters.m]}
exclude: [{a: x}]
trials: 2
deadline: 10m
collectors: [host]
baseline: {a: y}
profiles: {tiny: {trials: 1, parameters: {n: 2}}}
paper:
  {key: "000", experiment: spark, state: prepared, needs: b, tables: [{table: "1", metric: m, compare: [],
   cells: {kmeans (no Docker): {workload: w, count: {workers: 1}, factors: {a: y}, settings: {spark: {spark.a: 1}}}}}]}
"""

INVENTORY = """\
all:
  vars: {provision: {provider: ec2, endpoint: local, node: process, ttl: 2h}}
  children:
    g: {hosts: {"w-[1:2]": {a: 1}}, children: {h: }, vars: {b: 2}}
"""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.dates(),
    st.sampled_from(["", "a", "x", "w", "1m", "[", "w-[1:", "spark.a", "{{ a }}", "local", "a.b", "all", "é", "0x1"]),
    st.text(max_size=4),
    st.binary(max_size=3),
)
keys = st.sampled_from(["a", "x", "spark", "spark.a", "zip", "hosts", "vars", "settings", "parameters.n", "n", 1, None])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def changed(document: Any, value: Any, draw: random.Random) -> Any:
    """`document` with `value` at a random place, or under a random key."""
    if not isinstance(document, (dict, list)) or not document or draw.random() < 0.15:
        return value
    if isinstance(document, list):
        at = draw.randrange(len(document))
        return [changed(item, value, draw) if index == at else item for index, item in enumerate(document)]
    chosen = draw.choice(list(document))
    if draw.random() < 0.1 and not isinstance(value, (dict, list)):
        return {value if key == chosen else key: item for key, item in document.items()}
    return {key: changed(item, value, draw) if key == chosen else item for key, item in document.items()}


def fault_of(action: Callable[[], object]) -> UsageError | None:
    """What the action refuses; None when it goes through."""
    try:
        action()
    except UsageError as error:
        return error
    return None


def readers(path: Path) -> list[Callable[[], object]]:
    def read_hosts() -> None:
        inventory = load_inventory(path)
        assert specs(inventory).keys() == inventory.hosts.keys()
        assert inventory.listing()

    return [read_hosts, lambda: schedule(load(path)), lambda: schedule(load(path, profile="tiny"))]


@calm
@given(st.sampled_from([SUITE, INVENTORY]), values, st.integers(0, 2**32))
def test_any_value_anywhere(tmp_path: Path, text: str, value: Any, seed: int) -> None:
    document = changed(yaml.safe_load(text), value, random.Random(seed))
    path = tmp_path / "document.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    for reader in readers(path):
        fault = fault_of(reader)
        assert fault is None or fault.where is not None


@calm
@given(st.text(max_size=12))
@example("settings.=1")
@example("factors.=1")
@example("count.workers=[")
@example("trials=&a [*a]")
@example("parameters.n=!!python/object:os.system {}")
@example("settings.spark.spark.=1")
@example("seed=---\n---")
def test_any_set(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yml").write_text(SUITE)
    fault = fault_of(lambda: load(tmp_path / "s.yml", sets=[text]))
    assert fault is None or str(fault.where).startswith("--set ")


ODD = ["a: &x [*x]", "&x a: *x", "a: &x {b: *x}", "!!set {a: }", "all: !vault x", "\x00", "a: *none", "a: 2024-13-45"]


@pytest.mark.parametrize("text", ODD)
def test_odd_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "document.yml").write_text(text)
    for reader in readers(tmp_path / "document.yml"):
        assert fault_of(reader) is not None
