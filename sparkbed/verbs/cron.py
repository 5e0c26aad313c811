"""`inv install-cron`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sparkbed import crontab
from sparkbed.errors import SparkbedError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.java import find_java
from sparkbed.suite.nightly import DEFAULT, load_plan


def install_cron(*, show: bool, remove: bool, at: str, plan: str) -> None:
    """Install, show or remove this checkout's entry for this state folder.

    Raises:
        SparkbedError: when there is no crontab command, or it refuses us.
    """
    home = Home()
    mark = _mark(home)
    schedule = _schedule(at)
    content = crontab.read()
    old = crontab.find(content, mark)
    if show:
        print(old.decode("utf-8", "replace"), end="" if old else "\n")
        if not old:
            print("There is no entry. Install it: ./inv install-cron")
        return
    if remove:
        if old:
            crontab.write(crontab.without(content, mark))
            print("The entry is taken away.")
        else:
            print("There was no entry.")
        return
    lines = crontab.block(mark, schedule, _environment(home), _command(plan))
    changed = crontab.with_block(content, mark, lines)
    if changed != content:
        crontab.write(changed)
    print(f"{'The entry is' if changed != content else 'The entry was already'} in your crontab:\n")
    print(lines.decode(), end="")
    print(
        "\ncron mails what it prints to you, where the machine has a mail system (MAILTO=address names another reader)."
    )
    print("Try it now: ./inv nightly. Take it away: ./inv install-cron --remove")


def _mark(home: Home) -> str:
    where = re.sub(r"[\x00-\x1f\x7f]", "?", str(home.path))
    return f"# sparkbed nightly of {where}: install, show and remove with ./inv install-cron"


def _schedule(at: str) -> str:
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", at)
    if not found:
        raise UsageError(f"--at must be a time of day such as 02:17, not {at!r}", hint="For example: --at 03:30")
    return f"{int(found[2])} {int(found[1])} * * *"


def _environment(home: Home) -> dict[str, str]:
    """What cron lacks of what a run needs: it starts with a bare PATH and none of the user's own variables."""
    found = {
        "HOME": str(Path.home()),
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "SPARKBED_HOME": str(home.path),
        "LANG": "C.UTF-8",
    }
    try:
        found["JAVA_HOME"] = str(find_java())
    except SparkbedError:
        print("warning: no Java was found here, so the nightly run will not find one either: ./inv doctor")
    for name in ("DOCKER_HOST", "SPARKBED_PYTHON"):
        if os.environ.get(name):
            found[name] = os.environ[name]
    for name, value in found.items():
        if "\n" in value:
            raise UsageError(f"{name} has a line break in it, which no crontab can hold", hint="Set it anew.")
    return found


def _command(plan: str) -> list[str]:
    if not plan:
        load_plan()
        return [str(ROOT / "inv"), "nightly"]
    path = Path(plan).expanduser().absolute()
    load_plan(path)
    return [str(ROOT / "inv"), "nightly", *([f"--plan={path}"] if path != DEFAULT else [])]
