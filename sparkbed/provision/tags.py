"""The tags that say what is ours: given at creation, and all that teardown needs."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from sparkbed.home import Home

HOME = "sparkbed:home"
"""Which state folder made it (`home_id`)."""
DEPLOYMENT = "sparkbed:deployment"
HOST = "sparkbed:host"
"""The host's name in the inventory. Instances of one launch get theirs right after it."""
BY = "sparkbed:by"
"""Who asked for it: a user, or a campaign."""
LAUNCH = "sparkbed:launch"
"""The request that made it: the same token as its ClientToken."""
SPEC = "sparkbed:spec"
"""A digest of how it was to be made; an instance without a host's name goes to a host of the same spec."""
HOST_KEY = "sparkbed:host-key"
"""Its public host key, so that known_hosts can be written without local state."""
EXPIRES = "sparkbed:expires"
"""The moment after which it may be ended (ISO 8601, UTC)."""
PRICE = "sparkbed:price"
"""US dollars an hour that it was expected to cost when it was launched."""
IMAGE = "sparkbed:image"
"""The SSM parameter that named its image, where one did; the image's id is the instance's own."""
PORT = "sparkbed:port"
"""Its SSH port: of hosts on the local endpoint, which alone says so."""
USER = "sparkbed:user"
"""Who logs in: of hosts on the local endpoint."""
CPUS = "sparkbed:cpus"
"""How many cores it may use: of hosts on the local endpoint."""
MEMORY = "sparkbed:memory"
"""How many bytes of memory it may use: of hosts on the local endpoint."""
SHARES = "sparkbed:shares"
"""`true` where Spark, Java and Python of this machine are at their own paths: of hosts on the local endpoint."""


def home_id(home: Home) -> str:
    """Twelve hex digits that tell this state folder on this machine from all others."""
    machine = Path("/etc/machine-id")
    name = machine.read_text(encoding="utf-8").strip() if machine.is_file() else platform.node()
    return hashlib.sha256(f"{name}:{home.path.resolve()}".encode()).hexdigest()[:12]
