import os
import time

from .framing import Call, Failed
from .paths import expand, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FIRST_PAUSE = 0.02
"""Seconds between the first two looks; doubled up to `sleep`, so that what is nearly there is seen soon."""


def wait_for(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Wait until a port or a path is (or is no longer) there, or just for `timeout` seconds."""
    start = time.monotonic()
    timeout = float(args.get("timeout", 300))
    port, path = args.get("port"), args.get("path")
    host, state = args.get("host") or "127.0.0.1", args.get("state") or "started"
    if port is not None and path:
        raise Failed("port and path parameter can not both be passed to wait_for", elapsed=0)
    if path and state in ("stopped", "drained"):
        raise Failed(f"state={state} should only be used for checking a port in the wait_for module", elapsed=0)
    if port is None and state == "drained":
        raise Failed("port is required with state=drained", elapsed=0)
    call.session.sleep(float(args.get("delay", 0)))
    found = {"match_groups": [], "match_groupdict": {}}  # type: dict[str, Any]
    if port is None and not path:
        call.session.sleep(max(0.0, timeout - (time.monotonic() - start)))
    else:
        _until(call, _condition(args, found), start, timeout, float(args.get("sleep", 1)), args)
    elapsed = int(time.monotonic() - start)
    result = {"state": state, "port": port, "path": path, "search_regex": args.get("search_regex"), "elapsed": elapsed}
    return dict(found, **dict(result, host=host))


def _until(
    call: Call, holds: "Callable[[], bool]", start: float, timeout: float, sleep: float, args: "dict[str, Any]"
) -> None:
    pause = min(FIRST_PAUSE, sleep)
    while not holds():
        left = timeout - (time.monotonic() - start)
        if left <= 0:
            raise Failed(args.get("msg") or _what(args), elapsed=int(time.monotonic() - start))
        call.session.sleep(min(pause, left))
        pause = min(pause * 2, sleep)


def _what(args: "dict[str, Any]") -> str:
    state, regex = args.get("state") or "started", args.get("search_regex")
    place = args.get("path") or "{}:{}".format(args.get("host") or "127.0.0.1", args.get("port"))
    if regex:
        return f"Timeout when waiting for search string {regex} in {place}"
    if state == "drained":
        return f"Timeout when waiting for {place} to drain"
    if state in ("absent", "stopped"):
        return "Timeout when waiting for {} to {}.".format(place, "be absent" if args.get("path") else "stop")
    return "Timeout when waiting for {}{}".format("file " if args.get("path") else "", place)


def _condition(args: "dict[str, Any]", found: "dict[str, Any]") -> "Callable[[], bool]":
    state = args.get("state") or "started"
    regex = _regex(args["search_regex"]) if args.get("search_regex") else None
    if args.get("path"):
        path = expand(args["path"])
        if state == "absent":
            return lambda: not os.path.lexists(path)
        return lambda: _in_file(path, regex, found)
    host, port = args.get("host") or "127.0.0.1", int(args["port"])
    patience = float(args.get("connect_timeout", 5))
    if state in ("absent", "stopped"):
        return lambda: not _answers(host, port, patience, None, found)
    if state == "drained":
        return lambda: not _connections(port, args)
    return lambda: _answers(host, port, patience, regex, found)


def _regex(text: str) -> "Any":
    import re

    return re.compile(text.encode("utf-8"), re.MULTILINE)


def _in_file(path: str, regex: "Any", found: "dict[str, Any]") -> bool:
    if regex is None:
        return os.path.exists(path)
    try:
        with open(path, "rb") as file:
            return _search(regex, file.read(), found)
    except OSError:
        return False


def _search(regex: "Any", data: bytes, found: "dict[str, Any]") -> bool:
    match = regex.search(data)
    if match:
        found["match_groups"] = [value and text(value) for value in match.groups()]
        found["match_groupdict"] = {key: value and text(value) for key, value in match.groupdict().items()}
    return bool(match)


def _answers(host: str, port: int, patience: float, regex: "Any", found: "dict[str, Any]") -> bool:
    import socket

    try:
        connection = socket.create_connection((host, port), patience)
    except OSError:
        return False
    with connection:
        if regex is None:
            return True
        data = b""
        try:
            while True:
                piece = connection.recv(4096)
                data += piece
                if _search(regex, data, found):
                    return True
                if not piece:
                    return False
        except OSError:
            return False


# The kernel's numbers of TCP states, under the names that the option takes.
_STATES = {
    "ESTABLISHED": "01",
    "SYN_SENT": "02",
    "SYN_RECV": "03",
    "FIN_WAIT1": "04",
    "FIN_WAIT2": "05",
    "TIME_WAIT": "06",
    "CLOSE_WAIT": "08",
    "LAST_ACK": "09",
    "CLOSING": "0B",
}
_ACTIVE = ("ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT")


def _connections(port: int, args: "dict[str, Any]") -> bool:
    """Whether a TCP connection of this host uses the local port, in a state and with a host that count."""
    names = args.get("active_connection_states") or _ACTIVE
    unknown = [name for name in names if name not in _STATES]
    if unknown:
        raise Failed("unknown active_connection_state ({}) defined".format(", ".join(unknown)), elapsed=0)
    active = [_STATES[name] for name in names]
    excluded = _addresses(args.get("exclude_hosts") or [])
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except FileNotFoundError:
            continue
        for row in rows:
            peer = row[2].rpartition(":")[0]
            if int(row[1].rpartition(":")[2], 16) == port and row[3] in active and peer not in excluded:
                return True
    return False


def _addresses(hosts: "list[str]") -> "set[str]":
    """These hosts as the kernel's tables write addresses: words of four bytes in the machine's own order."""
    import socket
    import struct

    found = set()
    for host in hosts:
        try:
            answers = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
        except OSError as error:
            raise Failed(f"exclude_hosts: {host} has no address: {error}", elapsed=0) from None
        for family, _, _, _, address in answers:
            packed = socket.inet_pton(family, str(address[0]))
            forms = [packed] if family == socket.AF_INET6 else [packed, b"\0" * 10 + b"\xff\xff" + packed]
            for form in forms:
                words = struct.unpack(f"={len(form) // 4}I", form)
                found.add("".join(f"{word:08X}" for word in words))
    return found
