"""The tags that say what is ours: given at creation, and all that teardown needs."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from sparkbed.home import Home

HOME = "sparkbed:home"
"""Which state folder made it (`home_id`)."""
DEPLOYMENT = "sparkbed:deployment"
HOST = "sparkbed:host"
"""The host's name in the inventory, where one instance was launched by itself, or was given to a host later."""
HOSTS = "sparkbed:hosts"
"""The names of the hosts of one launch, by launch index, as all of its instances have them (`host_tags`)."""
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
BANDWIDTH = "sparkbed:bandwidth"
"""How many bits a second its link carries each way: of hosts on the local endpoint."""
SHARES = "sparkbed:shares"
"""`true` where Spark, Java and Python of this machine are at their own paths: of hosts on the local endpoint."""


LONGEST = 256
"""Characters of a tag's value, by EC2."""
MOST = 30
"""Tags that hosts' names may take: EC2 has room for 50 on an instance."""


def host_tags(hosts: Sequence[str]) -> dict[str, str]:
    """Tags that name the hosts of one launch, in the order of their launch indices; none where they have no room.

    All instances of a launch are given the same tags as they are made, so that each says by its launch index whose it
    is, and none has to be named by a request of its own.
    """
    pieces = [""]
    for host in hosts:
        word = host.replace("%", "%25").replace(",", "%2C")
        if len(pieces[-1]) + len(word) + 1 > LONGEST:
            pieces.append("")
        pieces[-1] += f"{word},"
    if len(pieces) > MOST or any(len(piece) > LONGEST for piece in pieces):
        return {}
    return {f"{HOSTS}.{number}": piece for number, piece in enumerate(pieces)}


def host_of(values: Mapping[str, str], launch_index: int) -> str | None:
    """Which host an instance with these tags is; what it was told by itself comes first."""
    if HOST in values:
        return values[HOST] or None
    names: list[str] = []
    while (piece := values.get(f"{HOSTS}.{len(names)}")) is not None:
        names.append(piece)
    words = "".join(names).split(",")[:-1]
    return unquote(words[launch_index]) if launch_index < len(words) else None


def home_id(home: Home) -> str:
    """Twelve hex digits that tell this state folder on this machine from all others."""
    machine = Path("/etc/machine-id")
    name = machine.read_text(encoding="utf-8").strip() if machine.is_file() else platform.node()
    return hashlib.sha256(f"{name}:{home.path.resolve()}".encode()).hexdigest()[:12]
