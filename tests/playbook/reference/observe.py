"""Runs one case by sparkbed or by ansible-core, and says what was to be seen: results, recap, files.

`python -m reference.observe` (in tests/playbook) records what the installed ansible-core does in cases/*.json.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from sparkbed import inventory
from sparkbed.errors import SparkbedError
from sparkbed.playbook import Counts, Runner, Silent, rendered_connection_variables
from sparkbed.playbook.outcome import Outcome
from sparkbed.playbook.plays import Task
from sparkbed.remote import Connections

HERE = Path(__file__).parent
CASES = HERE.parent / "cases"
# What differs from run to run, or says how a tool is made inside.
VOLATILE = frozenset(
    str.split("""
    ansible_facts atime stop ctime mtime birthtime delta start end inode ino dev device exception invocation warnings
    deprecations attr_flags attributes block_size blocks nlink charset mimetype version size uid gid owner group
    gr_name pw_name backup backup_file _ansible_no_log _ansible_parsed failed_when_suppressed_exception src state
    skipped failed elapsed module_stdout module_stderr _ansible_verbose_always _ansible_verbose_override
    _ansible_delegated_vars md5sum ansible_delegated_vars diff
    """)
)


@dataclass
class Observed:
    """What a run showed: whether it failed, the recap, every result in its host's order, and the folder's files."""

    failed: bool
    recap: dict[str, dict[str, int]]
    results: dict[str, list[dict[str, Any]]]
    tree: dict[str, str]


def options(case: Path) -> dict[str, Any]:
    """What the case's first line asks for: `# options: {check: true, tags: [a], extra: {x: 1}}`."""
    first = case.read_text(encoding="utf-8").splitlines()[0]
    match = re.fullmatch(r"# options: (.*)", first)
    return dict(yaml.safe_load(match[1])) if match else {}


def write_inventory(folder: Path) -> Path:
    """Three hosts that are all this machine, in two groups, with variables at every level."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    path = folder / "hosts.yml"
    content = {
        "all": {
            "vars": {**local, "level": "all", "from_all": "all", "greeting": "hello {{ inventory_hostname }}"},
            "children": {
                "web": {"hosts": {"h1": {"level": "h1", "n": 1}, "h2": {"n": 2}}, "vars": {"level": "web"}},
                "db": {"hosts": {"h3": {"n": 3}}, "vars": {"level": "db"}},
            },
        }
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def by_sparkbed(case: Path, folder: Path) -> Observed:
    """The case run by our own engine with `folder` as its scratch."""
    asked = options(case)
    out = folder / "out"
    out.mkdir()
    inv = inventory.load(write_inventory(folder))
    seen = Recorder()
    with Connections(lambda host: rendered_connection_variables(inv, host)) as connections:
        runner = Runner(inv, connections, output=seen)
        try:
            result = runner.play(
                case,
                extra_vars={"out": str(out), **asked.get("extra", {})},
                tags=asked.get("tags", ()),
                skip_tags=asked.get("skip_tags", ()),
                limit=asked.get("limit"),
                check=asked.get("check", False),
                diff=asked.get("diff", False),
                start_at_task=asked.get("start_at_task"),
            )
            failed = not result.ok
        except SparkbedError as error:
            if asked.get("refused"):
                raise
            raise AssertionError(f"{case.name} was refused: {error}") from error
    return seen.observed(out, failed=failed)


class Recorder(Silent):
    """Keeps every result, and the recap."""

    def __init__(self) -> None:
        self.results: dict[str, list[dict[str, Any]]] = {}
        self.counts: Mapping[str, Counts] = {}
        self.title = ""

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None:
        self.title = title

    def result(self, task: Task, outcome: Outcome) -> None:
        entry = {"task": self.title, "status": outcome.status, "result": outcome.result}
        self.results.setdefault(outcome.host, []).append(entry)

    def recap(self, counts: Mapping[str, Counts]) -> None:
        self.counts = counts

    def observed(self, out: Path, *, failed: bool) -> Observed:
        """What the run showed; `out` is its scratch folder."""
        recap = {host: asdict(counts) for host, counts in self.counts.items()}
        return Observed(failed, recap, _cleaned(self.results, out), tree(out))


def by_ansible(case: Path, folder: Path) -> Observed:
    """The case run by the ansible-core that is installed beside this Python."""
    asked = options(case)
    out = folder / "out"
    out.mkdir()
    record = folder / "results.jsonl"
    program = Path(sys.executable).parent / "ansible-playbook"
    command = [str(program), "-i", str(write_inventory(folder)), str(case)]
    command += ["-e", json.dumps({"out": str(out), **asked.get("extra", {})})]
    for name in ("tags", "skip_tags"):
        command += [f"--{name.replace('_', '-')}={','.join(asked[name])}"] if name in asked else []
    command += [f"--limit={asked['limit']}"] if "limit" in asked else []
    command += [f"--start-at-task={asked['start_at_task']}"] if "start_at_task" in asked else []
    command += [f"--{name}" for name in ("check", "diff") if asked.get(name)]
    environment = {**os.environ, **surroundings(folder, record)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    seen = recorded_run(record, out, failed=done.returncode != 0)
    if not seen.recap and seen.failed:
        raise AssertionError(f"ansible-playbook: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return seen


def recorded_run(record: Path, out: Path, *, failed: bool) -> Observed:
    """What an ansible-playbook in our `surroundings` showed, by what it wrote to `record`."""
    results: dict[str, list[dict[str, Any]]] = {}
    recap: dict[str, dict[str, int]] = {}
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else []:
        entry = json.loads(line)
        if "recap" in entry:
            recap = {host: _recap(counts) for host, counts in entry["recap"].items()}
        elif entry["task"].rpartition(" : ")[2] != "meta":
            results.setdefault(entry.pop("host"), []).append(entry)
    return Observed(failed, recap, _cleaned(results, out), tree(out))


def surroundings(folder: Path, record: Path) -> dict[str, str]:
    """The environment of an ansible-playbook that writes its results to `record` and keeps to `folder`."""
    return {
        "RECORD_RESULTS": str(record),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE),
        "ANSIBLE_CALLBACKS_ENABLED": "record_results",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "tmp"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": "3",
        "ANSIBLE_PIPELINING": "1",  # the same results with a fifth of the processes
    }


def _recap(counts: dict[str, int]) -> dict[str, int]:
    return {{"failures": "failed"}.get(name, name): number for name, number in counts.items()}


def _cleaned(results: dict[str, list[dict[str, Any]]], out: Path) -> dict[str, list[dict[str, Any]]]:
    """Plain JSON without what differs from run to run: the scratch folder's path is `<out>`, ours `<checkout>`."""
    text = json.dumps(results, default=str, sort_keys=True)
    text = text.replace(json.dumps(str(out))[1:-1], "<out>").replace(json.dumps(str(out.parent))[1:-1], "<scratch>")
    text = text.replace(json.dumps(str(HERE.parents[2]))[1:-1], "<checkout>")
    # Measured, or drawn by lot.
    text = re.sub(r"Paused for [\d.]+ ", "Paused for <time> ", text)
    text = re.sub(r"/tmp/(tmp|ansible)\.\w{8,10}\b", "<temporary>", text)
    text = re.sub(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~", ".<process>.<time>~", text)  # a backup's name
    plain: dict[str, list[dict[str, Any]]] = _without(json.loads(text))
    return plain


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        plain = {key: _without(item) for key, item in value.items() if key not in VOLATILE}
        if isinstance(plain.get("files"), list):  # what `find` found comes in the file system's order, which is any
            plain["files"].sort(key=json.dumps)
        if isinstance(plain.get("extract_results"), dict):  # of unarchive: they name temporary files
            plain["extract_results"] = {
                key: item for key, item in plain["extract_results"].items() if key not in ("cmd", "out")
            }
        return plain
    return [_without(item) for item in value] if isinstance(value, list) else value


def tree(out: Path) -> dict[str, str]:
    """Every file below the folder: its kind, mode and content."""
    found = {}
    for path in sorted(out.rglob("*")):
        about = path.lstat()
        mode = oct(stat.S_IMODE(about.st_mode))
        if path.is_symlink():
            text = f"link {path.readlink()}"
        elif path.is_dir():
            text = f"directory {mode}"
        else:
            text = f"file {mode} {path.read_bytes().decode('utf-8', 'backslashreplace')}"
        found[str(path.relative_to(out))] = text.replace(str(out), "<out>")
    return found


def differences(ours: Observed, theirs: Observed) -> list[str]:
    """What is not the same. Results are compared by the keys that both have, failures without their messages."""
    found = []
    if ours.failed != theirs.failed:
        found.append(f"failed: ours {ours.failed}, ansible's {theirs.failed}")
    if ours.recap != theirs.recap:
        found.append(f"recap: ours {ours.recap}\n   ansible's {theirs.recap}")
    if ours.tree != theirs.tree:
        found.extend(
            f"{name}: ours {ours.tree.get(name)!r}\n   ansible's {theirs.tree.get(name)!r}"
            for name in sorted(set(ours.tree) | set(theirs.tree))
            if ours.tree.get(name) != theirs.tree.get(name)
        )
    for host in sorted(set(ours.results) | set(theirs.results)):
        mine, other = ours.results.get(host, []), theirs.results.get(host, [])
        titles = [[(entry["task"], entry["status"]) for entry in entries] for entries in (mine, other)]
        if titles[0] != titles[1]:
            found.append(f"{host}: ours {titles[0]}\n   ansible's {titles[1]}")
            continue
        for one, two in zip(mine, other, strict=True):
            unequal = _unequal(one["result"], two["result"], failed=one["status"] in ("failed", "unreachable"))
            found.extend(f"{host} [{one['task']}] {path}" for path in unequal)
    return found


def _unequal(ours: Any, theirs: Any, *, failed: bool, path: str = "") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(set(ours) & set(theirs))
        # Our own words where something failed, or would have without failed_when.
        worded = {"changed_when_result", "failed_when_result", "argument_errors"} | (
            {"msg"} if "failed_when_result" in ours else set()
        )
        keys = [key for key in keys if not (key in worded and isinstance(ours[key], (str, list)))]
        return [
            line
            for key in keys
            if not (key == "msg" and failed)
            for line in _unequal(ours[key], theirs[key], failed=failed, path=f"{path}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line
            for index, (one, two) in enumerate(zip(ours, theirs, strict=True))
            for line in _unequal(one, two, failed=failed, path=f"{path}[{index}]")
        ]
    return [] if ours == theirs else [f"{path}: ours {ours!r}, ansible's {theirs!r}"]


def recorded(case: Path) -> Observed:
    """What ansible-core showed when the case was recorded."""
    return Observed(**json.loads(case.with_suffix(".json").read_text(encoding="utf-8")))


def main(names: list[str]) -> None:
    """Record the cases of these names, or all that have no record yet."""
    for case in sorted(CASES.glob("*.yml")):
        if (names and case.stem not in names) or (not names and case.with_suffix(".json").exists()):
            continue
        with tempfile.TemporaryDirectory() as folder:
            seen = by_ansible(case, Path(folder))
        case.with_suffix(".json").write_text(
            json.dumps(asdict(seen), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        )
        print(f"{case.stem}: failed={seen.failed} {seen.recap}")


if __name__ == "__main__":
    main(sys.argv[1:])
