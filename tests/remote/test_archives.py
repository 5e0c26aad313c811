"""unarchive and script with files that would do harm, are large, or need a tool; a real agent behind."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed.agent import Agent
from sparkbed.playbook.modules import controller
from sparkbed.remote import Connections
from tests.components import program

from .test_controller_modules import Context


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's temporary folder: the machine's own holds what other tests have on their way meanwhile."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def local_agent(temporary: Path) -> Iterator[Agent]:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    with pytest.MonkeyPatch.context() as patch, Connections(lambda host: local) as opened:
        patch.setenv("TMPDIR", str(temporary))
        yield opened.agent("here")


@pytest.fixture
def context(local_agent: Agent, tmp_path: Path) -> Context:
    for name in ("files", "dest"):
        (tmp_path / name).mkdir()
    return Context(local_agent, [tmp_path])


@pytest.fixture(autouse=True)
def _nothing_stays(temporary: Path) -> Iterator[None]:
    yield
    assert list(temporary.glob(".sparkbed-*")) == []


def tar(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def packed(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, target in (links or {}).items():
            link = zipfile.ZipInfo(name)
            link.create_system, link.external_attr = 3, 0o120777 << 16
            archive.writestr(link, target)
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)


@pytest.mark.parametrize("make", [tar, packed])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", ".."])
def test_a_member_that_leads_out_is_refused(context: Context, tmp_path: Path, make: object, name: str) -> None:
    assert callable(make)
    make(tmp_path / "files/x", {"good": b"g", name: b"e"})
    result = controller.run("unarchive", {"src": "x", "dest": f"{tmp_path}/dest"}, context)
    assert result["failed"] is True
    assert "leads out" in result["msg"]
    assert not any((tmp_path / "dest").iterdir())
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("make", [tar, packed])
def test_nothing_is_written_through_links(context: Context, tmp_path: Path, make: object) -> None:
    assert callable(make)
    (tmp_path / "outside").mkdir()
    make(tmp_path / "files/links", {"d/evil": b"e"}, {"d": f"{tmp_path}/outside"})
    controller.run("unarchive", {"src": "links", "dest": f"{tmp_path}/dest"}, context)
    assert not any((tmp_path / "outside").iterdir())
    shutil.rmtree(tmp_path / "dest")
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest/d").symlink_to(tmp_path / "outside")
    make(tmp_path / "files/plain", {"d/evil": b"e"})
    refused = controller.run("unarchive", {"src": "plain", "dest": f"{tmp_path}/dest"}, context)
    assert refused["failed"] is True
    assert not any((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("make", [tar, packed])
def test_absolute_names_stay_inside(context: Context, tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "files/x", {f"{tmp_path}/evil": b"e"})
    assert controller.run("unarchive", {"src": "x", "dest": f"{tmp_path}/dest"}, context)["changed"] is True
    assert not (tmp_path / "evil").exists()
    assert (tmp_path / "dest" / str(tmp_path)[1:] / "evil").read_bytes() == b"e"
    absolute = {"src": "x", "dest": f"{tmp_path}/dest", "extra_opts": ["-P"]}
    assert controller.run("unarchive", absolute, context)["failed"] is True


@pytest.mark.parametrize("make", [tar, packed])
def test_a_large_archive_comes_in_pieces(context: Context, tmp_path: Path, make: object) -> None:
    assert callable(make)
    data = os.urandom(1 << 20)
    make(tmp_path / "files/x", {"strange \n ü name": data})
    args = {"src": "x", "dest": f"{tmp_path}/dest", "list_files": True, "mode": "0600"}
    first = controller.run("unarchive", args, context)
    assert (first["changed"], first["files"]) == (True, ["strange \n ü name"])
    assert (tmp_path / "dest/strange \n ü name").read_bytes() == data
    assert controller.run("unarchive", args, context)["changed"] is False
    trips = context.agent.round_trips
    created = {**args, "creates": f"{tmp_path}/dest"}
    assert controller.run("unarchive", created, context)["skipped"] is True
    assert context.agent.round_trips == trips + 1  # it was not sent


def test_zstd(context: Context, tmp_path: Path) -> None:
    program("zstd", "zstd")
    tar(tmp_path / "x.tgz", {"f": b"data"})
    plain = subprocess.run(["gzip", "-dc", str(tmp_path / "x.tgz")], capture_output=True, check=True).stdout
    zst = subprocess.run(["zstd", "-qc"], input=plain, capture_output=True, check=True).stdout
    (tmp_path / "files/x").write_bytes(zst)
    assert controller.run("unarchive", {"src": "x", "dest": f"{tmp_path}/dest"}, context)["changed"] is True
    assert (tmp_path / "dest/f").read_bytes() == b"data"


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\3\4 broken", b"\x1f\x8b broken"])
def test_what_is_no_archive(context: Context, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "files/x").write_bytes(data)
    result = controller.run("unarchive", {"src": "x", "dest": f"{tmp_path}/dest"}, context)
    assert (result["failed"], "exception" in result) == (True, False), result
    assert not any((tmp_path / "dest").iterdir())


def test_a_large_script_runs_and_goes(context: Context, tmp_path: Path) -> None:
    text = "#!/bin/sh\n" + "# filler\n" * 60_000 + 'echo "$1" "$0"\n'
    (tmp_path / "files/it's.sh").write_text(text)
    result = controller.run("script", {"_raw_params": '"it\'s.sh" \'a  "b"\'   # c'}, context)
    words, _, place = result["stdout"].strip().rpartition(" ")
    assert (result["rc"], words) == (0, 'a  "b"')
    assert place.endswith("it's.sh")
    assert not Path(place).exists()
