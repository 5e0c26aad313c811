"""What .ci/run does about a Docker engine, with engines of its own beside the one that this machine may have."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed.home import ROOT
from tests.components import program

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can start a Docker engine"),
]
# The shell's part of .ci/run, with the tests' own words where it runs the tests.
RUN = f"""
set -euo pipefail
as_root() {{ unshare --net -- "$@"; }}
. {ROOT}/.ci/docker-engine.sh
trap engine_stop EXIT
result=0
engine_start || result=$?
echo "result: $result"
"""
# In a network namespace of its own (unshare, above): without a bridge, an engine takes docker0 away from the one here.
APART = "--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, for sockets; what is left in it at the end is a failure."""
    for name in ("dockerd", "docker"):
        program(name, "docker.io")
    with tempfile.TemporaryDirectory(prefix="sbd-") as made:
        yield Path(made)
        left = [entry.name for entry in Path(made).iterdir()]
        mounted = [line for line in Path("/proc/mounts").read_text().splitlines() if made in line]
        running = [line for line in _command_lines() if made in line]
        assert (left, mounted, running) == ([], [], [])


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue


def run(folder: Path, then: str = "", options: str = APART) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
        "DOCKER_HOST": f"unix://{folder}/docker.sock",
        "DOCKERD_OPTIONS": options,
        "TMPDIR": str(folder),
    }
    return subprocess.run(
        ["bash", "-c", RUN + then],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_an_engine_is_started_and_ended_with_its_containers_also_when_what_follows_fails(folder: Path) -> None:
    # An image of nothing: the container sees the machine's programs, so that no registry is asked.
    then = """
    mounts=$(for name in bin lib lib64 usr; do echo "-v /$name:/$name:ro"; done)
    tar c -T /dev/null | docker import - empty >/dev/null
    docker run --detach --stop-timeout 1 --network host $mounts empty sleep infinity >/dev/null
    docker ps --format 'running: {{.Image}} {{.Command}}'
    false
    """
    done = run(folder, then)
    assert "result: 0" in done.stdout, done.stderr
    assert 'running: empty "sleep infinity"' in done.stdout, done.stderr
    assert done.returncode == 1


def test_a_dockerd_that_dies_is_told_at_once_with_its_last_words(folder: Path) -> None:
    done = run(folder, options="--no-such-option")
    assert "result: 1" in done.stdout
    assert "dockerd ended before it answered" in done.stderr
    assert "unknown flag: --no-such-option" in done.stderr


def test_an_engine_that_answers_is_used_and_stays(folder: Path) -> None:
    then = f"""
    second=$(bash -c {shlex.quote(RUN)})
    echo "second: $second"
    docker version >/dev/null && echo stays
    """
    done = run(folder, then)
    said = done.stdout.partition("second: ")[2]
    assert said.startswith("Docker engine "), done.stderr
    assert "answers." in said
    assert "result: 0" in said
    assert "stays" in said
    assert done.returncode == 0, done.stderr
