"""What inv doctor says of components, with stand-ins for the programs that this machine may not have."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sparkbed import doctor
from sparkbed.doctor import Finding
from sparkbed.home import ROOT
from tests.components import program

REFUSED = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"


def by_name(name: str) -> Finding:
    [found] = [finding for finding in doctor.examine() if finding.name == name]
    return found


def client(folder: Path, text: str) -> None:
    """A docker client that does this, in front of the real one."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


@pytest.fixture
def bin_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_an_engine_that_answers(bin_first: Path) -> None:
    client(bin_first, '[ "$1" = version ] && echo 20.10.24')
    found = doctor.docker_engine()
    assert found.found
    assert found.detail.startswith("20.10.24")


def test_an_engine_that_refuses_us_is_told_from_one_that_is_not_there(bin_first: Path) -> None:
    client(bin_first, f"echo; echo '{REFUSED}' >&2; exit 1")
    found = doctor.docker_engine()
    assert not found.found
    assert "may not use it" in found.detail
    assert "usermod -aG docker" in found.install


def test_a_client_that_hears_of_no_server_is_no_engine(bin_first: Path) -> None:
    client(bin_first, "echo; exit 0")
    assert not doctor.docker_engine().found


def test_the_real_client_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program("docker", "docker.io")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = doctor.docker_engine()
    assert not found.found
    assert "no engine answers" in found.detail
    assert "dockerd" in found.install


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_the_real_client_at_a_socket_of_somebody_else(bin_first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks at a socket of root's: it is the real client's words that are told apart."""
    real = program("docker", "docker.io")
    client(bin_first, f'exec setpriv --reuid=65534 --regid=65534 --clear-groups "{real}" "$@"')
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as owned:
        Path(folder).chmod(0o755)  # the socket alone keeps nobody out
        path = Path(folder, "root.sock")
        owned.bind(str(path))
        path.chmod(0o600)
        owned.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        found = doctor.docker_engine()
    assert not found.found
    assert "may not use it" in found.detail


def test_without_a_client_the_package_and_the_start_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = doctor.docker_engine()
    assert not found.found
    assert "apt-get install docker.io" in found.install
    assert "dockerd" in found.install


@pytest.mark.parametrize(("name", "word"), [("mmdebstrap", "base images"), ("iptables", "packets"), ("sar", "sysstat")])
def test_a_program_that_is_not_there_comes_with_its_package(
    name: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert word in by_name(name).used_for
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "exists", lambda self: False)
    found = by_name(name)
    assert not found.found
    assert found.install.startswith("apt-get install ")


def test_iptables_is_found_outside_an_ordinary_users_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(Path, "exists", lambda self: str(self) == "/usr/sbin/iptables")
    assert by_name("iptables").detail == "/usr/sbin/iptables"


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_a_test_that_needs_the_engine_skips_but_not_in_ci(ci: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(docker_engine): pass\n")
    environment = {**os.environ, "CI": ci, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    argv = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--noconftest", "-p", "no:cacheprovider", "-rA"]
    done = subprocess.run(
        [*argv, str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert outcome in done.stdout.splitlines()[-1], done.stdout + done.stderr
    assert "no Docker engine" in done.stdout
