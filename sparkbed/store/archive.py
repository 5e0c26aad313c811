"""A whole campaign in one file: written from the store, and read into another one after everything has been checked.

A zip file: `manifest.json` (format, version, and size and SHA-256 of every other member), `campaign.json` (rows: the
campaign, its cells, trials and samples), documents, series and task tables as `arrays.py` packs them, artifacts.
The same campaign gives the same bytes. A reader trusts nothing in it: names of members are never used as paths, every
member and array is measured before it is unpacked, and every value has to be of its type.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from sparkbed import __version__
from sparkbed.errors import StoreError, UsageError
from sparkbed.model import Campaign, Cell, HostsSpec, Sample, Series, TaskTable, Trial
from sparkbed.store.arrays import pack_series, pack_tasks, unpack_series, unpack_tasks
from sparkbed.store.records import to_json
from sparkbed.store.store import Store

FORMAT = "sparkbed-campaign"
VERSION = 1
"""Raised when an older sparkbed could not read what is written; every older version stays readable."""

MEMBERS = 500_000
"""Members that an archive may have: 10,000 trials take some 60,000."""
SLACK, RATIO = 1 << 20, 100
"""A member may unpack to SLACK bytes and RATIO times its packed size; where that is too little ours is not packed."""
ARRAYS = 1 << 28
"""Bytes that the arrays of one series or task table may unpack to."""
ALL_ARRAYS = 1 << 33
"""Bytes that all arrays may unpack to."""

_NAME = re.compile(r"manifest\.json|campaign\.json|(?:documents|series|tasks|artifacts)/[0-9]{1,9}")
_ID = re.compile(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,199}")
_EPOCH = (1980, 1, 1, 0, 0, 0)

_CAMPAIGN = {
    "id": str,
    "suite": str,
    "status": str,
    "started": str,
    "fingerprint": str,
    "git_revision": str,
    "plan": dict,
    "finished": (str, type(None)),
    "facts": dict,
}
_CELL = {
    "id": str,
    "factors": dict,
    "hosts": dict,
    "platform": str,
    "settings": dict,
    "workload": str,
    "parameters": dict,
}
_TRIAL = {
    "id": str,
    "cell": str,
    "number": int,
    "block": int,
    "position": int,
    "status": str,
    "started": str,
    "finished": str,
    "error": (str, type(None)),
    "facts": dict,
}
_OF_TRIAL = {"samples": list, "series": list, "tasks": (str, type(None)), "artifacts": dict}
_SAMPLE = {
    "metric": str,
    "value": (int, float, type(None)),
    "unit": str,
    "iteration": (int, type(None)),
    "kept": bool,
}
_SERIES = {"host": str, "source": str, "member": str}

# -- writing -----------------------------------------------------------------------------------------------------------


def write_archive(store: Store, campaign_id: str, target: Path) -> list[str]:
    """Write the campaign to `target`; what could not be put in (artifacts whose file is gone), in words."""
    campaign = store.campaign(campaign_id)
    left_out: list[str] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        out = _Writer(file)
        samples = store.samples(campaign.id)
        trials = [
            {
                **{name: getattr(trial, name) for name in _TRIAL},
                "samples": [_sample_row(sample) for sample in samples.get(trial.id, ())],
                "series": [
                    {"host": one.host, "source": one.source, "member": out.add("series", pack_series(one))}
                    for one in store.series(trial.id)
                ],
                "tasks": _tasks_member(out, store.tasks(trial.id)),
                "artifacts": _artifact_members(out, store, trial.id, left_out),
            }
            for trial in store.trials(campaign.id)
        ]
        rows = {
            "campaign": {name: getattr(campaign, name) for name in _CAMPAIGN},
            "cells": [_cell_row(cell) for cell in campaign.cells],
            "trials": trials,
            "documents": {
                name: out.add("documents", text.encode("utf-8")) for name, text in store.documents(campaign.id).items()
            },
            "left_out": left_out,
        }
        out.put("campaign.json", to_json(rows).encode("utf-8"))
        manifest = {"format": FORMAT, "version": VERSION, "sparkbed": __version__, "members": out.members}
        out.put("manifest.json", to_json(manifest).encode("utf-8"))
    return left_out


class _Writer:
    """Members with their digests; `members` is what the manifest says of them."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, kind: str, data: bytes) -> str:
        """The new member's name."""
        name = f"{kind}/{len(self.members)}"
        self.put(name, data)
        return name

    def put(self, name: str, data: bytes) -> None:
        info = zipfile.ZipInfo(name, _EPOCH)
        info.external_attr = 0o644 << 16
        dense = len(data) > SLACK and len(data) > SLACK + RATIO * len(zlib.compress(data, 1)) // 2
        info.compress_type = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
        self._file.writestr(info, data)
        self.members[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _cell_row(cell: Cell) -> dict[str, Any]:
    row = {name: getattr(cell, name) for name in _CELL}
    return {**row, "hosts": {"inventory": cell.hosts.inventory, "count": dict(cell.hosts.count)}}


def _sample_row(sample: Sample) -> dict[str, Any]:
    row = {name: getattr(sample, name) for name in _SAMPLE}
    # JSON has no form for the infinite either; a store keeps both, and NaN as NULL.
    return {**row, "value": sample.value if math.isfinite(sample.value) else None}


def _tasks_member(out: _Writer, table: TaskTable | None) -> str | None:
    return None if table is None else out.add("tasks", pack_tasks(table))


def _artifact_members(out: _Writer, store: Store, trial: str, left_out: list[str]) -> dict[str, str]:
    members = {}
    for name in store.artifacts(trial):
        try:
            members[name] = out.add("artifacts", store.artifact(trial, name))
        except StoreError as error:
            left_out.append(error.what)
    return members


# -- reading -----------------------------------------------------------------------------------------------------------


def read_archive(path: Path, store: Store, folder: Path) -> str:
    """Put the archive's campaign into `store`, its artifacts into files in `folder`; the campaign's id.

    Raises:
        UsageError: when there is no such file.
        StoreError: when it is no archive of ours, is damaged, is of a newer version, or tries what none would.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="./inv export --archive FILE makes one of a campaign.")
    try:
        with zipfile.ZipFile(path) as file:
            return _Reader(file, path).into(store, folder)
    except _RefusedError as error:
        raise StoreError(
            f"the archive is refused: {error}", where=str(path), hint="Get it again from whoever made it."
        ) from None
    except zipfile.BadZipFile as error:
        raise StoreError(
            f"it is no archive of a campaign, or it is damaged: {error}",
            where=str(path),
            hint="./inv export --archive FILE makes one.",
        ) from None
    except OSError as error:
        raise StoreError(f"it can't be read: {error.strerror or error}", where=str(path)) from None


class _RefusedError(Exception):
    """What is wrong with the archive, in words."""


class _Reader:
    """One archive: nothing is unpacked before its size is in bounds, nor used before its digest is right."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._file = file
        self._infos = self._checked(file.infolist(), path.stat().st_size)
        manifest = self._document("manifest.json")
        self._members = self._of_manifest(manifest)
        self._arrays = 0
        self._used = {"manifest.json", "campaign.json"}

    def _checked(self, infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
        if len(infos) > MEMBERS:
            raise _RefusedError(f"it has {len(infos):,} members")
        found = {info.filename: info for info in infos}
        if len(found) != len(infos):
            raise _RefusedError("two of its members have the same name")
        for info in infos:
            if not _NAME.fullmatch(info.filename):
                raise _RefusedError(f"a member is called {info.filename[:80]!r}")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
                raise _RefusedError(f"{info.filename} is packed or encrypted in another way than ours")
            if info.file_size > SLACK + RATIO * info.compress_size:
                raise _RefusedError(f"{info.filename} would unpack to {info.file_size:,} bytes")
        if sum(info.compress_size for info in infos) > size:
            raise _RefusedError("its members lie over each other")
        return found

    def _of_manifest(self, manifest: Any) -> dict[str, dict[str, Any]]:
        head = _typed(manifest, {"format": str, "version": int, "members": dict}, "manifest.json", extra=True)
        if head["format"] != FORMAT:
            raise _RefusedError(f"its format is {head['format'][:80]!r}")
        if not 1 <= head["version"] <= VERSION:
            raise _RefusedError(
                f"it was written by a newer sparkbed (version {head['version']}; this one knows up to {VERSION})"
            )
        if set(head["members"]) != set(self._infos) - {"manifest.json"}:
            raise _RefusedError("its members are not those of its manifest")
        return {
            name: _typed(one, {"size": int, "sha256": str}, f"manifest.json: {name}")
            for name, one in head["members"].items()
        }

    def into(self, store: Store, folder: Path) -> str:
        rows = _typed(
            json_of(self._bytes("campaign.json"), "campaign.json"),
            {"campaign": dict, "cells": list, "trials": list, "documents": dict, "left_out": list},
            "campaign.json",
        )
        campaign = self._campaign(rows)
        store.add_campaign(campaign)
        for name, member in rows["documents"].items():
            try:
                store.add_document(campaign.id, name, self._use(member, "documents").decode("utf-8"))
            except UnicodeDecodeError:
                raise _RefusedError(f"document {name[:80]!r} is not UTF-8") from None
        for number, row in enumerate(rows["trials"], 1):
            self._trial(store, campaign.id, row, f"trial {number}", folder)
        unused = set(self._infos) - self._used
        if unused:
            raise _RefusedError(f"{len(unused)} of its members belong to nothing")
        return campaign.id

    def _campaign(self, rows: Mapping[str, Any]) -> Campaign:
        row = _typed(rows["campaign"], _CAMPAIGN, "campaign")
        if not _ID.fullmatch(row["id"]):
            raise _RefusedError("its campaign has an id that none of ours could have")
        if row["status"] not in ("interrupted", "complete", "incomplete"):
            raise _RefusedError(f"its campaign's status is {row['status'][:80]!r}")
        cells = [self._cell(one, f"cell {number}") for number, one in enumerate(rows["cells"], 1)]
        return Campaign(**row, cells=tuple(cells))

    def _cell(self, given: Any, where: str) -> Cell:
        row = _typed(given, _CELL, where)
        hosts = _typed(row["hosts"], {"inventory": str, "count": dict}, f"{where}: hosts")
        return Cell(**{**row, "hosts": HostsSpec(**hosts)})

    def _trial(self, store: Store, campaign: str, given: Any, where: str, folder: Path) -> None:
        row = _typed(given, {**_TRIAL, **_OF_TRIAL}, where)
        if row["status"] not in ("ok", "failed"):
            raise _RefusedError(f"{where}: its status is {row['status'][:80]!r}")
        samples = [_sample(one, f"{where}: sample {number}") for number, one in enumerate(row["samples"], 1)]
        series = [self._series(one, f"{where}: series {number}") for number, one in enumerate(row["series"], 1)]
        tasks = None if row["tasks"] is None else self._tasks(row["tasks"], where)
        artifacts = {name: self._artifact(member, folder) for name, member in row["artifacts"].items()}
        trial = Trial(campaign=campaign, **{name: row[name] for name in _TRIAL})
        try:
            store.add_trial(trial, samples, series, tasks, artifacts)
        except StoreError as error:
            raise _RefusedError(f"{where}: {error.what}") from None

    def _series(self, given: Any, where: str) -> Series:
        row = _typed(given, _SERIES, where)
        data = self._npz(self._use(row["member"], "series"), where)
        try:
            found = unpack_series(row["host"], row["source"], data)
            good = all(
                c.dtype == float and c.shape == found.times.shape for c in (found.times, *found.columns.values())
            )
        except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise _RefusedError(f"{where} can't be read: {error}") from None
        if not good or found.times.ndim != 1:
            raise _RefusedError(f"{where}: its columns are no numbers, or not as long as its times")
        return found

    def _tasks(self, member: str, where: str) -> TaskTable:
        data = self._npz(self._use(member, "tasks"), f"{where}: tasks")
        try:
            found = unpack_tasks(data)
            shapes = {column.shape for column in found.columns.values()}
        except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise _RefusedError(f"{where}: its task table can't be read: {error}") from None
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            raise _RefusedError(f"{where}: the columns of its task table differ in length")
        return found

    def _npz(self, data: bytes, where: str) -> bytes:
        """The data, once what its arrays would unpack to is known to be in bounds."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as arrays:
                infos = arrays.infolist()
                total = sum(info.file_size for info in infos)
                if total > ARRAYS or len(infos) > 10_000:
                    raise _RefusedError(f"{where} would unpack to {total:,} bytes")
                for info in infos:
                    with arrays.open(info) as file:
                        _check_array(file, info.file_size, where)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise _RefusedError(f"{where} can't be read: {error}") from None
        self._arrays += total
        if self._arrays > ALL_ARRAYS:
            raise _RefusedError("its arrays would unpack to more than 8 GiB")
        return data

    def _artifact(self, member: str, folder: Path) -> Path:
        """A file with the artifact; its name is ours."""
        number = len(self._used)
        target = folder / f"artifact-{number}"
        target.write_bytes(self._use(member, "artifacts"))
        return target

    def _use(self, member: Any, kind: str) -> bytes:
        """A member's content, which may be used once and only for what it is."""
        if not isinstance(member, str) or not member.startswith(f"{kind}/") or member not in self._infos:
            raise _RefusedError(f"{str(member)[:80]!r} is none of its {kind}")
        if member in self._used:
            raise _RefusedError(f"{member} belongs to two things")
        self._used.add(member)
        return self._bytes(member)

    def _bytes(self, name: str) -> bytes:
        data = self._raw(name)
        said = self._members[name]
        if len(data) != said["size"] or hashlib.sha256(data).hexdigest() != said["sha256"]:
            raise _RefusedError(f"{name} is not what the manifest says: it was changed or damaged")
        return data

    def _document(self, name: str) -> Any:
        if name not in self._infos:
            raise _RefusedError(f"it has no {name}")
        return json_of(self._raw(name), name)

    def _raw(self, name: str) -> bytes:
        if name not in self._infos:
            raise _RefusedError(f"it has no {name}")
        try:
            return self._file.read(self._infos[name])
        except (zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise _RefusedError(f"{name} can't be unpacked: {error}") from None


def json_of(data: bytes, where: str) -> Any:
    """The document, whose numbers are all finite and whose keys stand once."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _RefusedError(f"{where}: a key stands twice")
        return found

    def no_number(text: str) -> Any:
        raise _RefusedError(f"{where}: {text} is no number")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(f"{where} is not JSON: {str(error)[:80]}") from None


def _typed(value: Any, fields: Mapping[str, Any], where: str, extra: bool = False) -> dict[str, Any]:
    """The mapping, whose keys are exactly `fields` (or, with `extra`, at least) and whose values are of their types."""
    if not isinstance(value, dict) or not set(fields) <= set(value) or (not extra and set(value) != set(fields)):
        raise _RefusedError(f"{where} has not the keys {', '.join(fields)}")
    for name, kind in fields.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        one = value[name]
        if type(one) not in kinds:
            raise _RefusedError(f"{where}: {name} is a {type(one).__name__}")
        if type(one) is int and abs(one) >= 2**63:
            raise _RefusedError(f"{where}: {name} is a number beyond all bounds")
    return value


def _sample(given: Any, where: str) -> Sample:
    row = _typed(given, _SAMPLE, where)
    return Sample(**{**row, "value": math.nan if row["value"] is None else float(row["value"])})


def _check_array(file: IO[bytes], size: int, where: str) -> None:
    """That an array's header says what its member holds: NumPy makes room for what it says before it reads on."""
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, _, dtype = read(file)
    except (ValueError, KeyError, OSError) as error:
        raise _RefusedError(f"{where}: an array can't be read: {error}") from None
    if dtype.hasobject or math.prod(shape) * dtype.itemsize > size:
        raise _RefusedError(f"{where}: an array is larger than what holds it, or holds objects")
