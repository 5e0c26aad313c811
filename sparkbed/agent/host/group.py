import grp

from .framing import Call, Failed
from .programs import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def group(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Make, change or remove a group, by the programs of shadow-utils."""
    name, state = args["name"], args.get("state") or "present"
    if args.get("non_unique") and args.get("gid") is None:
        raise Failed("non_unique is True but all of the following are missing: gid")
    result = {"name": name, "state": state, "changed": False}
    there = entry(name)
    argv = _removal(args, there) if state == "absent" else _addition(args, there)
    if argv:
        if call.check and (there is None or state == "absent"):
            return {"changed": True}
        result["changed"] = True
        if not call.check:
            rc, out, err = run(call, [*argv, "--", name])
            if rc:
                raise Failed(err, name=name)
            result.update({key: value for key, value in (("stdout", out), ("stderr", err)) if value})
    now = entry(name)
    if now is not None:
        result.update(system=bool(args.get("system")), gid=now.gr_gid)
    return result


def entry(name: str) -> "grp.struct_group | None":
    try:
        return grp.getgrnam(name)
    except KeyError:
        return None


def _removal(args: "dict[str, Any]", there: "grp.struct_group | None") -> "list[str]":
    if there is None:
        return []
    return ["groupdel", "-f"] if args.get("force") else ["groupdel"]


def _addition(args: "dict[str, Any]", there: "grp.struct_group | None") -> "list[str]":
    """The command that gives the group its number; nothing when it has it."""
    gid = args.get("gid")
    if there is not None and gid in (None, there.gr_gid):
        return []
    argv = ["groupadd"] if there is None else ["groupmod"]
    if gid is not None:
        argv += ["-g", str(gid)]
        if args.get("non_unique"):
            argv.append("-o")
    if there is None:
        if args.get("system"):
            argv.append("-r")
        for option in ("gid_min", "gid_max"):
            if args.get(option) is not None:
                argv += ["-K", f"{option.upper()}={args[option]}"]
    return argv
