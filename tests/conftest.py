"""What tests of every folder may ask for, and how they run beside each other."""

from __future__ import annotations

import fcntl
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sparkbed import doctor
from tests.components import missing

LOCKS = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
# What their tests share takes longer to make than the tests: one worker takes them all.
TOGETHER = (
    "tests/analysis/test_page_in_chromium.py",  # pages
    "tests/analysis/test_report.py",  # a store
    "tests/provision/test_ec2_local.py",  # an endpoint with its nodes
    "tests/provision/test_process_nodes.py",  # nodes at one address
    "tests/system",  # the root of all machines, which is made once per computer
    "tests/workloads",  # the compiled programs
)
TOGETHER_BY_FIXTURE = (
    "finished",  # a campaign that is only read
    "docker_engine",  # one engine: its images are made once, and what is left in it is one test's
)


@pytest.fixture(scope="session")
def docker_engine() -> str:
    """The engine that answers; where none does, the test is skipped with the reason, or fails where CI=true."""
    found = doctor.docker_engine()
    if not found.found:
        missing(f"no Docker engine: {found.detail}; {found.install}")
    return found.detail


# A shell starts what it leaves in the background with Ctrl-C ignored, and our programs would inherit that: tests of an
# interrupt would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests first, so that no worker is left with one at the end; and who stays together."""
    long = {item.path for item in items if item.get_closest_marker("full")}
    items.sort(key=lambda item: item.path not in long)
    for item in items:
        place = item.nodeid.partition("::")[0]
        groups = [prefix for prefix in TOGETHER if place.startswith(prefix)]
        for fixture in TOGETHER_BY_FIXTURE:
            if fixture in getattr(item, "fixturenames", ()):
                groups = [fixture]
        for group in groups:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A folder of the run's own, where its workers lock each other out."""
    if LOCKS not in node.config.stash:
        node.config.stash[LOCKS] = tempfile.TemporaryDirectory(prefix="sparkbed-tests-")
    node.workerinput["locks"] = node.config.stash[LOCKS].name


def pytest_unconfigure(config: pytest.Config) -> None:
    if LOCKS in config.stash:
        config.stash[LOCKS].cleanup()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the test's timeout begins to run
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test marked `alone` runs while no other worker runs one."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    folder = Path(item.config.workerinput["locks"])
    with ExitStack() as stack:
        with _locked(folder / "gate", fcntl.LOCK_EX):  # whoever waits to be alone holds it: no other begins meanwhile
            alone = item.get_closest_marker("alone") is not None
            stack.enter_context(_locked(folder / "tests", fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        return (yield)


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, kind)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # a process that was forked meanwhile holds the file open too
