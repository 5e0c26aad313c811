"""An SSH key pair in a user's home, by ssh-keygen."""

import os
import pwd
import socket

from .framing import Call, Failed
from .paths import expand
from .programs import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def ssh_key(call: Call, args: "dict[str, Any]", entry: "pwd.struct_passwd", result: "dict[str, Any]") -> None:
    """Make the pair if it is not there, or `force` says so; tell its fingerprint and public half."""
    kind = args.get("ssh_key_type") or "rsa"
    path = os.path.join(entry.pw_dir, expand(args["ssh_key_file"]) if args.get("ssh_key_file") else ".ssh/id_" + kind)
    force = bool(args.get("force"))
    there = [name for name in (path, path + ".pub") if os.path.exists(name)]
    if not there or force:
        result["changed"] = True
        if not call.check:
            for name in there:
                os.unlink(name)
            _make(call, args, kind, path, entry)
    elif there:
        said = f"Found existing ssh key file {there[0]!r}, no force, so skipping ssh-keygen generation"
        result.setdefault("warnings", []).append(said)
    result.update(ssh_key_file=path, ssh_public_key=None)
    if os.path.exists(path):
        rc, out, err = run(call, ["ssh-keygen", "-l", "-f", path])
        result["ssh_fingerprint"] = (err if rc else out).strip()
    else:
        result["ssh_fingerprint"] = ""
    if os.path.exists(path + ".pub"):
        with open(path + ".pub", encoding="utf-8", errors="surrogateescape") as file:
            result["ssh_public_key"] = file.read().strip()


def _make(call: Call, args: "dict[str, Any]", kind: str, path: str, entry: "pwd.struct_passwd") -> None:
    folder = os.path.dirname(path)
    if not os.path.isdir(entry.pw_dir) and not os.path.isdir(folder):
        raise Failed(f"User {entry.pw_name} home directory does not exist", name=entry.pw_name, rc=1)
    if not os.path.exists(folder):
        os.mkdir(folder, 0o700)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    comment = args.get("ssh_key_comment") or "ansible-generated on " + socket.gethostname()
    bits = ["-b", str(args["ssh_key_bits"])] if args.get("ssh_key_bits") else []
    rc, _, err = run(call, ["ssh-keygen", "-q", "-t", kind, *bits, "-C", comment, "-f", path, "-N", ""])
    if rc:
        raise Failed(err, name=entry.pw_name, rc=rc)
    for name in (path, path + ".pub"):
        os.chown(name, entry.pw_uid, entry.pw_gid)
