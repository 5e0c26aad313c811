"""One cell from the suite's own values and one level of every factor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sparkbed.documents import Map, plain
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT
from sparkbed.inventory import Inventory
from sparkbed.inventory import load as load_inventory
from sparkbed.kinds import kind
from sparkbed.model import Cell, HostsSpec
from sparkbed.nearest import nearest
from sparkbed.position import Position
from sparkbed.suite import fields
from sparkbed.suite.factors import SECTIONS, Combination
from sparkbed.suite.identity import digest
from sparkbed.suite.overlay import overlay
from sparkbed.suite.settings import resolved

INVENTORIES = ROOT / "inventories"


@dataclass
class Inventories:
    """The inventories that cells name, each read once. `folders` is where relative paths begin."""

    folders: tuple[Path, ...]
    found: dict[str, Inventory] = field(default_factory=dict)

    def resolve(self, name: str, where: Position) -> str:
        """The name under which the inventory is in `found`: that of a file in inventories/, or else its full path.

        Raises:
            DocumentError: when there is no such file, or it is wrong itself.
        """
        path = self._path(name, where).resolve()
        key = path.stem if path.parent == INVENTORIES.resolve() else str(path)
        if key not in self.found:
            self.found[key] = load_inventory(path)
        return key

    def _path(self, name: str, where: Position) -> Path:
        if "/" not in name:
            for suffix in (".yml", ".yaml"):
                if (INVENTORIES / f"{name}{suffix}").is_file():
                    return INVENTORIES / f"{name}{suffix}"
        for folder in self.folders:
            if (folder / Path(name).expanduser()).is_file():
                return folder / Path(name).expanduser()
        known = [file.stem for file in INVENTORIES.glob("*.y*ml")]
        raise DocumentError(
            f"there is no inventory {name!r}", where=where, hint=nearest(name, known, every="inventories/ has")
        )


def build(
    base: Map, combinations: Iterable[Combination], inventories: Inventories, where: Position
) -> tuple[tuple[Cell, ...], dict[str, Map]]:
    """The cells of all combinations, and each one's content with its positions, by id.

    Args:
        base: what every cell has unless a level says otherwise; keys as in SECTIONS.
        where: the place to name when two cells are the same.

    Raises:
        DocumentError: for wrong values, or two cells with the same content.
    """
    cells: dict[str, Cell] = {}
    contents: dict[str, Map] = {}
    for combination in combinations:
        content = base
        for level in combination.values():
            content = overlay(content, level.content)
        cell = _cell(content, combination, inventories)
        if cell.id in cells:
            raise DocumentError(
                f"the cells '{cells[cell.id].label}' and '{cell.label}' are the same",
                where=where,
                hint="Change or exclude one. To compare a thing with itself, give one level an 'alias: TEXT'.",
            )
        cells[cell.id] = cell
        contents[cell.id] = content
    return tuple(cells.values()), contents


def _cell(content: Map, combination: Combination, inventories: Inventories) -> Cell:
    label = " ".join(f"{name}={level.text}" for name, level in combination.items())
    hosts = _hosts(content, inventories)
    platform = fields.text(content, "platform") or "standalone"
    settings = resolved(fields.section(content, "settings"), platform, content.where("platform"))
    parameters = fields.section(content, "parameters")
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise DocumentError(f"a parameter's name must be text, not {kind(name)}", where=parameters.where(name))
        fields.expect_plain(value, parameters.where(name), f"parameter {name!r}")
    workload = fields.text(content, "workload")
    if workload is None:
        which = f"the cell '{label}' has" if label else "the suite has"
        raise DocumentError(
            f"{which} no workload",
            where=content.where("workload"),
            hint="Write 'workload: NAME'; './inv list' has all.",
        )
    identity = {
        "hosts": {"inventory": hosts.inventory, "count": dict(hosts.count)},
        "platform": platform,
        "settings": settings,
        "workload": workload,
        "parameters": parameters,
    }
    aliases = {name: level.alias for name, level in combination.items() if level.alias is not None}
    return Cell(
        id=digest({**identity, "alias": aliases} if aliases else identity),
        factors={name: level.text for name, level in combination.items()},
        hosts=hosts,
        platform=platform,
        settings=plain(settings),
        workload=workload,
        parameters=plain(parameters),
    )


def _hosts(content: Map, inventories: Inventories) -> HostsSpec:
    name = fields.text(content, "inventory") or "local"
    key = inventories.resolve(name, content.where("inventory"))
    count = fields.section(content, "count")
    for group in count:
        number = fields.whole(count, group, 0, least=1)
        try:
            inventories.found[key].first({group: number})
        except UsageError as error:
            hint = (
                f"{error.where}: {error.hint}" if error.where and not isinstance(error.where, Position) else error.hint
            )
            raise DocumentError(f"inventory {name!r}: {error.what}", where=count.where(group), hint=hint) from None
    return HostsSpec(key, plain(count))


def base_of(document: Map) -> Map:
    """What every cell has unless a level says otherwise."""
    base = Map(document.position)
    for key in SECTIONS:
        if key in document:
            fields.put(base, key, document[key], document.where(key))
    for key in ("count", "settings", "parameters"):
        fields.section(base, key)
    return base


def matching(cells: tuple[Cell, ...], pattern: str) -> tuple[Cell, ...]:
    """The cells that `--only` names: globs, all of which must match when several stand between commas.

    A glob is held against the label, the id, the workload, each level, and each `factor=level`.

    Raises:
        UsageError: when it names none.
    """
    from fnmatch import fnmatchcase

    def words(cell: Cell) -> list[str]:
        pairs: Mapping[str, str] = cell.factors
        return [cell.label, cell.id, cell.workload, *pairs.values(), *(f"{key}={pairs[key]}" for key in pairs)]

    globs = [part.strip() for part in pattern.split(",") if part.strip()]
    chosen = tuple(cell for cell in cells if all(any(fnmatchcase(w, glob) for w in words(cell)) for glob in globs))
    if not chosen or not globs:
        labels = "; ".join(cell.label for cell in cells[:8]) + ("; ..." if len(cells) > 8 else "")
        raise UsageError(f"--only {pattern!r} names no cell", hint=f"The cells are: {labels}.")
    return chosen
