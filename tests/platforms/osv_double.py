"""OSv's REST API as far as its listings document it. What is started there runs as a process of this machine.

Its threads are processes, and an instance's folder LOCAL is one of this machine's; else paths are this machine's own.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LOCAL = "/local-of-instance"
"""The folder of an instance that can be written (setting osv_local_dir)."""


class Instance(ThreadingHTTPServer):
    """One instance. `folder` is what it has for LOCAL, `root` what programs are started in."""

    daemon_threads = True

    def __init__(self, folder: Path, address: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((address, port), _Handler)
        self.folder, self.root = folder / "local", folder / "root"
        for made in (self.folder, self.root):
            made.mkdir(parents=True)
        self.programs: dict[int, subprocess.Popen[bytes]] = {}
        self.commands: list[str] = []
        self.environment: dict[str, str] = {}
        self.free = 1800 * 2**20
        self.off = threading.Event()
        self.busy = 0
        """So many requests yet are answered with 503: it boots."""
        self.console = folder / "console.log"
        self.console.write_text("OSv v0.57.0\neth0: 192.168.122.15\n")

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def running(self) -> list[int]:
        """The threads of programs that have not ended."""
        return [thread for thread, program in self.programs.items() if program.poll() is None]

    def start(self, command: str) -> int:
        words = [word.replace(LOCAL, str(self.folder)) for word in shlex.split(command)]
        self.commands.append(command)
        with self.console.open("ab") as console:
            program = subprocess.Popen(
                words,
                cwd=self.root,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        thread = 200 + len(self.programs)
        self.programs[thread] = program
        return thread

    def end(self) -> None:
        for program in self.programs.values():
            program.kill()
            program.wait()


@contextmanager
def served(instance: Instance) -> Iterator[Instance]:
    """An instance that answers, and whose programs end with it."""
    thread = threading.Thread(target=instance.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield instance
    finally:
        instance.shutdown()
        instance.server_close()
        instance.end()


class _Handler(BaseHTTPRequestHandler):
    server: Instance

    def do_GET(self) -> None:
        self._act()

    def do_PUT(self) -> None:
        self._act()

    def do_POST(self) -> None:
        self._act()

    def do_DELETE(self) -> None:
        self._act()

    def _act(self) -> None:
        osv, asked = self.server, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what = (self.command, asked.path)
        if osv.busy:
            osv.busy -= 1
            self._answer(503)
        elif what == ("PUT", "/app/"):
            self._start(query.get("command", ""))
        elif what == ("GET", "/app/finished"):
            self._answer(200, json.dumps("0" if int(query["tid"]) in osv.running() else "1"))
        elif what == ("GET", "/os/version"):
            self._answer(200, json.dumps("v0.57.0"))
        elif what == ("GET", "/os/dmesg"):
            self._answer(200, json.dumps(osv.console.read_text("utf-8", "replace")))
        elif what in (("GET", "/os/memory/total"), ("GET", "/os/memory/free")):
            self._answer(200, str(2 * 2**30 if asked.path.endswith("total") else osv.free))
        elif what == ("POST", "/os/poweroff"):
            osv.off.set()
            self.close_connection = True  # it is gone before it has answered
        elif asked.path.startswith("/env/"):
            self._variable(unquote(asked.path.removeprefix("/env/")), query)
        elif asked.path.startswith("/file/"):
            self._file(unquote(asked.path.removeprefix("/file")), query, body)
        else:
            self._answer(404, "Not found")

    def _start(self, command: str) -> None:
        if not command or ";" in command:
            self._answer(400, "The use of ; is not allowed")
            return
        try:
            self._answer(200, json.dumps(str(self.server.start(command))))
        except OSError as error:  # launch_error: Failed to load object
            self._answer(500, f"Failed to load object: {error}")

    def _variable(self, name: str, query: dict[str, str]) -> None:
        if self.command == "POST":
            self.server.environment[name] = query["val"].replace(LOCAL, str(self.server.folder))
            self._answer(200)
        else:
            self._answer(404, "Not found")

    def _file(self, path: str, query: dict[str, str], body: bytes) -> None:
        if not path.startswith(f"{LOCAL}/"):
            self._answer(400, f"Error opening: '{path}'")
            return
        file = self.server.folder / path.removeprefix(f"{LOCAL}/")
        if self.command == "POST":
            file.write_bytes(self._part(body))
            self._answer(200)
        elif not file.is_file():
            self._answer(404, f"Not found: '{path}'")
        elif (self.command, query.get("op")) == ("GET", "GET"):
            self._answer(200, file.read_bytes())
        elif (self.command, query.get("op")) == ("DELETE", "DELETE"):
            file.unlink()
            self._answer(200)
        else:
            self._answer(400, "Bad op parameter")

    def _part(self, body: bytes) -> bytes:
        """As OSv takes it: what follows the part's headers, but for the boundary's length and 8 at the end."""
        boundary = self.headers["Content-Type"].partition("boundary=")[2]
        head, _, content = body.partition(b"\r\n\r\n")
        assert head.startswith(f"--{boundary}".encode()), head
        assert b'filename="' in head, head
        return content[: -len(boundary) - 8]

    def _answer(self, status: int, text: str | bytes = "") -> None:
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
