"""One request by urllib, with the options that `uri` and `get_url` share."""

import base64
import netrc
import os
import urllib.error
import urllib.parse
import urllib.request

from .paths import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Redirects(urllib.request.HTTPRedirectHandler):
    """`safe` follows where the method stays GET or HEAD, `all` always, `none` never."""

    def __init__(self, policy: str) -> None:
        self.policy = policy

    def redirect_request(self, req: "Any", fp: "Any", code: int, msg: str, headers: "Any", newurl: str) -> "Any":
        if self.policy == "none" or (self.policy == "safe" and req.get_method() not in ("GET", "HEAD")):
            return None
        return urllib.request.HTTPRedirectHandler.redirect_request(self, req, fp, code, msg, headers, newurl)


def shown(url: str) -> str:
    """The address for results: without the user and the password in it."""
    parts = urllib.parse.urlsplit(url)
    if not parts.username and not parts.password:
        return url
    who = "****:****@" if parts.password else "****@"
    return urllib.parse.urlunsplit(parts._replace(netloc=who + parts.netloc.rpartition("@")[2]))


def send(
    args: "dict[str, Any]",
    url: str,
    method: str,
    headers: "dict[str, str]",
    data: "bytes | None" = None,
    schemes: "tuple[str, ...]" = ("http", "https"),
) -> "Any":
    """The open answer. Raises urllib.error.HTTPError for one that is no success, OSError and ValueError for none."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in schemes:
        raise ValueError("only {} are served".format(" and ".join(schemes)))
    user, password = args.get("url_username"), args.get("url_password")
    if parts.username and parts.scheme in ("http", "https"):
        user = user or urllib.parse.unquote(parts.username)
        password = password or urllib.parse.unquote(parts.password or "")
        url = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if user and args.get("force_basic_auth"):
        headers["Authorization"] = _basic(user, password)
    elif not user and args.get("use_netrc", True):
        _from_netrc(parts.hostname, headers)
    if args.get("force"):
        headers["Cache-Control"] = "no-cache"
    unredirected = [str(name).lower() for name in args.get("unredirected_headers") or []]
    # The scheme was looked at above.
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310
    for name, value in headers.items():
        # A redirect may lead to another host, which our password is none of the business of.
        own = name.lower() in unredirected or name == "Authorization"
        (request.add_unredirected_header if own else request.add_header)(name, value)
    return _opener(args, url, user, password).open(request, timeout=float(args["timeout"]))


def _basic(user: str, password: "str | None") -> str:
    return "Basic " + base64.b64encode("{}:{}".format(user, password or "").encode("utf-8")).decode("ascii")


def _from_netrc(host: "str | None", headers: "dict[str, str]") -> None:
    if any(name.lower() == "authorization" for name in headers):
        return
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host or "")
    except (OSError, netrc.NetrcParseError):
        return
    if found:
        headers["Authorization"] = _basic(found[0], found[2])


def _opener(args: "dict[str, Any]", url: str, user: "str | None", password: "str | None") -> "Any":
    policy = str(args.get("follow_redirects", "safe")).lower()
    policy = {"yes": "all", "no": "none", "urllib2": "safe"}.get(policy, policy)
    handlers = [_Redirects(policy)]  # type: list[Any]
    if args.get("use_proxy") is False:
        handlers.append(urllib.request.ProxyHandler({}))
    if url.startswith("https"):
        handlers.append(urllib.request.HTTPSHandler(context=_context(args)))
    if user:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, user, password or "")
        handlers.append(urllib.request.HTTPBasicAuthHandler(passwords))
    return urllib.request.build_opener(*handlers)


def _context(args: "dict[str, Any]") -> "Any":
    import ssl

    if args.get("validate_certs", True):
        context = ssl.create_default_context(cafile=expand(args["ca_path"]) if args.get("ca_path") else None)
    else:
        # The play says `validate_certs: false` of this one request.
        context = ssl._create_unverified_context()  # noqa: S323  # see above
    if args.get("client_cert"):
        key = expand(args["client_key"]) if args.get("client_key") else None
        context.load_cert_chain(expand(args["client_cert"]), key)
    if args.get("ciphers"):
        context.set_ciphers(":".join(args["ciphers"]))
    return context
