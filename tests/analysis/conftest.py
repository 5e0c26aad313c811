"""Stores with made-up campaigns, for the tests of the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import browser
import made_up
import pytest

from sparkbed.store import Store
from tests.components import missing


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Four cells in two workloads, seven trials each, one of which failed; to be read only."""
    with made_up.store_with(tmp_path_factory.mktemp("store"), failing=(5,)) as opened:
        yield opened


@pytest.fixture
def empty_store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "sparkbed.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """A browser that shows a file's pages one after the other."""
    if browser.program() is None:
        missing("there is no Chromium on this machine: apt-get install chromium")
    with browser.running(tmp_path_factory.mktemp("profile")) as found:
        yield found
