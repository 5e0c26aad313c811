"""What sort of network interface a Linux name stands for, so that packets of like kinds are compared."""

from __future__ import annotations

import re

KINDS = ("loopback", "bridge", "veth", "card")
"""loopback: a namespace's own `lo`; bridge: a switch in software; veth: an end of a virtual pair, or another virtual
interface, whose packets another interface carries again; card: what remains, network cards and a container's own end
of its pair (`eth0`)."""

_BRIDGE = re.compile(r"(docker|br-|br\d|virbr|lxcbr|lxdbr|podman|cni|ovs|vmbr)")
_VIRTUAL = re.compile(
    r"(veth|flannel|cali|tap|tun|vnet|vxlan|dummy|ifb|sit|gre|bond|team|vlan|wg|macvlan|macvtap|ipvlan|lxc|nlmon|ppp)"
)


def interface_kind(name: str, told: str | None = None) -> str:
    """One of KINDS for an interface: what the host's kernel says of it, if that was asked, else by its name.

    Args:
        told: the kind that the sampler read from the kernel (sparkbed/collectors/sampler.py); None if it can't be told.
    """
    if told in KINDS:
        return told
    if name == "lo":
        return "loopback"
    if _BRIDGE.match(name):
        return "bridge"
    # A VLAN has its card's name before the dot.
    return "veth" if _VIRTUAL.match(name) or "." in name else "card"
