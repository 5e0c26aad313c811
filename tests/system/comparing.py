"""What is compared of a play by two engines: each task's answer, and the end state that the play is about."""

from __future__ import annotations

import json
import re
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.system import seeds
from tests.system.machines import Machine

PLAYS = sorted((Path(__file__).parent / "plays").glob("*.yml"))
# Texts, and what differs from run to run.
IGNORED = {
    "stdout", "stdout_lines", "stderr", "stderr_lines", "msg", "diff", "warnings", "exception", "deprecations",
    "status", "cache_update_time", "ssh_fingerprint", "ssh_public_key", "ansible_facts", "invocation", "cmd", "rc",
    "failed_when_result", "details", "module_stdout", "module_stderr",
}  # fmt: skip


def seed(kind: str, folder: Path) -> Path:
    """What the machines for a kind of play have besides their root."""
    return seeds.with_systemctl(folder) if kind == "systemd" else seeds.write(folder)


def playbook(file: Path, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The tasks with a register each, failures passed over, and their results in a file at the end."""
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    tasks = [{**task, "register": f"r{number}", "ignore_errors": True} for number, task in enumerate(given)]
    names = ", ".join(f"r{number}" for number in range(len(tasks)))
    last = {"check_mode": False, "copy": {"dest": "/results.json", "content": f"{{{{ [{names}] | to_json }}}}"}}
    play = {"hosts": "machine", "gather_facts": False, "tasks": [*tasks, last]}
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([play], sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path, given


def results(machine: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((machine.view / "results.json").read_text(encoding="utf-8"))
    return found


def compared(result: dict[str, Any]) -> dict[str, Any]:
    """What is the same whoever runs the task; of a failure, that it is one."""
    if result.get("failed"):
        return {"failed": True}
    return {key: value for key, value in result.items() if key not in IGNORED and value not in (None, "")}


def state(machine: Machine, kind: str) -> dict[str, Any]:
    """The end state, without what the root had before: that changes with each of Debian's updates."""
    found: dict[str, Any] = json.loads(json.dumps(_STATES[kind](machine)))
    return found


def _tree(machine: Machine, *folders: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for folder in folders:
        for path in sorted((machine.view / folder).rglob("*")):
            about = path.lstat()
            link = str(path.readlink()) if stat.S_ISLNK(about.st_mode) else None
            found[str(path.relative_to(machine.view))] = [oct(about.st_mode), about.st_uid, about.st_gid, link]
    return found


def _text(machine: Machine, name: str) -> str:
    path = machine.view / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _users(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = {"homes": _tree(machine, "home", "srv")}
    today = int(time.time() // 86400)
    for name in ("passwd", "group", "shadow", "gshadow"):
        before = (machine.root / "etc" / name).read_text(encoding="utf-8").splitlines()
        now = _text(machine, f"etc/{name}").splitlines()
        found[name] = [re.sub(rf":({today - 1}|{today}):", ":TODAY:", line) for line in now if line not in before]
        lost = [line for line in before if line not in now]
        if name == "shadow":  # its third field is the day when the root was made
            lost = [re.sub(r"^([^:]*:[^:]*):\d+:", r"\1:MADE:", line) for line in lost]
        found[f"{name} lost"] = lost
    return found


def _packages(machine: Machine) -> dict[str, Any]:
    shown = machine.run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status} ${Version}\n").splitlines()
    marks = _text(machine, "var/lib/apt/extended_states")
    automatic = re.findall(r"Package: (sb-\S+)\nArchitecture: \S+\nAuto-Installed: 1", marks)
    files = {name: _text(machine, name) for name in ("run/policy-said", "usr/sbin/policy-rc.d", "etc/sb-conf.conf")}
    return {"packages": [line for line in shown if line.startswith("sb-")], "automatic": sorted(automatic), **files}


def _pip(machine: Machine) -> dict[str, Any]:
    every = _tree(machine, "opt", "usr/local/lib")
    return {name: about[0] for name, about in every.items() if "sparkbed" in name and "__pycache__" not in name}


def _services(machine: Machine) -> dict[str, Any]:
    links = {name: about[3] for name, about in _tree(machine, "etc").items() if re.match(r"etc/rc.\.d/...sbd", name)}
    # How often each engine looks at the service is its own affair.
    asked = [line for line in _text(machine, "run/sbd.log").splitlines() if line != "status"]
    # A daemon's parent ends before the daemon has become its program.
    deadline = time.monotonic() + 60
    while "start-stop-daem" in (programs := _programs(machine)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return {"links": links, "asked": asked, "running": "sleep" in programs}


def _programs(machine: Machine) -> set[str]:
    """The names of what runs there, as the kernel has them (15 characters)."""
    found = set()
    for path in machine.view.glob("proc/[0-9]*/comm"):
        with suppress(OSError):  # it has ended meanwhile
            found.add(path.read_text().removesuffix("\n"))
    return found


def _systemd(machine: Machine) -> dict[str, Any]:
    changes = _text(machine, "run/systemctl.log").splitlines()
    return {"files": _tree(machine, "etc/systemd", "run/units"), "changes": changes}


_STATES = {"users": _users, "packages": _packages, "pip": _pip, "services": _services, "systemd": _systemd}
