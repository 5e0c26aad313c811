"""This machine as a host, `ansible_connection: local`: the same agent, as a process of ours."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sparkbed.agent import Wire, program
from sparkbed.errors import HostError
from sparkbed.remote.host import RemoteHost, agent_failed, last_words


class LocalHost(RemoteHost):
    """`ansible_connection: local`: the same agent, as a process of ours."""

    def wire(self, nonce: str, become_user: str | None) -> Wire:
        try:
            return _PipeWire(program.start_command(self.python, nonce, become_user))
        except OSError as error:
            raise agent_failed(self.name, self.python, become_user, error.strerror or str(error)) from None

    def execute(self, line: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run(["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def get(self, remote: str, local: Path) -> None:
        self._copy(remote, str(local))

    def put(self, local: Path, remote: str) -> None:
        self._copy(str(local), remote)

    def _copy(self, source: str, target: str) -> None:
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise HostError(f"{self.name}: can't copy {source} to {target}: {error.strerror}") from None

    def shell(self, command: str | None) -> int:
        shell = os.environ.get("SHELL") or "/bin/sh"
        return subprocess.run([shell, *(["-c", command] if command else [])], check=False).returncode


class _PipeWire:
    """A Wire over the pipes of a process on this machine."""

    def __init__(self, argv: list[str]) -> None:
        # A file, as nobody reads a pipe while the agent is at work.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process; `close` closes it
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True, bufsize=0
        )

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._process.stdin.write(view) :]
        except ValueError as error:  # closed by another thread
            raise OSError(str(error)) from None

    def receive(self) -> bytes:
        assert self._process.stdout is not None
        try:
            return self._process.stdout.read(1 << 18)
        except ValueError:
            return b""

    def last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        try:
            text = os.pread(self._errors.fileno(), 4096, 0)
        except ValueError:
            text = b""
        return last_words(text, self._process.returncode)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            # The agent gives what it runs some seconds to end before it ends itself.
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
