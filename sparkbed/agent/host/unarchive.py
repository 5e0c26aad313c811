import contextlib
import os

from .framing import Call, Failed
from .incoming import awaited, dropped, received
from .paths import apply_attributes, expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def unarchive(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Unpack an archive into a folder: one of the controller's, of this host (`remote_src`) or of the web."""
    if args.get("creates") and os.path.exists(expand(args["creates"])):
        dropped(args)
        return {"skipped": True, "changed": False, "msg": "skipped, since {} exists".format(args["creates"])}
    dest = expand(args["dest"])
    if not os.path.isdir(dest):
        dropped(args)
        raise Failed(f"dest '{dest}' must be an existing dir")
    asked = None if args.get("remote_src") else awaited(args)
    if asked:
        return asked
    with _archive(call, args) as source:
        if os.path.getsize(source) == 0:
            raise Failed(f"Invalid archive '{source}', the file is 0 bytes")
        with open(source, "rb") as file:
            start = file.read(4)
        handler = "TgzArchive" if start[:2] == b"\x1f\x8b" else "TarArchive"
        if start in (b"PK\3\4", b"PK\5\6"):
            from .zip_archive import ZipArchive as Archive

            handler = "ZipArchive"
        else:
            from .tar_archive import TarArchive as Archive  # type: ignore[assignment]  # the same methods
        archive = Archive(call, source, os.path.abspath(dest), args)
        return _unpacked(call, archive, args, {"dest": dest, "src": source, "handler": handler})


@contextlib.contextmanager
def _archive(call: Call, args: "dict[str, Any]") -> "Iterator[str]":
    """The archive's path on this host."""
    if not args.get("remote_src"):
        with received(args, "source") as path:
            yield path
    elif "://" in args["src"]:
        import shutil
        import tempfile

        from .get_url import get_url

        folder = tempfile.mkdtemp(prefix=".sparkbed-")
        try:
            options = {"url": args["src"], "dest": folder, "validate_certs": args.get("validate_certs", True)}
            quiet = Call(call.session, False, False, call.environment)
            yield get_url(quiet, dict(options, decompress=False))["dest"]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        source = os.path.abspath(expand(args["src"]))
        if not os.path.exists(source):
            raise Failed("Source '{}' does not exist".format(args["src"]))
        if not os.path.isfile(source) or not os.access(source, os.R_OK):
            raise Failed(f"Source '{source}' not readable")
        yield source


def _unpacked(call: Call, archive: "Any", args: "dict[str, Any]", result: "dict[str, Any]") -> "dict[str, Any]":
    if call.check and not archive.foretells:
        return {
            "skipped": True,
            "changed": False,
            "msg": "remote module (ansible.legacy.unarchive) does not support check mode when using gtar",
        }
    members = archive.members()
    if not members:
        raise Failed(f"the archive {archive.source} holds nothing that was asked for, or is empty")
    refuse_leading_out(archive.dest, members)
    result["changed"] = not archive.is_unpacked()
    if not call.check:
        if result["changed"]:
            result["extract_results"] = archive.unpack()
            if result["extract_results"]["rc"] != 0:
                raise Failed("failed to unpack {} to {}".format(result["src"], result["dest"]), **result)
        result["changed"] |= _attributes(call, archive.dest, members, args)
    if args.get("list_files"):
        result["files"] = members
    return result


def refuse_leading_out(dest: str, members: "list[str]") -> None:
    """No member may come to lie outside of `dest`: not by its name, nor by a link that is there already."""
    root = os.path.realpath(dest)
    safe = {root}
    for member in members:
        if ".." in member.split("/"):
            raise Failed(f"the archive's member {member!r} leads out of {dest}: nothing was unpacked", dest=dest)
        folder = os.path.dirname(os.path.join(root, member.rstrip("/")))
        if folder in safe:
            continue
        real = os.path.realpath(folder)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise Failed(f"a link leads the archive's member {member!r} out of {dest}: nothing was unpacked", dest=dest)
        safe.add(folder)


def _attributes(call: Call, dest: str, members: "list[str]", args: "dict[str, Any]") -> bool:
    """Every member, and the topmost folder of each, gets the mode and owner asked for."""
    if all(args.get(name) is None for name in ("mode", "owner", "group")):
        return False
    tops = {member.partition("/")[0] for member in members if "/" in member}
    changed = False
    for member in members + sorted(top for top in tops if top):
        path = os.path.join(dest, member)
        if os.path.lexists(path):
            changed |= apply_attributes(call, path, args, follow=False)
    return changed
