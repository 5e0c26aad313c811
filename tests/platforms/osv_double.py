"""OSv's REST API as far as its listings document it: programs are threads, and nothing is run."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Instance(ThreadingHTTPServer):
    """One instance. `dies` are words of commands whose threads end at once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commands: dict[int, str] = {}
        self.ended: set[int] = set()
        self.dies = ""
        self.environment: dict[str, str] = {}
        self.console = ["OSv v0.57.0", "eth0: 192.168.122.15"]
        self.total, self.free = 2 * 2**30, 1800 * 2**20
        self.off = threading.Event()
        self.busy = 0
        """So many requests yet are answered with 503: it boots."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Instance

    def do_GET(self) -> None:
        self._act()

    def do_PUT(self) -> None:
        self._act()

    def do_POST(self) -> None:
        self._act()

    def _act(self) -> None:
        osv, asked = self.server, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        what = (self.command, asked.path)
        if osv.off.is_set():
            self.close_connection = True
        elif osv.busy:
            osv.busy -= 1
            self._answer(503)
        elif what == ("PUT", "/app/"):
            self._start(query.get("command", ""))
        elif what == ("GET", "/app/finished"):
            self._answer(200, json.dumps("1" if int(query["tid"]) in osv.ended else "0"))
        elif what == ("GET", "/os/version"):
            self._answer(200, json.dumps("v0.57.0"))
        elif what == ("GET", "/os/dmesg"):
            self._answer(200, json.dumps("\n".join(osv.console)))
        elif what in (("GET", "/os/memory/total"), ("GET", "/os/memory/free")):
            self._answer(200, str(osv.total if asked.path.endswith("total") else osv.free))
        elif what == ("POST", "/os/poweroff"):
            osv.off.set()
            self.close_connection = True  # it is gone before it has answered
        elif asked.path.startswith("/env/"):
            self._variable(unquote(asked.path.removeprefix("/env/")), query)
        else:
            self._answer(404, "Not found")

    def _start(self, command: str) -> None:
        if not command or ";" in command:
            self._answer(400, "The use of ; is not allowed")
            return
        thread = 200 + len(self.server.commands)
        self.server.commands[thread] = command
        if self.server.dies and self.server.dies in command:
            self.server.ended.add(thread)
            self.server.console += ["java.lang.ClassNotFoundException", "program exited with status 1"]
        self._answer(200, json.dumps(str(thread)))

    def _variable(self, name: str, query: dict[str, str]) -> None:
        if self.command == "POST":
            self.server.environment[name] = query["val"]
            self._answer(200)
        elif name in self.server.environment:
            self._answer(200, json.dumps(self.server.environment[name]))
        else:
            self._answer(404, "Not found")

    def _answer(self, status: int, text: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
