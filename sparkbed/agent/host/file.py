import os
import time

from .framing import Call, Failed
from .paths import apply_attributes, attribute_diff, describe_path, expand, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def file(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A path's state: file, directory, link, hard, touch or absent, with mode, owner and group."""
    path = expand(args["path"])
    args = dict(args, src=os.path.expandvars(os.path.expanduser(args["src"])) if args.get("src") else None)
    existing = state_of(path)
    state = args.get("state") or (existing if existing != "absent" else "directory" if args.get("recurse") else "file")
    if args.get("recurse") and state != "directory":
        raise Failed("recurse option requires state to be 'directory'", path=path)
    if args["src"] and state not in ("link", "hard"):
        raise Failed("src option requires state to be 'link' or 'hard'", path=path)
    if state == "hard" and args["src"] and os.path.isdir(path):
        path = os.path.join(path, os.path.basename(args["src"]))
    before = _facts(path) if call.diff else {}
    result = _STATES[state](call, path, args)
    if call.diff:
        result["diff"] = _difference(call, path, state, before, args)
    if state == "absent":
        result["state"] = "absent"
    result["dest" if state in ("link", "hard", "touch") else "path"] = path
    return result


def _facts(path: str) -> "dict[str, Any]":
    facts = describe_path(path)
    return {key: facts[key] for key in ("state", "mode", "owner", "group") if key in facts}


def _difference(
    call: Call, path: str, state: str, before: "dict[str, Any]", args: "dict[str, Any]"
) -> "dict[str, str]":
    after = dict(before, state=state) if call.check else _facts(path)
    if call.check and args.get("mode") is not None:
        after["mode"] = str(args["mode"]) if not isinstance(args["mode"], int) else "0{:03o}".format(args["mode"])
    both = [key for key in after if after[key] != before.get(key)]
    return attribute_diff(path, {key: before[key] for key in both if key in before}, {key: after[key] for key in both})


def _file(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    existing = state_of(os.path.realpath(path) if args.get("follow", True) else path)
    if existing not in ("file", "hard"):
        raise Failed(f"file ({path}) is {existing}, cannot continue", path=path, state=existing)
    return {"changed": apply_attributes(call, path, args, follow=args.get("follow", True))}


def _directory(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    follow = args.get("follow", True)
    existing = state_of(path)
    if existing == "link" and follow and os.path.isdir(path):
        existing = "directory"
    if existing not in ("absent", "directory"):
        raise Failed(f"{path} already exists as a {existing}", path=path, state=existing)
    if existing == "absent":
        if not call.check:
            _make_directories(call, path, args)
        return {"changed": True}
    changed = apply_attributes(call, path, args, follow=follow)
    if args.get("recurse"):
        changed |= _below(call, path, args)
    return {"changed": changed}


def _make_directories(call: Call, path: str, args: "dict[str, Any]") -> None:
    """Every directory that is newly made, parents too, gets the attributes asked for."""
    path = os.path.normpath(path)
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        parent = os.path.dirname(path) or "."
        if parent == path:
            break
        path = parent
    for folder in reversed(missing):
        try:
            os.mkdir(folder)
        except FileExistsError:  # another host on the same machine was quicker
            if not os.path.isdir(folder):
                raise Failed(f"{folder} already exists and is not a directory", path=folder) from None
        apply_attributes(call, folder, args)


def _below(call: Call, path: str, args: "dict[str, Any]") -> bool:
    changed = False
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            entry = os.path.join(folder, name)
            # What a link points to may lie elsewhere: the link itself is all that belongs to this tree.
            changed |= apply_attributes(call, entry, args, follow=False)
    return changed


def _absent(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    existing = state_of(path)
    if existing == "absent":
        return {"changed": False}
    if not call.check:
        if existing == "directory":
            import shutil

            shutil.rmtree(path)
        else:
            os.unlink(path)
    return {"changed": True}


def _touch(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    existing = state_of(path)
    if existing == "absent":
        if not call.check:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
            apply_attributes(call, path, args)
        return {"changed": True}
    status = os.stat(path)
    times = []
    for option, current in (("access_time", status.st_atime_ns), ("modification_time", status.st_mtime_ns)):
        times.append(_moment(args.get(option) or "now", current, args.get(option + "_format") or "%Y%m%d%H%M.%S"))
    changed = times != [status.st_atime_ns, status.st_mtime_ns]
    if changed and not call.check:
        os.utime(path, ns=(times[0], times[1]))
    changed |= apply_attributes(call, path, args, follow=args.get("follow", True))
    return {"changed": changed}


def _moment(wanted: str, current: int, form: str) -> int:
    if wanted == "preserve":
        return current
    if wanted == "now":
        return time.time_ns() if hasattr(time, "time_ns") else int(time.time() * 1e9)
    try:
        return int(time.mktime(time.strptime(wanted, form))) * 10**9
    except ValueError:
        raise Failed(f"{wanted!r} is no time in the format {form!r}") from None


def _link(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    follow, force = args.get("follow", True), args.get("force", False)
    existing = state_of(path)
    source = args["src"]
    if not source:
        if existing != "link" or not follow:
            raise Failed("src is required for creating new symlinks", path=path)
        source = os.readlink(path)
    target = os.path.join(os.path.dirname(path), source)
    if not os.path.exists(target) and not force:
        hint = f'src file does not exist, use "force=yes" if you really want to create the link: {target}'
        raise Failed(hint, path=path, src=source)
    if existing == "directory":
        if not force:
            raise Failed(f"refusing to convert from directory to symlink for {path}", path=path)
        if os.listdir(path):
            raise Failed(f"the directory {path} is not empty, refusing to convert it", path=path)
    elif existing in ("file", "hard") and not force:
        raise Failed(f"refusing to convert from {existing} to symlink for {path}", path=path)
    changed = existing != "link" or os.readlink(path) != source
    if changed and not call.check:
        _replace(path, existing, lambda name: os.symlink(source, name))
    if follow and os.path.exists(path):
        changed |= apply_attributes(call, path, args)
    return {"changed": changed, "src": source}


def _replace(path: str, existing: str, make: "Any") -> None:
    """Make the link under another name and rename it, so that the path is never without one."""
    if existing == "directory":
        os.rmdir(path)
    temporary = os.path.join(os.path.dirname(path), f".sparkbed-{os.urandom(6).hex()}")
    make(temporary)
    try:
        os.replace(temporary, path)
    finally:
        # Renaming one name of a file over another of the same file does nothing, and leaves both.
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _hard(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    source = args["src"]
    existing = state_of(path)
    if not source:
        if existing != "hard":
            raise Failed("src is required for creating new hardlinks", path=path)
        return {"changed": apply_attributes(call, path, args)}
    if not os.path.exists(source):
        raise Failed(f"src does not exist: {source}", path=path, src=source)
    changed = existing == "absent" or not os.path.samefile(path, source)
    if changed and existing not in ("absent", "hard") and not args.get("force", False):
        raise Failed(f"cannot link, different type already exists at destination: {path}", path=path, src=source)
    if existing == "directory":
        raise Failed(f"{path} is a directory, refusing to convert it", path=path)
    if changed and not call.check:
        _replace(path, existing, lambda name: os.link(source, name))
    changed |= apply_attributes(call, path, args) if os.path.exists(path) else False
    return {"changed": changed, "src": source}


_STATES = {
    "file": _file,
    "directory": _directory,
    "absent": _absent,
    "touch": _touch,
    "link": _link,
    "hard": _hard,
}
