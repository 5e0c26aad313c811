"""Starting a program in a session of its own, its three streams as pipes.

The module subprocess would do it, too, but loading that costs an agent as much as half of Python's own start.
"""

import errno
import os

from . import guard
from .framing import signal

NOT_HERE = (errno.ENOENT, errno.ENOTDIR)
"""Why a folder of PATH is passed over without a word."""


class Program:
    """A child of ours: `pid`, and our ends of its streams; `status` is None until `poll` or `wait` has seen its end."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.status = None  # type: int | None

    def poll(self) -> "int | None":
        """The exit status, negative for the signal that ended it; None while it runs."""
        if self.status is None:
            self._seen(*os.waitpid(self.pid, os.WNOHANG))
        return self.status

    def wait(self) -> int:
        while self.status is None:
            self._seen(*os.waitpid(self.pid, 0))
        return self.status

    def _seen(self, pid: int, status: int) -> None:
        if pid:
            self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def close_stdin(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def close(self) -> None:
        """Our ends of the streams."""
        self.close_stdin()
        os.close(self.stdout)
        os.close(self.stderr)


def start(argv: "list[str]", environment: "dict[str, str]", cwd: "str | None", with_input: bool) -> Program:
    """The program is looked for in the PATH of `environment`; `with_input` gives it a pipe to read from, else nothing.

    The guard knows of it before it runs; the caller says when it has ended.

    Raises OSError, with the file's name, when there is none or it can't be executed, and when `cwd` can't be entered.
    """
    candidates = _candidates(argv[0], environment.get("PATH", os.defpath))
    _keep_to_ourselves()
    opened = []  # type: list[int]
    try:
        for _ in range(3):
            opened += os.pipe()
        out, to_out, err, to_err, told, tell = opened
        if with_input:
            opened += os.pipe()
            source, stdin = opened[6:]
        else:
            source, stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
            opened.append(source)
        pid = os.fork()
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        raise
    if pid == 0:
        _become(argv, environment, cwd, candidates, (source, to_out, to_err), tell)
    for descriptor in (source, to_out, to_err, tell):
        os.close(descriptor)
    program = Program(pid, stdin, out, err)
    with os.fdopen(told, "rb", 0) as file:
        word = file.read()  # it ends when the program has taken the child's place
    if word:
        program.wait()
        guard.ended(pid)
        program.close()
        number, _, place = word.partition(b" ")
        raise OSError(int(number), os.strerror(int(number)), argv[0] if place == b"program" else cwd)
    return program


_kept = []  # type: list[bool]


def _keep_to_ourselves() -> None:
    """What the login shell left open beyond the three streams is no program's business. Python opens nothing so."""
    if _kept:
        return
    _kept.append(True)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:  # the listing's own, closed by now
                pass


def _candidates(name: str, path: str) -> "list[str]":
    return [name] if "/" in name else [os.path.join(folder, name) for folder in path.split(":")]


def _become(
    argv: "list[str]",
    environment: "dict[str, str]",
    cwd: "str | None",
    candidates: "list[str]",
    streams: "tuple[int, int, int]",
    tell: int,
) -> None:
    """The child's whole life as ours. All descriptors but the three close by themselves."""
    place = "folder"
    number = errno.ENOENT
    try:
        os.setsid()
        # By the child: an agent that is killed before it could say so itself would leave the program behind. The guard
        # reads on until the exec has closed this process's end of its pipe, too.
        guard.began(os.getpid())
        for wanted, descriptor in enumerate(streams):
            os.dup2(descriptor, wanted)
        for number_of_signal in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and programs count on
            signal.signal(number_of_signal, signal.SIG_DFL)
        if cwd is not None:
            os.chdir(cwd)
        place = "program"
        found = 0
        for candidate in candidates:
            try:
                os.execve(candidate, argv, environment)  # noqa: S606  # the task says what
            except OSError as error:
                number = error.errno or number
                if number not in NOT_HERE:
                    found = found or number
        number = found or number
    except OSError as error:
        number = error.errno or number
    except BaseException:  # noqa: BLE001  # whatever it is, this process must not go on as a second agent
        number = errno.EINVAL
    finally:
        try:
            os.write(tell, f"{number} {place}".encode("ascii"))
        finally:
            os._exit(255)
