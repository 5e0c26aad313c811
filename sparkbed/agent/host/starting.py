"""Starting a program in a session of its own, its three streams as pipes.

The module subprocess would do it, too, but loading that costs an agent as much as half of Python's own start.
"""

import errno
import os

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

    Raises OSError, with the file's name, when there is none or it can't be executed, and when `cwd` can't be entered.
    """
    candidates = _candidates(argv[0], environment.get("PATH", os.defpath))
    _keep_to_ourselves()
    opened = []  # type: list[int]
    try:
        for _ in range(2):
            opened += os.pipe()
        out, to_out, err, to_err = opened
        if with_input:
            opened += os.pipe()
            source, stdin = opened[4:]
        else:
            source, stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
            opened.append(source)
        streams = (source, to_out, to_err)
        pid = _spawned(argv, environment, candidates, streams) if cwd is None else None
        if pid is None:
            pid = _forked(argv, environment, cwd, candidates, streams)
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        raise
    for descriptor in streams:
        os.close(descriptor)
    return Program(pid, stdin, out, err)


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


IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
"""Which Python ignores, and programs count on."""


def _spawned(
    argv: "list[str]", environment: "dict[str, str]", candidates: "list[str]", streams: "tuple[int, int, int]"
) -> "int | None":
    """The process id, by a system call that copies nothing of ours for the child: a fork costs a millisecond more.

    None where Python or the system has no such call.
    """
    number = errno.ENOENT
    for candidate in candidates:
        try:
            actions = [(os.POSIX_SPAWN_DUP2, descriptor, wanted) for wanted, descriptor in enumerate(streams)]
            return os.posix_spawn(candidate, argv, environment, file_actions=actions, setsid=True, setsigdef=IGNORED)
        except OSError as error:
            number = number if number not in NOT_HERE else error.errno or number
        except ValueError:
            number = errno.EINVAL
        except (AttributeError, NotImplementedError):
            return None
    raise OSError(number, os.strerror(number), argv[0])


def _forked(
    argv: "list[str]",
    environment: "dict[str, str]",
    cwd: "str | None",
    candidates: "list[str]",
    streams: "tuple[int, int, int]",
) -> int:
    """The process id, by a fork, which can enter `cwd`."""
    told, tell = os.pipe()
    try:
        pid = os.fork()
    except BaseException:
        os.close(told)
        os.close(tell)
        raise
    if pid == 0:
        _become(argv, environment, cwd, candidates, streams, tell)
    os.close(tell)
    with os.fdopen(told, "rb", 0) as file:
        word = file.read()  # it ends when the program has taken the child's place
    if word:
        os.waitpid(pid, 0)
        number, _, place = word.partition(b" ")
        raise OSError(int(number), os.strerror(int(number)), argv[0] if place == b"program" else cwd)
    return pid


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
        for wanted, descriptor in enumerate(streams):
            os.dup2(descriptor, wanted)
        for number_of_signal in IGNORED:
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
