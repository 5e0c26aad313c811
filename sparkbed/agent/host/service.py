import glob
import os
import re

from .facts_files import content, listing, program
from .framing import Call, Failed
from .programs import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STOPPED = (1, 2, 3, 4, 69)
"""Exit statuses of `status` that mean that it does not run (LSB, and what scripts made of it)."""


def service(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A service, by whatever manages services here: systemd, or init scripts."""
    from .facts_system import service_mgr, systemd_runs

    manager = args.pop("use", None) or "auto"
    if manager == "auto":
        manager = str(service_mgr({})["service_mgr"])
    if manager == "systemd" or systemd_runs():
        from .systemd import systemd

        kept = {option: value for option, value in args.items() if option in ("name", "state", "enabled")}
        return systemd(call, kept)
    if manager in ("openrc", "upstart", "runit", "dinit") or program("rc-service"):
        raise Failed(f"services of {manager} are outside the subset; it has systemd and init scripts")
    return _by_script(call, args, manager)


def _by_script(call: Call, args: "dict[str, Any]", manager: str) -> "dict[str, Any]":
    name, state, enabled = args["name"], args.get("state"), args.get("enabled")
    if "/" in name or name.startswith("-") or not os.path.exists("/etc/init.d/" + name):
        raise Failed(f"Could not find the requested service {name}: host")
    if state is None and enabled is None:
        raise Failed("one of the following is required: state, enabled")
    result = {"name": name, "changed": False}  # type: dict[str, Any]
    steps = {}  # type: dict[str, dict[str, Any]]
    if enabled is not None:
        result["enabled"] = enabled
        if enabled != starts_at_boot(name):
            result["changed"] = True
            steps["enabled"] = {} if call.check else _enable(call, name, enabled)
    if state is not None:
        result["state"] = "stopped" if state == "stopped" else "started"
        actions = _actions(state, _runs(call, args))
        if actions:
            result["changed"] = True
            steps[state] = {} if call.check else _act(call, args, actions)
    if manager == "sysvinit":
        result["status"] = {}
        for step in (["enabled"] if enabled is not None else []) + ([state] if state is not None else []):
            told = dict({"rc": None, "stdout": None, "stderr": None}, **steps.get(step, {}))
            result["status"][step] = dict(told, changed=step in steps)
    return result


def starts_at_boot(name: str) -> bool:
    return bool(glob.glob("/etc/rc?.d/S??" + glob.escape(name)))


def _enable(call: Call, name: str, enabled: bool) -> "dict[str, Any]":
    """By update-rc.d, or chkconfig where that is what there is."""
    if program("update-rc.d"):
        commands = [["update-rc.d", name, "enable" if enabled else "disable"]]
        if enabled and not glob.glob("/etc/rc?.d/K??" + glob.escape(name)):
            commands.insert(0, ["update-rc.d", name, "defaults"])
    else:
        commands = [["chkconfig", name, "on" if enabled else "off"]]
    for argv in commands:
        rc, out, err = run(call, argv)
        if rc:
            raise Failed(err or out, name=name, rc=rc)
    return {"rc": rc, "stdout": out, "stderr": err}


def _actions(state: str, running: bool) -> "list[str]":
    """What must be done to get there."""
    if state == "restarted":
        return ["stop", "start"]  # not each script has `restart`
    if state == "stopped":
        return ["stop"] if running else []
    if not running:
        return ["start"]
    return ["reload"] if state == "reloaded" else []


def _act(call: Call, args: "dict[str, Any]", actions: "list[str]") -> "dict[str, Any]":
    told = []
    for number, action in enumerate(actions):
        if number:
            call.session.sleep(float(args.get("sleep") or 0))
        told.append(_ask(call, args, action))
    rc = told[-1][0]
    out, err = "".join(part[1] for part in told), "".join(part[2] for part in told)
    if rc:
        raise Failed(err or out or "{} {} failed".format(args["name"], actions[-1]), name=args["name"], rc=rc)
    return {"rc": rc, "stdout": out, "stderr": err}


def _ask(call: Call, args: "dict[str, Any]", action: str) -> "tuple[int, str, str]":
    words = (args.get("arguments") or "").split()
    if program("service"):
        return run(call, ["service", args["name"], action, *words])
    return run(call, ["sh", "/etc/init.d/" + args["name"], action, *words])


def _runs(call: Call, args: "dict[str, Any]") -> bool:
    """By the processes that `pattern` matches, else by the script's `status`: first its exit status, then its words."""
    if args.get("pattern"):
        return _is_process(args["pattern"])
    rc, out, _ = _ask(call, args, "status")
    if rc in _STOPPED:
        return False
    if out.count("\n") <= 1:
        said = out.lower().replace(args["name"].lower(), "")
        if re.search("stop|could not access pid file|is dead and pid file|dead but", said):
            return False
        if "run" in said or "start" in said:
            return "not " not in said
    return rc == 0


def _is_process(pattern: str) -> bool:
    for pid in filter(str.isdigit, listing("/proc")):
        if int(pid) != os.getpid() and pattern in (content(f"/proc/{pid}/cmdline") or "").replace("\0", " "):
            return True
    return False
