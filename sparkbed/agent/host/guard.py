"""What an agent that is killed outright would leave: a guard, forked from it, ends its programs and removes its files.

The guard holds the end of a pipe on which the agent says what it began and what is done with. The pipe's end is the
agent's end: what is not done with then goes.
"""

import os

from . import plain_json
from .framing import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_at = {"pipe": -1, "pid": -1}
"""The pipe to the guard, and its process id; -1 while there is none."""


def stand() -> None:
    """Have a guard from now on."""
    if _at["pid"] >= 0:
        return
    end, pipe = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(pipe)
        _guard(end)
    os.close(end)
    _at.update(pipe=pipe, pid=pid)


def began(pid: int) -> None:
    """The program that leads a process group of its own was started."""
    _say("began", pid)


def ended(pid: int) -> None:
    """The program came to its end; what it left running stays, as after any shell."""
    _say("ended", pid)


def made(path: str) -> None:
    """The file or folder is ours, and not to stay."""
    stand()
    _say("made", path)


def gone(path: str) -> None:
    _say("gone", path)


def relieve() -> None:
    """The agent comes to its own end, with everything done: wait until the guard is gone, too."""
    if _at["pid"] >= 0:
        leave()
        os.waitpid(_at["pid"], 0)
        _at.update(pid=-1)


def leave() -> None:
    """Close this process's hold on the guard: for a fork of the agent that looks after itself."""
    if _at["pipe"] >= 0:
        os.close(_at["pipe"])
        _at.update(pipe=-1)


def _say(what: str, whom: "Any") -> None:
    if _at["pipe"] >= 0:
        try:
            os.write(_at["pipe"], plain_json.dumps([what, whom]).encode("ascii") + b"\n")
        except OSError:  # the guard was killed; the agent does without
            pass


def _guard(end: int) -> None:
    """The guard's whole life."""
    try:
        # A terminal's signals and the controller's streams are the agent's, not ours.
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        # A file that the agent is writing could not be executed for as long as we held it open, too.
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2 and int(name) != end:
                try:
                    os.close(int(name))
                except OSError:  # the listing's own, closed by now
                    pass
        programs, paths = {}, set()  # type: dict[int, str], set[str]
        with os.fdopen(end, "rb") as lines:
            for line in lines:
                what, whom = plain_json.loads(line.decode("ascii"))
                if what == "began":
                    programs[whom] = _birth(whom)
                elif what == "ended":
                    programs.pop(whom, None)
                elif what == "made":
                    paths.add(whom)
                else:
                    paths.discard(whom)
        for pid, birth in programs.items():
            if birth and _birth(pid) == birth:  # still the same process under that number
                os.killpg(pid, signal.SIGKILL)
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                import shutil

                shutil.rmtree(path, ignore_errors=True)
            elif os.path.lexists(path):
                os.unlink(path)
    finally:
        os._exit(0)


def _birth(pid: int) -> str:
    """When the process began, in the kernel's ticks; nothing when it is no more."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, IndexError):
        return ""
