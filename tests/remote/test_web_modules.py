"""get_url, and what uri has beyond one request, against a real web server on loopback."""

from __future__ import annotations

import email.utils
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkbed.agent import Agent

CONTENT = b"spark\n" * 1000
SUMS = f"{hashlib.sha256(CONTENT).hexdigest()}  ./spark.tgz\n{'0' * 64} *other\n"


class Files(http.server.BaseHTTPRequestHandler):
    """One file under several names and manners."""

    requests: list[tuple[str, str]]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._answer(200, self.rfile.read(int(self.headers["Content-Length"])), {})

    def do_GET(self) -> None:
        type(self).requests.append((self.command, self.path))
        since = self.headers.get("If-Modified-Since")
        if self.path == "/old.tgz" and since and email.utils.parsedate_to_datetime(since).timestamp() > 0:
            self._answer(304, b"", {})
        elif self.path == "/moved":
            self._answer(302, b"", {"Location": "/spark.tgz"})
        elif self.path == "/named":
            self._answer(200, CONTENT, {"Content-Disposition": 'attachment; filename="../../evil name.tgz"'})
        elif self.path == "/packed":
            self._answer(200, gzip.compress(CONTENT), {"Content-Encoding": "gzip"})
        elif self.path == "/cut":
            self._answer(200, CONTENT[:100], {}, announced=len(CONTENT))
        elif self.path == "/SUMS":
            self._answer(200, SUMS.encode(), {})
        elif self.path == "/secret" and self.headers.get("Authorization") != "Basic dTpw":
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="r"'})
        elif self.path == "/none":
            self._answer(404, b"", {})
        elif self.path == "/cookies":
            self._answer(200, b"{}", {"Set-Cookie": "a=1; Path=/"})
        else:
            self._answer(200, CONTENT, {"X-Seen": self.headers.get("X-Asked", "")})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], announced: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    Files.requests = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def get(agent: Agent, url: str, dest: Path | str, *, check: bool = False, **args: Any) -> dict[str, Any]:
    return agent.call("get_url", [{"url": url, "dest": str(dest), **args}], check=check)[0]


def test_a_file_comes_once(local_agent: Agent, web: str, tmp_path: Path) -> None:
    dest = tmp_path / "f"
    foretold = get(local_agent, f"{web}/old.tgz", dest, check=True)
    assert (foretold["changed"], dest.exists()) == (True, False)
    first = get(local_agent, f"{web}/old.tgz", dest, mode="0640")
    assert (first["changed"], first["status_code"], first["mode"]) == (True, 200, "0640")
    assert first["checksum_src"] == hashlib.sha1(CONTENT).hexdigest()
    assert dest.read_bytes() == CONTENT
    again = get(local_agent, f"{web}/old.tgz", dest, mode="0640")
    assert (again["changed"], again["status_code"]) == (False, 304)
    forced = get(local_agent, f"{web}/old.tgz", dest, force=True)
    assert (forced["changed"], forced["status_code"]) == (False, 200)
    assert [method for method, _ in Files.requests] == ["HEAD", "GET", "GET", "GET"]
    assert names(tmp_path) == ["f"]


def test_the_name_comes_from_the_answer(local_agent: Agent, web: str, tmp_path: Path) -> None:
    assert get(local_agent, f"{web}/moved", tmp_path)["dest"] == f"{tmp_path}/spark.tgz"
    assert get(local_agent, f"{web}/named", tmp_path)["dest"] == f"{tmp_path}/evil name.tgz"
    assert get(local_agent, f"{web}/", tmp_path)["dest"] == f"{tmp_path}/index.html"
    assert names(tmp_path) == ["evil name.tgz", "index.html", "spark.tgz"]


def test_checksums(local_agent: Agent, web: str, tmp_path: Path) -> None:
    dest = tmp_path / "f"
    good = f"sha256:{web}/SUMS"
    assert get(local_agent, f"{web}/spark.tgz", dest, checksum=good)["changed"] is True
    Files.requests.clear()
    assert get(local_agent, f"{web}/spark.tgz", dest, checksum=good)["msg"] == "file already exists"
    assert Files.requests == [("GET", "/SUMS")]
    dest.write_text("spoiled")
    assert get(local_agent, f"{web}/spark.tgz", dest, checksum=good, backup=True)["changed"] is True
    assert dest.read_bytes() == CONTENT
    assert sum(name.startswith("f.") for name in names(tmp_path)) == 1
    before = names(tmp_path)
    for checksum in ("sha256:" + "0" * 64, f"sha256:{web}/none", "nonsense", "nosuch:00", "md5:words"):
        assert get(local_agent, f"{web}/spark.tgz", tmp_path / "g", checksum=checksum)["failed"] is True, checksum
    assert get(local_agent, f"{web}/unlisted.tgz", tmp_path / "g", checksum=good)["failed"] is True
    assert names(tmp_path) == before


def test_half_a_file_is_none(local_agent: Agent, web: str, tmp_path: Path) -> None:
    assert get(local_agent, f"{web}/cut", tmp_path / "f")["failed"] is True
    missing = get(local_agent, f"{web}/none", tmp_path / "f")
    assert (missing["failed"], missing["status_code"]) == (True, 404)
    assert get(local_agent, f"{web}/spark.tgz", tmp_path / "no" / "f")["failed"] is True
    assert get(local_agent, "gopher://127.0.0.1/x", tmp_path / "f")["failed"] is True
    assert names(tmp_path) == []


def test_packed_answers_passwords_and_headers(local_agent: Agent, web: str, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    get(local_agent, f"{web}/packed", tmp_path / "a", tmp_dest=f"{tmp_path}/tmp")
    assert (tmp_path / "a").read_bytes() == CONTENT
    get(local_agent, f"{web}/packed", tmp_path / "b", decompress=False)
    assert gzip.decompress((tmp_path / "b").read_bytes()) == CONTENT
    secret = web.replace("http://", "http://u:p@") + "/secret"
    shown = get(local_agent, secret, tmp_path / "c")
    assert (shown["changed"], "u:p" in shown["url"]) == (True, False)
    assert get(local_agent, f"{web}/secret", tmp_path / "d")["status_code"] == 401
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    known = [{"url": f"{web}/secret", "dest": f"{tmp_path}/d"}]
    by_netrc = local_agent.call("get_url", known, environment={"NETRC": f"{tmp_path}/netrc"})[0]
    assert by_netrc["changed"] is True
    assert names(tmp_path) == ["a", "b", "c", "d", "netrc", "tmp"]
    assert not any((tmp_path / "tmp").iterdir())


def test_uri_sends_files_and_keeps_cookies(local_agent: Agent, web: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"\xff\0 body")
    posted = {"url": f"{web}/echo", "method": "POST", "src": f"{tmp_path}/body", "dest": f"{tmp_path}/answer"}
    assert local_agent.call("uri", [posted])[0]["status"] == 200
    assert (tmp_path / "answer").read_bytes() == b"\xff\0 body"
    found = local_agent.call("uri", [{"url": f"{web}/cookies"}])[0]
    assert (found["cookies"], found["cookies_string"]) == ({"a": "1"}, "a=1")
