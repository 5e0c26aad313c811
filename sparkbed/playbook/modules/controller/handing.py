"""Modules that work on a host with a file of the controller's: script, unarchive, uri."""

from __future__ import annotations

import base64
import io
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkbed.agent.client import sha1_of
from sparkbed.playbook.modules.controller.context import ActionContext, call_agent, failed, upload
from sparkbed.playbook.modules.controller.sending import LARGEST_IN_MESSAGE


def script(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """Run a local script on the host: the first word names it, the rest is the shell's as it stands."""
    line = str(args.get("_raw_params") or args.get("cmd") or "").strip()
    stream = io.StringIO(line)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        name = lexer.get_token()
    except ValueError as error:
        return failed(f"the script's name can't be read: {error}")
    if not name:
        return failed("no script given")
    path = context.find_file("files", name)
    item = {option: args[option] for option in ("creates", "removes", "chdir", "executable") if option in args}
    return _with_file("script", {**item, "name": path.name, "arguments": line[stream.tell() :].strip()}, path, context)


def unarchive(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """Unpack a local archive on the host, or one that it has or fetches itself."""
    item = dict(args)
    if item.get("remote_src"):
        return call_agent(context, "unarchive", [item])[0]
    source = str(item.pop("src"))
    if "://" in source:
        return failed("an address as src is only taken with remote_src: true")
    path = context.find_file("files", source)
    if path.is_dir():
        return failed(f"src must be an archive, not the directory {path}")
    return _with_file("unarchive", item, path, context)


def uri(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """A request from the host, whose body may be a local file."""
    item = dict(args)
    if "src" in item and not item.get("remote_src"):
        path = context.find_file("files", str(item.pop("src")))
        item["src_base64"] = base64.b64encode(path.read_bytes()).decode("ascii")
    return call_agent(context, "uri", [item])[0]


def _with_file(module: str, item: Mapping[str, Any], path: Path, context: ActionContext) -> dict[str, Any]:
    """Call the module with the file: in the message, or in pieces once the module says that it needs it."""
    try:
        size = path.stat().st_size
        if size <= LARGEST_IN_MESSAGE:
            content = base64.b64encode(path.read_bytes()).decode("ascii")
            return call_agent(context, module, [{**item, "content_base64": content}])[0]
        announced = {**item, "size": size, "checksum": sha1_of(path)}
    except OSError as error:
        return failed(f"can't read {path}: {error.strerror}")
    result = call_agent(context, module, [announced])[0]
    if "send" not in result:
        return result
    staged = upload(context, path, result["send"])
    return call_agent(context, module, [{**announced, "staged": staged}])[0]
