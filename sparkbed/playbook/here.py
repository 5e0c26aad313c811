"""This machine as a host of a play, and how the inventory says that the others are reached."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sparkbed.inventory.model import Inventory

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names that mean this machine when the inventory has no host of that name."""


def connection_variables(inventory: Inventory, host: str) -> Mapping[str, Any]:
    """The variables that say how `host` is reached, templates rendered: what `remote.Connections` wants.

    `localhost` is this machine, without SSH, when the inventory has no host of that name.
    """
    if host not in inventory.hosts and host in LOCAL:
        return {"ansible_connection": "local", "ansible_host": host, "ansible_python_interpreter": sys.executable}
    return inventory.variables(host) if host in inventory.hosts else {}
