"""Starting programs and taking their output, of any size, while the controller is watched."""

import os
import select
import signal
import subprocess

from . import guard
from .framing import Call, Cancelled, ControllerGone

GRACE = 0.1
"""Seconds without output after which a program that has ended is done, though a daemon of its own holds the pipe."""


def environment_with(extra: "dict[str, str]", inherited: "dict[str, str] | None" = None) -> "dict[str, str]":
    environment = dict(os.environ if inherited is None else inherited)
    environment.update({key: str(value) for key, value in extra.items()})
    return environment


def capture(
    call: Call, argv: "list[str]", cwd: "str | None" = None, data: "bytes | None" = None
) -> "tuple[int, bytes, bytes]":
    """Run a program: (exit status, stdout, stderr). It gets a session of its own, so that it can be ended whole.

    Raises OSError when it can't be started. Background processes that it leaves behind stay, as after any shell.
    """
    guard.stand()
    program = subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment_with(call.environment, call.inherited),
        stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )
    # Said by us, not by the new process before its exec: a preexec_fn makes every start 2 ms dearer.
    guard.began(program.pid)
    try:
        out, err = _pump(call, program, data)
    except (ControllerGone, Cancelled):
        end_group(program.pid)
        program.wait()
        guard.ended(program.pid)
        raise
    else:
        status = program.wait()
        guard.ended(program.pid)
        return status, out, err
    finally:
        for pipe in (program.stdin, program.stdout, program.stderr):
            if pipe is not None:
                pipe.close()


def _pump(call: Call, program: "subprocess.Popen[bytes]", data: "bytes | None") -> "tuple[bytes, bytes]":
    assert program.stdout is not None
    assert program.stderr is not None
    collected = {program.stdout.fileno(): bytearray(), program.stderr.fileno(): bytearray()}
    open_pipes = dict.fromkeys(collected, select.POLLIN)
    to_write = memoryview(data or b"")
    into = -1
    if program.stdin is not None:
        into = program.stdin.fileno()
        os.set_blocking(into, False)
        open_pipes[into] = select.POLLOUT
    while open_pipes:
        ended = program.poll() is not None
        if ended and into in open_pipes:
            del open_pipes[into]
        ready = call.session.poll(open_pipes, GRACE if ended else None)
        if ended and not ready:
            break
        for descriptor in ready:
            if descriptor == into:
                to_write = _write(program, to_write)
                if not to_write:
                    del open_pipes[into]
                continue
            piece = os.read(descriptor, 1 << 18)
            if piece:
                collected[descriptor] += piece
            else:
                del open_pipes[descriptor]
    while program.poll() is None:  # it closed its outputs and goes on
        call.session.poll({}, None)
    out, err = (bytes(collected[pipe.fileno()]) for pipe in (program.stdout, program.stderr))
    return out, err


def _write(program: "subprocess.Popen[bytes]", data: memoryview) -> memoryview:
    """Write what fits; close the pipe after the last byte, or when the program does not want more."""
    assert program.stdin is not None
    try:
        data = data[os.write(program.stdin.fileno(), data) :] if data else data
    except BlockingIOError:
        return data
    except BrokenPipeError:
        data = data[:0]
    if not data:
        program.stdin.close()
    return data


def end_group(pid: int) -> None:
    """Kill the process group that `pid` leads: a child not yet waited for, so the number is still its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
