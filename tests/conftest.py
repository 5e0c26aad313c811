"""What tests of every folder may ask for."""

from __future__ import annotations

import os

import pytest

from sparkbed import doctor


@pytest.fixture(scope="session")
def docker_engine() -> str:
    """The engine that answers; where none does, the test is skipped with the reason, or fails where CI=true."""
    found = doctor.docker_engine()
    if not found.found:
        reason = f"no Docker engine: {found.detail}; {found.install}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found.detail
