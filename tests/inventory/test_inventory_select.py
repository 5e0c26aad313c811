"""Choosing hosts: patterns that name nothing, and the first hosts of a group."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import UsageError
from sparkbed.inventory import Inventory, load

TEXT = """\
all:
  children:
    spark:
      children:
        master:
          hosts: {master-1: }
        workers:
          hosts:
            worker-[01:03]:
            extra:
    ssd:
      hosts: {worker-02: , worker-03: }
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "hosts.yml").write_text(TEXT)
    return load(tmp_path / "hosts.yml")


@pytest.mark.parametrize(
    ("pattern", "words", "hint"),
    [
        ("wrokers", "no host or group 'wrokers'", "'workers'"),
        ("spark:!worker-1", "no host or group 'worker-1'", "'worker-0"),
        ("db*", "no host or group 'db*'", "It has"),
        ("workers[9]", "it has 4", "count from 0"),
        ("~w(", "no regular expression", "Check"),
        ("", "pattern is empty", "all"),
        (" , ", "pattern is empty", "all"),
    ],
)
def test_pattern_that_names_nothing(inventory: Inventory, pattern: str, words: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        inventory.select(pattern)
    assert words in caught.value.what
    assert hint in (caught.value.hint or "")


def test_first_keeps_the_first_hosts_of_a_group_and_those_of_other_groups(inventory: Inventory) -> None:
    smaller = inventory.first({"workers": 1})
    # worker-02 and -03 leave the workers, but stay: the group ssd has them too.
    assert smaller.hosts_of("workers") == ["worker-01"]
    assert list(smaller.hosts) == ["master-1", "worker-01", "worker-02", "worker-03"]
    assert list(inventory.first({"workers": 1, "ssd": 1}).hosts) == ["master-1", "worker-01", "worker-02"]
    assert list(inventory.hosts) == ["master-1", "worker-01", "worker-02", "worker-03", "extra"]


def test_first_counts_hosts_of_child_groups(inventory: Inventory) -> None:
    smaller = inventory.first({"spark": 2})
    assert smaller.hosts_of("spark") == ["master-1", "worker-01"]
    assert smaller.groups["workers"].hosts == ("worker-01",)


def test_a_listing_has_no_hosts_that_are_gone(inventory: Inventory) -> None:
    listing = inventory.first({"workers": 1, "ssd": 1}).listing()
    assert listing["workers"] == {"hosts": ["worker-01"]}
    assert "extra" not in str(listing)


@pytest.mark.parametrize(
    ("count", "words", "hint"),
    [
        ({"workers": 6}, "group 'workers' has 4 hosts, 6 are asked for", ":9 from worker-[01:03] to worker-[01:05]"),
        ({"master": 2}, "group 'master' has 1 host, 2 are asked for", "Add 1 more at"),
        ({"worker": 1}, "no group 'worker'", "'workers'"),
        ({"workers": 0}, "can't have 0 hosts", "1 or more"),
    ],
)
def test_first_names_what_to_widen(inventory: Inventory, count: dict[str, int], words: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        inventory.first(count)
    assert words in caught.value.what
    assert hint in (caught.value.hint or "")


def test_unknown_host_names_near_ones(inventory: Inventory) -> None:
    with pytest.raises(UsageError, match="no host 'master'") as caught:
        inventory.variables("master")
    assert "master-1" in (caught.value.hint or "")
