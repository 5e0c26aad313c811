"""What a person sees of a play: the words and the layout that users of Ansible know."""

from __future__ import annotations

import contextlib
import difflib
import json
import shutil
import sys
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from sparkbed.playbook.logfile import LogFile
from sparkbed.playbook.outcome import Outcome, status_of
from sparkbed.playbook.plays import Task
from sparkbed.playbook.progress import Bars
from sparkbed.playbook.results import Counts
from sparkbed.position import Position
from sparkbed.remote import Agent

# Ansible's own classes and colours.
_COLOURS = {
    "ok": "0;32",
    "changed": "0;33",
    "failed": "0;31",
    "unreachable": "1;31",
    "skipped": "0;36",
    "included": "0;36",
    "ignored": "1;35",
    "diff+": "0;32",
    "diff-": "0;31",
    "diff@": "0;36",
    "debug": "1;30",
    "verbose": "0;34",
}
_CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
_INTERNAL = frozenset(["exception", "failed", "invocation", "skipped", "warnings"])
_WITHOUT_TEXT = frozenset(["ansible_loop_var", "changed", "exception", "failed", "item", "skipped", "warnings"])
_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
_SECRET_OPTIONS = frozenset(["content", "passphrase", "password", "ssh_key_passphrase", "url_password"])
"""Options whose values Ansible's modules keep out of what they tell."""


class Output(Protocol):
    """Where a run tells what it does. Calls come from one thread, `retry` and `transfer` from several."""

    def start(self, playbook: Path, plays: int) -> None: ...

    def play(self, name: str, *, check: bool) -> None: ...

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None: ...

    def connected(self, host: str, agent: Agent, become_user: str | None) -> None: ...

    def result(self, task: Task, outcome: Outcome) -> None: ...

    def retry(self, host: str, task: Task, left: int) -> None: ...

    def transfer(self, host: str, name: str, sent: int, total: int) -> None: ...

    def included(self, name: str, hosts: Sequence[str], label: Any = None) -> None: ...

    def note(self, text: str) -> None: ...

    def recap(self, counts: Mapping[str, Counts]) -> None: ...


class Silent:
    """Tells nothing."""

    def start(self, playbook: Path, plays: int) -> None: ...

    def play(self, name: str, *, check: bool) -> None: ...

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None: ...

    def connected(self, host: str, agent: Agent, become_user: str | None) -> None: ...

    def result(self, task: Task, outcome: Outcome) -> None: ...

    def retry(self, host: str, task: Task, left: int) -> None: ...

    def transfer(self, host: str, name: str, sent: int, total: int) -> None: ...

    def included(self, name: str, hosts: Sequence[str], label: Any = None) -> None: ...

    def note(self, text: str) -> None: ...

    def recap(self, counts: Mapping[str, Counts]) -> None: ...


class Terminal:
    """Ansible's layout on `stream`, coloured on a terminal; the same without colour in the file `log`.

    `verbosity`: 0 results of debug and failures, 1 every result, 2 also each task's place and what was notified, 3 also
    connections and the modules' arguments. `check_mode_markers` is the option of that name of Ansible's default
    callback.
    """

    # Whether failures are told with the lines of the playbook that they come from.
    tells_origins = True

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        verbosity: int = 0,
        colour: bool | None = None,
        log: Path | None = None,
        diff: bool = False,
        check_mode_markers: bool = False,
    ) -> None:
        self._stream = stream or sys.stdout
        self._verbosity = verbosity
        self._colour = self._stream.isatty() if colour is None else colour
        self._log = LogFile(log) if log else None
        self._diff = diff
        self._markers = check_mode_markers
        self._lock = threading.Lock()
        self._bars = Bars(self._stream) if self._stream.isatty() else None
        self._told: set[tuple[str, str]] = set()

    # -- the events -------------------------------------------------------------------------------------------------

    def start(self, playbook: Path, plays: int) -> None:
        if self._verbosity > 1:
            self._banner(f"PLAYBOOK: {playbook.name}")
            self._say(f"{plays} plays in {playbook}", "verbose")

    def play(self, name: str, *, check: bool) -> None:
        self._banner(f"PLAY [{name}]{self._marker(check)}")

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None:
        self._told.clear()
        self._banner(f"{'RUNNING HANDLER' if handler else 'TASK'} [{title}]{self._marker(check)}")
        if self._verbosity > 1:
            self._say(f"task path: {task.position.file.absolute()}:{task.position.line}", "debug")

    def connected(self, host: str, agent: Agent, become_user: str | None) -> None:
        if self._verbosity > 2:
            become = f", as {become_user}" if become_user else ""
            self._say(f"<{host}> agent started: process {agent.pid}, Python {agent.python}{become}", "verbose")

    def result(self, task: Task, outcome: Outcome) -> None:
        host = outcome.host
        if outcome.delegated_to and outcome.delegated_to != host:
            host = f"{host} -> {outcome.delegated_to}"
        if not outcome.items:
            self._notifications(outcome)
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
        if outcome.items:
            self._notifications(outcome)

    def _notifications(self, outcome: Outcome) -> None:
        if self._verbosity > 1 and outcome.status == "changed":
            for name in outcome.notify:
                self._say(f"Notification for handler {name} has been saved.", "verbose")

    def retry(self, host: str, task: Task, left: int) -> None:
        self._say(f"FAILED - RETRYING: [{host}]: {task.title} ({left} retries left).", "debug")

    def included(self, name: str, hosts: Sequence[str], label: Any = None) -> None:
        """A file of tasks, or a role, is included for `hosts`; `label` names the loop's item."""
        item = f" => (item={label})" if label else ""
        self._say(f"included: {name} for {', '.join(hosts)}{item}", "included")

    def transfer(self, host: str, name: str, sent: int, total: int) -> None:
        """A bar on a terminal; nothing elsewhere, as lines of a log would say it too often."""
        if self._bars is not None:
            self._bars.moved(host, name, sent, total)

    def note(self, text: str) -> None:
        self._say(text, "skipped")

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
            blank = " " * (26 - len(host))
            self._write(f"{self._painted(host, colour)}{blank} : {' '.join(parts)}", f"{host}{blank} : {plain}")
        self._say("")

    def log_only(self, text: str) -> None:
        """A line for the log alone."""
        if self._log:
            self._log.write(text + "\n")

    # -- lines ------------------------------------------------------------------------------------------------------

    def _one(self, task: Task, host: str, result: Mapping[str, Any], outcome: Outcome, item: str) -> None:
        status = status_of(result)
        if task.include and status in ("ok", "changed"):
            return  # what it includes is told by `included`
        if status in ("failed", "unreachable"):
            self._origin(task, result, outcome)
            body = self._body(task, result, outcome, always=task.module == "assert")
            if item:
                self._say(f"failed: [{host}]{item.replace(' => ', ' ', 1)} => {body}", "failed")
            else:
                self._say(f"fatal: [{host}]: {'FAILED' if status == 'failed' else 'UNREACHABLE'}! => {body}", status)
            return
        word = "skipping" if status == "skipped" else status
        line = f"{word}: [{host}]{item}{' ' if item and status == 'skipped' else ''}"
        always = task.module == "debug" or (task.module == "assert" and not task.args.get("quiet"))
        always = always and status != "skipped" and not outcome.no_log
        if always or self._verbosity > 0:
            line += f" => {self._body(task, result, outcome, always=always)}"
        self._say(line, status)

    def _body(self, task: Task, result: Mapping[str, Any], outcome: Outcome, *, always: bool) -> str:
        """A result as JSON; on many lines where Ansible writes it so."""
        if outcome.no_log:
            shown: dict[str, Any] = {"censored": _CENSORED, "changed": result.get("changed", False)}
        else:
            shown = {key: value for key, value in result.items() if key not in _INTERNAL}
            if result.get("skipped") and "results" in shown:
                del shown["results"]  # they have been told one by one
            if result.get("skipped") and task.module == "debug" and "skipped_reason" in shown:
                shown.pop("changed", None)
            if always and task.module == "debug":
                loop_var = result.get("ansible_loop_var", "item")
                shown = {key: value for key, value in shown.items() if key not in _WITHOUT_TEXT and key != loop_var}
            if self._verbosity < 3:
                shown.pop("diff", None)
            elif id(result) in outcome.arguments:
                shown["invocation"] = {"module_args": _without_secrets(outcome.arguments[id(result)])}
        indent = 4 if (always or self._verbosity > 2) and not outcome.no_log else None
        return json.dumps(shown, indent=indent, sort_keys=True, ensure_ascii=False, default=str)

    def _origin(self, task: Task, result: Mapping[str, Any], outcome: Outcome) -> None:
        """What failed and the lines of the playbook that it comes from; once a task for the same message."""
        position = task.position
        message = "the result is hidden by no_log" if outcome.no_log else str(result.get("msg", "")).strip()
        told = (message, str(outcome.result.get("msg", "")))  # which may be a list
        if not self.tells_origins or told in self._told:
            return
        self._told.add(told)
        kind = "" if outcome.no_log or result.get("unreachable") else _KINDS.get(task.module, "Module failed: ")
        message = message if message.startswith("Task failed: ") else f"Task failed: {kind}{message}"
        lines = [f"[ERROR]: {message}", f"Origin: {position.file.absolute()}:{position.line}:{position.column}"]
        if not outcome.no_log:  # a secret may stand in the playbook itself
            lines += ["", *_excerpt(position)]
        self._say("\n".join([*lines, ""]), "failed")

    def _diffs(self, task: Task, result: Mapping[str, Any], outcome: Outcome) -> None:
        wanted = self._diff if task.settings.diff is None else task.settings.diff
        if not wanted or outcome.no_log or not result.get("changed"):
            return
        entries: Any = result.get("diff") or []
        for entry in entries if isinstance(entries, list) else [entries]:
            lines = diff_lines(entry)
            for line in lines:
                self._say(line, {"+": "diff+", "-": "diff-", "@": "diff@"}.get(line[:1], ""))
            if lines:
                self._say("")

    def _marker(self, check: bool) -> str:
        return " [CHECK MODE]" if check and self._markers else ""

    def _banner(self, text: str) -> None:
        width = 79
        if self._stream.isatty():
            width = max(width, shutil.get_terminal_size((80, 24)).columns - 1)
        self._say(f"\n{text} {'*' * max(3, width - _columns(text))}")

    def _say(self, text: str, colour: str = "") -> None:
        self._write(self._painted(text, colour), text)

    def _painted(self, text: str, colour: str) -> str:
        if not self._colour or colour not in _COLOURS:
            return text
        return "\n".join(f"\033[{_COLOURS[colour]}m{line}\033[0m" for line in text.split("\n"))

    def _write(self, painted: str, plain: str) -> None:
        with self._bars.aside() if self._bars is not None else contextlib.nullcontext(), self._lock:
            self._stream.write(painted + "\n")
            self._stream.flush()
            if self._log:
                self._log.write(plain + "\n")


_KINDS = {"assert": "Action failed: ", "fail": "Action failed: "}
_RECAP = {
    "ok": "ok",
    "changed": "changed",
    "unreachable": "unreachable",
    "failed": "failed",
    "skipped": "skipped",
    "rescued": "ok",
    "ignored": "ignored",
}


class Failures(Terminal):
    """Tells only what failed, with the task before it: for runs inside a campaign."""

    tells_origins = False

    def start(self, playbook: Path, plays: int) -> None: ...

    def play(self, name: str, *, check: bool) -> None: ...

    def task(self, title: str, task: Task, *, handler: bool, check: bool) -> None: ...

    def retry(self, host: str, task: Task, left: int) -> None: ...

    def transfer(self, host: str, name: str, sent: int, total: int) -> None: ...

    def included(self, name: str, hosts: Sequence[str], label: Any = None) -> None: ...

    def note(self, text: str) -> None: ...

    def recap(self, counts: Mapping[str, Counts]) -> None: ...

    def result(self, task: Task, outcome: Outcome) -> None:
        ignored = outcome.ignore_errors if outcome.status == "failed" else outcome.ignore_unreachable
        if outcome.status in ("failed", "unreachable") and not ignored:
            self._say(f"TASK [{task.title}] {task.position}")
            super().result(task, outcome)


def _without_secrets(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _HIDDEN if name in _SECRET_OPTIONS and value else value for name, value in args.items()}


def _columns(text: str) -> int:
    """How many columns of a terminal `text` takes: East Asian signs take two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(letter) in "FW" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)


def _excerpt(position: Position) -> list[str]:
    """The line at `position` with the two before it, and a mark below the column."""
    try:
        lines = position.file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    last = min(position.line, len(lines))
    numbered = [(number, lines[number - 1]) for number in range(max(1, last - 2), last + 1)]
    digits = len(str(last))
    shown = [f"{number:>{digits}} {line[:160]}" for number, line in numbered if line.strip() or number == last]
    return [*shown, f"{' ' * (digits + position.column)}^ column {position.column}"]


def diff_lines(entry: Mapping[str, Any]) -> list[str]:
    """A module's before and after as a unified diff."""
    if "prepared" in entry:
        return str(entry["prepared"]).splitlines()
    before, after = (_diff_side(entry, side) for side in ("before", "after"))
    lines = difflib.unified_diff(before[1], after[1], before[0], after[0], lineterm="")
    return [part for line in lines for part in line.split("\n")]


def _diff_side(entry: Mapping[str, Any], side: str) -> tuple[str, list[str]]:
    """The heading and the lines of one side of a diff. What is not there has no name, as in Ansible."""
    value = entry.get(side, "")
    if not isinstance(value, str):
        return side, (json.dumps(value, indent=4, sort_keys=True, default=str) + "\n").splitlines()
    heading = f"{side}: {entry[f'{side}_header']}" if value and entry.get(f"{side}_header") else side
    lines = value.splitlines()
    if lines and not value.endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file"
    return heading, lines
