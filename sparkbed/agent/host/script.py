import os
import re
import shlex

from .framing import Call, Failed
from .incoming import awaited, dropped, received
from .paths import expand, text
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def script(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Run a file of the controller's in a shell line, with the arguments that stand behind its name."""
    reason = _needless(args)
    if reason is None and call.check and not args.get("creates") and not args.get("removes"):
        reason = "Check mode is not supported for this task."
    if reason is not None:
        dropped(args)
        return {"skipped": True, "changed": False, "msg": reason}
    if call.check:
        return {"changed": True}
    folder = args.get("chdir")
    if folder and not folder.startswith("/"):
        raise Failed(f"chdir {folder} must be an absolute path for a Unix-aware remote node")
    asked = awaited(args)
    if asked:
        return asked
    with received(args, args["name"], program=True) as path:
        words = [*_assignments(call.environment), args.get("executable"), shlex.quote(path), args.get("arguments")]
        line = " ".join(word for word in words if word)
        if folder:  # the shell changes there, so that a folder that is not there is its failure, with its words
            line = f"cd {shlex.quote(folder)} && {line}"
        bare = Call(call.session, False, False, {})
        bare.inherited = call.inherited
        status, out, err = capture(bare, ["/bin/sh", "-c", line])
    result = {"rc": status, "stdout": text(out), "stderr": text(err), "changed": True}  # type: dict[str, Any]
    if status != 0:
        result.update(failed=True, msg="non-zero return code")
    return result


def _assignments(environment: "dict[str, str]") -> "list[str]":
    """The task's environment as the shell line has it in Ansible: for the script, not for the shell's own `$NAME`."""
    for name in environment:
        if not re.match("^[A-Za-z_][A-Za-z0-9_]*$", name):
            raise Failed(f"environment: {name!r} is no name that a shell can set")
    return [name + "=" + shlex.quote(value) for name, value in environment.items()]


def _needless(args: "dict[str, Any]") -> "str | None":
    if args.get("creates") and os.path.exists(expand(args["creates"])):
        return "{} exists, matching creates option".format(args["creates"])
    if args.get("removes") and not os.path.exists(expand(args["removes"])):
        return "{} does not exist, matching removes option".format(args["removes"])
    return None
