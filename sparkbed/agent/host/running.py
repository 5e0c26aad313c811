"""One long-running program, watched: nothing of it outlives its deadline, a cancellation or the controller.

A keeper, forked from the agent, runs it: so even an agent that is killed outright leaves nothing, as the keeper sees
the end of the pipe. To the keeper the agent is what the controller is to the agent.
"""

import os
import select
import signal
import subprocess
import time

from . import guard, plain_json
from .framing import Cancelled, ControllerGone, Failed, Session
from .paths import expand
from .processes import environment_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GRACE = 5.0
"""Seconds between the polite signal and the last one: time for a driver's shutdown hooks."""
GRACE_ALONE = 2.0
"""The same when the controller is gone: nobody waits for the result."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def run(session: Session, message: "dict[str, Any]") -> "dict[str, Any]":
    """Run `argv` in a session of its own, outputs to files; answer when nothing of it is left."""
    control, to_keeper = os.pipe()
    from_keeper, report = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(to_keeper)
        os.close(from_keeper)
        _keep(control, report, message)
    os.close(control)
    os.close(report)
    try:
        return _relay(session, message["id"], from_keeper, to_keeper)
    finally:
        os.close(to_keeper)
        os.close(from_keeper)
        if not session.gone:
            os.waitpid(keeper, 0)


def _relay(session: Session, number: int, from_keeper: int, to_keeper: int) -> "dict[str, Any]":
    """Pass the keeper's event on, and a cancellation to it; gives its result."""
    buffer = b""
    while True:
        try:
            ready = session.poll({from_keeper: select.POLLIN}, None)
        except Cancelled:
            session.cancelled = False
            os.write(to_keeper, b'{"cancel": 1}\n')
            continue
        if not ready:  # a child's signal wakes us too
            continue
        piece = os.read(from_keeper, 65536)
        if not piece:
            raise Failed("what watched over the program was killed; the program was ended with it")
        buffer += piece
        while b"\n" in buffer:
            line, _, buffer = buffer.partition(b"\n")
            reply = plain_json.loads(line.decode("ascii"))  # type: dict[str, Any]
            if "event" not in reply:
                return reply
            session.send(dict(reply, id=number))


def _keep(control: int, report: int, message: "dict[str, Any]") -> None:
    """The keeper's whole life: its standard input and output are the pipes to the agent."""
    try:
        guard.leave()
        os.setsid()
        os.dup2(control, 0)
        os.dup2(report, 1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        os.close(control)
        os.close(report)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        agent = Session()
        try:
            reply = _attend(agent, message)
        except Failed as failure:
            reply = {"error": failure.result["msg"]}
        except OSError as error:
            reply = {"error": f"{error.filename}: {error.strerror} (errno {error.errno})"}
        agent.send(reply)
    except ControllerGone:
        pass
    finally:
        os._exit(0)


def _attend(agent: Session, message: "dict[str, Any]") -> "dict[str, Any]":
    start = time.monotonic()
    pid = _start(message["run"], message)
    agent.send({"event": "started", "pid": pid})
    return _watch(agent, pid, start, message.get("deadline"))


def _prctl(option: int, value: int) -> bool:
    """Whether the kernel took it; a Python without ctypes goes without."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def _start(argv: "list[str]", message: "dict[str, Any]") -> int:
    for word in argv:
        if "\0" in word:
            raise Failed(f"an argument contains a NUL character, which no argument can hold: {word!r}")
    with open(expand(message["stdout"]), "wb") as out, open(expand(message["stderr"]), "wb") as err:
        try:
            program = subprocess.Popen(
                argv,
                cwd=expand(message["cwd"]) if message.get("cwd") else None,
                env=environment_with(message.get("env") or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                # If even the keeper is killed outright, the kernel ends the program.
                preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL) and None,
            )
        except OSError as error:
            raise Failed(f"can't start {argv[0]!r}: {error.strerror} (errno {error.errno})") from None
    program.returncode = 0  # we wait for it ourselves, together with what it leaves behind
    return program.pid


def _watch(session: Session, pid: int, start: float, deadline: "float | None") -> "dict[str, Any]":
    status, timed_out, cancelled = None, False, False
    try:
        while True:
            status = _reap(pid)
            if status is not None:
                break
            left = None if deadline is None else deadline - (time.monotonic() - start)
            if left is not None and left <= 0:
                timed_out = True
                break
            session.poll({}, left)
    except Cancelled:
        cancelled = True
    except ControllerGone:
        _end_all(pid, GRACE_ALONE)
        raise
    seconds = time.monotonic() - start
    ended = _end_all(pid, GRACE)
    if status is None:
        status = -signal.SIGKILL if ended is None else ended
    return {"rc": int(status), "seconds": seconds, "timed_out": timed_out, "cancelled": cancelled}


def _reap(pid: int) -> "int | None":
    """Wait for every child that has ended. The exit status of `pid` (negative: its signal), None while it runs."""
    found = None
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if child == 0:
            return found
        if child == pid:
            found = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _end_all(pid: int, grace: float) -> "int | None":
    """End the program's session and every descendant; politely first. The exit status of `pid`, if not seen before."""
    status = None
    asked = False
    start = time.monotonic()
    while True:
        left = _descendants(pid)
        seconds = time.monotonic() - start
        # What even SIGKILL does not end (it hangs in the kernel, or became another user's) is not waited for.
        if not left or seconds > grace + 10:
            seen = _reap(pid)
            return status if seen is None else seen
        late = seconds > grace
        if late or not asked:
            asked = True
            for process in left:
                try:
                    os.kill(process, signal.SIGKILL if late else signal.SIGTERM)
                except (ProcessLookupError, PermissionError):
                    pass
        select.select([], [], [], 0.02)
        seen = _reap(pid)
        status = status if seen is None else seen


def _descendants(pid: int) -> "list[int]":
    """The processes of the session of `pid`, and all below this process: what left the session was handed to us."""
    parents, sessions = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The program's name stands in parentheses and may hold anything, even parentheses.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in (b"Z", b"X"):
            parents[int(name)] = int(fields[1])
            sessions[int(name)] = int(fields[3])
    me = os.getpid()
    found = []
    for process in parents:
        ancestor = process
        while ancestor in parents and ancestor not in (me, 1):
            ancestor = parents[ancestor]
        if process != me and (ancestor == me or sessions[process] == pid):
            found.append(process)
    return found
