"""Facts of the hardware: processors, memory, disks, file systems, the board's own names."""

import os
import re
import threading

from .facts_files import content, lines, listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FORMS = (
    "Unknown,Other,Unknown,Desktop,Low Profile Desktop,Pizza Box,Mini Tower,Tower,Portable,Laptop,Notebook,Hand Held,"
    "Docking Station,All In One,Sub Notebook,Space-saving,Lunch Box,Main Server Chassis,Expansion Chassis,Sub Chassis,"
    "Bus Expansion Chassis,Peripheral Chassis,RAID Chassis,Rack Mount Chassis,Sealed-case PC,Multi-system,CompactPCI,"
    "AdvancedTCA,Blade,Blade Enclosure,Tablet,Convertible,Detachable,IoT Gateway,Embedded PC,Mini PC,Stick PC"
)
"""SMBIOS's chassis types, in the order of their numbers."""

_BOARD = {name: name for name in ("bios_date", "bios_vendor", "bios_version")}
_BOARD.update({f"board_{name}": f"board_{name}" for name in ("asset_tag", "name", "serial", "vendor", "version")})
_BOARD.update({f"chassis_{name}": f"chassis_{name}" for name in ("asset_tag", "serial", "vendor", "version")})
_BOARD.update({f"product_{name}": f"product_{name}" for name in ("name", "serial", "uuid", "version")})
_BOARD.update(form_factor="chassis_type", system_vendor="sys_vendor")


def hardware(found: "dict[str, Any]") -> "dict[str, Any]":
    facts = processors(found.get("architecture") or os.uname().machine)
    facts.update(memory())
    facts.update(board())
    facts.update(devices())
    facts.update(mounts(float(found.get("gather_timeout") or 10)))
    facts["uptime_seconds"] = int(float((content("/proc/uptime") or "0").split()[0]))
    return facts


def processors(architecture: str) -> "dict[str, Any]":
    """Counted as Ansible counts: sockets x cores x threads, where /proc/cpuinfo tells of them."""
    listed, flags = [], None  # type: list[str], list[str] | None
    seen = {}  # type: dict[str, int]
    cores, siblings = {}, {}  # type: dict[str, int], dict[str, int]
    socket = core = ""
    for line in lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if key in ("model name", "Processor", "vendor_id", "cpu", "Vendor", "processor"):
            listed.append(value)
            seen[key] = seen.get(key, 0) + 1
        elif key == "flags":
            flags = value.split()
        elif key == "physical id":
            socket = value
            cores.setdefault(socket, 1)
        elif key == "core id":
            core = value
        elif key == "cpu cores":
            cores[socket] = int(value)
        elif key == "siblings":
            siblings[core] = int(value)
    count = len(listed)
    if seen.get("vendor_id") and seen["vendor_id"] == seen.get("model name"):
        count = seen["vendor_id"]
    if architecture.startswith(("armv", "aarch", "ppc")):
        count = seen.get("processor", 0)
    per_socket = next(iter(cores.values()), 0) or 1
    threads = round(next(iter(siblings.values()), 1) / per_socket)
    sockets = len(cores) or count
    facts = {
        "processor": listed,
        "processor_count": sockets,
        "processor_cores": per_socket,
        "processor_threads_per_core": threads,
        "processor_vcpus": threads * sockets * per_socket,
        "processor_nproc": len(os.sched_getaffinity(0)),
    }  # type: dict[str, Any]
    if flags is not None:
        facts["flags"] = flags
    return facts


def memory() -> "dict[str, Any]":
    sizes = {}
    for line in lines("/proc/meminfo"):
        key, _, value = line.partition(":")
        if value.split():
            sizes[key] = int(value.split()[0]) // 1024
    if "MemTotal" not in sizes or "MemFree" not in sizes:
        return {}
    total, free = sizes["MemTotal"], sizes["MemFree"]
    swap, swap_free = sizes.get("SwapTotal", 0), sizes.get("SwapFree", 0)
    reclaimable = free + sizes.get("Cached", 0) + sizes.get("Buffers", 0)
    return {
        "memtotal_mb": total,
        "memfree_mb": free,
        "swaptotal_mb": swap,
        "swapfree_mb": swap_free,
        "memory_mb": {
            "real": {"total": total, "used": total - free, "free": free},
            "nocache": {"free": reclaimable, "used": total - reclaimable},
            "swap": {
                "total": swap,
                "free": swap_free,
                "used": swap - swap_free,
                "cached": sizes.get("SwapCached", 0),
            },
        },
    }


def board() -> "dict[str, Any]":
    facts = {}
    for name, file in _BOARD.items():
        value = content("/sys/devices/virtual/dmi/id/" + file) or "NA"
        if name == "form_factor" and value.isdigit():
            value = _form(int(value))
        facts[name] = value
    return facts


def _form(number: int) -> str:
    forms = _FORMS.split(",")
    return forms[number] if number < len(forms) else f"unknown ({number})"


# -- disks ------------------------------------------------------------------------------------------------------------


def devices() -> "dict[str, Any]":
    links = {
        "ids": _links("/dev/disk/by-id"),
        "uuids": _links("/dev/disk/by-uuid"),
        "labels": _links("/dev/disk/by-label"),
        "masters": _masters(),
    }
    facts = {}
    for name in listing("/sys/block"):
        folder = "/sys/block/" + name
        facts[name] = _disk(name, folder, links)
    return {"devices": facts, "device_links": links}


def _links(folder: str) -> "dict[str, list[str]]":
    """Device: the names that lead to it from a folder of links."""
    found = {}  # type: dict[str, list[str]]
    for name in listing(folder):
        try:
            found.setdefault(os.path.basename(os.readlink(os.path.join(folder, name))), []).append(name)
        except OSError:
            continue
    return found


def _masters() -> "dict[str, list[str]]":
    found = {}  # type: dict[str, list[str]]
    for name in listing("/sys/block"):
        for slave in listing(f"/sys/block/{name}/slaves"):
            found.setdefault(slave, []).append(name)
    return found


def _disk(name: str, folder: str, links: "dict[str, dict[str, list[str]]]") -> "dict[str, Any]":
    facts = {"virtual": 1, "links": {kind: found.get(name, []) for kind, found in links.items()}}  # type: dict[str, Any]
    for key in ("vendor", "model", "sas_address", "sas_device_handle"):
        facts[key] = content(f"{folder}/device/{key}")
    facts["removable"] = content(folder + "/removable")
    facts["rotational"] = content(folder + "/queue/rotational")
    unable = content(folder + "/queue/discard_max_hw_bytes") == "0"
    facts["support_discard"] = "0" if unable else content(folder + "/queue/discard_granularity")
    scheduler = re.search(r"\[(.*)\]", content(folder + "/queue/scheduler") or "")
    facts["scheduler_mode"] = scheduler.group(1) if scheduler else ""
    facts.update(_size(folder))
    facts["holders"] = _holders(folder)
    for link in facts["links"]["ids"]:
        if link.startswith("wwn-"):
            facts["wwn"] = link[len("wwn-") :]
    facts["partitions"] = {}
    for part in listing(folder):
        if re.match(re.escape(name) + r"p?\d+$", part):
            facts["partitions"][part] = _partition(part, f"{folder}/{part}", links)
    return facts


def _partition(name: str, folder: str, links: "dict[str, dict[str, list[str]]]") -> "dict[str, Any]":
    facts = {"links": {kind: found.get(name, []) for kind, found in links.items()}}  # type: dict[str, Any]
    facts["start"] = content(folder + "/start") or 0
    facts.update(_size(folder))
    facts["uuid"] = facts["links"]["uuids"][0] if facts["links"]["uuids"] else None
    facts["holders"] = _holders(folder)
    return facts


def _size(folder: str) -> "dict[str, Any]":
    """The kernel counts in 512 bytes, whatever the sectors are."""
    sector = content(folder + "/queue/logical_block_size") or content(folder + "/queue/hw_sector_size") or 512
    count = int(content(folder + "/size") or 0) * 512 // int(sector)
    return {"sectors": count, "sectorsize": sector, "size": human(float(count * int(sector)))}


def human(size: float) -> str:
    for power, unit in ((80, "YB"), (70, "ZB"), (60, "EB"), (50, "PB"), (40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")):
        if size >= 1 << power:
            return f"{size / (1 << power):.2f} {unit}"
    return f"{size:.2f} Bytes"


def _holders(folder: str) -> "list[str]":
    names = [name for name in listing(folder + "/holders") if name.startswith("dm-")]
    return [content(f"{folder}/holders/{name}/dm/name") or name for name in names]


# -- file systems -----------------------------------------------------------------------------------------------------


def mounts(patience: float) -> "dict[str, Any]":
    uuids = {}
    for name in listing("/dev/disk/by-uuid"):
        uuids[os.path.realpath("/dev/disk/by-uuid/" + name)] = name
    bound = _bound()
    found = []
    for line in lines("/etc/mtab") or lines("/proc/mounts"):
        fields = [_unescaped(field) for field in line.split()]
        if len(fields) < 6:
            continue
        device, mount, kind, options, dump, passno = fields[:6]
        if kind == "none" or not (device.startswith(("/", "\\")) or ":/" in device):
            continue
        if mount in bound:
            options += ",bind"
        facts = {"mount": mount, "device": device, "fstype": kind, "options": options}  # type: dict[str, Any]
        facts.update(dump=int(dump), passno=int(passno), uuid=uuids.get(os.path.realpath(device), "N/A"))
        facts.update(_capacity(mount, patience if ":/" in device else None))
        found.append(facts)
    return {"mounts": found}


def _bound() -> "set[str]":
    """Mount points that show a folder of a file system, not its root."""
    found = set()
    for line in lines("/proc/self/mountinfo"):
        fields = line.split()
        if len(fields) > 4 and fields[3] != "/":
            found.add(_unescaped(fields[4]))
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def _capacity(mount: str, patience: "float | None") -> "dict[str, Any]":
    """A server that is gone may keep us waiting for ever, so it is asked in a thread that nobody waits for."""
    if patience is None:
        return _statvfs(mount)
    answers = []  # type: list[dict[str, Any]]
    thread = threading.Thread(target=lambda: answers.append(_statvfs(mount)), daemon=True)
    thread.start()
    thread.join(patience)
    return answers[0] if answers else {"note": "Could not get extra information due to timeout"}


def _statvfs(mount: str) -> "dict[str, Any]":
    try:
        told = os.statvfs(mount)
    except OSError:
        return {}
    return {
        "size_total": told.f_frsize * told.f_blocks,
        "size_available": told.f_frsize * told.f_bavail,
        "block_size": told.f_bsize,
        "block_total": told.f_blocks,
        "block_available": told.f_bavail,
        "block_used": told.f_blocks - told.f_bavail,
        "inode_total": told.f_files,
        "inode_available": told.f_favail,
        "inode_used": told.f_files - told.f_favail,
    }
