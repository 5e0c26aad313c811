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
    if state in ("file", "directory") and existing == "link" and args.get("follow", True):
        path = os.path.realpath(path)
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
    follow = bool(args.get("follow", True))
    existing = state_of(path)
    if existing not in ("file", "hard"):
        raise Failed(f"file ({path}) is {existing}, cannot continue", path=path, state=existing)
    return {"changed": _attributes(call, path, args, follow)}


def _attributes(call: Call, path: str, args: "dict[str, Any]", follow: bool = True) -> bool:
    """Mode, owner, group, and the times where options say any. True if something differed."""
    changed = apply_attributes(call, path, args, follow=follow)
    return _times(call, path, args, "preserve") or changed


def _times(call: Call, path: str, args: "dict[str, Any]", default: str) -> bool:
    wanted = [args.get(option) or default for option in ("access_time", "modification_time")]
    if wanted == ["preserve", "preserve"]:
        return False
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return call.check
    current = [status.st_atime_ns, status.st_mtime_ns]
    times = []
    for option, text, now in zip(("access_time", "modification_time"), wanted, current):
        times.append(_moment(text, now, args.get(option + "_format") or "%Y%m%d%H%M.%S"))
    if times == current:
        return False
    if not call.check:
        if wanted == ["now", "now"]:  # whoever may write the file may do this, its owner or not
            os.utime(path)
        else:
            os.utime(path, ns=(times[0], times[1]))
    return True


def _directory(call: Call, path: str, args: "dict[str, Any]") -> "dict[str, Any]":
    follow = bool(args.get("follow", True))
    existing = state_of(path)
    if existing not in ("absent", "directory"):
        raise Failed(f"{path} already exists as a {existing}", path=path, state=existing)
    if existing == "absent":
        if not call.check:
            _make_directories(call, path, args)
            _times(call, path, args, "preserve")
        return {"changed": True}
    if args.get("new_only"):  # the top of a directory that `copy` brings: it is only made, never changed
        return {"changed": False}
    changed = _attributes(call, path, args, follow)
    if args.get("recurse"):
        changed |= _below(call, path, args, follow, set())
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


def _below(call: Call, path: str, args: "dict[str, Any]", follow: bool, seen: "set[str]") -> bool:
    """Everything in the tree; with `follow` also what its links lead to, each directory once."""
    changed = False
    seen.add(os.path.realpath(path))
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            entry = os.path.join(folder, name)
            changed |= _attributes(call, entry, args, follow=False)
            if follow and os.path.islink(entry) and os.path.exists(entry):
                target = os.path.realpath(entry)
                if os.path.isdir(target) and target not in seen:
                    changed |= _below(call, target, args, follow, seen)
                changed |= _attributes(call, target, args)
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
            _times(call, path, args, "now")
        return {"changed": True}
    changed = apply_attributes(call, path, args, follow=bool(args.get("follow", True)))
    return {"changed": _times(call, path, args, "now") or changed}


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
    if os.path.exists(path) and not (call.check and changed):
        changed |= _attributes(call, path, args, follow)
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
    source, force = args["src"], args.get("force", False)
    existing = state_of(path)
    if not source:
        if existing != "hard":
            raise Failed("src is required for creating new hardlinks")
        return {"changed": _attributes(call, path, args)}
    if not os.path.exists(source):
        raise Failed("src does not exist", dest=path, src=source)
    changed = existing in ("absent", "link") or not os.path.samefile(path, source)
    if changed and existing in ("hard", "file") and not force:
        what = "different hard link" if existing == "hard" else "file"
        raise Failed(f"Cannot link, {what} exists at destination", dest=path, src=source)
    if existing == "directory":
        raise Failed(f"{path} is a directory, refusing to convert it", dest=path, src=source)
    if changed and not call.check:
        real = os.path.realpath(source) if args.get("follow", True) else source
        _replace(path, existing, lambda name: os.link(real, name, follow_symlinks=False))
    if os.path.exists(path) and not (call.check and changed):
        changed |= _attributes(call, path, args)
    return {"changed": changed, "src": source}


_STATES = {
    "file": _file,
    "directory": _directory,
    "absent": _absent,
    "touch": _touch,
    "link": _link,
    "hard": _hard,
}
