"""Where roles, and files that tasks include, are looked for: the places that ansible-core looks at, in its order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sparkbed.playbook.plays import Place


def tasks_file(name: str, kind: str, place: Place, playbook: Path, *, dynamic: bool) -> Path:
    """The file of tasks or handlers (`kind`) that an include (`dynamic`) or an import names; need not be there.

    `playbook` is the folder of the playbook's file.
    """
    wanted = Path(name).expanduser()
    if wanted.is_absolute():
        return _normal(wanted)
    role = place.role.path if place.role else None
    last = None
    for folder in _cumulated(place.within):
        for last in _candidates(name, kind, role, playbook, folder, dynamic):
            if last.exists():
                return last
    plain = _beside(role, kind, name, playbook, role=True) if role else iter([_normal(playbook / name)])
    candidates = list(plain)
    return next((path for path in candidates if path.exists()), candidates[0])


def _candidates(name: str, kind: str, role: Path | None, playbook: Path, folder: str, dynamic: bool) -> Iterator[Path]:
    if role is None:
        yield from _beside(playbook, folder, name, playbook)
        return
    if dynamic:
        yield from _beside(role, kind, name, playbook, role=True)
    yield from _beside(role / kind / folder, kind, name, playbook, role=dynamic)


def _beside(base: Path, kind: str, name: str, playbook: Path, *, role: bool = False) -> Iterator[Path]:
    """The places for a file that is looked for from the folder `base`, in or beside its folder `kind`."""
    yield _normal(base / kind / name)
    if role:
        yield _normal(base / "tasks" / name)
    yield _normal(base / name)
    yield _normal(playbook / kind / name)
    yield _normal(playbook / name)


def _cumulated(within: Iterable[str]) -> Iterator[str]:
    """The folder of the include around, then the same within the folder of the one around that, and so on."""
    whole: str | None = None
    for folder in within:
        whole = folder if whole is None or Path(whole).is_absolute() else str(Path(folder) / whole)
        yield whole


def role_folder(name: str, playbook: Path, beside: Path | None) -> tuple[Path | None, list[Path]]:
    """The folder of a role, or None; and where it was looked for. `beside` is the folder of the role that needs it."""
    wanted = Path(name).expanduser()
    places = [playbook / "roles", *([beside] if beside else []), playbook]
    found = [_normal(place / wanted) for place in places]
    return next((folder for folder in found if folder.exists()), None), found


def variables_file(name: str, playbook: Path) -> Path:
    """The file that an entry of vars_files names; need not be there."""
    wanted = Path(name).expanduser()
    inside = playbook / "vars" / wanted
    return inside if wanted.parts[:1] != ("vars",) and inside.is_file() else playbook / wanted


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))
