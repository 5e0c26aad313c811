import base64
import json
import os
import time
import urllib.error
import urllib.parse

from . import web
from .framing import Call, Failed
from .paths import apply_attributes, expand, put_in_place, written_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def uri(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """One HTTP request from this host; fails unless the answer's status is among `status_code`."""
    if args.get("creates") and os.path.exists(expand(args["creates"])):
        return {"stdout": "skipped, since '{}' exists".format(args["creates"])}
    if args.get("removes") and not os.path.exists(expand(args["removes"])):
        return {"stdout": "skipped, since '{}' does not exist".format(args["removes"])}
    start = time.monotonic()
    result = _request(args)
    body = result.pop("body")
    result["elapsed"] = int(time.monotonic() - start)
    kind = result.get("content_type", "").partition(";")[0].strip().lower()
    if body is not None:
        charset = result.get("content_type", "").partition("charset=")[2].strip("\"' ") or "utf-8"
        try:
            text = body.decode(charset, "replace")
        except LookupError:  # a charset that nobody knows
            text = body.decode("utf-8", "replace")
        if kind.endswith("json"):
            try:
                result["json"] = json.loads(text)
            except ValueError:
                pass
        if args.get("return_content"):
            result["content"] = text
    _judge(args, result, body)
    if args.get("dest") and body is not None and not result.get("failed"):
        _save(call, args, body, result)
    return result


def _request(args: "dict[str, Any]") -> "dict[str, Any]":
    headers = {str(key): str(value) for key, value in (args.get("headers") or {}).items()}
    data = _body(args, headers)
    headers.setdefault("User-Agent", args.get("http_agent") or "sparkbed")
    url = args["url"]
    method = (args.get("method") or "GET").upper()
    options = dict(args, timeout=args.get("timeout", 30))
    try:
        with web.send(options, url, method, headers, data) as answer:
            return _facts(answer, answer.getcode(), answer.reason, url)
    except urllib.error.HTTPError as answer:
        with answer:
            return _facts(answer, answer.code, answer.reason, url)
    except (OSError, ValueError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        msg = f"Request failed: {reason}"
        return {"status": -1, "url": web.shown(url), "msg": msg, "redirected": False, "body": None}


def _body(args: "dict[str, Any]", headers: "dict[str, str]") -> "bytes | None":
    body, form = args.get("body"), args.get("body_format") or "raw"
    if "src_base64" in args:  # the controller's file
        return base64.b64decode(args["src_base64"])
    if args.get("src"):
        with open(expand(args["src"]), "rb") as file:
            return file.read()
    if body is None:
        return None
    named = any(key.lower() == "content-type" for key in headers)
    if form == "json":
        if not named:
            headers["Content-Type"] = "application/json"
        return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8")
    if form == "form-urlencoded":
        if not named:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return (body if isinstance(body, str) else urllib.parse.urlencode(body, doseq=True)).encode("utf-8")
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogateescape")


def _facts(answer: "Any", status: int, reason: str, url: str) -> "dict[str, Any]":
    body = answer.read()
    found = {key.lower().replace("-", "_"): value for key, value in answer.headers.items()}
    found.update(status=status, url=web.shown(answer.geturl()), redirected=answer.geturl() != url, body=body)
    found.update(_cookies(answer.headers.get_all("Set-Cookie") or []))
    size = found.get("content_length", "unknown")
    found["msg"] = f"OK ({size} bytes)" if status < 400 else f"HTTP Error {status}: {reason}"
    return found


def _cookies(set_cookie: "list[str]") -> "dict[str, Any]":
    pairs = [line.partition(";")[0].strip().partition("=") for line in set_cookie]
    cookies = {name: value for name, equals, value in pairs if equals}
    return {"cookies": cookies, "cookies_string": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def _judge(args: "dict[str, Any]", result: "dict[str, Any]", body: "bytes | None") -> None:
    wanted = args.get("status_code", [200])
    wanted = [int(code) for code in (wanted if isinstance(wanted, list) else str(wanted).split(","))]
    if result["status"] not in wanted:
        result["failed"] = True
        result["msg"] = "Status code was {} and not {}: {}".format(result["status"], wanted, result["msg"])
        if body is not None and "content" not in result:
            result["content"] = body.decode("utf-8", "replace")


def _save(call: Call, args: "dict[str, Any]", body: bytes, result: "dict[str, Any]") -> None:
    dest = expand(args["dest"])
    if os.path.isdir(dest):
        dest = os.path.join(dest, os.path.basename(urllib.parse.urlsplit(result["url"]).path) or "index.html")
    current = None
    if os.path.isfile(dest):
        with open(dest, "rb") as file:
            current = file.read()
    result.update(path=dest, changed=current != body)
    if result["changed"]:
        try:
            with written_beside(dest, body) as name:
                put_in_place(name, dest, args.get("mode"))
        except OSError as error:
            raise Failed(f"can't write {dest}: {error.strerror}") from None
    result["changed"] |= apply_attributes(call, dest, args)
