"""The same module calls by Ansible and by our agent: the same verdicts, the same answers, the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sparkbed.agent import Agent
from sparkbed.playbook import modules
from tests.components import ansible

# (module, arguments); ROOT is a folder of each engine's own. They build on each other.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("file", {"path": "ROOT/a/b", "state": "directory", "mode": "0750"}),
    ("file", {"path": "ROOT/a/b", "state": "directory", "mode": "0750"}),
    ("file", {"path": "ROOT/a/b", "state": "directory", "mode": "u=rwx,go=rx"}),
    ("file", {"path": "ROOT/a/b", "mode": "g-x"}),
    ("file", {"path": "ROOT/no", "state": "file"}),
    ("file", {"path": "ROOT/no"}),
    ("file", {"path": "ROOT/t", "state": "touch", "mode": "0600"}),
    ("file", {"path": "ROOT/t", "state": "touch"}),
    ("file", {"path": "ROOT/t", "state": "touch", "access_time": "preserve", "modification_time": "preserve"}),
    ("file", {"path": "ROOT/t", "state": "directory"}),
    ("file", {"path": "ROOT/t", "mode": "a+X"}),
    ("file", {"path": "ROOT/t", "mode": "+x"}),
    ("file", {"path": "ROOT/t", "mode": "ug+s,o+t"}),
    ("file", {"path": "ROOT/t", "mode": "go=u"}),
    ("file", {"path": "ROOT/t", "mode": 420}),
    ("file", {"path": "ROOT/l", "src": "t", "state": "link"}),
    ("file", {"path": "ROOT/l", "src": "t", "state": "link"}),
    ("file", {"path": "ROOT/l", "src": "nowhere", "state": "link"}),
    ("file", {"path": "ROOT/l", "src": "nowhere", "state": "link", "force": True}),
    ("file", {"path": "ROOT/a", "src": "t", "state": "link"}),
    ("file", {"path": "ROOT/t2", "state": "touch"}),
    ("file", {"path": "ROOT/t2", "src": "t", "state": "link"}),
    ("file", {"path": "ROOT/t2", "src": "t", "state": "link", "force": True}),
    ("file", {"path": "ROOT/h", "src": "ROOT/t", "state": "hard"}),
    ("file", {"path": "ROOT/h", "src": "ROOT/t", "state": "hard"}),
    ("file", {"path": "ROOT/h", "mode": "0640"}),
    ("file", {"path": "ROOT/a", "recurse": True, "mode": "u=rwX,g=rX,o=", "state": "directory"}),
    ("file", {"path": "ROOT/x", "recurse": True, "state": "touch"}),
    ("file", {"path": "ROOT/l", "state": "absent"}),
    ("file", {"path": "ROOT/l", "state": "absent"}),
    ("copy", {"dest": "ROOT/c", "content": "one\ntwo\n"}),
    ("copy", {"dest": "ROOT/c", "content": "one\ntwo\n"}),
    ("copy", {"dest": "ROOT/c", "content": "one\ntwo\n", "mode": "0600"}),
    ("copy", {"dest": "ROOT/c", "content": "changed\n"}),
    ("copy", {"dest": "ROOT/c", "content": "again\n", "force": False}),
    ("copy", {"dest": "ROOT/c", "content": "again\n", "validate": "grep nothing %s"}),
    ("copy", {"dest": "ROOT/missing/c", "content": "x"}),
    ("copy", {"dest": "ROOT/a", "content": "x"}),
    ("copy", {"dest": "ROOT/t2", "content": "through a link?"}),
    ("copy", {"dest": "ROOT/j", "content": {"a": [1, True]}}),
    ("copy", {"dest": "ROOT/e", "content": ""}),
    ("copy", {"dest": "ROOT/r", "src": "ROOT/c", "remote_src": True, "mode": "preserve"}),
    ("copy", {"dest": "ROOT/r", "src": "ROOT/none", "remote_src": True}),
    ("copy", {"dest": "ROOT/tree", "src": "ROOT/a", "remote_src": True}),
    ("copy", {"dest": "ROOT/tree", "src": "ROOT/a", "remote_src": True}),
    ("command", {"_raw_params": "echo 'a  b' $HOME ; | $(x)"}),
    ("command", {"_raw_params": "no-such-program"}),
    ("command", {"argv": ["printf", "%s\n\n", "x y"]}),
    ("command", {"argv": ["printf", "x\n\n"], "strip_empty_ends": False}),
    ("command", {"_raw_params": "cat", "stdin": "in"}),
    ("command", {"_raw_params": "false"}),
    ("command", {"_raw_params": "false", "creates": "ROOT/c"}),
    ("command", {"_raw_params": "false", "removes": "ROOT/none"}),
    ("command", {"_raw_params": "pwd", "chdir": "ROOT/a"}),
    ("command", {"_raw_params": "pwd", "chdir": "ROOT/none"}),
    ("shell", {"_raw_params": "echo out; echo err >&2; exit 3"}),
    ("shell", {"_raw_params": "kill -9 $$"}),
    ("shell", {"_raw_params": "echo $0", "executable": "/bin/bash"}),
    ("stat", {"path": "ROOT/c"}),
    ("stat", {"path": "ROOT/t2"}),
    ("stat", {"path": "ROOT/none"}),
    ("stat", {"path": "ROOT/c", "checksum_algorithm": "sha256"}),
    ("slurp", {"src": "ROOT/c"}),
    ("slurp", {"src": "ROOT/none"}),
    ("lineinfile", {"path": "ROOT/c", "line": "new"}),
    ("lineinfile", {"path": "ROOT/c", "line": "new"}),
    ("lineinfile", {"path": "ROOT/c", "regexp": "^cha", "line": "CHANGED"}),
    ("lineinfile", {"path": "ROOT/c", "regexp": "(N)EW|C(H)", "line": r"<\2>", "backrefs": True}),
    ("lineinfile", {"path": "ROOT/c", "line": "first", "insertbefore": "BOF"}),
    ("lineinfile", {"path": "ROOT/c", "line": "mid", "insertafter": "first"}),
    ("lineinfile", {"path": "ROOT/c", "regexp": "^nothing", "line": "added", "insertbefore": "^mid"}),
    ("lineinfile", {"path": "ROOT/c", "regexp": "^m", "state": "absent"}),
    ("lineinfile", {"path": "ROOT/none", "line": "x"}),
    ("lineinfile", {"path": "ROOT/made", "line": "x", "create": True, "mode": "0600"}),
    ("wait_for", {"path": "ROOT/c", "search_regex": "(fir)(?P<rest>st)", "timeout": 3}),
    ("wait_for", {"path": "ROOT/none", "timeout": 1}),
    ("wait_for", {"port": 1, "timeout": 1}),
    ("wait_for", {"port": 1, "state": "stopped", "timeout": 1}),
    ("uri", {"url": "http://127.0.0.1:1/"}),
    ("ping", {}),
    ("ping", {"data": "x"}),
]

COMPARED = (
    "changed", "failed", "skipped", "rc", "stdout", "stderr", "stdout_lines", "cmd", "mode", "state", "size", "owner",
    "path", "dest", "checksum", "content", "encoding", "source", "ping", "status", "elapsed", "match_groups",
    "match_groupdict", "exit_status",
)  # fmt: skip
STAT = ("exists", "isreg", "islnk", "isdir", "mode", "size", "checksum", "lnk_target", "pw_name", "wusr", "xoth")


def answer(result: dict[str, Any], root: Path) -> dict[str, Any]:
    """What is compared of a result; each engine's root becomes ROOT."""
    seen = {key: result[key] for key in COMPARED if key in result}
    if result.get("failed"):
        seen.pop("checksum", None)  # of what would have been written: of no use to anyone
    seen["failed"], seen["skipped"] = bool(seen.get("failed")), bool(seen.get("skipped"))
    if "stat" in result:
        seen["stat"] = {key: result["stat"][key] for key in STAT if key in result["stat"]}
    text: dict[str, Any] = json.loads(json.dumps(seen).replace(str(root), "ROOT"))
    return text


def placed(args: dict[str, Any], root: Path) -> dict[str, Any]:
    replaced: dict[str, Any] = json.loads(json.dumps(args).replace("ROOT", str(root)))
    return replaced


def tree(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        mode = oct(path.lstat().st_mode)
        found[name] = (
            mode,
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
    return found


def by_ansible(root: Path, folder: Path) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = []
    for number, (module, args) in enumerate(CALLS):
        args = placed(args, root)
        task: dict[str, Any] = {"register": f"r{number}", "ignore_errors": True}
        raw = args.pop("_raw_params", None)
        task[f"ansible.builtin.{module}"] = raw if raw is not None else args
        if raw is not None:
            task["args"] = args
        tasks.append(task)
    names = ", ".join(f"r{number}" for number in range(len(CALLS)))
    tasks.append(
        {"ansible.builtin.copy": {"dest": f"{folder}/results.json", "content": f"{{{{ [{names}] | to_json }}}}"}}
    )
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (folder / "play.json").write_text(json.dumps([play]))
    program = Path(sys.executable).parent / "ansible-playbook"
    env = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    env["ANSIBLE_PIPELINING"] = "1"  # the same answers with a fifth of the processes
    env.update(ANSIBLE_LOCAL_TEMP=str(folder / "tmp"), ANSIBLE_REMOTE_TEMP=str(folder / "tmp"), LC_ALL="C.UTF-8")
    done = subprocess.run(
        [str(program), str(folder / "play.json")], env=env, capture_output=True, text=True, check=False
    )
    assert (folder / "results.json").exists(), done.stdout[-3000:] + done.stderr[-3000:]
    results: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())
    return results


def by_us(agent: Agent, root: Path) -> list[dict[str, Any]]:
    results = []
    for module, args in CALLS:
        args = modules.coerce(modules.SPECS[module], placed(args, root))
        if isinstance(args.get("content"), dict):
            args["content"] = json.dumps(args["content"])
        results += agent.call(module, [args])
    return results


@pytest.mark.full
def test_the_same_answers_and_the_same_files(local_agent: Agent, tmp_path: Path) -> None:
    ansible()
    theirs, ours = tmp_path / "theirs", tmp_path / "ours0"
    theirs.mkdir()
    ours.mkdir()
    expected = [answer(result, theirs) for result in by_ansible(theirs, tmp_path)]
    got = [answer(result, ours) for result in by_us(local_agent, ours)]
    differences = []
    for (module, args), reference, result in zip(CALLS, expected, got, strict=True):
        # Ours may say more; what theirs says must be the same.
        wrong = {key: (reference[key], result.get(key)) for key in reference if reference[key] != result.get(key)}
        if wrong:
            differences.append(f"{module} {args}: " + ", ".join(f"{k}: {a!r} != {b!r}" for k, (a, b) in wrong.items()))
    assert not differences, "\n".join(differences)
    assert tree(ours) == tree(theirs)
