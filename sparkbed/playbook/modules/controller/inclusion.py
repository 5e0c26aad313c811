"""The includes: their arguments are their results, which the strategy acts on; and files of variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sparkbed.errors import SparkbedError
from sparkbed.playbook.modules.controller.context import ActionContext, failed
from sparkbed.playbook.playvars import load_variables


def include_tasks(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    rest = {name: value for name, value in args.items() if name != "_raw_params"}
    return {"changed": False, "include": args["_raw_params"], "include_args": rest}


def include_role(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    return {"changed": False, "include_args": dict(args)}


_OF_FOLDERS = ("depth", "extensions", "files_matching", "ignore_files", "ignore_unknown_extensions")


def include_vars(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    folder, file = args.get("dir"), args.get("file") or args.get("_raw_params")
    if file and (folder or any(args.get(name) for name in ("depth", "files_matching", "ignore_files"))):
        return failed("You are mixing file only and dir only arguments, these are incompatible")
    values: dict[str, Any] = {}
    read: list[str] = []
    try:
        paths = list(_in_folder(args, context)) if folder else [context.find_file("vars", str(file).rstrip("\n"))]
        for path in paths:
            values.update(load_variables(path))
            read.append(str(path))
    except SparkbedError as error:
        return failed(str(error), ansible_included_var_files=read, ansible_facts={})
    if args.get("name"):
        values = {str(args["name"]): values}
    if args.get("hash_behaviour") == "merge":
        values = {name: _over(context.variable(name), value) for name, value in values.items()}
    return {"changed": False, "ansible_included_var_files": read, "ansible_facts": values}


def _over(old: Any, new: Any) -> Any:
    """`new` over `old`, mappings within mappings."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    return {**old, **{key: _over(old.get(key), value) for key, value in new.items()}}


def _in_folder(args: Mapping[str, Any], context: ActionContext) -> Iterator[Path]:
    """The files of variables below a folder: those of one folder by name, before those of the folders in it."""
    root = context.variables_folder(str(args["dir"]))
    if not root.is_dir():
        raise SparkbedError(f"{root} {'is not a directory' if root.exists() else 'directory does not exist'}")
    depth = int(args.get("depth") or 0)
    extensions = args.get("extensions", ["yaml", "yml", "json"])
    allowed = [f".{end}" for end in (list(extensions) if isinstance(extensions, str) else extensions)]
    ignored = args.get("ignore_files") or []
    ignored = ignored.split() if isinstance(ignored, str) else ignored
    for folder in sorted([root, *(path for path in root.rglob("*") if path.is_dir())], key=str):
        if depth and len(folder.relative_to(root).parts) + 1 > depth:
            continue
        for path in sorted(folder.iterdir()):
            if not path.is_file():
                continue
            if args.get("files_matching") and not re.search(str(args["files_matching"]), path.name):
                continue
            if any(re.search(f"{pattern}$", path.name) for pattern in ignored):
                continue
            if path.suffix not in allowed:
                if args.get("ignore_unknown_extensions"):
                    continue
                raise SparkbedError(f"{path} does not have a valid extension: {', '.join(map(str, extensions))}")
            yield path
