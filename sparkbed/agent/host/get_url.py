import email.message
import email.utils
import gzip
import hashlib
import os
import re
import time
import urllib.error
import urllib.parse

from . import web
from .framing import Call, Failed
from .paths import apply_attributes, back_up, digest, expand, put_in_place, temporary_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PIECE = 1 << 20
SCHEMES = ("http", "https", "ftp", "file")
_BSD = re.compile(r"^\w+ ?\((?P<name>.+)\) ?= (?P<digest>\w+)$")
_GNU = re.compile(r"^(?P<digest>\w+)\s+[*]?(?P<name>.+)$")


def get_url(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """A file from a web server, to this host."""
    dest, url = expand(args["dest"]), args["url"]
    result = {"dest": dest, "url": web.shown(url), "elapsed": 0, "changed": False}  # type: dict[str, Any]
    wanted = _wanted_digest(call, args)
    force = bool(args.get("force"))
    since = None
    if os.path.exists(dest) and not os.path.isdir(dest):
        if wanted and not force:
            force = digest(dest, wanted[0]) != wanted[1]
            if not force:
                result["changed"] = apply_attributes(call, dest, args)
                more = " but file attributes changed" if result["changed"] else ""
                return dict(result, msg="file already exists" + more)
        since = None if force else os.path.getmtime(dest)
    start = time.monotonic()
    try:
        return _download(call, dict(args, force=force), dest, wanted, since, result)
    except Failed as failure:
        failure.result.setdefault("elapsed", int(time.monotonic() - start))
        raise


def _wanted_digest(call: Call, args: "dict[str, Any]") -> "tuple[str, str] | None":
    """Algorithm and hexadecimal digest of `checksum`, which may name the address of a file of them."""
    if not args.get("checksum"):
        return None
    algorithm, colon, text = str(args["checksum"]).partition(":")
    if not colon:
        raise Failed("The checksum parameter has to be in format <algorithm>:<checksum>")
    try:
        hashlib.new(algorithm)
    except ValueError:
        raise Failed(f"Could not hash file with algorithm '{algorithm}'") from None
    if urllib.parse.urlsplit(text).scheme in SCHEMES:
        text = _digest_from(call, args, text)
    text = re.sub(r"\W+", "", text).lower()
    if not re.match("^[0-9a-f]+$", text):
        raise Failed("The checksum format is invalid")
    return algorithm, text


def _digest_from(call: Call, args: "dict[str, Any]", address: str) -> str:
    """The digest that a file such as SHA256SUMS has for the file that is wanted."""
    with _answer(args, address, "GET", None) as answer:
        lines = answer.read().decode("utf-8", "replace").splitlines()
    name = _name_of(args["url"])
    if len(lines) == 1 and len(lines[0].split()) == 1:
        return str(lines[0])
    for line in lines:
        match = _BSD.match(line) or _GNU.match(line)
        if match and match.group("name").lstrip("./") == name:
            return match.group("digest")
    raise Failed(f"Unable to find a checksum for file '{name}' in '{web.shown(address)}'")


def _name_of(url: str) -> str:
    return os.path.basename(urllib.parse.urlsplit(url).path) or "index.html"


def _answer(args: "dict[str, Any]", url: str, method: str, since: "float | None") -> "Any":
    """The open answer; None when nothing is newer than `since`."""
    headers = {str(key): str(value) for key, value in (args.get("headers") or {}).items()}
    headers.setdefault("User-Agent", args.get("http_agent") or "sparkbed")
    if since is not None:
        headers["If-Modified-Since"] = email.utils.formatdate(since, usegmt=True)
    options = dict(args, timeout=args.get("timeout", 10), follow_redirects=args.get("follow_redirects", "urllib2"))
    try:
        return web.send(options, url, method, headers, schemes=SCHEMES)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304 and since is not None:
                return None
            msg = f"HTTP Error {error.code}: {error.reason}"
            raise Failed("Request failed", status_code=error.code, response=msg, url=web.shown(url)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Failed(f"Request failed: {reason}", url=web.shown(url), status_code=-1) from None


def _download(
    call: Call,
    args: "dict[str, Any]",
    dest: str,
    wanted: "tuple[str, str] | None",
    since: "float | None",
    result: "dict[str, Any]",
) -> "dict[str, Any]":
    start = time.monotonic()
    answer = _answer(args, args["url"], "HEAD" if call.check else "GET", since)
    if answer is None:
        return dict(result, status_code=304, msg="HTTP Error 304: Not Modified")
    with answer:
        if os.path.isdir(dest):
            dest = os.path.join(dest, _named(answer))
        folder = os.path.dirname(dest) or "."
        if not os.path.isdir(folder):
            raise Failed(f"Destination {folder} does not exist", dest=dest)
        result.update(dest=dest, status_code=answer.getcode())
        result["msg"] = "OK ({} bytes)".format(answer.headers.get("Content-Length", "unknown"))
        if call.check:
            return dict(result, changed=True)
        beside = _folder_for(args) or dest
        descriptor, name = temporary_beside(beside)
        try:
            with os.fdopen(descriptor, "wb", 0) as file:
                _receive(call, args, answer, file)
            result["elapsed"] = int(time.monotonic() - start)
            _place(call, args, name, dest, wanted, result)
        finally:
            if os.path.exists(name):
                os.unlink(name)
    result["changed"] |= apply_attributes(call, dest, args)
    result["md5sum"] = digest(dest, "md5")
    return result


def _named(answer: "Any") -> str:
    """The file's name by the answer's headers, else by the address, which a redirect may have changed."""
    message = email.message.Message()
    message["content-disposition"] = answer.headers.get("Content-Disposition", "")
    name = os.path.basename(str(message.get_param("filename", "", "content-disposition") or ""))
    return _name_of(answer.geturl()) if name in ("", ".", "..") else name


def _folder_for(args: "dict[str, Any]") -> "str | None":
    if not args.get("tmp_dest"):
        return None
    folder = expand(args["tmp_dest"])
    if not os.path.isdir(folder):
        wrong = "is a file but should be a directory." if os.path.exists(folder) else "directory does not exist."
        raise Failed(f"{folder} {wrong}")
    return os.path.join(folder, "download")


def _receive(call: Call, args: "dict[str, Any]", answer: "Any", file: "Any") -> None:
    packed = answer.headers.get("Content-Encoding", "").lower() == "gzip" and args.get("decompress", True)
    source = gzip.GzipFile(fileobj=answer) if packed else answer
    size = 0
    try:
        for piece in iter(lambda: source.read(PIECE), b""):
            size += len(piece)
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
            call.session.poll({}, 0)
    except (OSError, EOFError) as error:
        raise Failed(f"failed to create temporary content file: {error}") from None
    announced = answer.headers.get("Content-Length")
    if announced is not None and not packed and size != int(announced):
        raise Failed(f"Incomplete read: {size} of {announced} bytes came")


def _place(
    call: Call,
    args: "dict[str, Any]",
    name: str,
    dest: str,
    wanted: "tuple[str, str] | None",
    result: "dict[str, Any]",
) -> None:
    result.update(checksum_src=digest(name), checksum_dest=digest(dest))
    if wanted:
        found = digest(name, wanted[0])
        if found != wanted[1]:
            raise Failed(f"The checksum for {name} did not match {wanted[1]}; it was {found}.", **result)
    if result["checksum_src"] == result["checksum_dest"]:
        return
    if args.get("backup") and os.path.exists(dest):
        result["backup_file"] = back_up(dest)
    if args.get("tmp_dest"):  # it may lie on another file system, from which no rename leads to here
        descriptor, own = temporary_beside(dest)
        os.close(descriptor)
        try:
            import shutil

            shutil.copyfile(name, own)
            put_in_place(own, dest, args.get("mode"), in_place=bool(args.get("unsafe_writes")))
        finally:
            if os.path.exists(own):
                os.unlink(own)
    else:
        put_in_place(name, dest, args.get("mode"), in_place=bool(args.get("unsafe_writes")))
    result["changed"] = True
