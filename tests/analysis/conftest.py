"""Stores with made-up campaigns, for the tests of the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import made_up
import pytest

from sparkbed.store import Store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Four cells in two workloads, seven trials each, one of which failed; to be read only."""
    with made_up.store_with(tmp_path_factory.mktemp("store"), failing=(5,)) as opened:
        yield opened


@pytest.fixture
def empty_store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "sparkbed.db") as opened:
        yield opened
