"""Provider `static`: hosts that exist already. It only says how they are reached; no cloud library is imported."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.inventory import Inventory, logins
from sparkbed.model import Deployment, Machine
from sparkbed.provision.base import HostStatus, Say, check_name
from sparkbed.provision.generated import write_inventory


class StaticProvider:
    """Hosts from `ansible_host`, `ansible_port`, `ansible_user` and `ansible_ssh_private_key_file`."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def provision(self, inventory: Inventory, deployment: str, say: Say = print, by: str | None = None) -> Deployment:  # noqa: ARG002 - the contract's; nothing is made
        """The hosts as the inventory names them. Nobody connects to them here."""
        check_name(deployment)
        machines = tuple(_machine(inventory, host) for host in logins(inventory))
        path = self._home.inventories / f"{deployment}.yml"
        write_inventory(inventory, machines, path)
        say(f"{len(machines)} hosts that exist already")
        return Deployment(deployment, path, machines)

    def dry_run(self, inventory: Inventory, deployment: str, say: Say = print) -> None:
        """There is nothing to ask for."""
        check_name(deployment)
        say(f"{len(logins(inventory))} hosts that exist already: no call would be made")

    def teardown(self, deployment: str, say: Say = print) -> list[str]:  # noqa: ARG002 - nothing ends
        """Removes the generated inventory; the hosts are not ours to end."""
        check_name(deployment)
        (self._home.inventories / f"{deployment}.yml").unlink(missing_ok=True)
        return []

    def status(self) -> list[HostStatus]:
        """Nothing: what these hosts do is not ours to know."""
        return []


def _machine(inventory: Inventory, host: str) -> Machine:
    variables = inventory.variables(host)
    key = variables.get("ansible_ssh_private_key_file") or variables.get("ansible_private_key_file")
    known = variables.get("sparkbed_known_hosts", "~/.ssh/known_hosts")
    return Machine(
        name=host,
        address=str(variables.get("ansible_host", host)),
        port=_port(inventory, host, variables.get("ansible_port", 22)),
        user=str(variables.get("ansible_user") or getpass.getuser()),
        private_key=_path(inventory, key) if key else _default_key(),
        known_hosts=_path(inventory, known),
        adopted=True,
    )


def _path(inventory: Inventory, text: Any) -> Path:
    """A path as the inventory gives it: `~` is expanded, a relative one starts at the inventory's folder."""
    path = Path(str(text)).expanduser()
    return path if path.is_absolute() else inventory.path.absolute().parent / path


def _default_key() -> Path:
    """The key that OpenSSH would take first."""
    folder = Path("~/.ssh").expanduser()
    names = ("id_ed25519", "id_ecdsa", "id_rsa")
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _port(inventory: Inventory, host: str, value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or not 0 < int(value) < 65536:
        raise UsageError(
            f"ansible_port of {host} can't be {value!r}",
            where=inventory.position_of(host, "ansible_port"),
            hint="It is a number from 1 to 65535.",
        )
    return int(value)
