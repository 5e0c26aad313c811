"""copy and template: files from the controller to a host."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed.agent import Unreachable
from sparkbed.agent.client import sha1_of
from sparkbed.errors import HostError, SparkbedError
from sparkbed.playbook.modules.controller.context import ActionContext, call_agent, failed, upload

LARGEST_IN_MESSAGE = 256 * 1024
"""Bytes of content that ride in the message; of larger files the digest goes first."""


@dataclass(frozen=True, eq=False, repr=False)
class _Files:
    """What one copy or template call means for the host: directories to make, then files to write.

    `large` names the local file behind a file's item, by its index, that does not ride in the message.
    """

    items: list[dict[str, Any]]
    large: dict[int, Path]
    folders: list[dict[str, Any]]
    links: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None  # for a directory: what one result for all of it has


def send_files(name: str, calls: Sequence[tuple[Mapping[str, Any], ActionContext]]) -> list[dict[str, Any]]:
    """Run `copy` or `template` once a loop item, all on one host and agent: one message, unless large files differ.

    Raises:
        Unreachable: when the connection to the host was lost.
    """
    results: list[dict[str, Any]] = [{}] * len(calls)
    plain: list[tuple[int, _Files]] = []
    for number, (args, context) in enumerate(calls):
        try:
            files = _PREPARE[name](args, context)
        except Unreachable:
            raise
        except SparkbedError as error:
            results[number] = failed(str(error))
            continue
        except (OSError, UnicodeError) as error:
            results[number] = failed(f"can't read the source: {error}")
            continue
        if files.result is not None:
            results[number] = _copy_folder(files, context)
        else:
            plain.append((number, files))
    if plain:
        context = calls[0][1]
        items = [item for _, files in plain for item in files.items]
        large = {place: files.large[0] for place, (_, files) in enumerate(plain) if files.large}
        for (number, _), result in zip(plain, _send(context, items, large), strict=True):
            results[number] = result
    return results


def _send(context: ActionContext, items: list[dict[str, Any]], large: Mapping[int, Path]) -> list[dict[str, Any]]:
    """Copy all items; the large files that the host has not got follow as bytes, one at a time."""
    results = call_agent(context, "copy", items)
    for number, path in large.items():
        if "send" not in results[number]:
            continue
        try:
            staged = upload(context, path, results[number]["send"])
        except Unreachable:
            raise
        except HostError as error:
            results[number] = failed(error.what, dest=results[number]["send"])
            continue
        results[number] = call_agent(context, "copy", [{**items[number], "staged": staged}])[0]
    return results


def _copy_folder(files: _Files, context: ActionContext) -> dict[str, Any]:
    """A directory's whole content: its directories in one message, its files in another. One result for all."""
    made = call_agent(context, "file", files.folders) if files.folders else []
    bad = next((result for result in made if result.get("failed")), None)
    written: list[dict[str, Any]] = []
    # In check mode, nothing can be said of files in directories that do not exist yet.
    pairs = zip(files.folders, made, strict=True)
    new = [folder["path"] for folder, result in pairs if result["changed"]] if context.check and bad is None else []
    if bad is None and files.items:
        items = files.items
        if new:
            items = [item for item in items if str(Path(item["dest"]).parent) not in new]
        written = _send(context, items, files.large if items is files.items else {}) if items else []
        bad = next((result for result in written if result.get("failed")), None)
    if bad is None and files.links and not (context.check and new):
        written += call_agent(context, "file", files.links)
        bad = next((result for result in written if result.get("failed")), None)
    if bad is not None:
        return bad
    assert files.result is not None
    if len(files.items) == 1 and written:  # of a single file, Ansible tells that file's result
        files.result.update(written[0])
    return {**files.result, "changed": any(result["changed"] for result in made + written)}


_PASSED_ON = (
    "dest",
    "mode",
    "owner",
    "group",
    "backup",
    "force",
    "validate",
    "follow",
    "directory_mode",
    "unsafe_writes",
)


def _passed_on(args: Mapping[str, Any]) -> dict[str, Any]:
    item = {name: args[name] for name in _PASSED_ON if name in args}
    return {**item, "expected_checksum": args["checksum"]} if args.get("checksum") else item


def _content(item: dict[str, Any], data: bytes) -> dict[str, Any]:
    try:
        item["content"] = data.decode("utf-8")
    except UnicodeDecodeError:
        item["content_base64"] = base64.b64encode(data).decode("ascii")
    return item


def _one(item: dict[str, Any], path: Path) -> _Files:
    """One local file: with its content, or with the digest of it."""
    size = path.stat().st_size
    if size > LARGEST_IN_MESSAGE:
        return _Files([{**item, "size": size, "checksum": sha1_of(path)}], {0: path}, [])
    return _Files([_content(item, path.read_bytes())], {}, [])


def _prepare_copy(args: Mapping[str, Any], context: ActionContext) -> _Files:
    item = _passed_on(args)
    if args.get("remote_src"):
        return _Files(
            [{**item, "remote_src": True, "src": args.get("src"), "local_follow": args.get("local_follow", False)}],
            {},
            [],
        )
    if "content" in args:
        content = args["content"]
        # As in Ansible, a mapping or a list becomes JSON.
        text = json.dumps(content, default=str) if isinstance(content, (Mapping, list)) else str(content)
        item["content"] = text
        return _Files([item], {}, [])
    source = str(args["src"])
    path = context.find_file("files", source)
    if path.is_dir():
        return _prepare_folder(item, args, path, source)
    if args.get("mode") == "preserve":
        item["mode"] = stat.S_IMODE(path.stat().st_mode)
    return _one({**item, "src": str(path), "base_name": Path(source).name}, path)


def _prepare_folder(item: dict[str, Any], args: Mapping[str, Any], path: Path, source: str) -> _Files:
    """With a trailing slash the directory's content goes into `dest`, otherwise the directory itself does."""
    root = Path(args["dest"])
    if not source.endswith("/"):
        root /= path.name
    attributes: dict[str, Any] = {name: item[name] for name in ("owner", "group") if name in item}
    if "directory_mode" in item:
        attributes["mode"] = item["directory_mode"]
    files = _Files([], {}, [], result={"dest": str(args["dest"]).rstrip("/") + "/", "src": str(path)})
    follow = bool(args.get("local_follow", True))
    for folder, folders, names in os.walk(path, followlinks=follow):
        folders.sort()
        target = root / Path(folder).relative_to(path)
        files.folders.append({**attributes, "path": str(target), "state": "directory"})
        for name in sorted([*names, *(one for one in folders if not follow)]):
            local = Path(folder, name)
            if local.is_symlink() and not follow:
                link = {"path": str(target / name), "src": str(local.readlink()), "state": "link", "force": True}
                files.links.append({**link, "follow": False})
                continue
            if local.is_dir():
                continue
            one = {**item, "dest": str(target / name), "src": str(local)}
            if args.get("mode") == "preserve":
                one["mode"] = stat.S_IMODE(local.stat().st_mode)
            prepared = _one(one, local)
            if prepared.large:
                files.large[len(files.items)] = local
            files.items.extend(prepared.items)
    if source.endswith("/") and files.items:
        files.folders[0]["new_only"] = True
    return files


_TEMPLATE_OPTIONS = (
    "newline_sequence",
    "trim_blocks",
    "lstrip_blocks",
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
)


def _prepare_template(args: Mapping[str, Any], context: ActionContext) -> _Files:
    path = context.find_file("templates", str(args["src"]))
    options = {name: args[name] for name in _TEMPLATE_OPTIONS if name in args}
    if "newline_sequence" in options:
        options["newline_sequence"] = options["newline_sequence"].replace("\\n", "\n").replace("\\r", "\r")
    text = context.render_file(path, str(args["dest"]), **options)
    item = {**_passed_on(args), "src": str(path), "base_name": path.name}
    encoding = str(args.get("output_encoding") or "utf-8")
    try:
        item = _content(item, text.encode(encoding, "surrogateescape"))
    except (LookupError, UnicodeError) as error:
        raise SparkbedError(f"the template's text can't be written as {encoding}: {error}") from None
    if args.get("mode") == "preserve":
        item["mode"] = stat.S_IMODE(path.stat().st_mode)
    return _Files([item], {}, [])


_PREPARE = {"copy": _prepare_copy, "template": _prepare_template}
