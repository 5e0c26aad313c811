"""What `inv play` loads before it can begin: the half of a second that each play would pay for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sparkbed.home import ROOT


def test_inv_play_does_not_load_what_plays_do_not_need() -> None:
    code = "import sys, sparkbed.verbs.playing; print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert {"jinja2", "yaml"} <= loaded
    assert not loaded & {"fabric", "paramiko"}  # which are loaded while the hosts' servers get ready
    assert not loaded & {"sqlalchemy", "alembic", "numpy", "scipy", "boto3", "moto", "rich", "matplotlib"}
    assert not loaded & {"urllib.request", "uuid", "configparser"}


def test_one_yaml_is_loaded() -> None:
    code = (
        "import sys; from sparkbed import starting; starting.begin(); import yaml, invoke.util\n"
        "from sparkbed import program; assert invoke.util.yaml is yaml\n"
        "print(*[name for name in sys.modules if name.startswith('invoke.vendor.yaml.')])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == ""


def test_a_pattern_that_is_compiled_later_refuses_what_it_did() -> None:
    code = (
        "from sparkbed import starting; starting.begin(); import re, yaml\n"
        "print(yaml.safe_load('a: [b, 1]'), isinstance(re.compile('a'), re.Pattern))\n"
        "yaml.load('a: \\x01', yaml.SafeLoader)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "{'a': ['b', 1]} True"
    assert "special characters are not allowed" in done.stderr


def test_a_start_that_ends_at_once_ends_all_that_it_began() -> None:
    """Threads are waited for, what is registered for the end is done, and what was written arrives."""
    code = (
        "import atexit, threading, time; from sparkbed import starting\n"
        "atexit.register(print, 'registered')\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()\n"
        "print('written'); starting.end(3)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["written", "thread", "registered"]
    assert (done.returncode, done.stderr) == (3, "")


def test_a_verb_is_known_by_all_its_names() -> None:
    for verb in ("run-suite", "list"):
        done = subprocess.run(
            ["./inv", verb, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
        )
        assert done.stdout.startswith(f"Usage: inv [--core-opts] {verb}")


def test_a_younger_pyproject_asks_for_its_digest(tmp_path: Path) -> None:
    shutil.copy(ROOT / "inv", tmp_path)
    project, stamp = tmp_path / "pyproject.toml", tmp_path / ".venv" / "installed-run"
    project.write_text("[project]\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho started "$@"\n')
    python.chmod(0o755)
    bootstrap = tmp_path / "sparkbed" / "bootstrap.py"
    bootstrap.parent.mkdir()
    bootstrap.write_text("import sys\nprint('installing', *sys.argv[2:3])\n")

    def inv() -> list[str]:
        done = subprocess.run(
            ["./inv", "status"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout.splitlines()

    assert inv() == ["installing run", "started -I -m sparkbed status"]
    digest = subprocess.run(["cksum"], input=project.read_bytes(), capture_output=True, check=True).stdout.decode()
    stamp.write_text(digest)
    now = project.stat().st_mtime
    os.utime(stamp, (now + 10, now + 10))
    assert inv() == ["started -I -m sparkbed status"]
    os.utime(project, (now + 20, now + 20))
    assert inv() == ["started -I -m sparkbed status"]  # the same content
    project.write_text("[project]\nname = 'x'\n")
    os.utime(project, (now + 20, now + 20))
    assert inv() == ["installing run", "started -I -m sparkbed status"]
