"""A Mesos master and agent as far as their documented HTTP interface goes; they run no tasks.

In tests of the client it is a server inside the process; in those of the playbooks, the programs `mesos-master` and
`mesos-agent`, which read the flags that Mesos reads from the environment (MESOS_*).
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Master(ThreadingHTTPServer):
    """One master. `leader` is where it sends those who ask (None: it leads; empty: nobody does)."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], flags: Mapping[str, str] | None = None) -> None:
        super().__init__(address, _Handler)
        self.flags = dict(flags or {})
        self.weights: dict[str, float] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.frameworks: list[dict[str, Any]] = []
        self.leader: str | None = None
        self.credentials: tuple[str, str] | None = None
        self.forbidden = False
        self.requests: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_address[1]}"

    def add_agent(self, hostname: str, resources: str) -> None:
        """An agent with resources as its flag has them: `cpus:4;mem:1024;ports:[31000-32000]`."""
        scalars = [part.split(":") for part in resources.split(";") if "[" not in part]
        self.agents[hostname] = {
            "agent_info": {"id": {"value": f"S{len(self.agents)}"}, "hostname": hostname, "port": 5051},
            "active": True,
            "total_resources": [_scalar(name, float(value)) for name, value in scalars],
        }


def _scalar(name: str, value: float, role: str = "*") -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, "role": role}


class _Handler(BaseHTTPRequestHandler):
    server: Master

    def do_GET(self) -> None:
        self._act(None)

    def do_PUT(self) -> None:
        self._act(self._body())

    def do_POST(self) -> None:
        self._act(self._body())

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def _act(self, body: str | None) -> None:
        master, path = self.server, self.path.removeprefix("/master") or "/"
        if path == "/health":
            self._answer(200)
            return
        master.requests.append((self.command, self.path, body))
        if master.leader is not None:
            if master.leader == "":
                self._answer(503, "Leader not elected")
            else:
                self._answer(307, location=f"{master.leader}{self.path}".removeprefix("http:"))
            return
        if master.credentials is not None:
            token = base64.b64encode(":".join(master.credentials).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {token}":
                self._answer(401, "Unauthenticated")
                return
        if path == "/api/v1" and self.command == "POST":
            self._v1(body or "")
        elif path == "/weights" and self.command == "PUT":
            self._update(body or "")
        elif path == "/weights":
            self._answer(200, json.dumps(self._weights()))
        elif path == "/state":
            slaves = [{"hostname": name} for name in master.agents]
            self._answer(200, json.dumps({"version": "1.11.0", "leader": "master@x", "slaves": slaves}))
        elif path == "/roles":
            self._answer(200, json.dumps({"roles": self._roles()}))
        elif path == "/metrics/snapshot":
            self._answer(200, json.dumps({"master/elected": 1.0}))
        elif path == "/double/agents" and self.command == "POST":
            self._answer(200)
            master.add_agent(**json.loads(body or "{}"))
        else:
            self._answer(404)

    def _v1(self, body: str) -> None:
        try:
            call = json.loads(body)
            kind = call["type"]
        except (ValueError, KeyError, TypeError):
            self._answer(400, "Failed to parse body into Call protobuf")
            return
        if self.headers.get("Content-Type") != "application/json":
            self._answer(415, "Expecting 'Content-Type' of application/json")
            return
        master = self.server
        if kind == "UPDATE_WEIGHTS":
            self._update(json.dumps(call["update_weights"]["weight_infos"]))
            return
        answers: dict[str, Any] = {
            "GET_WEIGHTS": {"weight_infos": self._weights()},
            "GET_AGENTS": {"agents": list(master.agents.values())},
            "GET_FRAMEWORKS": {"frameworks": master.frameworks},
            "GET_ROLES": {"roles": self._roles()},
            "GET_TASKS": {"tasks": []},
            "GET_FLAGS": {"flags": [{"name": name, "value": value} for name, value in master.flags.items()]},
            "GET_METRICS": {"metrics": [{"name": "master/elected", "value": 1.0}]},
        }
        if kind not in answers:
            self._answer(400, f"Failed to validate master::Call: unknown type {kind}")
            return
        self._answer(200, json.dumps({"type": kind, kind.lower(): answers[kind]}))

    def _update(self, body: str) -> None:
        try:
            infos = {one["role"]: float(one["weight"]) for one in json.loads(body)}
        except (ValueError, KeyError, TypeError):
            self._answer(400, "Failed to parse weights JSON")
            return
        wrong = [role for role, weight in infos.items() if weight <= 0]
        if wrong:
            self._answer(400, f"Invalid weight for role '{wrong[0]}': weights must be positive")
        elif self.server.forbidden:
            self._answer(403)
        else:
            self.server.weights.update(infos)
            self._answer(200)

    def _weights(self) -> list[dict[str, Any]]:
        return [{"role": role, "weight": weight} for role, weight in self.server.weights.items()]

    def _roles(self) -> list[dict[str, Any]]:
        return [{"name": role, "weight": weight, "frameworks": []} for role, weight in self.server.weights.items()]

    def _answer(self, status: int, text: str = "", location: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if text[:1] in ("{", "[") else "text/plain")
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main(program: str) -> None:
    flags = {
        name.removeprefix("MESOS_").lower(): value for name, value in os.environ.items() if name.startswith("MESOS_")
    }
    if not flags.get("work_dir"):
        sys.exit("Missing required option --work_dir")
    print(f"{program} {json.dumps(flags)}", flush=True)
    if program == "mesos-master":
        Master((flags["ip"], int(flags["port"])), flags).serve_forever()
    body = json.dumps({"hostname": flags["hostname"], "resources": flags["resources"]}).encode()
    urllib.request.urlopen(f"http://{flags['master']}/double/agents", data=body, timeout=30).read()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
