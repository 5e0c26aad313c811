"""Archives: what was written is read back, and what nobody honest would have written is refused before it is used."""

from __future__ import annotations

import io
import json
import resource
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "analysis"))
import made_up

from sparkbed.errors import StoreError, UsageError
from sparkbed.store import Store
from sparkbed.store.archive import read_archive, write_archive

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    with made_up.store_with(folder, trials=2) as store:
        made_up.give_artifacts(store, f"{store.campaign().id}-0001", {"driver.log": b"all is well\n" * 300_000})
        write_archive(store, store.campaign().id, folder / "good.zip")
    return folder / "good.zip"


def members_of(path: Path) -> Members:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def written(path: Path, members: Members, honest: bool = True) -> Path:
    """An archive of these members; `honest` ones have a manifest that fits."""
    import hashlib

    if honest:
        manifest = json.loads(members["manifest.json"])
        manifest["members"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
            if name != "manifest.json"
        }
        members = {**members, "manifest.json": json.dumps(manifest).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            packed = None if not data.startswith(b"all is well") else zipfile.ZIP_STORED  # as the writer would
            file.writestr(name, data, packed)
    return path


def read(path: Path, folder: Path) -> Store:
    folder.mkdir(exist_ok=True)
    store = Store(folder / "s.db")
    try:
        read_archive(path, store, folder)
    except BaseException:
        store.close()
        raise
    return store


def rows(change: Callable[[dict[str, Any]], object]) -> Callable[[Members], Members]:
    """A change to campaign.json."""

    def made(members: Members) -> Members:
        document = json.loads(members["campaign.json"])
        change(document)
        return {**members, "campaign.json": json.dumps(document).encode()}

    return made


def first_of(kind: str, data: bytes) -> Callable[[Members], Members]:
    def made(members: Members) -> Members:
        name = next(name for name in members if name.startswith(kind))
        return {**members, name: data}

    return made


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def lying_npz() -> bytes:
    """An array whose header asks for a terabyte."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,), }"
    padded = header + b" " * (63 - (len(header) + 10) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + b"\0" * 64
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("times.npy", "values.npy", "names.npy", "units.npy"):
            file.writestr(name, data)
    return buffer.getvalue()


HOSTILE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "a name that leads elsewhere": (lambda m: {**m, "../../evil": b"x"}, "a member is called"),
    "an absolute name": (lambda m: {**m, "/etc/cron.d/evil": b"x"}, "a member is called"),
    "a bomb": (lambda m: {**m, "artifacts/99": b"\0" * (200 << 20)}, "would unpack to 209,715,200 bytes"),
    "a bomb of arrays": (first_of("series", npz(times=np.zeros(1 << 26))), "would unpack to"),
    "an array that says it is huge": (first_of("series", lying_npz()), "larger than what holds it"),
    "an array of objects": (first_of("series", npz(times=np.array([{}], dtype=object))), "holds objects"),
    "arrays that are none": (first_of("tasks", b"nothing"), "can't be read"),
    "columns of text": (
        first_of("series", npz(times=np.zeros(2), values=np.array([["a", "b"]]), names=["x"], units=["s"])),
        "no numbers",
    ),
    "a member that belongs to nothing": (lambda m: {**m, "artifacts/99": b"x"}, "belong to nothing"),
    "a campaign's id that is a path": (rows(lambda d: d["campaign"].update(id="../../evil")), "an id that none"),
    "an unknown status": (rows(lambda d: d["campaign"].update(status="running")), "status is 'running'"),
    "text where a number belongs": (rows(lambda d: d["trials"][0].update(block="1")), "trial 1: block is a str"),
    "truth where a number belongs": (rows(lambda d: d["trials"][0].update(block=True)), "trial 1: block is a bool"),
    "a number beyond all bounds": (rows(lambda d: d["trials"][0].update(block=2**70)), "beyond all bounds"),
    "a key that is missing": (rows(lambda d: d["trials"][0].pop("started")), "trial 1 has not the keys"),
    "a key too many": (rows(lambda d: d["cells"][0].update(extra=1)), "cell 1 has not the keys"),
    "a list for a mapping": (rows(lambda d: d.update(documents=[])), "documents is a list"),
    "a trial of no cell": (rows(lambda d: d["trials"][0].update(cell="nowhere")), "trial 1: .*has no cell"),
    "the same trial twice": (rows(lambda d: d["trials"].append(dict(d["trials"][0], series=[], tasks=None,
                                                                   artifacts={}))), "already recorded"),
    "one member for two things": (
        rows(lambda d: d["trials"][1].update(series=d["trials"][0]["series"])), "belongs to two things"
    ),
    "an artifact for a document": (
        rows(lambda d: d["documents"].update(x=next(iter(d["trials"][0]["artifacts"].values()), "artifacts/1"))),
        "none of its documents",
    ),
    "JSON without end": (lambda m: {**m, "campaign.json": b"[" * 100_000}, "campaign.json is not JSON"),
    "no number": (lambda m: {**m, "campaign.json": b'{"campaign": NaN}'}, "NaN is no number"),
    "a key that stands twice": (lambda m: {**m, "campaign.json": b'{"a": 1, "a": 2}'}, "a key stands twice"),
    "another format": (lambda m: {**m, "manifest.json": b'{"format": "x", "version": 1, "members": {}}'}, "format"),
    "a newer version": (
        lambda m: {**m, "manifest.json": m["manifest.json"].replace(b'"version": 1', b'"version": 2')}, "newer sparkbed"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_nobody_honest_would_write_is_refused(kind: str, good: Path, tmp_path: Path) -> None:
    change, says = HOSTILE[kind]
    path = written(tmp_path / "bad.zip", change(members_of(good)))
    with pytest.raises(StoreError, match=f"refused: .*{says}"):
        read(path, tmp_path / "in")
    left = {file.relative_to(tmp_path).parts[0] for file in tmp_path.rglob("*")}
    assert left == {"bad.zip", "in"}


def test_a_changed_byte_is_found(good: Path, tmp_path: Path) -> None:
    members = members_of(good)
    name = next(name for name in members if name.startswith("documents"))
    path = written(tmp_path / "bad.zip", {**members, name: members[name] + b"!"}, honest=False)
    with pytest.raises(StoreError, match=f"{name} is not what the manifest says"):
        read(path, tmp_path / "in")


def test_a_name_twice_is_refused(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    shutil.copy(good, path)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("campaign.json", b"{}")
    with pytest.raises(StoreError, match="the same name"):
        read(path, tmp_path / "in")


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_archive_is_refused(good: Path, tmp_path: Path, keep: float) -> None:
    data = good.read_bytes()
    (tmp_path / "bad.zip").write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(StoreError, match="damaged"):
        read(tmp_path / "bad.zip", tmp_path / "in")


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read(tmp_path / "nowhere.zip", tmp_path / "in")


def test_what_was_written_is_read_back(good: Path, tmp_path: Path) -> None:
    with read(good, tmp_path / "in") as store:
        id_ = store.campaign().id
        assert store.artifact(f"{id_}-0001", "driver.log") == b"all is well\n" * 300_000
        assert write_archive(store, id_, tmp_path / "again.zip") == []
    assert (tmp_path / "again.zip").read_bytes() == good.read_bytes()


def test_a_refused_bomb_takes_no_memory(good: Path, tmp_path: Path) -> None:
    """The reader is done within 400 MB of memory though the archive's arrays ask for a terabyte."""
    path = written(tmp_path / "bad.zip", first_of("series", lying_npz())(members_of(good)))
    program = (
        "import sys, pathlib; from sparkbed.store import Store; from sparkbed.store.archive import read_archive\n"
        "folder = pathlib.Path(sys.argv[2]); read_archive(pathlib.Path(sys.argv[1]), Store(folder / 's.db'), folder)"
    )
    (tmp_path / "in").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path), str(tmp_path / "in")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20)),
    )
    assert "larger than what holds it" in ended.stderr


@pytest.mark.parametrize("honest", [True, False], ids=["with a manifest that fits", "as it is"])
def test_damage_of_any_sort_is_refused_in_words_or_harmless(good: Path, tmp_path: Path, honest: bool) -> None:
    """A few bytes changed at random, 40 times: nothing but a StoreError comes of it."""
    generator = np.random.default_rng(7)
    members = members_of(good)
    Store(tmp_path / "empty.db").close()
    names = [name for name in members if name != "manifest.json" and not members[name].startswith(b"all is well")]
    for number in range(40):
        path = tmp_path / "bad.zip"
        if honest:
            name = names[generator.integers(len(names))]
            written(path, {**members, name: damaged(members[name], generator)})
        else:
            path.write_bytes(damaged(good.read_bytes(), generator))
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(tmp_path / "empty.db", folder / "s.db")
        with Store(folder / "s.db") as store, suppress(StoreError):
            read_archive(path, store, folder)


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    """Half of the places lie at either end, where heads and directories are."""
    changed = bytearray(data)
    for _ in range(generator.integers(1, 5)):
        near = int(generator.integers(min(len(data), 600)))
        place = (near, len(data) - 1 - near, int(generator.integers(len(data))))[generator.integers(3)]
        changed[place] = int(generator.integers(256))
    return bytes(changed)
