import contextlib
import os
import re
import tempfile
import time

from . import apt_status
from .framing import Call, Failed
from .paths import expand
from .programs import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical"}
_POLICY = "/usr/sbin/policy-rc.d"
_MARKS = "/var/lib/apt/extended_states"


def package(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Packages by whatever manages them here, which must be apt."""
    from .facts_system import pkg_mgr

    manager = args.pop("use", None) or "auto"
    if manager == "auto":
        manager = str(pkg_mgr({})["pkg_mgr"])
    if manager != "apt":
        raise Failed(f"this host's packages are managed by {manager}, and only apt is in the subset")
    return apt(call, args)


def apt(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Packages of Debian and its kin, by apt-get; `dpkg-query` and `apt-cache` tell what is there."""
    names = [str(name).strip() for name in args.get("name") or [] if str(name).strip()]
    everything = "*" in names
    names = [name for name in names if name != "*"]
    upgrade = None if args.get("upgrade") in (None, "no") else args["upgrade"]
    if args.get("clean"):
        result = _apt_get(call, args, ["clean"], simulate=False)
        if not (names or upgrade or args.get("deb")):
            return dict(result, changed=True, msg=result["stdout"])
    cache = _refresh(call, args)
    asked = args.get("update_cache") or args.get("cache_valid_time")
    if asked and not (names or everything or upgrade or args.get("deb")):
        return dict(cache, changed=cache["cache_updated"])
    if upgrade:
        return _upgrade(call, args, upgrade)
    if args.get("deb"):
        return _deb(call, args)
    state = args.get("state") or "present"
    if state == "latest" and everything:
        if names:
            raise Failed("unable to install additional packages when upgrading all installed packages")
        return _upgrade(call, args, "yes")
    if not names:
        for operation, sign in (("autoclean", "Del "), ("autoremove", "The following packages will be REMOVED")):
            if args.get(operation):
                purge = ["--purge"] if args.get("purge") else []
                result = _apt_get(call, args, [*purge, operation])
                return dict(result, changed=sign in result["stdout"])
    wanted = apt_status.wanted(call, names)
    if state == "absent":
        return _remove(call, args, wanted)
    return dict(_install(call, args, wanted), **cache)


# -- the lists of packages --------------------------------------------------------------------------------------------


def _list_time() -> int:
    for path in ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"):
        if os.path.exists(path):
            return int(os.stat(path).st_mtime)
    return 0


def _refresh(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    before = _list_time()
    valid = int(args.get("cache_valid_time") or 0)
    updated = False
    if (args.get("update_cache") or valid) and time.time() > before + valid:
        if not call.check:
            _update(call, args)
        updated = call.check or _list_time() != before
    return {"cache_updated": updated, "cache_update_time": _list_time()}


def _update(call: Call, args: "dict[str, Any]") -> None:
    """`apt-get update` until every list was fetched, with growing pauses."""
    attempts = int(args.get("update_cache_retries", 5))
    longest = float(args.get("update_cache_retry_max_delay", 12))
    said = "unknown reason"
    for attempt in range(attempts):
        # Without this, lists that could not be fetched are a warning.
        argv = ["apt-get", "-q", "-o", "APT::Update::Error-Mode=any", *_lock(args), "update"]
        rc, _, err = run(call, argv, environment=_QUIET)
        if rc == 0:
            return
        said = err.strip() or said
        if attempt + 1 < attempts:
            call.session.sleep(min(2.0**attempt, longest))
    raise Failed(f"Failed to update apt cache after {attempts} retries: {said}")


# -- install and remove -----------------------------------------------------------------------------------------------


def _install(call: Call, args: "dict[str, Any]", wanted: "list[apt_status.Wanted]") -> "dict[str, Any]":
    packages = apt_status.installed(call, [one.name for one in wanted])
    latest = args.get("state") == "latest"
    if latest or not all(apt_status.satisfied(call, one, packages[one.name]) and not one.relation for one in wanted):
        apt_status.available(call, packages, args.get("default_release"))
    specs = []
    for one in wanted:
        spec = _to_install(call, args, one, packages[one.name], latest)
        if spec:
            specs.append(spec)
    result = {"changed": False}  # type: dict[str, Any]
    if specs:
        result = _apt_get(call, args, [*_choices(args), "install", "--", *specs])
    if not call.check:
        _mark_manual(call, [one.name for one in wanted])
    return result


def _to_install(
    call: Call, args: "dict[str, Any]", one: "apt_status.Wanted", package: "apt_status.Package", latest: bool
) -> "str | None":
    """What apt-get must be told of this package; None when it is as it should be."""
    satisfied = apt_status.satisfied(call, one, package)
    if satisfied and not latest and not one.relation:
        return None
    if not package.known:
        return None if args.get("only_upgrade") else _virtual(call, one)
    if package.installed is None and args.get("only_upgrade"):
        return None
    best = apt_status.better(call, one, package)
    if not satisfied and best is None:
        raise Failed(f"no available installation candidate for {one.spec}")
    if best is not None and (latest or not satisfied):
        return f"{one.name}={best}"
    if best is not None and one.relation == "=":
        return one.spec
    return None


def _virtual(call: Call, one: "apt_status.Wanted") -> "str | None":
    """A name that only others provide; the one that does may be installed already."""
    names = apt_status.providers(call, one.name)
    if not names:
        raise Failed(f"No package matching '{one.name}' is available")
    if len(names) == 1 and apt_status.installed(call, names)[names[0]].installed:
        return None
    return one.name


def _remove(call: Call, args: "dict[str, Any]", wanted: "list[apt_status.Wanted]") -> "dict[str, Any]":
    packages = apt_status.installed(call, [one.name for one in wanted])
    specs = []
    for one in wanted:
        package = packages[one.name]
        if apt_status.satisfied(call, one, package) or (args.get("purge") and package.state == "config-files"):
            specs.append(one.spec)
    if not specs:
        return {"changed": False}
    flags = [flag for flag, option in (("--purge", "purge"), ("--auto-remove", "autoremove")) if args.get(option)]
    if args.get("allow_change_held_packages"):
        flags.append("--allow-change-held-packages")
    return dict(_apt_get(call, args, ["-q", *flags, "remove", "--", *specs]), changed=True)


def _upgrade(call: Call, args: "dict[str, Any]", mode: str) -> "dict[str, Any]":
    command = ["dist-upgrade"] if mode in ("dist", "full") else ["upgrade", "--with-new-pkgs"]
    result = _apt_get(call, args, [*_choices(args), *command])
    nothing = re.search("^0 upgraded, 0 newly installed, 0 to remove", result["stdout"], re.MULTILINE)
    return dict(result, changed=not nothing, msg=result["stdout"])


def _deb(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Package files that are on the host; what they depend on comes from the sources."""
    if (args.get("state") or "present") != "present":
        raise Failed("deb only supports state=present")
    files = []
    for path in args["deb"].split(","):
        if "://" in path:
            raise Failed(f"deb: {path} is no file; get_url can fetch it first")
        path = os.path.abspath(expand(path.strip()))
        rc, out, err = run(call, ["dpkg-deb", "--show", "--showformat", "${Package}\t${Version}", "--", path])
        if rc:
            raise Failed(f"Unable to install package: {err.strip()}")
        name, _, version = out.partition("\t")
        if apt_status.installed(call, [name])[name].installed != version:
            files.append(path)
    if not files:
        return {"changed": False, "stdout": "", "stderr": "", "diff": ""}
    return _apt_get(call, args, [*_choices(args), "install", "--", *files])


def _mark_manual(call: Call, names: "list[str]") -> None:
    """A package that somebody asks for is no longer there for others' sake only."""
    try:
        with open(_MARKS, encoding="utf-8", errors="replace") as file:
            entries = file.read().split("\n\n")
    except OSError:
        return
    automatic = {match.group(1) for match in (re.match(r"Package: (\S+)", entry) for entry in entries
                                              if "Auto-Installed: 1" in entry) if match}  # fmt: skip
    chosen = [name for name in names if name.partition(":")[0] in automatic]
    if chosen:
        rc, out, err = run(call, ["apt-mark", "manual", "--", *chosen])
        if rc:
            raise Failed(f"apt-mark manual failed: {err}", stdout=out, stderr=err, rc=rc)


# -- apt-get ----------------------------------------------------------------------------------------------------------


def _choices(args: "dict[str, Any]") -> "list[str]":
    """The options of a task that apt-get knows as flags."""
    flags = []
    for option, flag in (
        ("autoremove", "--auto-remove"),
        ("fail_on_autoremove", "--no-remove"),
        ("only_upgrade", "--only-upgrade"),
        ("allow_unauthenticated", "--allow-unauthenticated"),
        ("allow_downgrade", "--allow-downgrades"),
        ("allow_change_held_packages", "--allow-change-held-packages"),
    ):
        if args.get(option):
            flags.append(flag)
    if args.get("install_recommends") is not None:
        flags += ["-o", "APT::Install-Recommends=" + ("yes" if args["install_recommends"] else "no")]
    if args.get("default_release"):
        flags += ["-t", args["default_release"]]
    return flags


def _lock(args: "dict[str, Any]") -> "list[str]":
    return ["-o", "DPkg::Lock::Timeout={}".format(int(args.get("lock_timeout", 60)))]


def _apt_get(call: Call, args: "dict[str, Any]", words: "list[str]", simulate: bool = True) -> "dict[str, Any]":
    options = ["-y", *_lock(args)]
    for option in (args.get("dpkg_options") or "force-confdef,force-confold").split(","):
        options += ["-o", "Dpkg::Options::=--" + option.strip()]
    if args.get("force"):
        options.append("--force-yes")
    if call.check and simulate:
        options.append("--simulate")
    with _policy(None if call.check else args.get("policy_rc_d")):
        rc, out, err = run(call, ["apt-get", *options, *words], environment=_QUIET)
    if rc:
        shown = " ".join(["apt-get", *words])
        raise Failed(f"'{shown}' failed: {err}", stdout=out, stderr=err, rc=rc)
    return {"changed": True, "stdout": out, "stderr": err, "diff": _diff(out) if call.diff else {}}


def _diff(out: str) -> "dict[str, str]":
    """What apt-get says that it will do."""
    lines = out.splitlines()
    start = lines.index("Reading state information...") + 1 if "Reading state information..." in lines else 0
    end = next((at for at, line in enumerate(lines) if re.match("[0-9]+ upgraded", line)), len(lines))
    return {"prepared": "\n".join(lines[start : end + 1])}


@contextlib.contextmanager
def _policy(code: "int | None") -> "Iterator[None]":
    """While it lasts, what may start or stop services is answered with `code` (101 forbids it)."""
    if code is None:
        yield
        return
    kept = None
    if os.path.lexists(_POLICY):
        kept = tempfile.mkdtemp(prefix=".policy-rc.d-", dir=os.path.dirname(_POLICY))
        os.rename(_POLICY, os.path.join(kept, "policy-rc.d"))
    try:
        with open(_POLICY, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nexit {int(code)}\n")
        os.chmod(_POLICY, 0o755)  # noqa: S103  # a program that invoke-rc.d runs
        yield
    finally:
        os.unlink(_POLICY)
        if kept is not None:
            os.rename(os.path.join(kept, "policy-rc.d"), _POLICY)
            os.rmdir(kept)
