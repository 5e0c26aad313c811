import os
import re

from .framing import Call, Failed
from .programs import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOT_YET = ("enabled-runtime", "indirect", "alias")
"""What is-enabled calls fine, and is not what `enabled: true` asks for."""

_ENABLED_STATES = (
    *("enabled", "enabled-runtime", "linked", "linked-runtime", "masked", "masked-runtime"),
    *("static", "indirect", "disabled", "generated", "transient"),
)


class _Manager:
    """systemctl with the options that a task chose."""

    def __init__(self, call: Call, args: "dict[str, Any]") -> None:
        self.call = call
        scope = args.get("scope") or "system"
        self.flags = [] if scope == "system" else ["--" + scope]
        self.flags += [flag for flag, option in (("--no-block", "no_block"), ("--force", "force")) if args.get(option)]
        self.environment = {}
        if "XDG_RUNTIME_DIR" not in os.environ:  # where a user's systemd is found
            self.environment["XDG_RUNTIME_DIR"] = f"/run/user/{os.geteuid()}"

    def __call__(self, *words: str) -> "tuple[int, str, str]":
        return run(self.call, ["systemctl", *self.flags, *words], environment=self.environment)


def systemd_service(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    return systemd(call, args)


def systemd(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A unit of systemd's: masked or not, started at boot or not, running or not."""
    ask, unit = _Manager(call, args), args.get("name")
    result = {"name": unit, "changed": False, "status": {}}  # type: dict[str, Any]
    for option, command in (("daemon_reload", "daemon-reload"), ("daemon_reexec", "daemon-reexec")):
        if args.get(option) and not call.check:
            rc, _, err = ask(command)
            if rc and not _offline():
                raise Failed(f"failure {rc} during {command}: {err}")
    if unit is None:
        for option in ("state", "enabled", "masked"):
            if args.get(option) is not None:
                raise Failed(f"missing parameter(s) required by '{option}': name")
        return result
    if re.search(r"[*?[]", unit) or unit.startswith("-"):
        said = "This module does not currently support using glob patterns"
        raise Failed(f"{said}, found in service name: {unit}")
    found = _look(ask, unit, result)
    if args.get("masked") is not None:
        _mask(ask, unit, bool(args["masked"]), found, result)
    if args.get("enabled") is not None:
        _need(found, unit)
        _enable(ask, unit, bool(args["enabled"]), args, result)
    if args.get("state") is not None:
        _need(found, unit)
        _set_state(ask, unit, args["state"], result)
    return result


def _offline() -> bool:
    from .facts_system import chroot

    return bool(chroot({})["is_chroot"]) or os.environ.get("SYSTEMD_OFFLINE") == "1"


def _is_script(unit: str) -> bool:
    return "/" not in unit and os.path.exists("/etc/init.d/" + unit)


def _need(found: bool, unit: str) -> None:
    if not found:
        raise Failed(f"Could not find the requested service {unit}: host")


def _look(ask: _Manager, unit: str, result: "dict[str, Any]") -> bool:
    """Whether there is such a unit; its properties go into the result's `status`."""
    rc, out, err = ask("show", unit)
    if rc == 0 and "ignoring request" not in out + err and "ignoring command" not in out + err:
        status = result["status"] = properties(out)
        state = status.get("LoadState", "not-found")
        if state not in ("not-found", "masked") and status.get("LoadError"):
            raise Failed("Error loading unit file '{}': {}".format(unit, status["LoadError"]))
        return state != "not-found" or _is_script(unit)
    # In a chroot it can't be shown, but it can be enabled.
    rc, out, _ = ask("is-enabled", unit)
    if out.strip() in _ENABLED_STATES:
        return True
    return ask("list-unit-files", unit)[0] == 0 or _is_script(unit)


def properties(text: str) -> "dict[str, str]":
    """The NAME=value lines of `systemctl show`; what an Exec… holds in braces may go over several lines."""
    found = {}  # type: dict[str, str]
    open_name = None
    for line in text.splitlines():
        if open_name is not None:
            found[open_name] += "\n" + line
        else:
            name, equals, value = line.partition("=")
            if not equals:
                continue
            found[name] = value.strip()
            if not (name.startswith("Exec") and value.lstrip().startswith("{")):
                continue
            open_name = name
        if line.rstrip().endswith("}"):
            open_name = None
    return found


def _mask(ask: _Manager, unit: str, wanted: bool, found: bool, result: "dict[str, Any]") -> None:
    masked = ask("is-enabled", unit)[1].strip() == "masked"
    if masked is wanted:
        return
    result["changed"] = True
    if not ask.call.check:
        action = "mask" if wanted else "unmask"
        rc, _, err = ask(action, unit)
        if rc:
            _need(found, unit)
            raise Failed(f"Failed to {action} the service ({unit}): {err.strip()}")


def _enable(ask: _Manager, unit: str, wanted: bool, args: "dict[str, Any]", result: "dict[str, Any]") -> None:
    rc, out, _ = ask("is-enabled", unit, "-l")
    said = out.strip()
    enabled = rc == 0 and said not in _NOT_YET
    if rc == 1 and not ask.flags and _is_script(unit) and not said.endswith("disabled"):
        from .service import starts_at_boot

        enabled = starts_at_boot(unit)
    result["enabled"] = enabled
    if enabled is wanted:
        return
    result["changed"] = True
    if not ask.call.check:
        action = "enable" if wanted else "disable"
        rc, out, err = ask(action, unit)
        if rc:
            raise Failed(f"Unable to {action} service {unit}: {out}{err}")
    result["enabled"] = wanted


def _set_state(ask: _Manager, unit: str, wanted: str, result: "dict[str, Any]") -> None:
    result["state"] = wanted
    active = result["status"].get("ActiveState")
    if active is None:
        if not _offline():
            raise Failed("Service is in unknown state", status=result["status"])
        said = "Target is a chroot or systemd is offline: nothing was started or stopped."
        result.setdefault("warnings", []).append(said)
        return
    runs = active in ("active", "activating")
    action = None
    if wanted == "stopped":
        action = "stop" if runs or active == "deactivating" else None
    else:
        result["state"] = "started"
        if not runs:
            action = "start"
        elif wanted != "started":
            action = {"restarted": "restart", "reloaded": "reload"}[wanted]
    if action is None:
        return
    result["changed"] = True
    if not ask.call.check:
        rc, _, err = ask(action, unit)
        if rc:
            raise Failed(f"Unable to {action} service {unit}: {err}")
