import datetime
import glob
import os
import shlex

from .framing import Call, Failed
from .paths import expand, text
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def command(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Run a program without a shell."""
    return _execute(call, args, shell=False)


def shell(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Run a line in a shell: /bin/sh, or `executable`."""
    return _execute(call, args, shell=True)


def _execute(call: Call, args: "dict[str, Any]", shell: bool) -> "dict[str, Any]":
    line = args.get("_raw_params") or args.get("cmd")
    argv = args.get("argv")
    if not line and not argv:
        raise Failed("no command given", rc=256)
    if line and argv:
        raise Failed("only command or argv can be given, not both", rc=256)
    shown = line if shell else argv or _split(line)
    cwd = _folder(args.get("chdir"))
    result = {"cmd": shown, "rc": 0, "stdout": "", "stderr": "", "msg": "", "changed": True}
    result.update({"start": None, "end": None, "delta": None})
    reason = _nothing_to_do(args, cwd)
    if reason:
        did = "Would not run" if call.check else "Did not run"
        result.update(changed=False, msg="%s command since %s" % (did, reason), stdout="skipped, since %s" % reason)
    elif call.check:
        result["msg"] = "Command would have run if not in check mode"
        if not args.get("creates") and not args.get("removes"):
            result.update(skipped=True, changed=False)
    else:
        _run(call, args, _argv(args, shown, shell), cwd, result)
    result["stdout_lines"] = result["stdout"].splitlines()
    result["stderr_lines"] = result["stderr"].splitlines()
    return result


def _split(line: str) -> "list[str]":
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Failed("the command can't be split into words: %s" % error, cmd=line, rc=256) from None


def _argv(args: "dict[str, Any]", shown: "Any", shell: bool) -> "list[str]":
    if shell:
        return [args.get("executable") or "/bin/sh", "-c", shown]
    words = [str(word) for word in shown if word is not None]
    return [expand(word) for word in words] if args.get("expand_argument_vars", True) else words


def _folder(chdir: "Any") -> "str | None":
    if not chdir:
        return None
    folder = os.path.abspath(expand(chdir))
    if not os.path.isdir(folder):
        raise Failed("unable to change directory before execution: there is no directory %s" % folder)
    return folder


def _nothing_to_do(args: "dict[str, Any]", cwd: "str | None") -> "str | None":
    """Why `creates` or `removes` makes the command needless; patterns are relative to `chdir`."""
    for option, exists in (("creates", True), ("removes", False)):
        if args.get(option):
            pattern = os.path.join(cwd or "", expand(args[option]))
            if bool(glob.glob(pattern)) is exists:
                return "'%s' %s" % (args[option], "exists" if exists else "does not exist")
    return None


def _run(call: Call, args: "dict[str, Any]", argv: "list[str]", cwd: "str | None", result: "dict[str, Any]") -> None:
    data = None
    if args.get("stdin") is not None:
        data = str(args["stdin"]).encode("utf-8", "surrogateescape")
        if args.get("stdin_add_newline", True):
            data += b"\n"
    start = datetime.datetime.now()
    try:
        status, out, err = capture(call, argv, cwd=cwd, data=data)
    except OSError as error:
        line = " ".join(shlex.quote(word) for word in argv)
        msg = "can't start the command: [Errno %s] %s: %r" % (error.errno, error.strerror, argv[0])
        raise Failed(
            msg, rc=error.errno or 257, cmd=line, stdout="", stderr="", stdout_lines=[], stderr_lines=[]
        ) from None
    end = datetime.datetime.now()
    result.update(rc=status, stdout=text(out), stderr=text(err))
    result.update(start=str(start), end=str(end), delta=str(end - start))
    if args.get("strip_empty_ends", True):
        result.update(stdout=result["stdout"].rstrip("\r\n"), stderr=result["stderr"].rstrip("\r\n"))
    if status != 0:
        result.update(failed=True, msg="non-zero return code")
