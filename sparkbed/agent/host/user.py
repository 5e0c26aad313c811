import os
import pwd
import re
import shutil
import time

from . import accounts
from .framing import Call, Failed
from .paths import expand
from .programs import run
from .user_keys import ssh_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HIDDEN = "NOT_LOGGING_PASSWORD"
_HASH_LENGTHS = {"1": 22, "5": 43, "6": 86, "y": 43}


def user(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Make, change or remove a user, by the programs of shadow-utils."""
    name = args["name"]
    if args.get("home"):
        args["home"] = expand(args["home"])
    if args.get("state") == "absent":
        return _remove(call, args)
    password = args.get("password")
    if password is not None and ("\n" in password or ":" in password):
        raise Failed("password: a hash holds no colon and no line break")
    result = {"name": name, "state": "present", "changed": False}  # type: dict[str, Any]
    there = accounts.entry(name)
    if there is None and call.check:
        return {"changed": True}
    if there is None:
        _create(call, args, result)
        result.update(system=bool(args.get("system")), create_home=args.get("create_home", True))
    else:
        _modify(call, args, there, result)
        result.update(append=bool(args.get("append")), move_home=bool(args.get("move_home")))
    if password is not None:
        result["password"] = HIDDEN
        if not looks_hashed(password):
            said = "The input password appears not to have been hashed. The 'password' argument must be encrypted"
            result["warnings"] = [said + " for this module to work properly."]
    entry = accounts.entry(name)
    if entry is None:
        raise Failed(f"failed to look up user name: {name}")
    result.update(uid=entry.pw_uid, group=entry.pw_gid, comment=entry.pw_gecos)
    result.update(home=entry.pw_dir, shell=entry.pw_shell)
    if args.get("groups") is not None:
        result["groups"] = ",".join(str(group) for group in args["groups"])
    _supply_home(call, args, entry, result)
    if args.get("generate_ssh_key"):
        ssh_key(call, args, entry, result)
    _password_ages(call, args, result)
    return result


def looks_hashed(password: str) -> bool:
    """Whether crypt(3) may have made it; also what locks an account."""
    if password in ("*", "!", "*************"):
        return True
    fields = password.split("$")
    if len(fields) < 3 or re.search("[:*!]", password) or re.search("[^a-zA-Z0-9./=]", fields[-1]):
        return False
    return len(fields[-1]) == _HASH_LENGTHS.get(fields[1], len(fields[-1]))


def _run(call: Call, argv: "list[str]", result: "dict[str, Any]", data: "str | None" = None) -> None:
    """Run what changes an account; in check mode only say so."""
    result["changed"] = True
    if call.check:
        return
    rc, out, err = run(call, argv, data=data)
    if rc:
        raise Failed(err, name=result["name"], rc=rc)
    for key, said in (("stdout", out), ("stderr", err)):
        if said:
            result[key] = result.get(key, "") + said


def _remove(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    result = {"name": args["name"], "state": "absent", "changed": False}  # type: dict[str, Any]
    if accounts.entry(args["name"]) is None:
        return result
    if call.check:
        return {"changed": True}
    force, remove = bool(args.get("force")), bool(args.get("remove"))
    flags = [flag for flag, wanted in (("-f", force), ("-r", remove)) if wanted]
    _run(call, ["userdel", *flags, "--", args["name"]], result)
    return dict(result, force=force, remove=remove)


def _create(call: Call, args: "dict[str, Any]", result: "dict[str, Any]") -> None:
    name, home = args["name"], args.get("home") or ""
    argv = ["useradd"]
    if args.get("uid") is not None:
        argv += ["-u", str(args["uid"])]
        argv += ["-o"] if args.get("non_unique") else []
    if args.get("group") is not None:
        accounts.group(args["group"])
        argv += ["-g", args["group"]]
    elif _is_group(name):
        argv.append("-N")  # else useradd would try to make the group of that name
    groups = [str(group).strip() for group in args.get("groups") or [] if str(group).strip()]
    accounts.names_of(groups)
    if groups:
        argv += ["-G", ",".join(groups)]
    for flag, option in (("-c", "comment"), ("-d", "home"), ("-s", "shell")):
        if args.get(option) is not None:
            argv += [flag, args[option]]
    argv += _expiry(args)
    if args.get("password_expire_account_disable") is not None:
        argv += ["-f", str(args["password_expire_account_disable"])]
    orphan = False
    if args.get("create_home", True):
        argv.append("-m")
        for flag, option, value in (("-k", "skeleton", "{}"), ("-K", "umask", "UMASK={}")):
            if args.get(option) is not None:
                argv += [flag, value.format(args[option])]
        orphan = bool(home) and not os.path.isdir(os.path.dirname(home))
        if orphan:
            _make_home(args, home)  # useradd makes no parents
    else:
        argv.append("-M")
    if args.get("system"):
        argv.append("-r")
    for option in ("uid_min", "uid_max"):
        if args.get(option) is not None:
            argv += ["-K", f"{option.upper()}={args[option]}"]
    _run(call, [*argv, "--", name], result)
    if args.get("password") is not None:
        _set_password(call, args, result)
    entry = accounts.entry(name)
    if orphan and entry is not None:
        _own(home, entry)


def _is_group(name: str) -> bool:
    try:
        accounts.group(name)
    except Failed:
        return False
    return True


def _expiry(args: "dict[str, Any]") -> "list[str]":
    if args.get("expires") is None:
        return []
    return ["-e", "" if args["expires"] < 0 else time.strftime("%Y-%m-%d", time.gmtime(args["expires"]))]


def _modify(call: Call, args: "dict[str, Any]", there: "pwd.struct_passwd", result: "dict[str, Any]") -> None:
    """Change what differs, and only that."""
    argv = []  # type: list[str]
    if args.get("uid") not in (None, there.pw_uid):
        argv += ["-u", str(args["uid"])]
        argv += ["-o"] if args.get("non_unique") else []
    if args.get("group") is not None:
        gid = accounts.group(args["group"]).gr_gid
        argv += ["-g", str(gid)] if gid != there.pw_gid else []
    argv += _group_changes(args)
    if args.get("comment") not in (None, there.pw_gecos):
        argv += ["-c", args["comment"]]
    if args.get("home") not in (None, there.pw_dir):
        argv += ["-d", args["home"]]
        argv += ["-m"] if args.get("move_home") else []
    if args.get("shell") not in (None, there.pw_shell):
        argv += ["-s", args["shell"]]
    shadow = accounts.shadow(args["name"])
    if args.get("expires") is not None and _expires_else(args["expires"], shadow.get("expires") or ""):
        argv += _expiry(args)
    if args.get("password_expire_account_disable") is not None:
        argv += ["-f", str(args["password_expire_account_disable"])]
    current = shadow.get("password", "")
    password, lock = args.get("password"), args.get("password_lock")
    renewed = (
        password is not None
        and args.get("update_password") != "on_create"
        and current.lstrip("!") != password.lstrip("!")
    )
    if not renewed and lock is not None and bool(lock) != current.startswith("!"):
        argv.append("-L" if lock else "-U")
    if argv:
        _run(call, ["usermod", *argv, "--", args["name"]], result)
    if renewed:
        _set_password(call, args, result)


def _group_changes(args: "dict[str, Any]") -> "list[str]":
    if args.get("groups") is None:
        return []
    wanted = accounts.names_of(str(group) for group in args["groups"])
    current = accounts.memberships(args["name"])
    if args.get("append"):
        return ["-a", "-G", ",".join(sorted(wanted))] if wanted - current else []
    return ["-G", ",".join(sorted(wanted))] if wanted != current else []


def _expires_else(wanted: float, current: str) -> bool:
    """Whether the account expires on another day than it should."""
    if wanted < 0:
        return bool(current) and int(current) >= 0
    return not current or int(current) < 0 or time.gmtime(int(current) * 86400)[:3] != time.gmtime(wanted)[:3]


def _set_password(call: Call, args: "dict[str, Any]", result: "dict[str, Any]") -> None:
    """By standard input: what stands in a command line, every user of the host can see."""
    password = ("!" if args.get("password_lock") else "") + args["password"]
    _run(call, ["chpasswd", "-e"], result, data="{}:{}\n".format(args["name"], password))


# -- home -------------------------------------------------------------------------------------------------------------


def _supply_home(call: Call, args: "dict[str, Any]", entry: "pwd.struct_passwd", result: "dict[str, Any]") -> None:
    """Make the home of a user who has none."""
    home = args.get("home") or entry.pw_dir
    if args.get("create_home", True) and not os.path.exists(home):
        result["changed"] = True
        if not call.check:
            _make_home(args, home)
            _own(home, entry)


def _make_home(args: "dict[str, Any]", home: str) -> None:
    if os.path.exists(home):
        return
    skeleton = args.get("skeleton") or "/etc/skel"
    if os.path.isdir(skeleton):
        shutil.copytree(skeleton, home, symlinks=True)
    else:
        os.makedirs(home)
    settings = accounts.login_defs()
    mode = int(settings["HOME_MODE"], 8) if "HOME_MODE" in settings else 0o777 & ~int(settings.get("UMASK", "022"), 8)
    os.chmod(home, mode)


def _own(home: str, entry: "pwd.struct_passwd") -> None:
    os.chown(home, entry.pw_uid, entry.pw_gid)
    for folder, folders, files in os.walk(home):
        for name in folders + files:
            os.lchown(os.path.join(folder, name), entry.pw_uid, entry.pw_gid)


def _password_ages(call: Call, args: "dict[str, Any]", result: "dict[str, Any]") -> None:
    shadow = accounts.shadow(args["name"])
    argv = []  # type: list[str]
    for flag, option, field in (("-m", "min", "min"), ("-M", "max", "max"), ("-W", "warn", "warn")):
        wanted = args.get("password_expire_" + option)
        if wanted is not None and str(wanted) != (shadow.get(field) or "-1"):
            argv += [flag, str(wanted)]
    if argv:
        _run(call, ["chage", *argv, "--", args["name"]], result)
