"""What a play shows on standard output, by sparkbed and by ansible-core's default callback, made comparable.

`python tests/playbook/reference/shown.py [NAME]` records what the installed ansible-core shows in shown/*.txt. A
case's first line may hold options: limit, check, diff, verbosity, colour.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from reference import observe  # its folder has to be on the path first

from sparkbed import inventory
from sparkbed.playbook import Runner, Terminal, rendered_connection_variables
from sparkbed.remote import Connections

CASES = Path(__file__).parents[1] / "shown"


def by_sparkbed(case: Path, folder: Path) -> str:
    """Our standard output for the case, with `folder` as its scratch."""
    asked = observe.options(case)
    out = folder / "out"
    out.mkdir()
    inv = inventory.load(observe.write_inventory(folder))
    stream = io.StringIO()
    verbosity = asked.get("verbosity", 0)
    terminal = Terminal(stream, verbosity=verbosity, diff=asked.get("diff", False), colour=asked.get("colour", False))
    with Connections(lambda host: rendered_connection_variables(inv, host)) as connections:
        Runner(inv, connections, output=terminal, verbosity=verbosity, forks=1).play(
            case,
            extra_vars={"out": str(out)},
            limit=asked.get("limit"),
            check=asked.get("check", False),
            diff=asked.get("diff", False),
        )
    return masked(stream.getvalue(), folder)


def by_ansible(case: Path, folder: Path) -> str:
    """ansible-core's, hosts one after the other: otherwise its lines come in any order."""
    asked = observe.options(case)
    out = folder / "out"
    out.mkdir()
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(observe.write_inventory(folder))]
    command += [str(case), "-e", json.dumps({"out": str(out)}), "--forks=1", *["-v"] * asked.get("verbosity", 0)]
    command += [f"--limit={asked['limit']}"] if "limit" in asked else []
    command += [f"--{name}" for name in ("check", "diff") if asked.get(name)]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "tmp"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_PIPELINING": "1",  # the same lines with a fifth of the processes
        "ANSIBLE_FORCE_COLOR" if asked.get("colour") else "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if "PLAY RECAP" not in done.stdout:
        raise AssertionError(f"ansible-playbook: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return masked(done.stdout, folder)


_TIMES = re.compile(r'"(delta|start|end|elapsed)": "[^"]*"')


def masked(text: str, folder: Path) -> str:
    """The text without what differs from run to run, and without what sparkbed leaves out by design:

    what Ansible says of its own installation, its banners of `meta` tasks and its second line on a notification, which
    say nothing, and empty stretches of colour.
    """
    text = text[max(0, text.find("\nPLAY")) :]
    text = re.sub(r"\nTASK \[meta\] \*+\n", "", text)
    text = re.sub(r"^NOTIFIED HANDLER .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\033\[[\d;]+m\033\[0m", "", text)
    text = _TIMES.sub(r'"\1": "TIME"', text)
    for path, name in ((folder / "out", "<out>"), (folder, "<scratch>"), (CASES, "<cases>")):
        text = text.replace(str(path), name)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def main(names: list[str]) -> None:
    """Record the cases of these names, or all that have no record yet."""
    for case in sorted(CASES.glob("*.yml")):
        record = case.with_suffix(".txt")
        if (names and case.stem not in names) or (not names and record.exists()):
            continue
        with tempfile.TemporaryDirectory() as folder:
            record.write_text(by_ansible(case, Path(folder)), encoding="utf-8")
        print(case.stem)


if __name__ == "__main__":
    main(sys.argv[1:])
