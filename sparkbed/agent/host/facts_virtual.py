"""Facts of virtualization: what this system runs in, and what it can run."""

import os
import re

from .facts_files import content, lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CONTAINERS = {"docker", "lxc", "podman", "openvz", "containerd"}
_DMI = "/sys/devices/virtual/dmi/id/"
_PRODUCTS = {
    "KVM": "kvm",
    "KVM Server": "kvm",
    "Bochs": "kvm",
    "AHV": "kvm",
    "CloudStack KVM Hypervisor": "kvm",
    "RHEV Hypervisor": "RHEV",
    "OpenStack Compute": "openstack",
    "OpenStack Nova": "openstack",
}
_FIRMWARES = {
    "Xen": "xen",
    "innotek GmbH": "virtualbox",
    "Amazon EC2": "kvm",
    "DigitalOcean": "kvm",
    "Hetzner": "kvm",
    "Linode": "kvm",
}
_VENDORS = {
    "QEMU": "kvm",
    "Amazon EC2": "kvm",
    "DigitalOcean": "kvm",
    "Google": "kvm",
    "Scaleway": "kvm",
    "Nutanix": "kvm",
    "oVirt": "oVirt",
    "KubeVirt": "KubeVirt",
    "Microsoft Corporation": "VirtualPC",
    "Parallels Software International Inc.": "parallels",
    "OpenStack Foundation": "openstack",
}


def virtual(found: "dict[str, Any]") -> "dict[str, Any]":
    """The first that is seen names the type and role: containers before machines, guests before hosts."""
    container = content("/run/systemd/container")
    guests = _containers(container)
    names = set(guests)
    if container or names & _CONTAINERS:
        names.add("container")
    guests += _machines()
    hosts = _hosts()
    modules = {line.split(" ", 1)[0] for line in lines("/proc/modules")}
    if "virtio" in modules and not guests and not hosts:
        guests.append("kvm")
    seen = [(tech, "guest") for tech in guests] + [(tech, "host") for tech in hosts]
    kind, role = seen[0] if seen else ("NA", "NA")
    return {
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": sorted(names | set(guests)),
        "virtualization_tech_host": sorted(set(hosts)),
    }


def _containers(container: "str | None") -> "list[str]":
    names = []
    for line in lines("/proc/1/cgroup"):
        if re.search(r"/docker(/|-[0-9a-f]+\.scope)", line):
            names.append("docker")
        if re.search(r"/lxc/|/machine\.slice/machine-lxc", line):
            names.append("lxc")
        if "/system.slice/containerd.service" in line:
            names.append("containerd")
    for variable in (content("/proc/1/environ") or "").split("\0"):
        if variable.startswith("container="):
            kind = variable[len("container=") :]
            names += [kind] if kind in ("lxc", "podman") else []
            names += ["container"] if kind else []
    if os.path.exists("/proc/vz") and not os.path.exists("/proc/lve") and not os.path.exists("/proc/bc"):
        names.append("openvz")
    if container:
        names.append(container)
    if os.path.exists("/.dockerenv") or os.path.exists("/.dockerinit"):
        names.append("docker")
    return names


def _machines() -> "list[str]":
    names = []
    if os.path.exists("/proc/xen") and "control_d" not in (content("/proc/xen/capabilities") or ""):
        names.append("xen")
    product, vendor = content(_DMI + "product_name") or "", content(_DMI + "sys_vendor") or ""
    if product.startswith("VMware"):
        names.append("VMware")
    for table, value in (
        (_PRODUCTS, product),
        (_FIRMWARES, content(_DMI + "bios_vendor") or ""),
        (_VENDORS, vendor),
    ):
        if value in table:
            names.append(table[value])
    if any(re.match("model name.*QEMU Virtual CPU", line) for line in lines("/proc/cpuinfo")):
        names.append("kvm")
    return names


def _hosts() -> "list[str]":
    names = []
    if "control_d" in (content("/proc/xen/capabilities") or ""):
        names.append("xen")
    modules = {line.split(" ", 1)[0] for line in lines("/proc/modules")}
    if "kvm" in modules or os.path.exists("/dev/kvm"):
        names.append("kvm")
    if "vboxdrv" in modules:
        names.append("virtualbox")
    return names
