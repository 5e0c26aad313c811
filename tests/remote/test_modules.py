"""Modules on a host: what they do, what they answer, and that doing it again changes nothing.

They run in an agent on this machine: the way to a host makes no difference to what they do there.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkbed.remote import Agent


def one(agent: Agent, module: str, check: bool = False, diff: bool = False, **args: Any) -> dict[str, Any]:
    return agent.call(module, [args], check=check, diff=diff)[0]


def twice(agent: Agent, module: str, **args: Any) -> dict[str, Any]:
    """The first result; foretold by check mode without doing it, and followed by one that changes nothing."""
    foretold = one(agent, module, check=True, **args)
    first = one(agent, module, **args)
    assert not first.get("failed"), first
    assert foretold["changed"] == first["changed"]
    second = one(agent, module, **args)
    assert second["changed"] is False, second
    return first


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))[2:]


def test_every_module_changes_nothing_the_second_time(local_agent: Agent, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "f").write_text("x")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("file", {"path": f"{tmp_path}/d/e", "state": "directory", "mode": "0750"}),
        ("file", {"path": f"{tmp_path}/link", "src": "source/f", "state": "link"}),
        ("file", {"path": f"{tmp_path}/hard", "src": f"{tmp_path}/source/f", "state": "hard"}),
        ("file", {"path": f"{tmp_path}/source", "state": "directory", "recurse": True, "mode": "u=rwX,go="}),
        ("copy", {"dest": f"{tmp_path}/c", "content": "text\n", "mode": "0640"}),
        ("copy", {"dest": f"{tmp_path}/tree", "src": f"{tmp_path}/source", "remote_src": True}),
        ("lineinfile", {"path": f"{tmp_path}/c", "line": "more"}),
        ("lineinfile", {"path": f"{tmp_path}/c", "regexp": "^te", "line": "tests"}),
        ("lineinfile", {"path": f"{tmp_path}/c", "regexp": "^mo", "state": "absent"}),
        ("command", {"argv": ["touch", f"{tmp_path}/made"], "creates": f"{tmp_path}/made"}),
        ("shell", {"_raw_params": f"rm {tmp_path}/made", "removes": f"{tmp_path}/made"}),
        ("file", {"path": f"{tmp_path}/c", "state": "absent"}),
        ("stat", {"path": f"{tmp_path}/d"}),
        ("slurp", {"src": f"{tmp_path}/link"}),
        ("ping", {}),
    ]
    for module, args in calls:
        first = twice(local_agent, module, **args)
        assert first["changed"] is (module not in ("stat", "slurp", "ping")), (module, args, first)


# -- file -------------------------------------------------------------------------------------------------------------


def test_every_new_parent_gets_the_mode(local_agent: Agent, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    result = twice(local_agent, "file", path=f"{tmp_path}/a/b/c", state="directory", mode="0700")
    assert [mode(tmp_path / part) for part in ("a", "a/b", "a/b/c")] == ["700"] * 3
    assert mode(tmp_path) == "755"
    assert {key: result[key] for key in ("path", "state", "mode")} == {
        "path": f"{tmp_path}/a/b/c",
        "state": "directory",
        "mode": "0700",
    }


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (0o600, "0644", "644"),
        (0o600, "644", "644"),
        (0o600, 0o644, "644"),
        (0o600, "u+x,g=rX,o-rwx", "750"),
        (0o640, "go=u", "666"),
        (0o644, "a+X", "644"),
        (0o744, "a+X", "755"),
        (0o644, "ug+s", "6644"),
        (0o777, "-w", "577"),
        (0o644, "1777", "1777"),
        (0o755, "=r", "444"),
    ],
)
def test_modes(local_agent: Agent, tmp_path: Path, before: int, wanted: int | str, after: str) -> None:
    path = tmp_path / "f"
    path.touch()
    path.chmod(before)
    twice(local_agent, "file", path=str(path), mode=wanted)
    assert mode(path) == after


def test_touch_and_its_times(local_agent: Agent, tmp_path: Path) -> None:
    path = tmp_path / "f"
    assert one(local_agent, "file", path=str(path), state="touch")["changed"] is True
    assert one(local_agent, "file", path=str(path), state="touch")["dest"] == str(path)
    kept = {"access_time": "preserve", "modification_time": "preserve"}
    assert one(local_agent, "file", path=str(path), state="touch", **kept)["changed"] is False
    twice(
        local_agent, "file", path=str(path), state="touch", access_time="preserve", modification_time="202001020304.05"
    )
    assert time.strftime("%Y%m%d%H%M.%S", time.localtime(path.stat().st_mtime)) == "202001020304.05"


def test_links(local_agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    missing = one(local_agent, "file", path=f"{tmp_path}/l", src="nothing", state="link")
    assert "does not exist" in missing["msg"]
    assert one(local_agent, "file", path=f"{tmp_path}/l", src="nothing", state="link", force=True)["changed"] is True
    twice(local_agent, "file", path=f"{tmp_path}/l", src="there", state="link")
    assert str((tmp_path / "l").readlink()) == "there"
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()
    for path, force in (("d", False), ("there", False), ("d", True)):
        refused = one(local_agent, "file", path=f"{tmp_path}/{path}", src=str(tmp_path), state="link", force=force)
        assert refused["failed"] is True
        assert "refusing to convert" in refused["msg"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["d", "l", "there"]


def test_absent_removes_a_link_and_not_what_it_points_to(local_agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()
    (tmp_path / "l").symlink_to(tmp_path / "d")
    twice(local_agent, "file", path=f"{tmp_path}/l", state="absent")
    assert (tmp_path / "d" / "f").exists()
    twice(local_agent, "file", path=f"{tmp_path}/d", state="absent")
    assert list(tmp_path.iterdir()) == []


def test_recursion_follows_links_out_of_the_tree_only_if_it_may(local_agent: Agent, tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    outside.touch(0o644)
    tree.mkdir()
    (tree / "l").symlink_to(outside)
    (tree / "round").symlink_to(tree)
    twice(local_agent, "file", path=str(tree), state="directory", recurse=True, mode="0700", follow=False)
    assert mode(outside) == "644"
    twice(local_agent, "file", path=str(tree), state="directory", recurse=True, mode="0700")
    assert mode(outside) == "700"


def test_state_file_only_looks(local_agent: Agent, tmp_path: Path) -> None:
    absent = one(local_agent, "file", path=f"{tmp_path}/f", state="file")
    assert absent["failed"] is True
    assert absent["state"] == "absent"
    assert one(local_agent, "file", path=str(tmp_path), state="file")["failed"] is True
    assert one(local_agent, "file", path=str(tmp_path), state="directory", owner="no-such-user")["failed"] is True


# -- copy -------------------------------------------------------------------------------------------------------------


def test_copy_answers_and_shows(local_agent: Agent, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old\n")
    path.chmod(0o600)
    result = one(local_agent, "copy", diff=True, dest=str(path), content="new\n", backup=True)
    assert path.read_text() == "new\n"
    assert mode(path) == "600"  # an existing file keeps its mode
    assert (result["diff"]["before"], result["diff"]["after"]) == ("old\n", "new\n")
    assert result["checksum"] == "7817d381a32c8e2a8a1e6d28ae3a9a8fa69baa68" or len(result["checksum"]) == 40
    assert len(result["md5sum"]) == 32
    assert Path(result["backup_file"]).read_text() == "old\n"
    assert (result["state"], result["size"], result["mode"]) == ("file", 4, "0600")


def test_a_new_file_gets_the_mode_asked_for_or_the_umask(local_agent: Agent, tmp_path: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    one(local_agent, "copy", dest=f"{tmp_path}/f", content="")
    assert mode(tmp_path / "f") == oct(0o666 & ~umask)[2:]
    one(local_agent, "copy", dest=f"{tmp_path}/g", content="", mode="u=rwx,g=,o=")
    assert mode(tmp_path / "g") == "700"


def test_copy_and_directories(local_agent: Agent, tmp_path: Path) -> None:
    named = {"base_name": "name", "content": "x"}
    assert one(local_agent, "copy", dest=str(tmp_path), **named)["dest"] == f"{tmp_path}/name"
    twice(local_agent, "copy", dest=f"{tmp_path}/new/deep/", **named)
    assert (tmp_path / "new/deep/name").read_text() == "x"
    assert "does not exist" in one(local_agent, "copy", dest=f"{tmp_path}/no/f", content="x")["msg"]
    assert one(local_agent, "copy", dest=str(tmp_path), content="x")["failed"] is True


def test_copy_replaces_a_link_unless_it_follows(local_agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "l").symlink_to("target")
    twice(local_agent, "copy", dest=f"{tmp_path}/l", content="new", follow=True)
    assert (tmp_path / "target").read_text() == "new"
    assert (tmp_path / "l").is_symlink()
    twice(local_agent, "copy", dest=f"{tmp_path}/l", content="new")
    assert not (tmp_path / "l").is_symlink()


def test_copy_without_force_leaves_what_is_there(local_agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    assert one(local_agent, "copy", dest=f"{tmp_path}/f", content="new", force=False)["changed"] is False
    assert (tmp_path / "f").read_text() == "old"
    assert one(local_agent, "copy", dest=f"{tmp_path}/g", content="new", force=False)["changed"] is True


def test_a_validation_that_fails_keeps_the_old_file(local_agent: Agent, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    bad = one(local_agent, "copy", dest=str(path), content="new", validate="grep old %s")
    assert bad["failed"] is True
    assert bad["exit_status"] == 1
    assert path.read_text() == "old"
    assert "%s" in one(local_agent, "copy", dest=str(path), content="new", validate="true")["msg"]
    assert one(local_agent, "copy", dest=str(path), content="new", validate="grep new %s")["changed"] is True
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written_fails_clearly(local_agent: Agent, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir(0o500)
    result = one(local_agent, "copy", dest=f"{folder}/f", content="x")
    assert result["failed"] is True
    assert "Permission denied" in result["msg"]


def test_remote_src(local_agent: Agent, tmp_path: Path) -> None:
    source = tmp_path / "s"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "f").write_bytes(b"\xff\0")
    (source / "sub" / "f").chmod(0o751)
    twice(local_agent, "copy", remote_src=True, src=f"{source}/", dest=f"{tmp_path}/t", mode="preserve")
    assert (tmp_path / "t/sub/f").read_bytes() == b"\xff\0"
    assert mode(tmp_path / "t/sub/f") == "751"
    twice(local_agent, "copy", remote_src=True, src=f"{source}/sub/f", dest=f"{tmp_path}/t/")
    assert (tmp_path / "t/f").exists()
    assert "not found" in one(local_agent, "copy", remote_src=True, src=f"{tmp_path}/no", dest=str(tmp_path))["msg"]


# -- command and shell ------------------------------------------------------------------------------------------------


def test_command_is_no_shell(local_agent: Agent, tmp_path: Path) -> None:
    result = one(local_agent, "command", _raw_params="echo 'a  b' ; echo $(id) | cat", chdir=str(tmp_path))
    assert result["cmd"] == ["echo", "a  b", ";", "echo", "$(id)", "|", "cat"]
    assert result["stdout"] == "a  b ; echo $(id) | cat"
    assert (result["rc"], result["changed"], result["stderr"]) == (0, True, "")
    for key in ("start", "end", "delta", "stdout_lines", "stderr_lines"):
        assert key in result


def test_command_expands_variables_and_home_unless_told_not_to(local_agent: Agent) -> None:
    line = "echo $HOME ~ $NOT_SET_AT_ALL"
    assert (
        one(local_agent, "command", _raw_params=line)["stdout"] == f"{os.environ['HOME']} {Path.home()} $NOT_SET_AT_ALL"
    )
    assert one(local_agent, "command", _raw_params=line, expand_argument_vars=False)["stdout"] == line[5:]


def test_command_failures(local_agent: Agent, tmp_path: Path) -> None:
    path = {"PATH": "/usr/bin:/bin"}  # on another PATH there may be folders that we may not even look into
    missing = local_agent.call("command", [{"_raw_params": "no-such-program --x"}], environment=path)[0]
    assert (missing["failed"], missing["rc"]) == (True, 2)
    assert "No such file" in missing["msg"]
    failed = one(local_agent, "shell", _raw_params="echo out; echo err >&2; exit 3")
    assert (failed["failed"], failed["rc"], failed["stdout"], failed["stderr"]) == (True, 3, "out", "err")
    assert failed["msg"] == "non-zero return code"
    assert one(local_agent, "command")["rc"] == 256
    assert "change directory" in one(local_agent, "command", _raw_params="true", chdir=f"{tmp_path}/no")["msg"]
    assert one(local_agent, "command", _raw_params="echo 'open")["failed"] is True
    assert one(local_agent, "shell", _raw_params="kill -9 $$")["rc"] == -9


def test_creates_and_removes(local_agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    kept = one(local_agent, "command", _raw_params="false", creates="th*", chdir=str(tmp_path))
    assert (kept["changed"], kept["rc"], kept.get("skipped")) == (False, 0, None)
    assert kept["stdout"].startswith("skipped, since")
    assert one(local_agent, "command", _raw_params="false", removes=f"{tmp_path}/no")["changed"] is False
    assert one(local_agent, "command", check=True, _raw_params="false") == {
        **one(local_agent, "command", check=True, _raw_params="false"),
        "skipped": True,
        "changed": False,
    }
    foretold = one(local_agent, "command", check=True, _raw_params="false", creates=f"{tmp_path}/no")
    assert (foretold["changed"], foretold.get("skipped")) == (True, None)


def test_shell_options(local_agent: Agent) -> None:
    assert one(local_agent, "shell", _raw_params="echo $((1+1)) | cat")["stdout"] == "2"
    assert one(local_agent, "shell", _raw_params="echo $0", executable="/bin/bash")["stdout"] == "/bin/bash"
    assert one(local_agent, "shell", _raw_params="cat; echo", stdin="in")["stdout"] == "in"
    assert one(local_agent, "command", argv=["cat"], stdin="in", strip_empty_ends=False)["stdout"] == "in\n"
    env = local_agent.call("shell", [{"_raw_params": "echo $A"}], environment={"A": "b"})
    assert env[0]["stdout"] == "b"
    assert one(local_agent, "shell", _raw_params="printf '\\377x'")["stdout"] == "\ufffdx"


# -- stat, slurp, lineinfile, tempfile --------------------------------------------------------------------------------


def test_stat(local_agent: Agent, tmp_path: Path) -> None:
    assert one(local_agent, "stat", path=f"{tmp_path}/no") == {"changed": False, "stat": {"exists": False}}
    (tmp_path / "f").write_text("abc")
    (tmp_path / "l").symlink_to("f")
    found = one(local_agent, "stat", path=f"{tmp_path}/f")["stat"]
    assert found["checksum"] == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert (found["isreg"], found["isdir"], found["islnk"], found["size"]) == (True, False, False, 3)
    link = one(local_agent, "stat", path=f"{tmp_path}/l")["stat"]
    assert (link["islnk"], link["lnk_target"], link["lnk_source"]) == (True, "f", f"{tmp_path}/f")
    assert one(local_agent, "stat", path=f"{tmp_path}/l", follow=True)["stat"]["isreg"] is True
    assert "checksum" not in one(local_agent, "stat", path=f"{tmp_path}/f", get_checksum=False)["stat"]
    md5 = one(local_agent, "stat", path=f"{tmp_path}/f", checksum_algorithm="md5")["stat"]
    assert md5["checksum"] == "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize(
    ("args", "after"),
    [
        ({"line": "three"}, "one\ntwo\nthree\n"),
        ({"line": "zero", "insertbefore": "BOF"}, "zero\none\ntwo\n"),
        ({"line": "half", "insertafter": "^one"}, "one\nhalf\ntwo\n"),
        ({"line": "half", "insertbefore": "two"}, "one\nhalf\ntwo\n"),
        ({"line": "TWO", "regexp": "^two"}, "one\nTWO\n"),
        ({"line": r"\1\1", "regexp": "^(tw)o", "backrefs": True}, "one\ntwtw\n"),
        ({"line": "ONE", "search_string": "ne"}, "ONE\ntwo\n"),
        ({"regexp": "^o", "state": "absent"}, "two\n"),
        ({"line": "two", "state": "absent"}, "one\n"),
    ],
)
def test_lineinfile(local_agent: Agent, tmp_path: Path, args: dict[str, Any], after: str) -> None:
    path = tmp_path / "f"
    path.write_text("one\ntwo")
    assert one(local_agent, "lineinfile", path=str(path), **args)["changed"] is True
    assert path.read_text().rstrip("\n") == after.rstrip("\n")
    if not args.get("backrefs"):
        again = one(local_agent, "lineinfile", path=str(path), **args)
        assert (
            again["changed"] is (args.get("regexp") == "^two" or "search_string" in args) or again["changed"] is False
        )
    assert list(tmp_path.iterdir()) == [path]


def test_tempfile(local_agent: Agent, tmp_path: Path) -> None:
    made = one(local_agent, "tempfile", path=str(tmp_path), state="directory", suffix=".x")
    assert Path(made["path"]).is_dir()
    assert made["path"].endswith(".x")
    assert one(local_agent, "tempfile", check=True, path=str(tmp_path))["skipped"] is True


# -- wait_for and uri -------------------------------------------------------------------------------------------------


def test_wait_for_a_path_a_port_and_their_end(local_agent: Agent, tmp_path: Path) -> None:
    path = tmp_path / "log"
    maker = threading.Timer(0.3, lambda: path.write_text("starting\nready on port 42\n"))
    maker.start()
    found = one(local_agent, "wait_for", path=str(path), search_regex=r"ready on port (?P<port>\d+)", timeout=60)
    assert found["match_groupdict"] == {"port": "42"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert one(local_agent, "wait_for", port=port, timeout=60)["state"] == "started"
        late = one(local_agent, "wait_for", port=port, state="stopped", timeout=1)
        assert late["failed"] is True
        assert f"127.0.0.1:{port}" in late["msg"]
    assert not one(local_agent, "wait_for", port=port, state="stopped", timeout=60).get("failed")
    assert not one(local_agent, "wait_for", port=port, state="drained", timeout=60).get("failed")
    own = one(local_agent, "wait_for", path=f"{tmp_path}/no", timeout=1, msg="it never came")
    assert (own["failed"], own["msg"], own["elapsed"]) == (True, "it never came", 1)
    assert not one(local_agent, "wait_for", path=f"{tmp_path}/no", state="absent", timeout=5).get("failed")


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/json")
            self.end_headers()
            return
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Content-Type", "text/plain" if self.path == "/text" else "application/json")
        self.end_headers()
        seen = {"method": self.command, "body": body.decode(), "type": self.headers["Content-Type"]}
        self.wfile.write(
            json.dumps({**seen, "x": self.headers["X-Test"], "auth": self.headers["Authorization"]}).encode()
        )

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_uri(local_agent: Agent, web: str, tmp_path: Path) -> None:
    got = one(local_agent, "uri", url=f"{web}/json", headers={"X-Test": "a b"})
    assert (got["status"], got["json"]["x"], got["changed"], "content" in got) == (200, "a b", False, False)
    assert one(local_agent, "uri", url=f"{web}/text", return_content=True)["content"].startswith("{")
    assert "json" not in one(local_agent, "uri", url=f"{web}/text")
    posted = one(local_agent, "uri", url=f"{web}/j", method="POST", body={"a": [1]}, body_format="json")
    assert (posted["json"]["body"], posted["json"]["type"]) == ('{"a": [1]}', "application/json")
    form = one(local_agent, "uri", url=f"{web}/j", method="POST", body={"a": "b c"}, body_format="form-urlencoded")
    assert form["json"]["body"] == "a=b+c"
    missing = one(local_agent, "uri", url=f"{web}/404")
    assert (missing["failed"], missing["status"]) == (True, 404)
    assert not one(local_agent, "uri", url=f"{web}/404", status_code=[200, 404]).get("failed")
    moved = one(local_agent, "uri", url=f"{web}/moved")
    assert (moved["redirected"], moved["url"]) == (True, f"{web}/json")
    assert one(local_agent, "uri", url=f"{web}/moved", follow_redirects="none", status_code=302)["status"] == 302
    auth = one(local_agent, "uri", url=f"{web}/a", url_username="u", url_password="p", force_basic_auth=True)
    assert auth["json"]["auth"] == "Basic dTpw"
    saved = one(local_agent, "uri", url=f"{web}/json", dest=f"{tmp_path}/f")
    assert saved["changed"] is True
    assert json.loads((tmp_path / "f").read_text())["method"] == "GET"
    assert one(local_agent, "uri", url=f"{web}/json", dest=f"{tmp_path}/f")["changed"] is False


def test_uri_without_an_answer(local_agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "file:///etc/passwd", "no url"):
        result = one(local_agent, "uri", url=url)
        assert (result["failed"], result["status"]) == (True, -1)
