"""Before a trial the page cache is dropped at every place, and where that may not be done it is said."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sparkbed.collectors import get
from sparkbed.collectors.agents import launch_on
from sparkbed.collectors.base import Context, Place
from sparkbed.collectors.places import LocalWatch, here, launch_here
from sparkbed.remote import Connections
from tests.components import missing, program

SIZE = 8 << 20


def in_memory(path: Path) -> bool:
    """Whether the file's first page can be read without going to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(descriptor, [bytearray(4096)], 0, os.RWF_NOWAIT) > 0
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            missing(f"the file system of {path.parent} does not tell what is in memory (try another one for TMPDIR)")
        if error.errno != errno.EAGAIN:
            raise
        return False
    finally:
        os.close(descriptor)


def over_agent() -> Connections:
    """Connections to any host name that lead to this machine: the real agent, without an SSH server."""
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return Connections(lambda _: variables)


def as_nobody(argv: Sequence[str]) -> LocalWatch:
    """Without root's rights; sudo asks that user for a password, or does not know it."""
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return launch_here([*user, "env", "PATH=/usr/bin:/bin", *argv])  # a Python in root's home is not for others


@pytest.mark.full
@pytest.mark.alone("the whole machine's page cache is dropped")
@pytest.mark.parametrize("place", [here(), Place("far", launch_on("far", over_agent))], ids=lambda place: place.name)
def test_files_in_memory_are_read_from_the_disk_again(tmp_path: Path, place: Place) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may drop the page cache")
    file = tmp_path / "data"
    file.write_bytes(os.urandom(SIZE))  # not written out yet: what is dirty can't be dropped
    assert in_memory(file)
    collector = get("page-cache")
    collector.start(Context(tmp_path, [place]))
    assert not in_memory(file)
    collected = collector.stop()
    assert collected.faults == ()
    [[name, sizes]] = collected.facts["page_cache"].items()
    assert name == place.name
    assert 0 <= sizes["after"] < sizes["before"] - SIZE


@pytest.mark.full
def test_who_may_not_is_told(tmp_path: Path) -> None:
    program("setpriv", "util-linux")
    if not Path("/usr/bin/python3").exists():
        missing("there is no /usr/bin/python3, which every user may run: apt-get install python3")
    if os.getuid() != 0:
        pytest.skip("only root may be another user")
    collector = get("page-cache")
    collector.start(Context(tmp_path, [Place("worker-1", as_nobody)]))
    collected = collector.stop()
    [fault] = collected.faults
    assert fault.startswith("the page cache of worker-1 was not dropped: ")
    assert "only root may drop it, outside of containers, or a user whose sudo asks for no password" in fault
    assert collected.facts["page_cache"] == {}
    assert collector.spark_properties(Context(tmp_path, [])) == {}
