"""The bars of large files, on a real terminal."""

from __future__ import annotations

import io
import os
import pty
import select
from pathlib import Path

import pytest

from sparkbed.playbook.output import Terminal
from sparkbed.playbook.progress import WORTH_A_BAR

LARGE = WORTH_A_BAR * 2


def shown(terminal: int) -> str:
    """What has been written to the terminal so far."""
    text = b""
    while select.select([terminal], [], [], 0)[0]:
        text += os.read(terminal, 65536)
    return text.decode()


def test_a_bar_stands_while_a_file_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0), os.fdopen(theirs, "w", encoding="utf-8") as stream:
        terminal = Terminal(stream, colour=False)
        terminal.transfer("worker-1", "small", 0, WORTH_A_BAR - 1)
        assert shown(ours) == ""
        terminal.transfer("worker-1", "spark [b].tgz", 0, LARGE)
        terminal.transfer("worker-1", "spark [b].tgz", LARGE // 2, LARGE)
        terminal.note("a line between")
        text = shown(ours)
        assert "worker-1: spark [b].tgz" in text
        assert "a line between\r\n" in text
        terminal.transfer("worker-1", "spark [b].tgz", LARGE, LARGE)
        shown(ours)
        terminal.note("after")
        assert shown(ours) == "after\r\n"


def test_no_bar_beside_a_terminal(tmp_path: Path) -> None:
    stream = io.StringIO()
    terminal = Terminal(stream, colour=False)
    terminal.transfer("worker-1", "spark.tgz", 5, LARGE)
    terminal.transfer("worker-1", "spark.tgz", LARGE, LARGE)
    assert stream.getvalue() == ""
