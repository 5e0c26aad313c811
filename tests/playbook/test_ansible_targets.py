"""Ansible's own integration targets by both engines: the table in reference/targets.yml says what comes of each.

Their source is fetched for the time of the test and never kept. A role that ansible-core itself fails here is skipped;
many a playbook is to fail, and then ours has to fail in the same way.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from reference import targets  # its folder has to be on the path first

from tests.components import ansible

TABLE = targets.expected()


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ansible()
    return targets.fetch(tmp_path_factory.mktemp("source"))


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(TABLE))
def test_ends_as_the_table_says(name: str, fetched: Path, tmp_path: Path) -> None:
    row = targets.Row.read(name)
    for engine in ("ours", "theirs"):
        (tmp_path / engine).mkdir()
    kind, _, words = TABLE[name].partition(": ")
    ours = targets.by_sparkbed(fetched, row, tmp_path / "ours")
    if ours.refused:
        assert (kind, words in ours.refused) == ("refused", True), ours.refused
        return
    theirs = targets.by_ansible(fetched, row, tmp_path / "theirs")
    if theirs.observed.failed and not row.playbook:
        pytest.skip(f"ansible-core itself fails it here: {theirs.words[-300:]}")
    seen = targets.verdict(ours, theirs)
    assert seen.startswith(kind), seen
    assert words in seen
