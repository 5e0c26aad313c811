import binascii
import os

from .digests import sha1
from .framing import Call, Failed
from .paths import (
    apply_attributes,
    back_up,
    content_diff,
    digest,
    expand,
    put_in_place,
    temporary_beside,
    validate,
    written_beside,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def copy(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A file with the content that the controller sends, or that lies here (`remote_src`).

    The content comes as `content` (text) or `content_base64`. A large file comes as `size` and `checksum` first; if
    it is wanted, the answer is `send` (beside which path), and the same call comes again with `staged`, its received
    file.
    """
    if args.get("remote_src"):
        return _copy_here(call, args)
    dest = _destination(call, expand(args["dest"]), args, args.get("base_name"))
    if "staged" in args:
        from .transfer import drop, take

        staged = take(args["staged"])
        try:
            return _place(call, dest, args, staged=staged)
        finally:
            drop(staged)
    if "size" in args:
        args = _checked(args, args["checksum"])
        if _is_current(dest, args["checksum"], args) or call.check:
            return _place(call, dest, args)
        return {"send": dest}
    data = binascii.a2b_base64(args["content_base64"]) if "content_base64" in args else _bytes(args["content"])
    return _place(call, dest, _checked(args, sha1(data).hexdigest()), data=data)


def _bytes(content: str) -> bytes:
    return content.encode("utf-8", "surrogateescape")


def _destination(call: Call, dest: str, args: "dict[str, Any]", base_name: "str | None") -> str:
    """The file to write: in a folder, under the source's own name, if `dest` names one."""
    folder_named = dest.endswith("/")
    if os.path.isdir(dest) or folder_named:
        if not base_name:
            raise Failed(f"can not use content with a dir as dest: {dest}", dest=dest)
        if not os.path.isdir(dest):
            _make_folder(call, dest, args)
        dest = os.path.join(dest, base_name)
        if os.path.isdir(dest):
            raise Failed(f"can't write over the directory {dest}", dest=dest)
    if args.get("follow") and os.path.islink(dest):
        dest = os.path.realpath(dest)
    parent = os.path.dirname(dest) or "."
    if not os.path.isdir(parent) and not (call.check and folder_named):
        raise Failed(f"Destination directory {parent} does not exist", dest=dest)
    return dest


def _make_folder(call: Call, folder: str, args: "dict[str, Any]") -> None:
    from .file import file

    if not call.check:
        attributes = {"mode": args.get("directory_mode"), "owner": args.get("owner"), "group": args.get("group")}
        quiet = Call(call.session, False, False, call.environment)
        file(quiet, dict(attributes, path=folder.rstrip("/") or "/", state="directory"))


def _is_current(dest: str, checksum: str, args: "dict[str, Any]") -> bool:
    """A link is replaced by a file (unless followed); a device can't be compared."""
    if not args.get("force", True) and os.path.lexists(dest):
        return True
    return not os.path.islink(dest) and digest(dest) == checksum


def _place(
    call: Call, dest: str, args: "dict[str, Any]", data: "bytes | None" = None, staged: "str | None" = None
) -> "dict[str, Any]":
    """Make `dest` be the content, atomically, and give it its attributes."""
    result = {"dest": dest, "changed": False}  # type: dict[str, Any]
    if args.get("src"):
        result["src"] = args["src"]
    kept = not args.get("force", True) and os.path.lexists(dest)
    if not _is_current(dest, args["checksum"], args):
        result["changed"] = True
        if call.diff:
            result["diff"] = _difference(dest, data, args)
        if not call.check:
            if staged is not None:
                _swap(call, staged, dest, args, result)
            elif data is not None:
                with written_beside(dest, data) as name:
                    _swap(call, name, dest, args, result)
    if not result["changed"]:
        result["path"] = dest
    if not kept:
        result["checksum"] = args["checksum"]
        result["changed"] |= apply_attributes(call, dest, args, follow=bool(args.get("follow", False)))
    if not call.check and result["changed"]:
        result["md5sum"] = digest(dest, "md5")
    return result


def _difference(dest: str, data: "bytes | None", args: "dict[str, Any]") -> "dict[str, str]":
    before = None
    if os.path.isfile(dest):
        with open(dest, "rb") as file:
            before = file.read()
    source = str(args.get("diff_source") or args.get("src") or dest)
    difference = content_diff(dest, before, data, source)
    if data is None:
        difference["after"] = f"({args.get('size', 0)} bytes, too large to show)\n"
    return difference


def _swap(call: Call, temporary: str, dest: str, args: "dict[str, Any]", result: "dict[str, Any]") -> None:
    if args.get("validate"):
        validate(call, args["validate"], temporary)
    if args.get("backup") and os.path.exists(dest):
        result["backup_file"] = back_up(dest)
    put_in_place(temporary, dest, args.get("mode"), in_place=bool(args.get("unsafe_writes")))


def _copy_here(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    source = expand(args["src"])
    if not os.path.exists(source):
        raise Failed(f"Source {source} not found", src=source)
    dest = expand(args["dest"])
    if args.get("mode") == "preserve":
        args = dict(args, mode=os.stat(source).st_mode & 0o7777)
    if os.path.isdir(source):
        return _copy_tree(call, source, dest, args)
    target = _destination(call, dest, args, os.path.basename(source))
    checksum = digest(source)
    if checksum is None:
        raise Failed(f"Cannot copy invalid source '{source}': not a file", src=source)
    args = _checked(dict(args, src=source), checksum)
    if _is_current(target, checksum, args):
        return _place(call, target, args)
    if args.get("mode") is None and os.path.exists(target):  # a file that is replaced gets its source's mode
        args["mode"] = os.stat(source).st_mode & 0o7777
    with open(source, "rb") as file:
        result = _place(call, target, args, data=file.read())
    if not call.check:
        status = os.stat(source)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return result


def _checked(args: "dict[str, Any]", checksum: str) -> "dict[str, Any]":
    """The arguments with the content's checksum; another one that the task asks for is a failure."""
    wanted = args.get("expected_checksum")
    if wanted and wanted != checksum:
        msg = "Copied file does not match the expected checksum. Transfer failed."
        raise Failed(msg, checksum=checksum, expected_checksum=wanted)
    return dict(args, checksum=checksum)


def _copy_tree(call: Call, source: str, dest: str, args: "dict[str, Any]") -> "dict[str, Any]":
    """A directory of this host: with a trailing slash its content, otherwise itself, goes into `dest`.

    What is there and the same stays as it is; everything else gets its source's mode.
    """
    if os.path.exists(dest) and not os.path.isdir(dest):
        raise Failed(f"Cannot copy the directory {source} over the file {dest}", dest=dest)
    root = dest if source.endswith("/") else os.path.join(dest, os.path.basename(source))
    owner = {"owner": args.get("owner"), "group": args.get("group")}
    if os.path.isdir(dest):  # Ansible names, and gives `mode` to, what lies in a directory that is there
        dest = os.path.join(dest, os.path.basename(source))
    changed = _merge(call, source, root, bool(args.get("local_follow")), owner)
    if os.path.isdir(dest):
        changed |= apply_attributes(call, dest, args)
    return {"dest": dest, "src": args["src"], "changed": changed, "checksum": None, "md5sum": None}


def _merge(call: Call, source: str, target: str, follow: bool, owner: "dict[str, Any]") -> bool:
    """Bring what `source` has into `target`; links are followed, or kept as links."""
    made = not os.path.isdir(target)
    changed = made
    if made and call.check:
        return True
    if made:
        os.makedirs(target)
        os.chmod(target, os.stat(source).st_mode & 0o7777)
    changed |= apply_attributes(call, target, owner)
    for name in sorted(os.listdir(source)):
        one, other = os.path.join(source, name), os.path.join(target, name)
        if os.path.islink(one) and not follow:
            changed |= _copy_link(call, one, other)
        elif os.path.isdir(one):
            changed |= _merge(call, one, other, follow, owner)
        elif os.path.isfile(one):
            changed |= _copy_file(call, one, other)
            changed |= apply_attributes(call, other, owner)
        else:
            raise Failed(f"Cannot copy invalid source '{one}': not a file", src=one)
    return changed


def _copy_link(call: Call, source: str, target: str) -> bool:
    wanted = os.readlink(source)
    if os.path.islink(target) and os.readlink(target) == wanted:
        return False
    if not call.check:
        if os.path.lexists(target):
            os.unlink(target)
        os.symlink(wanted, target)
    return True


def _copy_file(call: Call, source: str, target: str) -> bool:
    import filecmp
    import shutil

    if os.path.isfile(target) and filecmp.cmp(source, target, shallow=False):
        return False
    if not call.check:
        descriptor, name = temporary_beside(target)
        os.close(descriptor)
        try:
            shutil.copyfile(source, name)
            shutil.copymode(source, name)
            os.replace(name, target)
        finally:
            if os.path.exists(name):
                os.unlink(name)
    return True
