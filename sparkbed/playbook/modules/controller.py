"""The modules, or halves of modules, that work on the controller.

run(name, args, context)          one module call, its arguments templated and coerced: a result with Ansible's keys
run_many(name, calls)             copy and template: all items of a loop in as few messages as there can be
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sparkbed.agent import Agent, Unreachable
from sparkbed.agent.client import sha1_of
from sparkbed.errors import HostError, SparkbedError

LARGEST_IN_MESSAGE = 256 * 1024
"""Bytes of content that ride in the message; of larger files the digest goes first."""


class ActionContext(Protocol):
    """What a controller-side module needs of the play, for one host and one loop item."""

    @property
    def host(self) -> str:
        """The host's inventory name."""

    @property
    def agent(self) -> Agent:
        """The host's agent for the task's become user; started when first asked for."""

    @property
    def check(self) -> bool:
        """Check mode: foretell, change nothing."""

    @property
    def diff(self) -> bool:
        """Results shall have a `diff`."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The task's `environment`."""

    @property
    def folders(self) -> list[Path]:
        """Where relative names of the controller start from; the playbook's own folder is the last."""

    def evaluate(self, expression: str) -> Any:
        """The value of a Jinja2 expression. Raises SparkbedError when a name in it is undefined."""

    def conditional(self, expression: Any) -> bool:
        """Whether a condition, as `when` takes it, holds. Raises SparkbedError when it can't be told."""

    def find_file(self, kind: str, name: str) -> Path:
        """A file or directory of the controller, sought as Ansible does; `kind` is `files` or `templates`.

        Raises SparkbedError naming the places looked at.
        """

    def render_file(self, path: Path, dest: str = "", **options: Any) -> str:
        """A template file's text, rendered; `options` are Jinja's delimiters and trimming, `newline_sequence` too."""


def run(name: str, args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """Run a controller-side module. Its failure is a result with `failed` and `msg`.

    Raises:
        Unreachable: when the connection to the host was lost.
    """
    if name in _PREPARE:
        return run_many(name, [(args, context)])[0]
    try:
        return _ACTIONS[name](args, context)
    except Unreachable:
        raise
    except SparkbedError as error:
        return failed(str(error))


def failed(msg: Any, **more: Any) -> dict[str, Any]:
    """A failed result."""
    return {"failed": True, "changed": False, "msg": msg, **more}


# -- without a host ---------------------------------------------------------------------------------------------------


def _debug(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    # A context that knows no -v is one that got none.
    verbosity = int(getattr(context, "verbosity", 0))
    if int(args.get("verbosity", 0)) > verbosity:
        return {"changed": False, "skipped": True, "skipped_reason": "Verbosity threshold not met."}
    if "var" not in args:
        return {"changed": False, "msg": args.get("msg", "Hello world!")}
    expression = args["var"]
    if not isinstance(expression, str):  # a template that stood there is resolved to its value by now
        return {"changed": False, str(type(expression)): expression}
    try:
        value = context.evaluate(expression)
    except SparkbedError as error:
        value = "VARIABLE IS NOT DEFINED!"
        if verbosity:
            value += f": {error.what}"
    return {"changed": False, expression: value}


def _assert(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    conditions = args["that"] if isinstance(args["that"], list) else [args["that"]]
    quiet = bool(args.get("quiet"))
    for condition in conditions:
        if context.conditional(condition):
            continue
        result = failed(args.get("fail_msg", "Assertion failed"), evaluated_to=False)
        return result if quiet else {**result, "assertion": condition}
    return {"changed": False, "msg": args.get("success_msg", "All assertions passed")}


def _fail(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    return failed(str(args.get("msg", "Failed as requested from task")))


def _set_fact(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    facts = {name: value for name, value in args.items() if name != "cacheable"}
    if not facts:
        return failed("No key/value pairs provided, at least one is required for this action to succeed")
    for name in facts:
        if not str(name).isidentifier():
            rule = "It must begin with a letter or underscore, and hold only letters, digits and underscores."
            return failed(f"The variable name {name!r} is not valid. {rule}")
    return {"changed": False, "ansible_facts": facts}


# -- files to hosts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Files:
    """What one copy or template call means for the host: directories to make, then files to write.

    `large` names the local file behind a file's item, by its index, that does not ride in the message.
    """

    items: list[dict[str, Any]]
    large: dict[int, Path]
    folders: list[dict[str, Any]]
    result: dict[str, Any] | None = None  # for a directory: what one result for all of it has


def run_many(name: str, calls: Sequence[tuple[Mapping[str, Any], ActionContext]]) -> list[dict[str, Any]]:
    """Run `copy` or `template` once a loop item, all on one host and agent: one message, unless large files differ.

    Raises:
        Unreachable: when the connection to the host was lost.
    """
    if name not in _PREPARE:
        return [run(name, args, context) for args, context in calls]
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
    agent = context.agent
    results = _call(context, "copy", items)
    for number, path in large.items():
        if "send" not in results[number]:
            continue
        try:
            staged = agent.upload(path, results[number]["send"])
        except Unreachable:
            raise
        except HostError as error:
            results[number] = failed(error.what, dest=results[number]["send"])
            continue
        results[number] = _call(context, "copy", [{**items[number], "staged": staged}])[0]
    return results


def _call(context: ActionContext, module: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return context.agent.call(module, items, check=context.check, diff=context.diff, environment=context.environment)


def _copy_folder(files: _Files, context: ActionContext) -> dict[str, Any]:
    """A directory's whole content: its directories in one message, its files in another. One result for all."""
    made = _call(context, "file", files.folders) if files.folders else []
    bad = next((result for result in made if result.get("failed")), None)
    written: list[dict[str, Any]] = []
    if bad is None and files.items:
        items = files.items
        if context.check:  # nothing can be said of files in directories that do not exist yet
            new = [folder["path"] for folder, result in zip(files.folders, made, strict=True) if result["changed"]]
            items = [item for item in items if str(Path(item["dest"]).parent) not in new]
        written = _send(context, items, files.large if items is files.items else {}) if items else []
        bad = next((result for result in written if result.get("failed")), None)
    if bad is not None:
        return bad
    assert files.result is not None
    return {**files.result, "changed": any(result["changed"] for result in made + written)}


_PASSED_ON = ("dest", "mode", "owner", "group", "backup", "force", "validate", "follow", "directory_mode")


def _passed_on(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: args[name] for name in _PASSED_ON if name in args}


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
        return _Files([{**item, "remote_src": True, "src": args.get("src")}], {}, [])
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
    files = _Files([], {}, [], {"dest": str(args["dest"]), "src": str(path)})
    for folder, folders, names in os.walk(path, followlinks=bool(args.get("local_follow", True))):
        folders.sort()
        target = root / Path(folder).relative_to(path)
        files.folders.append({**attributes, "path": str(target), "state": "directory"})
        for name in sorted(names):
            local = Path(folder, name)
            one = {**item, "dest": str(target / name), "src": str(local)}
            if args.get("mode") == "preserve":
                one["mode"] = stat.S_IMODE(local.stat().st_mode)
            prepared = _one(one, local)
            if prepared.large:
                files.large[len(files.items)] = local
            files.items.extend(prepared.items)
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
    item = {**_passed_on(args), "content": text, "src": str(path), "base_name": path.name}
    if args.get("mode") == "preserve":
        item["mode"] = stat.S_IMODE(path.stat().st_mode)
    return _Files([item], {}, [])


# -- files from hosts -------------------------------------------------------------------------------------------------


def _fetch(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
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


_ACTIONS = {"debug": _debug, "assert": _assert, "fail": _fail, "set_fact": _set_fact, "fetch": _fetch}
_PREPARE = {"copy": _prepare_copy, "template": _prepare_template}
