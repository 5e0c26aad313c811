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

from tests.components import ansible

CASES = sorted(observe.CASES.glob("*.yml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_ends_as_ansible_did(case: Path, tmp_path: Path) -> None:
    ours = observe.by_sparkbed(case, tmp_path)
    assert observe.differences(ours, observe.recorded(case)) == []


# One or two of each family: what a CI run compares with the ansible-core that is installed.
REPRESENTATIVES = frozenset(
    """
    always_after_failure any_errors_fatal any_errors_fatal_in_blocks backslashes_everywhere block_vars_and_when
    check_mode check_mode_of_blocks command_words conditions_of_lists conditions_that_fail delegate_to
    environment_precedence files_and_modes filters_json_and_yaml filters_of_lists filters_of_mappings
    filters_of_regular_expressions
    handlers_and_rescue handlers_with_loops_and_conditions hostvars_of_others lazy_variables loop_with_when meta_tasks
    native_types nested_blocks none_and_empty notify_lists_and_topics omit_in_nested_places precedence
    quotes_and_newlines register_of_skipped_items rescue_and_always run_once_failure set_fact_and_precedence tags_all
    template_whitespace undefined_chains unsafe_text until_edges words_of_commands yaml_scalars
    """.split()  # noqa: SIM905  # a list to read
)


def test_representatives_are_cases() -> None:
    assert {case.stem for case in CASES} >= REPRESENTATIVES


def against_ansible(case: Path, scratch: Path) -> None:
    ansible()
    assert observe.differences(observe.by_ansible(case, scratch), observe.recorded(case)) == []


@pytest.mark.full
@pytest.mark.parametrize("case", [case for case in CASES if case.stem in REPRESENTATIVES], ids=lambda case: case.stem)
def test_the_record_is_what_ansible_does(case: Path, tmp_path: Path) -> None:
    against_ansible(case, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.stem not in REPRESENTATIVES], ids=lambda case: case.stem
)
def test_every_other_record_is_what_ansible_does(case: Path, tmp_path: Path) -> None:
    against_ansible(case, tmp_path)
