"""Bad input: the real command says what is wrong, where and what next, by its exit code too, and leaves nothing."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bad_input.cases import Case, every, filled, matches, page
from tests.bad_input.surroundings import BY_NAME, Values, wait_until

ROOT = Path(__file__).resolve().parents[2]
CASES = every()


def alive(folder: Path) -> list[str]:
    """The processes that name the folder in their command line or environment, read as psutil would, only faster."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            named = os.fsencode(folder) in words or os.fsencode(folder) in (process / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if named and int(process.name) != os.getpid():
            found.append(f"{process.name} {words.replace(bytes(1), b' ').decode(errors='replace')[:200]}")
    return found


class Bench:
    """A folder, a state folder in it, and the command line run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values: Values = {
            "folder": str(folder),
            "state": str(folder / "state"),
            "root": str(ROOT),
            "python": sys.executable,
        }
        self._stack = ExitStack()

    def prepare(self, case: Case) -> None:
        for name in case.setup:
            if name == "campaign_under_way":
                self._write(case)
            self.values.update(self._stack.enter_context(BY_NAME[name](self.folder, self.values)))
        self._write(case)

    def _write(self, case: Case) -> None:
        for name, text in case.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(filled(text, self.values), encoding="utf-8")

    def run(self, case: Case, words: str) -> subprocess.CompletedProcess[str]:
        ours = {"HOME": str(self.folder), "SPARKBED_HOME": self.values["state"], "LC_ALL": "C.UTF-8"}
        environment = {**ours, **case.environment}
        before = ["sh", "-c", f'{case.shell}\nexec "$@"', "sh"] if case.shell else []
        if "own_mounts" in case.setup:
            before = ["unshare", "--user", "--map-root-user", "--mount", *before]
        return subprocess.run(
            [*before, sys.executable, "-m", "sparkbed", *shlex.split(filled(words, self.values))],
            cwd=self.folder,
            env={**os.environ, **{name: filled(text, self.values) for name, text in environment.items()}},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )

    def close(self) -> None:
        self._stack.close()
        # The local endpoint stays some seconds after its last node.
        wait_until(lambda: not alive(self.folder), lambda: alive(self.folder))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name, marks=pytest.mark.full if case.full else ()) for case in CASES]
)
def test_it_is_told_in_words(case: Case, bench: Bench) -> None:
    bench.prepare(case)
    for words in case.before:
        worked = bench.run(case, words)
        assert worked.returncode == 0, worked.stderr
    ended = bench.run(case, case.command)
    assert matches(case.message, bench.values, ended.stderr), f"it said:\n{ended.stderr}\n{ended.stdout[-2000:]}"
    assert ended.returncode == case.exit
    assert "Traceback" not in ended.stdout


def test_the_page_has_every_case() -> None:
    written = (ROOT / "docs" / "bad-input.md").read_text(encoding="utf-8")
    assert written == page(), "write it anew: python -m tests.bad_input"
    assert len(CASES) >= 30
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_message_says_what_to_do_next() -> None:
    """A message is the fault in one line, with what next below it or said in the same sentence."""
    short = [case.name for case in CASES if len(case.message.strip().splitlines()) < 2]
    assert not short
