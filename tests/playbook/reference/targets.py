"""Ansible's own integration targets: fetched when they are wanted, run by both engines, never kept.

A row of the table is a target that is a role, or one of a target's playbooks with options of ansible-playbook
(`handlers/order.yml -i inventory.handlers`). Every host is this machine, `output_dir` a scratch folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from reference import observe

from sparkbed import inventory
from sparkbed.errors import PlaybookError, SparkbedError
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.remote import Connections

TABLE = Path(__file__).with_name("targets.yml")
"""Row -> `same`, `refused: CONSTRUCT`, or `differs: WHY`."""
HOSTS = "testhost,testhost2,testhost3,testhost4"
"""What a playbook is run on that names no inventory of its own."""
_ROLE = re.compile(r"(?:include|import)_role:\s+name[=:]\s*([\w-]+)")
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Seen:
    """What a run of a row came to. `refused` has our refusal's words, `words` what failed."""

    observed: observe.Observed
    refused: str = ""
    words: str = ""


@dataclass(frozen=True)
class Row:
    """A target, or one of its playbooks, and how it is run."""

    target: str
    playbook: str
    hosts: str
    extra_vars: Mapping[str, str]
    tags: tuple[str, ...]
    skip_tags: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Row:
        place, *words = shlex.split(text)
        parser = argparse.ArgumentParser(allow_abbrev=False)
        parser.add_argument("-i", dest="hosts", default=HOSTS)
        parser.add_argument("-e", dest="extra", action="append", default=[])
        parser.add_argument("--tags", default="")
        parser.add_argument("--skip-tags", default="")
        asked = parser.parse_args(words)
        target, _, playbook = place.partition("/")
        extra = dict(pair.split("=", 1) for pair in asked.extra)
        tags, skip_tags = (tuple(filter(None, names.split(","))) for names in (asked.tags, asked.skip_tags))
        return cls(target, playbook, asked.hosts if playbook else "testhost,", extra, tags, skip_tags)


def expected() -> dict[str, str]:
    """The table."""
    table: dict[str, str] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


def fetch(folder: Path) -> Path:
    """The folder of targets of the installed ansible-core's source distribution, unpacked below `folder`."""
    from ansible.release import __version__

    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), f"ansible-core=={__version__}"], check=True, timeout=600)
    with tarfile.open(next(folder.glob("ansible_core-*.tar.gz"))) as archive:
        members = [member for member in archive.getmembers() if "/test/integration/targets/" in member.name]
        archive.extractall(folder, members, filter="data")
    return next(folder.glob("ansible_core-*/test/integration/targets"))


@dataclass(frozen=True)
class Place:
    """Where one engine runs a row: a playbook, an inventory, a scratch folder."""

    file: Path
    hosts: Path
    out: Path
    extra_vars: Mapping[str, str]


def prepare(targets: Path, row: Row, folder: Path) -> Place:
    """A place in the fresh `folder`, with copies of the target and of the roles that it needs."""
    root = folder / "targets"
    for name in _needed(targets, row.target):
        shutil.copytree(targets / name, root / name, symlinks=True)
    out = folder / "out"
    out.mkdir()
    hosts = folder / "hosts.yml"
    hosts.write_text(yaml.safe_dump(_inventory(root / row.target, row.hosts, out)), encoding="utf-8")
    if row.playbook:
        file = root / row.target / row.playbook
        roles = file.parent / "roles"
        if not roles.exists() and (root / row.target / "roles").exists():
            roles.symlink_to(root / row.target / "roles")
        return Place(file, hosts, out, {**row.extra_vars, "output_dir": str(out)})
    aliases = root / row.target / "aliases"
    gather = not (aliases.exists() and "gather_facts/no" in aliases.read_text(encoding="utf-8"))
    play = {"hosts": "testhost", "gather_facts": gather, "vars": {"output_dir": str(out)}, "roles": [row.target]}
    file = root / "play.yml"
    file.write_text("---\n" + yaml.safe_dump([play]), encoding="utf-8")
    return Place(file, hosts, out, row.extra_vars)


def _inventory(target: Path, hosts: str, out: Path) -> dict[str, Any]:
    """The target's inventory of that name, or one of the hosts named, in YAML; each host is this machine."""
    content: dict[str, Any]
    if "," in hosts:
        content = {"all": {"hosts": {host: {} for host in hosts.split(",") if host}}}
    else:
        command = [str(PROGRAMS / "ansible-inventory"), "-i", hosts, "--list", "--yaml"]
        environment = {**os.environ, **observe.surroundings(out.parent, out.parent / "unused")}
        listed = subprocess.run(
            command, cwd=target, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        content = yaml.safe_load(listed.stdout)
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "output_dir": str(out)}
    content["all"].setdefault("vars", {}).update(here)
    _own(content)
    return content


def _own(groups: Mapping[str, Any]) -> None:
    """Take from each host what says how it is reached: ansible-core's files leave that to its test runner."""
    for group in groups.values():
        for variables in (group.get("hosts") or {}).values():
            for name in ("ansible_connection", "ansible_python_interpreter"):
                (variables or {}).pop(name, None)
        _own(group.get("children") or {})


def _needed(targets: Path, target: str) -> set[str]:
    """The target, and the targets that it and they need as roles: meta/main.yml says so, or a task that names one."""
    found: set[str] = set()
    waiting = [target]
    while waiting:
        name = waiting.pop()
        if name in found or not (targets / name).is_dir():
            continue
        found.add(name)
        meta = targets / name / "meta" / "main.yml"
        about = yaml.safe_load(meta.read_text(encoding="utf-8")) if meta.exists() else None
        roles = (about or {}).get("dependencies") or ()
        waiting.extend(role if isinstance(role, str) else str(role.get("role", role.get("name"))) for role in roles)
        for file in (targets / name / "tasks").glob("*.yml"):
            waiting.extend(_ROLE.findall(file.read_text(encoding="utf-8")))
    return found


def by_sparkbed(targets: Path, row: Row, folder: Path) -> Seen:
    place = prepare(targets, row, folder)
    inv = inventory.load(place.hosts)
    seen = observe.Recorder()
    with Connections(lambda host: rendered_connection_variables(inv, host)) as connections:
        runner = Runner(inv, connections, output=seen)
        try:
            with contextlib.chdir(place.file.parent), mock.patch.dict(os.environ, OUTPUT_DIR=str(place.out)):
                result = runner.play(place.file, extra_vars=place.extra_vars, tags=row.tags, skip_tags=row.skip_tags)
        except PlaybookError as error:
            return Seen(seen.observed(place.out, failed=True), words=str(error).replace(str(folder), ""))
        except SparkbedError as error:
            return Seen(seen.observed(place.out, failed=True), refused=str(error).replace(str(folder), ""))
    words = "; ".join(f"{failure.position}: {failure.task}: {failure.message}" for failure in result.failures.values())
    return Seen(seen.observed(place.out, failed=not result.ok), words=words.replace(str(folder), ""))


def by_ansible(targets: Path, row: Row, folder: Path) -> Seen:
    place = prepare(targets, row, folder)
    record = folder / "results.jsonl"
    command = [str(PROGRAMS / "ansible-playbook"), "-i", str(place.hosts), str(place.file)]
    for name, value in place.extra_vars.items():
        command += ["-e", f"{name}={shlex.quote(value)}"]
    for option, names in (("--tags", row.tags), ("--skip-tags", row.skip_tags)):
        command += [option, ",".join(names)] if names else []
    done = subprocess.run(
        command,
        env={**os.environ, **observe.surroundings(folder, record), "OUTPUT_DIR": str(place.out)},
        cwd=place.file.parent,
        capture_output=True,
        text=True,
        timeout=600,
    )
    observed = observe.recorded_run(record, place.out, failed=done.returncode != 0)
    return Seen(observed, words=done.stdout[-2000:] + done.stderr[-500:])


def verdict(ours: Seen, theirs: Seen) -> str:
    """`same` or `differs: ...`: what ran on each host, its results, the recap, the files."""
    found = observe.differences(ours.observed, theirs.observed)
    if not found:
        return "same"
    return f"differs: {'; '.join(found)}; ours said {ours.words}"
