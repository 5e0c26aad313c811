"""Ansible's own integration targets: fetched when they are wanted, run by both engines, never kept.

A target is a role: `roles: [NAME]` on one host that is this machine, with a scratch folder as `output_dir`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from reference import observe

from sparkbed import inventory
from sparkbed.errors import SparkbedError
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.remote import Connections

TABLE = Path(__file__).with_name("targets.yml")
"""Target -> `same`, `refused: CONSTRUCT`, or `differs: WHY`."""


@dataclass(frozen=True)
class Seen:
    """What a run of a target came to. `refused` has our refusal's words."""

    failed: bool
    recap: Mapping[str, Mapping[str, int]]
    tree: Mapping[str, str]
    refused: str = ""
    words: str = ""


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


def prepare(targets: Path, target: str, folder: Path) -> tuple[Path, Path]:
    """Playbook and inventory of `target` in the fresh `folder`, with copies of it and of what it depends on."""
    root = folder / "targets"
    for name in _needed(targets, target):
        shutil.copytree(targets / name, root / name, symlinks=True)
    out = folder / "out"
    out.mkdir()
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "output_dir": str(out),
    }
    hosts = folder / "hosts.yml"
    hosts.write_text(yaml.safe_dump({"all": {"hosts": {"testhost": host}}}), encoding="utf-8")
    aliases = root / target / "aliases"
    gather = not (aliases.exists() and "gather_facts/no" in aliases.read_text(encoding="utf-8"))
    play = {"hosts": "testhost", "gather_facts": gather, "vars": {"output_dir": str(out)}, "roles": [target]}
    file = root / "play.yml"
    file.write_text("---\n" + yaml.safe_dump([play]), encoding="utf-8")
    return file, hosts


def _needed(targets: Path, target: str) -> set[str]:
    """The target, and the roles that its meta/main.yml and theirs depend on."""
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
    return found


def by_sparkbed(targets: Path, target: str, folder: Path) -> Seen:
    file, hosts = prepare(targets, target, folder)
    inv = inventory.load(hosts)
    seen = observe.Recorder()
    with Connections(lambda host: rendered_connection_variables(inv, host)) as connections:
        try:
            result = Runner(inv, connections, output=seen).play(file)
        except SparkbedError as error:
            return Seen(True, {}, {}, refused=str(error).replace(str(folder), ""))
    words = "; ".join(f"{failure.position}: {failure.task}: {failure.message}" for failure in result.failures.values())
    recap = {host: asdict(counts) for host, counts in seen.counts.items()}
    return Seen(not result.ok, recap, observe.tree(folder / "out"), words=words.replace(str(folder), ""))


def by_ansible(targets: Path, target: str, folder: Path) -> Seen:
    file, hosts = prepare(targets, target, folder)
    record = folder / "results.jsonl"
    environment = {**os.environ, **observe.surroundings(folder, record)}
    program = Path(sys.executable).parent / "ansible-playbook"
    done = subprocess.run(
        [str(program), "-i", str(hosts), str(file)], env=environment, capture_output=True, text=True, timeout=600,
        cwd=folder,
    )  # fmt: skip
    recap: dict[str, dict[str, int]] = {}
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else []:
        entry = json.loads(line)
        if "recap" in entry:
            recap = {host: observe.recap_of(counts) for host, counts in entry["recap"].items()}
    return Seen(
        done.returncode != 0, recap, observe.tree(folder / "out"), words=done.stdout[-2000:] + done.stderr[-500:]
    )


def verdict(ours: Seen, theirs: Seen) -> str:
    """`same`, `refused: ...` or `differs: ...`."""
    if ours.refused:
        return f"refused: {ours.refused.splitlines()[0]}"
    if ours.failed != theirs.failed:
        return f"differs: failed, {ours.words}"
    if ours.recap != theirs.recap:
        return f"differs: recap, ours {ours.recap}, ansible's {theirs.recap}"
    other = sorted(name for name in {*ours.tree, *theirs.tree} if ours.tree.get(name) != theirs.tree.get(name))
    return f"differs: files {', '.join(other)}" if other else "same"
