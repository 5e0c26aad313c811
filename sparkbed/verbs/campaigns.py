"""The campaign that a verb's word names: one of the store, or a whole one in an archive's file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparkbed.home import Home
from sparkbed.model import Campaign
from sparkbed.store import Store
from sparkbed.store.archive import read_archive


def is_archive(wanted: str) -> bool:
    """Whether the word names a file rather than a campaign's id, which holds no slash and ends in no .zip."""
    return "/" in wanted or wanted.endswith(".zip") or is_file(wanted)


def is_file(wanted: str) -> bool:
    """Whether the word is a file's path; False for what could be none."""
    try:
        return bool(wanted) and Path(wanted).is_file()
    except (OSError, ValueError):  # too long a name, or a null byte in it
        return False


@contextmanager
def campaign_of(home: Home, wanted: str) -> Iterator[tuple[Store, Campaign]]:
    """The campaign and the store that has it: the state folder's, or one of an archive's own that ends with the block.

    Args:
        wanted: an id or its beginning, an archive's path, or empty for the last campaign.

    Raises:
        UsageError: when there is none.
        StoreError: when the archive is damaged, is none, or is not one to be trusted.
    """
    if not is_archive(wanted):
        with Store(home.database) as store:
            yield store, store.campaign(wanted or None)
        return
    with tempfile.TemporaryDirectory(prefix="sparkbed-archive-") as folder, Store(Path(folder) / "archive.db") as store:
        yield store, store.campaign(read_archive(Path(wanted).expanduser(), store, Path(folder)))
