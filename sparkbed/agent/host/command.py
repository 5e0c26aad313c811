import os
import time

from .clock import moment, span
from .framing import Call, Failed
from .paths import expand, text
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SILENT = {"stdout": "", "stderr": ""}  # type: dict[str, Any]


def command(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Run a program without a shell."""
    return _execute(call, args, in_shell=False)


def shell(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Run a line in a shell: /bin/sh, or `executable`."""
    return _execute(call, args, in_shell=True)


def _execute(call: Call, args: "dict[str, Any]", in_shell: bool) -> "dict[str, Any]":
    line = args.get("_raw_params") or args.get("cmd")
    argv = [str(word) for word in args.get("argv") or ()]
    if not line and not argv:
        raise Failed("no command given", rc=256)
    if line and argv:
        raise Failed("only command or argv can be given, not both", rc=256)
    shown = line if in_shell else argv or _split(str(line))
    cwd = _folder(args.get("chdir"), shown)
    result = {"cmd": shown, "rc": 0, "stdout": "", "stderr": "", "msg": "", "changed": True}  # type: dict[str, Any]
    result.update({"start": None, "end": None, "delta": None})
    reason = _nothing_to_do(args, cwd)
    if reason:
        did = "Would not run" if call.check else "Did not run"
        result.update(
            changed=False,
            msg="{} command since '{}' {}".format(did, *reason),
            stdout="skipped, since {} {}".format(*reason),
        )
    elif call.check:
        result["msg"] = "Command would have run if not in check mode"
        if not args.get("creates") and not args.get("removes"):
            result.update(skipped=True, changed=False)
    else:
        _run(call, args, _argv(args, shown, in_shell), cwd, result)
    return result


def _split(line: str) -> "list[str]":
    """The words of a line, by a shell's rules for quotes."""
    if not any(mark in line for mark in "'\"\\"):
        for blank in "\t\r\n":
            line = line.replace(blank, " ")
        return [word for word in line.split(" ") if word]
    import shlex

    try:
        return shlex.split(line)
    except ValueError as error:
        raise Failed(f"the command can't be split into words: {error}", cmd=line, rc=256) from None


def _argv(args: "dict[str, Any]", shown: "Any", in_shell: bool) -> "list[str]":
    if in_shell:
        return [args.get("executable") or "/bin/sh", "-c", shown]
    words = [str(word) for word in shown if word is not None]
    return [expand(word) for word in words] if args.get("expand_argument_vars", True) else words


def _folder(chdir: "Any", shown: "Any") -> "str | None":
    if not chdir:
        return None
    folder = os.path.abspath(expand(chdir))
    if not os.path.isdir(folder):
        msg = f"unable to change directory before execution: there is no directory {folder}"
        raise Failed(msg, cmd=shown, **_SILENT)
    return folder


def _nothing_to_do(args: "dict[str, Any]", cwd: "str | None") -> "tuple[str, str] | None":
    """The path and state for which `creates` or `removes` makes the command needless; patterns start from `chdir`."""
    for option, exists in (("creates", True), ("removes", False)):
        if args.get(option) and _found(os.path.join(cwd or "", expand(args[option]))) is exists:
            return args[option], "exists" if exists else "does not exist"
    return None


def _found(pattern: str) -> bool:
    """Whether anything is there. `glob` is loaded for patterns alone: it takes an agent as long as Python's start."""
    if any(mark in pattern for mark in "*?["):
        import glob

        return bool(glob.glob(pattern))
    folder, name = os.path.split(pattern)
    return os.path.lexists(pattern) if name else os.path.isdir(folder)


def _run(call: Call, args: "dict[str, Any]", argv: "list[str]", cwd: "str | None", result: "dict[str, Any]") -> None:
    data = None
    if args.get("stdin") is not None:
        data = str(args["stdin"]).encode("utf-8", "surrogateescape")
        if args.get("stdin_add_newline", True):
            data += b"\n"
    start = time.time()
    try:
        status, out, err = capture(call, argv, cwd=cwd, data=data)
    except OSError as error:
        import shlex

        line = " ".join(shlex.quote(word) for word in argv)
        msg = f"can't start the command: [Errno {error.errno}] {error.strerror}: {argv[0]!r}"
        raise Failed(msg, rc=error.errno or 257, cmd=line, **_SILENT) from None
    end = time.time()
    result.update(rc=status, stdout=text(out), stderr=text(err))
    result.update(start=moment(start), end=moment(end), delta=span(end - start))
    if args.get("strip_empty_ends", True):
        result.update(stdout=result["stdout"].rstrip("\r\n"), stderr=result["stderr"].rstrip("\r\n"))
    if status != 0:
        result.update(failed=True, msg="non-zero return code")
