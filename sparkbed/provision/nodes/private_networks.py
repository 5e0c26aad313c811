"""Networks of nodes that don't live on loopback addresses: a /24 of the private ranges for each state folder."""

from __future__ import annotations

import hashlib
import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path

TRIES = 24
"""How many /24 networks are tried: one may be another state folder's, or this machine's own."""
RANGES = ("10.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
"""The private ranges that networks are chosen from, in turn."""
ROUTES = Path("/proc/net/route")


def choices(seed: str) -> Iterator[str]:
    """/24 networks for what `seed` names: always the same ones, in the same order."""
    for number in range(TRIES):
        span = ipaddress.ip_network(RANGES[number % len(RANGES)])
        digest = int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4], "big")
        offset = digest % (span.num_addresses // 256) * 256
        yield f"{span[offset]}/24"


def routed(cidr: str) -> bool:
    """Whether this machine reaches some of these addresses already, by a route other than the default one."""
    network = ipaddress.ip_network(cidr)
    for line in ROUTES.read_text(encoding="ascii").splitlines()[1:]:
        _, target, _, _, _, _, _, mask, *_ = line.split()
        # The kernel prints both as numbers in the machine's own byte order.
        address, netmask = (ipaddress.ip_address(int(word, 16).to_bytes(4, sys.byteorder)) for word in (target, mask))
        route = ipaddress.ip_network(f"{address}/{netmask}", strict=False)
        if route.prefixlen and route.overlaps(network):
            return True
    return False
