"""Random playbooks (batches, options, files, roles, until, delegation), by our engine and by ansible-core."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

sys.path.insert(0, str(Path(__file__).parent))
from reference import observe, random_plays  # its folder has to be on the path first

from tests.components import ansible


@pytest.mark.soak
@given(random_plays.cases())
# No shrinking: each try costs ansible-core seconds, and the play is printed as it is.
@settings(
    max_examples=200, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck)
)
@pytest.mark.timeout(7200)
def test_wide_random_plays_end_alike(case: random_plays.Case) -> None:
    ansible()
    with tempfile.TemporaryDirectory() as folder:
        file = case.write(Path(folder))
        for name in ("ours", "theirs"):
            Path(folder, name).mkdir()
        ours = observe.by_sparkbed(file, Path(folder, "ours"))
        theirs = observe.by_ansible(file, Path(folder, "theirs"))
        assert random_plays.differences(case, ours, theirs) == [], str(case)
