"""Files from hosts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkbed.agent import Agent
from sparkbed.agent.client import sha1_of
from sparkbed.errors import SparkbedError
from sparkbed.playbook.modules.controller.context import ActionContext, failed


def fetch(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """A host's file into dest/HOST/src, or to `dest` itself with `flat`; written beside and renamed."""
    if context.check:
        return {"changed": False, "skipped": True, "msg": "check mode not (yet) supported for this module"}
    source = str(args["src"])
    missing = _why_not(source, context.agent)
    if missing:
        if args.get("fail_on_missing", True):
            return failed(missing, file=source)
        return {"changed": False, "failed": False, "msg": f"{missing}, not transferring, ignored", "file": source}
    target = _fetch_target(args, context)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".sparkbed-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            received = hashlib.sha1(usedforsecurity=False)

            def write(piece: bytes) -> None:
                received.update(piece)
                file.write(piece)

            facts = context.agent.fetch(source, write)
        result = {"dest": str(target), "checksum": facts["checksum"], "md5sum": facts["md5sum"]}
        if args.get("validate_checksum", True) and received.hexdigest() != facts["checksum"]:
            return failed("checksum mismatch", file=source, **{**result, "remote_checksum": facts["checksum"]})
        if target.is_file() and sha1_of(target) == facts["checksum"]:
            return {"changed": False, "file": source, **result}
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
        return {"changed": True, **result, "remote_checksum": facts["checksum"], "remote_md5sum": None}
    except OSError as error:
        return failed(f"can't write {target}: {error.strerror}", file=source)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _why_not(source: str, agent: Agent) -> str | None:
    found = agent.call("stat", [{"path": source, "follow": True, "get_checksum": False}])[0]
    if found.get("failed"):
        return str(found["msg"])
    if not found["stat"]["exists"]:
        return "the remote file does not exist"
    if found["stat"]["isdir"]:
        return "remote file is a directory, fetch cannot work on directories"
    return None if found["stat"]["readable"] else "the remote file is not readable"


def _fetch_target(args: Mapping[str, Any], context: ActionContext) -> Path:
    dest = context.folders[-1] / Path(args["dest"]).expanduser()
    source = str(args["src"])
    if args.get("flat"):
        if str(args["dest"]).endswith("/"):
            return dest / Path(source).name
        if dest.is_dir():
            raise SparkbedError(
                "dest is an existing directory, use a trailing slash if you want to fetch src into that directory"
            )
        return dest
    root = os.path.normpath(dest / context.host)
    target = os.path.normpath(root + "/" + source)
    if not target.startswith(root + "/"):
        raise SparkbedError(f"src {source!r} leads out of {root}")
    return Path(target)
