"""Each case is a small play about one behaviour; ansible-core's record of it stands beside it.

A new case needs no new Python: write cases/NAME.yml, then `python reference/observe.py NAME` records what ansible-core
does with it. The fast test compares our engine with the record; the full one compares the record with the ansible-core
that is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from reference import observe  # its folder has to be on the path first

CASES = sorted(observe.CASES.glob("*.yml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_ends_as_ansible_did(case: Path, tmp_path: Path) -> None:
    ours = observe.by_sparkbed(case, tmp_path)
    assert observe.differences(ours, observe.recorded(case)) == []


@pytest.mark.full
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_record_is_what_ansible_does(case: Path, tmp_path: Path) -> None:
    pytest.importorskip("ansible")
    assert observe.differences(observe.by_ansible(case, tmp_path), observe.recorded(case)) == []
