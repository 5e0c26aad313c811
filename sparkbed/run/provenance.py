"""Where a number comes from: machine, versions, code. All of it is kept with the campaign."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from sparkbed.home import ROOT

CODE = ("sparkbed", "workloads", "playbooks", "templates")
"""The folders whose content decides what is measured and how."""

PACKAGES = (
    "sparkbed",
    "pyspark",
    "fabric",
    "paramiko",
    "asyncssh",
    "boto3",
    "moto",
    "jinja2",
    "sqlalchemy",
    "numpy",
    "scipy",
)


def machine() -> dict[str, Any]:
    """Facts of the machine that runs the campaign; memory in bytes."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith(("model name", "Model"))),
        platform.machine(),
    )
    return {
        "cpu": cpu,
        "cores": psutil.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "system": _system(),
        "boot_id": "".join(_lines("/proc/sys/kernel/random/boot_id")),
    }


def versions(java_home: Path) -> dict[str, str]:
    """Versions of everything that takes part."""
    found = {"python": platform.python_version(), "java": _java_version(java_home)}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> str:
    """`git describe` of the checkout, ending in -dirty when files are changed; `unknown` outside git."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return answer.stdout.strip() or "unknown"


def code_digest() -> str:
    """A digest of the code that measures, changed files included, so that a resumed campaign is of one make."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def fingerprint(suite: Mapping[str, Any], spark_versions: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The digest that a campaign must share to be resumed, and its parts, to say what differs."""
    parts = {
        "suite": _digest(suite),
        "code": code_digest(),
        "spark": _digest({name: spark_versions.get(name, "") for name in ("pyspark", "java", "python")}),
    }
    return _digest(parts), parts


HOST_FACTS = (
    "sh",
    "-c",
    "uname -n; uname -r; nproc; sed -n 's/^MemTotal: *//p' /proc/meminfo; "
    "sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1",
)
"""The command whose output `host_facts` reads."""


def host_facts(output: str) -> dict[str, str]:
    """Name, kernel, cores, memory and CPU of a host, from what HOST_FACTS printed there."""
    return dict(zip(("hostname", "kernel", "cores", "memory", "cpu"), output.splitlines(), strict=False))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _java_version(java_home: Path) -> str:
    release = {line.partition("=")[0]: line.partition("=")[2].strip('"') for line in _lines(java_home / "release")}
    return " ".join(part for part in (release.get("IMPLEMENTOR"), release.get("JAVA_VERSION")) if part) or "unknown"


def _system() -> str:
    names = {line.partition("=")[0]: line.partition("=")[2].strip('"') for line in _lines("/etc/os-release")}
    return names.get("PRETTY_NAME", platform.platform())


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
