"""Which inventory a verb means: by name or path, as it is written or as it is deployed."""

from __future__ import annotations

from pathlib import Path

from sparkbed import inventory as inventories
from sparkbed.errors import UsageError
from sparkbed.home import ROOT, Home
from sparkbed.inventory import Inventory
from sparkbed.nearest import nearest


def inventory_file(name_or_path: str) -> Path:
    """The file of an inventory: by its name in inventories/, or by a path.

    Raises:
        UsageError: when there is none, naming near ones.
    """
    folder = ROOT / "inventories"
    for candidate in (folder / f"{name_or_path}.yml", folder / f"{name_or_path}.yaml", Path(name_or_path)):
        if candidate.is_file():
            return candidate
    names = sorted(path.stem for path in folder.glob("*.y*ml"))
    raise UsageError(f"there is no inventory {name_or_path!r}", hint=nearest(name_or_path, names, every="There are"))


def deployed(name: str, home: Home) -> Inventory:
    """The generated inventory of a deployment: its hosts with their addresses and keys.

    Raises:
        UsageError: when it is not provisioned.
    """
    stem = Path(name).stem
    generated = home.inventories / f"{stem}.yml"
    if generated.is_file():
        return inventories.load(generated)
    inventory_file(name)  # a name that nobody knows is told as such
    raise UsageError(f"the hosts of {name} are not up", hint=f"Make them first: ./inv provision {name}")
