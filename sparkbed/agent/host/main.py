"""The loop: a message comes, a module works through its items, the results go back. One at a time."""

import os
import sys

from .framing import Call, Cancelled, ControllerGone, Failed, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODULES = {
    "apt": "apt",
    "blockinfile": "blockinfile",
    "command": "command",
    "copy": "copy",
    "file": "file",
    "find": "find",
    "get_url": "get_url",
    "group": "group",
    "lineinfile": "lineinfile",
    "package": "apt",
    "ping": "ping",
    "pip": "pip",
    "replace": "replace",
    "script": "script",
    "service": "service",
    "setup": "setup",
    "shell": "command",
    "slurp": "slurp",
    "stat": "stat",
    "systemd": "systemd",
    "systemd_service": "systemd",
    "tempfile": "tempfile",
    "unarchive": "unarchive",
    "uri": "uri",
    "user": "user",
    "wait_for": "wait_for",
}
"""Module name: the file that implements it, in a function of the module's name."""

WITHOUT_CHECK = ("tempfile", "uri", "wait_for")
"""What they do can't be foretold, so check mode skips them."""


def call_module(session: Session, message: "dict[str, Any]") -> "list[dict[str, Any]]":
    """One result an item, in order; an item's failure does not stop the next, as in a loop of Ansible's."""
    name = message["call"]
    check = bool(message.get("check"))
    call = Call(session, check, bool(message.get("diff")), message.get("environment") or {})
    if name not in MODULES:
        return [
            {"failed": True, "changed": False, "msg": f"the agent has no module {name!r}"} for _ in message["items"]
        ]
    if check and name in WITHOUT_CHECK:
        msg = f"remote module ({name}) does not support check mode"
        return [{"skipped": True, "changed": False, "msg": msg} for _ in message["items"]]
    function = getattr(__import__(__package__ + "." + MODULES[name], fromlist=[name]), name)
    wrong = [key for key, value in call.environment.items() if not key or "=" in key or "\0" in key + value]
    if wrong:
        msg = f"environment: {wrong[0]!r} can't be set: a name without `=`, and no NUL in name or value"
        return [{"failed": True, "changed": False, "msg": msg} for _ in message["items"]]
    before = dict(os.environ)
    # A module's own `~` and `$NAME` see the task's environment, as what it starts does.
    os.environ.update(call.environment)
    try:
        return [one_item(function, call, item) for item in message["items"]]
    finally:
        if call.environment:
            os.environ.clear()
            os.environ.update(before)


def one_item(function: "Any", call: Call, item: "dict[str, Any]") -> "dict[str, Any]":
    """The module's result. Whatever goes wrong inside it is a failed result, never the agent's end."""
    try:
        refuse_nul(item)
        result = function(call, item)  # type: dict[str, Any]
        result.setdefault("changed", False)
        return with_facts(result)
    except Failed as failure:
        return with_facts(failure.result)
    except Cancelled as stop:
        return {"failed": True, "changed": False, "msg": str(stop)}
    except OSError as error:
        return {"failed": True, "changed": False, "msg": describe(error), "errno": error.errno}
    except Exception as error:  # noqa: BLE001  # the border between a module and the agent, which must live on
        import traceback  # some 4 ms, which no play that works should pay for

        trace = traceback.format_exc()
        msg = f"{type(error).__name__}: {error}"
        return {"failed": True, "changed": False, "msg": msg, "exception": trace}


def with_facts(result: "dict[str, Any]") -> "dict[str, Any]":
    """The result with what Ansible adds to each: lines of its outputs; mode, owner and so on of the path it names."""
    for stream in ("stdout", "stderr"):
        if isinstance(result.get(stream), str):
            result.setdefault(stream + "_lines", result[stream].splitlines())
    path = result.get("path") or result.get("dest")
    if isinstance(path, str) and os.path.lexists(path):
        from .paths import describe_path

        result.update(describe_path(path))
    return result


def describe(error: OSError) -> str:
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    text = f"{error.strerror or error} (errno {error.errno})"
    return "{}: {}".format(" -> ".join(names), text) if names else text


def refuse_nul(item: "dict[str, Any]") -> None:
    """No name, argument or line can hold NUL; contents can."""
    for key, value in item.items():
        if key == "content":
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, str) and "\0" in part:
                raise Failed(f"{key}: contains a NUL character, which no path or argument can hold")


def answer(session: Session, message: "dict[str, Any]") -> "dict[str, Any]":
    if "call" in message:
        return {"results": call_module(session, message)}
    if "run" in message:
        from .running import run

        return run(session, message)
    from . import transfer

    if "read" in message:
        return transfer.read(session, message)
    if "receive" in message:
        return transfer.receive(session, message)
    return {"error": "the agent does not know this message"}


def main(nonce: str, magic: str, learn: "Any") -> None:
    """`magic` names our Python's compiled code; `learn` takes the files of ours that come with a message."""
    session = Session()
    version = ".".join(str(part) for part in sys.version_info[:3])
    session.send({"agent": nonce, "pid": os.getpid(), "python": version, "magic": magic})
    try:
        while True:
            message = session.message()
            if message is None:
                return
            learn(message.pop("parts", {}))
            try:
                reply = answer(session, message)
            except Failed as failure:
                reply = {"error": failure.result["msg"]}
            except OSError as error:
                reply = {"error": describe(error)}
            session.send(dict(reply, id=message["id"]))
    except ControllerGone:
        return
    finally:
        if __package__ + ".transfer" in sys.modules:
            from .transfer import remove_staged

            remove_staged()
        if __package__ + ".guard" in sys.modules:
            from . import guard

            guard.relieve()
