"""Starting programs and taking their output, of any size, while the controller is watched."""

import os
import select

from . import guard
from .framing import Call, Cancelled, ControllerGone, signal
from .starting import Program, start

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
    program = start(argv, environment_with(call.environment, call.inherited), cwd, with_input=data is not None)
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
        program.close()


def _pump(call: Call, program: Program, data: "bytes | None") -> "tuple[bytes, bytes]":
    collected = {program.stdout: bytearray(), program.stderr: bytearray()}
    open_pipes = dict.fromkeys(collected, select.POLLIN)
    to_write = memoryview(data or b"")
    into = program.stdin
    if into >= 0:
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
    return bytes(collected[program.stdout]), bytes(collected[program.stderr])


def _write(program: Program, data: memoryview) -> memoryview:
    """Write what fits; close the pipe after the last byte, or when the program does not want more."""
    try:
        data = data[os.write(program.stdin, data) :] if data else data
    except BlockingIOError:
        return data
    except BrokenPipeError:
        data = data[:0]
    if not data:
        program.close_stdin()
    return data


def end_group(pid: int) -> None:
    """Kill the process group that `pid` leads: a child not yet waited for, so the number is still its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
