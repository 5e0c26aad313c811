"""The caller's side of the local endpoint: find its process, start it if there is none."""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from sparkbed.errors import ProvisionError
from sparkbed.home import ROOT, Home
from sparkbed.provision.keys import write_private
from sparkbed.provision.nodes import containers, marked, switch
from sparkbed.provision.tags import home_id

ADDRESS = "endpoint.json"
STATE = "state.json"
LOG = "endpoint.log"
LOCK = "daemon.lock"
"""Held by the endpoint as long as it lives."""
START_DEADLINE = 120.0
"""Seconds for the process to come up: one or two on an idle machine, many times that on a busy one."""

_children: list[subprocess.Popen[bytes]] = []
"""Endpoints that this process started. They outlive it; the reference keeps Python from warning of that."""


@dataclass(frozen=True)
class Credentials:
    """The key that an endpoint asks for: any local user can reach its port, only the owner can read the key."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint: its URL, the key that it asks for, the nodes' network and the port of their SSH servers."""

    url: str
    credentials: Credentials
    pid: int
    cidr: str
    ssh_port: int
    region: str = "us-east-1"


def credentials(home: Home) -> Credentials:
    """The state folder's key for its endpoint, made at its first use."""
    path = home.endpoint / "credentials.json"
    if not path.exists():
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        made = {
            "access_key": "AKIA" + "".join(secrets.choice(alphabet) for _ in range(28)),
            "secret_key": secrets.token_urlsafe(30),
        }
        write_private(path, json.dumps(made))
    return Credentials(**json.loads(path.read_text(encoding="utf-8")))


def wanted(home: Home) -> bool:
    """Whether there is something to serve: an endpoint that runs, or instances that are written down."""
    if _record(home) is not None:
        return True
    try:
        return bool(json.loads((home.endpoint / STATE).read_text(encoding="utf-8"))["instances"])
    except (OSError, ValueError, KeyError, TypeError):
        return (home.endpoint / STATE).exists()  # unreadable: let the endpoint say what is wrong with it


def alive(home: Home) -> Endpoint | None:
    """The endpoint that runs and answers; None if there is none."""
    record = _record(home)
    if record is None:
        return None
    key = credentials(home)
    deadline = time.monotonic() + 30
    while _record(home) == record:
        status = _health(record["url"], key)
        if status == 200:
            return Endpoint(record["url"], key, record["pid"], record["cidr"], record["ssh_port"])
        if time.monotonic() > deadline:
            raise ProvisionError(
                f"the local endpoint (pid {record['pid']}) does not answer at {record['url']}",
                hint=f"Its log is {home.endpoint / LOG}. `kill {record['pid']}` ends it; its hosts are kept.",
            )
        time.sleep(0.05)  # it is ending (503), or busy
    return None


def clear_strays(home: Home) -> list[str]:
    """Ends nodes that are still there though nothing written down names them; their markers.

    Those are found that have a name or label of their own: containers, and nodes at the state folder's switch.

    So it is when the endpoint was killed and its state is lost. An endpoint that lives sees to its strays itself.

    Raises:
        HostError: when they can't be removed.
    """
    if wanted(home):
        return []
    with (home.endpoint / LOCK).open("w", encoding="utf-8") as lock, contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ended = switch.end_strays(home_id(home), [])
        return ended + (containers.end_strays(home_id(home), []) if containers.reachable() else [])
    return []


def wait_for_end(home: Home, patience: float = 10.0) -> None:
    """Waits for an endpoint without instances to end by itself; gives up when somebody else has use for it."""
    record = _record(home)
    deadline = time.monotonic() + patience
    while record and marked.start_time(record["pid"]) == record["started"] and time.monotonic() < deadline:
        for child in _children:
            child.poll()  # one that we started would stay as a zombie
        time.sleep(0.05)


def running(home: Home, say: Callable[[str], None] = print, grace: float = 15.0) -> Endpoint:
    """The state folder's endpoint, started if need be. `grace` is how long one started now waits for a first instance.

    Raises:
        ProvisionError: when it does not come up; it shows the end of the log.
    """
    with (home.endpoint / "start.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = alive(home)
        if found:
            return found
        say("starting the local EC2 endpoint")
        credentials(home)
        return _start(home, grace)


def _start(home: Home, grace: float) -> Endpoint:
    log = home.endpoint / LOG
    begun = log.stat().st_size if log.exists() else 0
    options = ["--home", str(home.path), "--grace", str(grace)]
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "sparkbed.provision.endpoint.daemon", *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children.append(child)
    deadline = time.monotonic() + START_DEADLINE
    while child.poll() is None and time.monotonic() < deadline:
        record = _record(home)
        if record and record["pid"] == child.pid:
            found = alive(home)
            if found:
                return found
        time.sleep(0.03)
    what = "did not come up in time" if child.poll() is None else "ended as it started"
    child.kill()
    child.wait()
    with log.open("rb") as written:
        written.seek(begun)
        last = written.read().decode("utf-8", "replace").strip().splitlines()[-5:]
    raise ProvisionError(f"the local endpoint {what}: " + "\n  ".join(last), where=str(log))


def _record(home: Home) -> dict[str, Any] | None:
    """What the endpoint wrote of itself, if the process that wrote it still lives."""
    try:
        record: dict[str, Any] = json.loads((home.endpoint / ADDRESS).read_text(encoding="utf-8"))
        return record if marked.start_time(record["pid"]) == record["started"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _health(url: str, key: Credentials) -> int:
    """The HTTP status of the endpoint's health page; 0 when it can't be asked."""
    where = urlsplit(url)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=10)
    scope = f"AWS4-HMAC-SHA256 Credential={key.access_key}/20000101/us-east-1/ec2/aws4_request"
    try:
        connection.request("GET", "/health", headers={"Authorization": scope})
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()
