"""State folders with made-up campaigns, for the verbs that read them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "analysis"))
import made_up

from tests.verbs.command import ID


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cells, seven trials each, one of which failed; with artifacts in rows and in a file. To be read only."""
    folder = tmp_path_factory.mktemp("home")
    log = folder / "campaigns" / ID / "trials" / "0001" / "eventlog.gz"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"\x1f\x8b an event log " * 50_000)
    with made_up.store_with(folder, failing=(5,)) as store:
        made_up.give_artifacts(store, f"{ID}-0001", {"driver.log": b"all is well\n", "eventlog.gz": log})
    return folder
