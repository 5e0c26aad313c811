"""What a person sees of a play: the words and the layout that users of Ansible know."""

from __future__ import annotations

import difflib
import json
import shutil
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from sparkbed.playbook.outcome import Outcome, status_of
from sparkbed.playbook.plays import Task
from sparkbed.playbook.results import Counts

_COLOURS = {
    "ok": "32",
    "changed": "33",
    "failed": "31",
    "unreachable": "1;31",
    "skipped": "36",
    "diff+": "32",
    "diff-": "31",
    "diff@": "36",
    "retry": "90",
}
_CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
_INTERNAL = ("invocation", "exception", "failed", "skipped", "unreachable", "warnings")


class Output(Protocol):
    """Where a run tells what it does. Calls come from one thread, `retry` from several."""

    def play(self, name: str, *, check: bool) -> None: ...

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None: ...

    def result(self, task: Task, outcome: Outcome) -> None: ...

    def retry(self, host: str, task: Task, left: int) -> None: ...

    def note(self, text: str) -> None: ...

    def recap(self, counts: Mapping[str, Counts]) -> None: ...


class Silent:
    """Tells nothing."""

    def play(self, name: str, *, check: bool) -> None: ...

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None: ...

    def result(self, task: Task, outcome: Outcome) -> None: ...

    def retry(self, host: str, task: Task, left: int) -> None: ...

    def note(self, text: str) -> None: ...

    def recap(self, counts: Mapping[str, Counts]) -> None: ...


class Terminal:
    """Ansible's layout on `stream`, coloured on a terminal; the same without colour in the file `log`.

    `verbosity`: 0 results of debug and failures, 1 every result, 2 also each task's place.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        verbosity: int = 0,
        colour: bool | None = None,
        log: Path | None = None,
        diff: bool = False,
    ) -> None:
        self._stream = stream or sys.stdout
        self._verbosity = verbosity
        self._colour = self._stream.isatty() if colour is None else colour
        self._log = log
        self._diff = diff
        self._lock = threading.Lock()

    # -- the events -------------------------------------------------------------------------------------------------

    def play(self, name: str, *, check: bool) -> None:
        self._banner(f"PLAY [{name}]{' [CHECK MODE]' if check else ''}")

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None:
        self._banner(f"{'RUNNING HANDLER' if handler else 'TASK'} [{title}]{' [CHECK MODE]' if check else ''}")
        if self._verbosity > 1:
            self._say(f"task path: {task.position}")

    def result(self, task: Task, outcome: Outcome) -> None:
        host = outcome.host
        if outcome.delegated_to and outcome.delegated_to != host:
            host = f"{host} -> {outcome.delegated_to}"
        for item in outcome.items or ():
            label = "(censored due to no_log)" if outcome.no_log else item.label
            self._diffs(task, item.result, outcome)
            self._one(task, host, item.result, outcome, f" => (item={label})")
        if outcome.status == "skipped" or not outcome.items or outcome.status == "unreachable":
            self._diffs(task, outcome.result, outcome)
            self._one(task, host, outcome.result, outcome, "")
        ignored = outcome.ignore_errors if outcome.status == "failed" else outcome.ignore_unreachable
        if outcome.status in ("failed", "unreachable") and ignored:
            self._say("...ignoring", "skipped")

    def retry(self, host: str, task: Task, left: int) -> None:
        self._say(f"FAILED - RETRYING: [{host}]: {task.title} ({left} retries left).", "retry")

    def note(self, text: str) -> None:
        self._say(text)

    def recap(self, counts: Mapping[str, Counts]) -> None:
        self._banner("PLAY RECAP")
        for host in sorted(counts):
            one = counts[host]
            fields = {name: getattr(one, name) for name in _RECAP}
            colour = "failed" if one.failed or one.unreachable else "changed" if one.changed else "ok"
            parts = [
                self._painted(f"{name}={number:<4}", _RECAP[name] if number else "") for name, number in fields.items()
            ]
            plain = " ".join(f"{name}={number:<4}" for name, number in fields.items())
            self._write(f"{self._painted(f'{host:<26}', colour)} : {' '.join(parts)}", f"{host:<26} : {plain}")
        self._say("")

    # -- lines ------------------------------------------------------------------------------------------------------

    def _one(self, task: Task, host: str, result: Mapping[str, Any], outcome: Outcome, item: str) -> None:
        status = status_of(result)
        if status in ("failed", "unreachable"):
            body = json.dumps(_shown(result, outcome.no_log), sort_keys=True, ensure_ascii=False, default=str)
            if item:
                self._say(f"failed: [{host}]{item.replace(' => ', ' ')} => {body}", status)
            else:
                self._say(f"fatal: [{host}]: {'FAILED' if status == 'failed' else 'UNREACHABLE'}! => {body}", status)
            return
        word = "skipping" if status == "skipped" else status
        line = f"{word}: [{host}]{item}{' ' if item and status == 'skipped' else ''}"
        self._say(line + self._detail(task, status, result, outcome), status)

    def _detail(self, task: Task, status: str, result: Mapping[str, Any], outcome: Outcome) -> str:
        always = task.module == "debug" or (task.module == "assert" and "msg" in result)
        if status == "skipped" or outcome.no_log:
            always = False
        if not always and self._verbosity < 1:
            return ""
        shown = _shown(result, outcome.no_log)
        if always and task.module == "debug":
            hidden = {"changed", "failed", "item", "skipped"} | {result.get("ansible_loop_var", "item")}
            shown = {key: value for key, value in shown.items() if key not in hidden}
        indent = 4 if always else None
        return f" => {json.dumps(shown, indent=indent, sort_keys=True, ensure_ascii=False, default=str)}"

    def _diffs(self, task: Task, result: Mapping[str, Any], outcome: Outcome) -> None:
        wanted = self._diff if task.settings.diff is None else task.settings.diff
        if not wanted or outcome.no_log or not result.get("changed"):
            return
        entries: Any = result.get("diff") or []
        for entry in entries if isinstance(entries, list) else [entries]:
            for line in diff_lines(entry):
                self._say(line, {"+": "diff+", "-": "diff-", "@": "diff@"}.get(line[:1], ""))

    def _banner(self, text: str) -> None:
        width = shutil.get_terminal_size((79, 24)).columns if self._stream.isatty() else 79
        self._say(f"\n{text} {'*' * max(3, width - len(text))}")

    def _say(self, text: str, colour: str = "") -> None:
        self._write(self._painted(text, colour), text)

    def _painted(self, text: str, colour: str) -> str:
        if not self._colour or colour not in _COLOURS:
            return text
        return f"\033[{_COLOURS[colour]}m{text}\033[0m"

    def _write(self, painted: str, plain: str) -> None:
        with self._lock:
            self._stream.write(painted + "\n")
            self._stream.flush()
            if self._log:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(plain + "\n")


_RECAP = {
    "ok": "ok",
    "changed": "changed",
    "unreachable": "unreachable",
    "failed": "failed",
    "skipped": "skipped",
    "rescued": "ok",
    "ignored": "changed",
}


class Failures(Terminal):
    """Tells only what failed, with the task before it: for runs inside a campaign."""

    def play(self, name: str, *, check: bool) -> None: ...

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None: ...

    def retry(self, host: str, task: Task, left: int) -> None: ...

    def recap(self, counts: Mapping[str, Counts]) -> None: ...

    def result(self, task: Task, outcome: Outcome) -> None:
        ignored = outcome.ignore_errors if outcome.status == "failed" else outcome.ignore_unreachable
        if outcome.status in ("failed", "unreachable") and not ignored:
            self._say(f"TASK [{task.title}] {task.position}")
            super().result(task, outcome)


def _shown(result: Mapping[str, Any], no_log: bool) -> dict[str, Any]:
    """The part of a result that people see; lines stand in for long texts as in Ansible."""
    if no_log:
        return {"censored": _CENSORED, "changed": result.get("changed", False)}
    return {key: value for key, value in result.items() if key not in _INTERNAL}


def diff_lines(entry: Mapping[str, Any]) -> list[str]:
    """A module's before and after as a unified diff."""
    if "prepared" in entry:
        return str(entry["prepared"]).splitlines()
    before, after = (_diff_side(entry, side) for side in ("before", "after"))
    return list(difflib.unified_diff(before[1], after[1], before[0], after[0], lineterm=""))


def _diff_side(entry: Mapping[str, Any], side: str) -> tuple[str, list[str]]:
    """The heading and the lines of one side of a diff."""
    value = entry.get(side, "")
    text = value if isinstance(value, str) else json.dumps(value, indent=4, sort_keys=True, default=str) + "\n"
    heading = f"{side}: {entry[f'{side}_header']}" if entry.get(f"{side}_header") else side
    return heading, text.splitlines()
