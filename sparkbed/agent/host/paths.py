"""What the modules that deal with files share: attributes, digests, and writing so that a reader never sees half."""

import errno
import grp
import os
import pwd
import stat as modes
import time

from . import digests
from .framing import Call, Failed
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def expand(path: "Any") -> str:
    """A path as Ansible's type `path` reads it: `~` and variables of this host's environment."""
    return os.path.expanduser(os.path.expandvars(str(path)))


def state_of(path: str) -> str:
    """absent, link, directory, hard (a file with several names) or file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return "absent"
    except NotADirectoryError:
        return "absent"
    if modes.S_ISLNK(status.st_mode):
        return "link"
    if modes.S_ISDIR(status.st_mode):
        return "directory"
    return "hard" if status.st_nlink > 1 else "file"


def digest(path: str, algorithm: str = "sha1") -> "str | None":
    """The hexadecimal digest of a regular file; None if it is not one, or the system forbids the algorithm."""
    if not os.path.isfile(path):
        return None
    try:
        summer = digests.new(algorithm)
    except ValueError:
        return None
    with open(path, "rb", 0) as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            summer.update(piece)
    return str(summer.hexdigest())


def describe_path(path: str) -> "dict[str, Any]":
    """The result keys that every file module adds: state, mode, owner, group, uid, gid, size."""
    state = state_of(path)
    if state == "absent":
        return {"state": state}
    status = os.lstat(path)
    return {
        "state": state,
        "mode": octal(status.st_mode),
        "owner": user_name(status.st_uid),
        "group": group_name(status.st_gid),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size,
    }


def octal(mode: int) -> str:
    return f"0{modes.S_IMODE(mode):03o}"


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


# -- mode, owner, group -----------------------------------------------------------------------------------------------


def wanted_mode(mode: "Any", status: "os.stat_result | None", directory: bool = False) -> int:
    """The permission bits that `mode` asks for: a number, an octal text, or symbolic (u=rwX,go-w).

    `status` is what is there now; a symbolic mode changes that, and applies to none otherwise.
    """
    if isinstance(mode, int) and not isinstance(mode, bool):
        return modes.S_IMODE(mode)
    text = str(mode).strip()
    digits = text[2:] if text.startswith("0o") else text
    if digits and not digits.strip("01234567"):
        return modes.S_IMODE(int(digits, 8))
    from .symbolic import changed_mode

    if status is None:
        return changed_mode(text, 0, directory)
    return changed_mode(text, modes.S_IMODE(status.st_mode), modes.S_ISDIR(status.st_mode))


def _number(name: "Any", what: str, find: "Callable[[str], int]") -> int:
    try:
        return int(name)
    except ValueError:
        pass
    try:
        return find(str(name))
    except KeyError:
        raise Failed(f"can't set the {what}: this host has no {what} {name!r}") from None


def apply_attributes(call: Call, path: str, args: "dict[str, Any]", follow: bool = True) -> bool:
    """Give `path` the mode, owner and group that `args` asks for. True if anything differed."""
    if args.get("mode") is None and args.get("owner") is None and args.get("group") is None:
        return False
    if follow:
        path = os.path.realpath(path)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return call.check  # not made in check mode, so it would differ
    changed = _apply_owner(call, path, status, args)
    if args.get("mode") is not None and not modes.S_ISLNK(status.st_mode):
        mode = wanted_mode(args["mode"], status)
        # A change of owner drops the set-user-id bit, so look again.
        if modes.S_IMODE(os.lstat(path).st_mode) != mode:
            changed = True
            if not call.check:
                os.chmod(path, mode)
    return changed


def _apply_owner(call: Call, path: str, status: os.stat_result, args: "dict[str, Any]") -> bool:
    uid = gid = -1
    if args.get("owner") is not None:
        uid = _number(args["owner"], "owner", lambda name: pwd.getpwnam(name).pw_uid)
    if args.get("group") is not None:
        gid = _number(args["group"], "group", lambda name: grp.getgrnam(name).gr_gid)
    uid = -1 if uid == status.st_uid else uid
    gid = -1 if gid == status.st_gid else gid
    if uid == -1 and gid == -1:
        return False
    if not call.check:
        os.lchown(path, uid, gid)
    return True


# -- writing ----------------------------------------------------------------------------------------------------------


def temporary_beside(path: str) -> "tuple[int, str]":
    """A new private file in the folder of `path`, so that a rename puts it in place at once: (descriptor, name)."""
    folder, base = os.path.split(path)
    for attempt in range(100):
        stamp = os.urandom(6).hex()
        # The name must stay below 255 bytes, however long the final one is.
        name = os.path.join(folder, f".sparkbed-{stamp}-{base[:50]}")
        try:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), name
        except FileExistsError:
            if attempt == 99:
                raise
    raise AssertionError  # not reached


class written_beside:  # read as what it does, as in `with written_beside(...) as name`
    """`data` in a temporary file beside `path`; removed at the end unless it was renamed."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path, self._data = path, data

    def __enter__(self) -> str:
        descriptor, self._name = temporary_beside(self._path)
        try:
            with os.fdopen(descriptor, "wb", 0) as file:
                view = memoryview(self._data)
                while view:
                    view = view[file.write(view) :]
        except BaseException:
            self.__exit__()
            raise
        return self._name

    def __exit__(self, *error: object) -> None:
        try:
            os.unlink(self._name)
        except FileNotFoundError:
            pass


def put_in_place(temporary: str, path: str, mode: "Any" = None, in_place: bool = False) -> bool:
    """Rename over `path`. An existing file's mode, owner and extended attributes are kept; a new file gets what the
    umask leaves of 0666. True if the `mode` asked for is another than that.

    The mode is there before the name is, so that a secret is at no time readable to others. `in_place` allows to write
    into the file where no rename can work, as onto a mount point.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        status = None
    if status is None or modes.S_ISLNK(status.st_mode):
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
    else:
        mine = os.lstat(temporary)
        if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
            # An ordinary user can't give files away; then the file becomes ours, as with any editor.
            try:
                os.chown(temporary, status.st_uid, status.st_gid)
            except PermissionError:
                pass
        os.chmod(temporary, modes.S_IMODE(status.st_mode))
        _keep_extended(path, temporary)
    differs = False
    if mode is not None:
        status = os.stat(temporary)
        wanted = wanted_mode(mode, status)
        differs = wanted != modes.S_IMODE(status.st_mode)
        os.chmod(temporary, wanted)
    try:
        os.replace(temporary, path)
    except OSError as error:
        if error.errno != errno.EBUSY or not in_place:
            raise
        _overwrite(temporary, path)
    return differs


def _keep_extended(path: str, temporary: str) -> None:
    """Give the new file the old one's extended attributes, access control lists among them, as far as we may."""
    try:
        names = os.listxattr(path)
    except OSError:
        return
    for name in names:
        try:
            os.setxattr(temporary, name, os.getxattr(path, name))
        except OSError:
            pass


def _overwrite(temporary: str, path: str) -> None:
    with open(temporary, "rb", 0) as source, open(path, "wb", 0) as target:
        for piece in iter(lambda: source.read(1 << 20), b""):
            view = memoryview(piece)
            while view:
                view = view[target.write(view) :]


def back_up(path: str) -> str:
    """Copy `path` beside itself under a name with pid and time. Gives that name."""
    stamp = time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime())
    backup = f"{path}.{os.getpid()}.{stamp}"
    copy_file(path, backup)
    return backup


def copy_file(source: str, target: str) -> None:
    """Content, mode and times; the owner where we may."""
    import shutil

    shutil.copy2(source, target)
    status = os.stat(source)
    try:
        os.chown(target, status.st_uid, status.st_gid)
    except PermissionError:
        pass


def validate(call: Call, command: str, path: str) -> None:
    """Run `command` with `%s` standing for `path`; a failure stops the change."""
    if "%s" not in command:
        raise Failed(f"validate must contain %s: {command}")
    import shlex

    argv = [part.replace("%s", path) for part in shlex.split(command)]
    status, out, err = capture(call, argv)
    if status != 0:
        more = {"exit_status": status, "stdout": text(out), "stderr": text(err)}  # type: dict[str, Any]
        raise Failed("failed to validate", **more)


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# -- differences ------------------------------------------------------------------------------------------------------

LARGEST_DIFF = 100 * 1024


def content_diff(path: str, before: "bytes | None", after: "bytes | None", source: str) -> "dict[str, str]":
    """Ansible's `diff` of a content; what is not text or too large is named instead of shown."""
    result = {"before_header": path, "after_header": source}
    for side, data in (("before", before), ("after", after)):
        if data is None:
            result[side] = ""
        elif len(data) > LARGEST_DIFF:
            result[side] = f"({len(data)} bytes, too large to show)\n"
        elif b"\0" in data:
            result[side] = f"({len(data)} bytes, not text)\n"
        else:
            result[side] = text(data)
    return result


def attribute_diff(path: str, before: "dict[str, Any]", after: "dict[str, Any]") -> "dict[str, str]":
    """Ansible's `diff` of what is not content, as the JSON that its output shows."""
    import json

    def shown(values: "dict[str, Any]") -> str:
        return json.dumps(dict(values, path=path), indent=4, sort_keys=True) + "\n"

    return {"before": shown(before), "after": shown(after), "before_header": path, "after_header": path}
