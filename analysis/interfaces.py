"""What sort of network interface a Linux name stands for, so that packets of like kinds are compared."""

from __future__ import annotations

import re

KINDS = ("loopback", "bridge", "veth", "card")
"""loopback: a namespace's own `lo`; bridge: a switch in software; veth: an end of a virtual pair, or another virtual
interface; card: what remains, network cards and a container's own end of its pair (`eth0`)."""

_BRIDGE = re.compile(r"(docker|br-|br\d|virbr|cni|ovs)")
_VIRTUAL = re.compile(r"(veth|flannel|cali|tap|tun|vnet|vxlan|dummy|ifb|sit|gre)")


def interface_kind(name: str) -> str:
    """One of KINDS for an interface's name."""
    if name == "lo":
        return "loopback"
    if _BRIDGE.match(name):
        return "bridge"
    return "veth" if _VIRTUAL.match(name) else "card"
