"""Standard output is what users of Ansible know: line by line that of its default callback.

A case is shown/NAME.yml and the record of what ansible-core showed, shown/NAME.txt (see reference/shown.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from reference import shown  # its folder has to be on the path first

from tests.components import ansible

CASES = sorted(shown.CASES.glob("*.yml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_shows_what_ansible_showed(case: Path, tmp_path: Path) -> None:
    record = case.with_suffix(".txt").read_text(encoding="utf-8")
    assert shown.by_sparkbed(case, tmp_path).splitlines() == record.splitlines()


@pytest.mark.full
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_record_is_what_ansible_shows(case: Path, tmp_path: Path) -> None:
    ansible()
    record = case.with_suffix(".txt").read_text(encoding="utf-8")
    assert shown.by_ansible(case, tmp_path).splitlines() == record.splitlines()
