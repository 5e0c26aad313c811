"""Facts of the network: interfaces from /sys, addresses and routes from the kernel itself, without the program `ip`."""

import os
import socket
import struct

from .facts_files import content, listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_NEW_ADDRESS, _GET_ADDRESSES, _NEW_ROUTE, _GET_ROUTE = 20, 22, 24, 26
_REQUEST, _DUMP, _ERROR, _DONE = 0x1, 0x300, 2, 3
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
_TYPES = {"1": "ether", "32": "infiniband", "512": "ppp", "772": "loopback", "65534": "tunnel"}
# Which way a packet to far away would go; none is sent.
_FAR = {socket.AF_INET: "8.8.8.8", socket.AF_INET6: "2404:6800:400a:800::1012"}


def network(found: "dict[str, Any]") -> "dict[str, Any]":
    interfaces = {}
    for name in listing("/sys/class/net"):
        if os.path.isdir("/sys/class/net/" + name):
            interfaces[name] = _interface(name, "/sys/class/net/" + name)
    routes = {}
    for family in _FAR:
        routes[family] = _default(family)
    ips = {"all_ipv4_addresses": [], "all_ipv6_addresses": []}  # type: dict[str, list[str]]
    for entry in sorted(_addresses(), key=lambda entry: (entry["index"], entry["secondary"])):
        if entry["device"] in interfaces:
            _add(interfaces, entry, routes[entry["family"]], ips)
    facts = {"interfaces": [name.replace(":", "_") for name in interfaces]}  # type: dict[str, Any]
    for name, about in interfaces.items():
        facts[name.replace(":", "_").replace("-", "_")] = about
    facts.update(default_ipv4=routes[socket.AF_INET], default_ipv6=routes[socket.AF_INET6])
    facts.update(ips)
    facts["locally_reachable_ips"] = {"ipv4": _local(socket.AF_INET), "ipv6": _local(socket.AF_INET6)}
    return facts


def _interface(name: str, folder: str) -> "dict[str, Any]":
    facts = {"device": name}  # type: dict[str, Any]
    address = content(folder + "/address")
    if address and address != "00:00:00:00:00:00":
        facts["macaddress"] = address
    mtu, speed = content(folder + "/mtu"), content(folder + "/speed")
    if mtu:
        facts["mtu"] = int(mtu)
    if speed:
        facts["speed"] = int(speed)
    facts["active"] = content(folder + "/operstate") != "down"
    facts["type"] = _TYPES.get(content(folder + "/type") or "", "unknown")
    facts["promisc"] = bool(int(content(folder + "/flags") or "0", 16) & 0x100)
    module = folder + "/device/driver/module"
    if os.path.exists(module):
        facts["module"] = os.path.basename(os.path.realpath(module))
    if os.path.islink(folder + "/device"):
        facts["pciid"] = os.path.basename(os.readlink(folder + "/device"))
    if os.path.exists(folder + "/bridge"):
        facts.update(type="bridge", interfaces=listing(folder + "/brif"))
        facts["id"] = content(folder + "/bridge/bridge_id") or ""
        facts["stp"] = content(folder + "/bridge/stp_state") == "1"
    if os.path.exists(folder + "/bonding"):
        facts.update(type="bonding", slaves=(content(folder + "/bonding/slaves") or "").split())
        for key in ("mode", "miimon", "lacp_rate", "primary"):
            value = content(f"{folder}/bonding/{key}")
            if value:
                facts[key] = value.split()[0]
    return facts


def _add(
    interfaces: "dict[str, Any]", entry: "dict[str, Any]", default: "dict[str, Any]", ips: "dict[str, list[str]]"
) -> None:
    """Write an address to its interface, and to the default's facts when it is that one."""
    about = interfaces[entry["device"]]
    if entry["family"] == socket.AF_INET6:
        address = {"address": entry["address"], "prefix": str(entry["prefix"]), "scope": entry["scope"]}
        about.setdefault("ipv6", []).append(address)
        more = {"prefix": address["prefix"], "scope": address["scope"]}
        if entry["address"] != "::1":
            ips["all_ipv6_addresses"].append(entry["address"])
    else:
        address = _ipv4(entry)
        named = interfaces.setdefault(entry["label"], {})
        if "ipv4" in named or entry["secondary"]:
            named.setdefault("ipv4_secondaries", []).append(address)
            if entry["secondary"] and named is not about:
                about.setdefault("ipv4_secondaries", []).append(address)
        else:
            named["ipv4"] = address
        more = dict({key: address[key] for key in address if key != "address"}, alias=entry["label"])
        if not entry["address"].startswith("127."):
            ips["all_ipv4_addresses"].append(entry["address"])
    if default.get("address") == entry["address"]:
        default.update(more, mtu=about.get("mtu"), type=about["type"])
        if "macaddress" in about:
            default["macaddress"] = about["macaddress"]


def _ipv4(entry: "dict[str, Any]") -> "dict[str, str]":
    number = struct.unpack("!L", socket.inet_aton(entry["address"]))[0]
    mask = (0xFFFFFFFF << (32 - entry["prefix"])) & 0xFFFFFFFF
    return {
        "address": entry["address"],
        "broadcast": entry["broadcast"],
        "netmask": socket.inet_ntoa(struct.pack("!L", mask)),
        "network": socket.inet_ntoa(struct.pack("!L", number & mask)),
        "prefix": str(entry["prefix"]),
    }


# -- asking the kernel (rtnetlink) ------------------------------------------------------------------------------------


def _ask(kind: int, flags: int, body: bytes) -> "Iterator[tuple[int, bytes]]":
    """The answers to one request: (type, body) each. Nothing where the kernel refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asked:
        asked.settimeout(5)
        asked.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 1, 0) + body)
        while True:
            data = asked.recv(1 << 18)
            while len(data) >= 16:
                length, answer = struct.unpack_from("=IH", data)
                if answer in (_ERROR, _DONE) or length < 16:
                    return
                yield answer, data[16:length]
                if not flags & _DUMP:
                    return
                data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> "dict[int, bytes]":
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _addresses() -> "Iterator[dict[str, Any]]":
    names = dict(socket.if_nameindex())
    for family in _FAR:
        for kind, body in _answers(_GET_ADDRESSES, _DUMP, struct.pack("=BBBBI", family, 0, 0, 0, 0)):
            of, prefix, flags, scope, index = struct.unpack_from("=BBBBI", body)
            told = _attributes(body[8:])
            if kind != _NEW_ADDRESS or of != family or not (1 in told or 2 in told):
                continue
            address = told.get(2, told.get(1, b""))
            device = names.get(index, "")
            entry = {"family": family, "index": index, "device": device, "secondary": bool(flags & 1)}
            entry.update(address=socket.inet_ntop(family, address), prefix=prefix, scope=_SCOPES.get(scope, str(scope)))
            entry.update(broadcast=socket.inet_ntop(family, told[4]) if 4 in told and family == socket.AF_INET else "")
            entry["label"] = told[3].rstrip(b"\0").decode("utf-8", "replace") if 3 in told else device
            if family == socket.AF_INET and told.get(1, address) != address:  # the other end of a line has the prefix
                entry.update(prefix=32, broadcast="")
            yield entry


def _answers(kind: int, flags: int, body: bytes) -> "list[tuple[int, bytes]]":
    try:
        return list(_ask(kind, flags, body))
    except OSError:
        return []


def _default(family: socket.AddressFamily) -> "dict[str, Any]":
    """The interface, address and gateway by which the rest of the world is reached."""
    far = socket.inet_pton(family, _FAR[family])
    body = struct.pack("=BBBBBBBBI", family, len(far) * 8, 0, 0, 0, 0, 0, 0, 0)
    body += struct.pack("=HH", 4 + len(far), 1) + far
    facts = {}
    for kind, answer in _answers(_GET_ROUTE, 0, body):
        if kind != _NEW_ROUTE:
            continue
        told = _attributes(answer[12:])
        if 4 in told:
            facts["interface"] = socket.if_indextoname(struct.unpack("=I", told[4])[0])
        if 7 in told:
            facts["address"] = socket.inet_ntop(family, told[7])
        if 5 in told:
            facts["gateway"] = socket.inet_ntop(family, told[5])
    return facts


def _local(family: int) -> "list[str]":
    """What the table `local` delivers to this host itself."""
    found = []
    for kind, answer in _answers(_GET_ROUTE, _DUMP, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)):
        of, length, _, _, table, _, _, sort = struct.unpack_from("=BBBBBBBB", answer)
        told = _attributes(answer[12:])
        if kind != _NEW_ROUTE or of != family or table != 255 or sort != 2 or 1 not in told:
            continue
        address = socket.inet_ntop(family, told[1])
        shown = address if length == len(told[1]) * 8 else f"{address}/{length}"
        if shown not in found:
            found.append(shown)
    return found
