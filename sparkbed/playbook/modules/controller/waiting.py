"""pause, wait_for_connection: the play waits, for some time, for a person, or for a host that comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sparkbed.errors import HostError
from sparkbed.playbook.modules.controller.context import ActionContext, failed
from sparkbed.playbook.sleeping import sleep


def pause(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    """Without a terminal nobody can answer: a pause with a time lasts as long, one without ends at once."""
    unit = "seconds" if "seconds" in args else "minutes"
    seconds = args.get("seconds", args["minutes"] * 60 if "minutes" in args else None)
    echo = bool(args.get("echo", True))
    began, start = datetime.now(), time.monotonic()
    answer = ""
    if seconds is not None:
        sleep(max(1, seconds))
    elif sys.stdin.isatty():
        answer = _asked(str(args.get("prompt") or "Press enter to continue, Ctrl+C to interrupt"), echo)
    took = time.monotonic() - start
    lasted = round(took / 60 if unit == "minutes" else took, 2)
    return {
        "changed": False,
        "rc": 0,
        "stderr": "",
        "stdout": f"Paused for {lasted} {unit}",
        "start": str(began),
        "stop": str(datetime.now()),
        "delta": int(took),
        "echo": echo,
        "user_input": answer,
    }


def _asked(prompt: str, echo: bool) -> str:
    import getpass

    shown = f"{prompt}{'' if echo else ' (output is hidden)'}:\n"
    return input(shown) if echo else getpass.getpass(shown)


def wait_for_connection(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """Connect anew, again and again, until the host answers."""
    if context.check:
        return {"changed": False, "skipped": True}
    start = time.monotonic()
    sleep(args.get("delay", 0))
    until = time.monotonic() + args.get("timeout", 600)
    while True:
        context.reset()
        try:
            context.agent.call("ping", [{}])
        except HostError as error:
            if time.monotonic() >= until:
                return failed(f"timed out waiting for ping module test: {error}", elapsed=int(time.monotonic() - start))
            sleep(args.get("sleep", 1))
        else:
            return {"changed": False, "elapsed": int(time.monotonic() - start)}
