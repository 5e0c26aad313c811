"""Facts of the system: its distribution, kernel, user, clock, keys, and who manages packages and services."""

import importlib.util
import os
import platform as machine
import pwd
import re
import shlex
import socket
import sys
import time

from .facts_files import assignments, content, lines, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# os-release's ID: the distribution's name in Ansible.
DISTRIBUTIONS = {
    "debian": "Debian",
    "raspbian": "Debian",
    "ubuntu": "Ubuntu",
    "linuxmint": "Linux Mint",
    "kali": "Kali",
    "rhel": "RedHat",
    "centos": "CentOS",
    "fedora": "Fedora",
    "rocky": "Rocky",
    "almalinux": "AlmaLinux",
    "ol": "OracleLinux",
    "amzn": "Amazon",
    "alpine": "Alpine",
    "arch": "Archlinux",
    "sles": "SLES",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
}
FAMILIES = {
    "Debian": ("Debian", "Ubuntu", "Linux Mint", "Kali"),
    "RedHat": ("RedHat", "CentOS", "Fedora", "Rocky", "AlmaLinux", "OracleLinux", "Amazon"),
    "Suse": ("SLES", "openSUSE Leap", "openSUSE Tumbleweed"),
}
# Files that Ansible looks at before os-release.
OLDER_FILES = {
    "OracleLinux": "/etc/oracle-release",
    "CentOS": "/etc/centos-release",
    "RedHat": "/etc/redhat-release",
    "Alpine": "/etc/alpine-release",
    "Archlinux": "/etc/arch-release",
}


def platform(found: "dict[str, Any]") -> "dict[str, Any]":
    system = os.uname()
    fqdn = socket.getfqdn()
    bits = "64" if sys.maxsize > 1 << 32 else "32"
    facts = {
        "system": system.sysname,
        "kernel": system.release,
        "kernel_version": system.version,
        "machine": system.machine,
        "architecture": "i386" if re.match("i[3456]86", system.machine) else system.machine,
        "python_version": machine.python_version(),
        "fqdn": fqdn,
        "domain": fqdn.partition(".")[2],
        "hostname": system.nodename.partition(".")[0],
        "nodename": system.nodename,
        "userspace_bits": bits,
    }
    if facts["architecture"] in ("x86_64", "i386"):
        facts["userspace_architecture"] = "x86_64" if bits == "64" else "i386"
    number = content("/var/lib/dbus/machine-id") or content("/etc/machine-id")
    if number:
        facts["machine_id"] = number.splitlines()[0]
    return facts


def distribution(found: "dict[str, Any]") -> "dict[str, Any]":
    release = assignments("/etc/os-release") or assignments("/usr/lib/os-release")
    name = DISTRIBUTIONS.get(release.get("ID", ""), release.get("NAME", "").partition(" ")[0] or "NA")
    version = release.get("VERSION_ID", "NA")
    family = next((family for family, names in FAMILIES.items() if name in names), name)
    facts = {
        "distribution": name,
        "distribution_version": version,
        "distribution_release": _codename(release),
        "distribution_file_parsed": True,
        "os_family": family,
    }
    if name == "Debian":
        # Only this file knows the point release.
        exact = content("/etc/debian_version") or ""
        if re.match(r"\d+\.\d+", exact):
            facts["distribution_version"] = version = exact
            facts["distribution_minor_version"] = exact.split(".")[1]
    elif name == "Alpine":
        facts["distribution_version"] = version = content("/etc/alpine-release") or version
    elif name == "Amazon":
        facts["distribution_minor_version"] = version.partition(".")[2] or "NA"
    facts["distribution_major_version"] = version.split(".")[0]
    older = OLDER_FILES.get(name, "/etc/redhat-release" if family == "RedHat" else "")
    known = os.path.isfile(older) and name != "Amazon"
    variety = {"Suse": "SUSE"}.get(family, family)
    facts["distribution_file_path"] = older if known else "/etc/os-release"
    facts["distribution_file_variety"] = name if known and name in OLDER_FILES else variety
    return facts


def _codename(release: "dict[str, str]") -> str:
    if release.get("VERSION_CODENAME"):
        return release["VERSION_CODENAME"]
    match = re.search(r"\(([^)]+)\)", release.get("VERSION", ""))
    return match.group(1) if match else ""


def lsb(found: "dict[str, Any]") -> "dict[str, Any]":
    """What the program lsb_release tells, from the files that it reads: starting it costs more than all other facts."""
    facts = {}
    for key, name in (
        ("id", "DISTRIB_ID"),
        ("release", "DISTRIB_RELEASE"),
        ("description", "DISTRIB_DESCRIPTION"),
        ("codename", "DISTRIB_CODENAME"),
    ):
        value = assignments("/etc/lsb-release").get(name)
        if value:
            facts[key] = value
    if not facts and program("lsb_release"):
        release = assignments("/etc/os-release")
        facts = {
            "id": release.get("NAME", "n/a").partition(" ")[0],
            "release": release.get("VERSION_ID", "n/a"),
            "description": release.get("PRETTY_NAME", "n/a"),
            "codename": release.get("VERSION_CODENAME", "n/a"),
        }
    if "release" in facts:
        facts["major_release"] = facts["release"].split(".")[0]
    return {"lsb": facts}


def selinux(found: "dict[str, Any]") -> "dict[str, Any]":
    modes = {"1": "enforcing", "0": "permissive"}
    enforced = content("/sys/fs/selinux/enforce")
    if enforced is None:
        return {"selinux": {"status": "disabled"}}
    settings = assignments("/etc/selinux/config")
    facts = {
        "status": "enabled",
        "mode": modes.get(enforced, "unknown"),
        "config_mode": settings.get("SELINUX", "unknown"),
        "type": settings.get("SELINUXTYPE", "unknown"),
    }  # type: dict[str, Any]
    version = content("/sys/fs/selinux/policyvers")
    facts["policyvers"] = int(version) if version and version.isdigit() else "unknown"
    return {"selinux": facts}


def apparmor(found: "dict[str, Any]") -> "dict[str, Any]":
    there = os.path.exists("/sys/kernel/security/apparmor")
    return {"apparmor": {"status": "enabled" if there else "disabled"}}


def chroot(found: "dict[str, Any]") -> "dict[str, Any]":
    """Whether our root is another one than the first process's; where that can't be seen, by the usual inode of one."""
    if os.environ.get("debian_chroot"):  # noqa: SIM112  # its name is in small letters
        return {"is_chroot": True}
    ours = os.stat("/")
    try:
        first = os.stat("/proc/1/root/.")
    except OSError:
        return {"is_chroot": ours.st_ino not in (2, 128, 256)}
    return {"is_chroot": (ours.st_dev, ours.st_ino) != (first.st_dev, first.st_ino)}


def fips(found: "dict[str, Any]") -> "dict[str, Any]":
    return {"fips": content("/proc/sys/crypto/fips_enabled") == "1"}


def python(found: "dict[str, Any]") -> "dict[str, Any]":
    names = ("major", "minor", "micro", "releaselevel", "serial")
    facts = {
        "version": dict(zip(names, sys.version_info)),
        "version_info": list(sys.version_info),
        "executable": sys.executable,
        "has_sslcontext": importlib.util.find_spec("_ssl") is not None,
        "type": sys.implementation.name,
    }
    return {"python": facts}


def pkg_mgr(found: "dict[str, Any]") -> "dict[str, Any]":
    """By the family first: a Debian may well have a program named dnf."""
    family = distribution(found)["os_family"]
    ways = {
        "Debian": (("apt", "/usr/bin/apt-get"),),
        "RedHat": (
            ("dnf5", "/usr/bin/dnf5"),
            ("dnf", "/usr/bin/dnf-3"),
            ("dnf", "/usr/bin/dnf"),
            ("yum", "/usr/bin/yum"),
        ),
        "Suse": (("zypper", "/usr/bin/zypper"),),
        "Alpine": (("apk", "/sbin/apk"),),
        "Archlinux": (("pacman", "/usr/bin/pacman"),),
    }
    every = [way for family_ways in ways.values() for way in family_ways]
    for name, path in list(ways.get(family, ())) + every:
        if os.path.exists(path):
            return {"pkg_mgr": name}
    return {"pkg_mgr": "unknown"}


def systemd_runs() -> bool:
    """Whether systemd is the init that runs, by its own test, and can be talked to."""
    return os.path.isdir("/run/systemd/system") and program("systemctl") is not None


def service_mgr(found: "dict[str, Any]") -> "dict[str, Any]":
    first = content("/proc/1/comm")
    if first is None and os.path.islink("/sbin/init"):
        first = os.path.basename(os.readlink("/sbin/init"))
    # `init` may be anything, and a shell is what containers begin with.
    if first and first != "init" and not first.endswith("sh"):
        known = {"procd": "openwrt_init", "runit-init": "runit", "svscan": "svc", "openrc-init": "openrc"}
        return {"service_mgr": known.get(first, first)}
    offline = os.path.islink("/sbin/init") and os.path.basename(os.readlink("/sbin/init")) == "systemd"
    for name, holds in (
        ("systemd", systemd_runs()),
        ("upstart", program("initctl") is not None and os.path.exists("/etc/init")),
        ("openrc", os.path.exists("/sbin/openrc")),
        ("systemd", offline and program("systemctl") is not None),
        ("sysvinit", os.path.exists("/etc/init.d")),
        ("dinit", os.path.exists("/etc/dinit.d")),
    ):
        if holds:
            return {"service_mgr": name}
    return {"service_mgr": "service"}


def cmdline(found: "dict[str, Any]") -> "dict[str, Any]":
    try:
        words = shlex.split(content("/proc/cmdline") or "", posix=False)
    except ValueError:
        words = []
    last, every = {}, {}  # type: dict[str, Any], dict[str, Any]
    for word in words:
        name, equals, value = word.partition("=")
        last[name] = value if equals else True
        if equals and name in every:
            before = every[name]
            every[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            every[name] = last[name]
    return {"cmdline": last, "proc_cmdline": every} if words else {}


def date_time(found: "dict[str, Any]") -> "dict[str, Any]":
    now = time.time()
    here, utc = time.localtime(now), time.gmtime(now)
    micro = f"{int(now % 1 * 1000000):06d}"
    formats = {
        "year": "%Y",
        "month": "%m",
        "weekday": "%A",
        "weekday_number": "%w",
        "weeknumber": "%W",
        "day": "%d",
        "hour": "%H",
        "minute": "%M",
        "second": "%S",
        "date": "%Y-%m-%d",
        "time": "%H:%M:%S",
        "iso8601_basic_short": "%Y%m%dT%H%M%S",
        "tz": "%Z",
        "tz_offset": "%z",
    }
    facts = {name: time.strftime(text, here) for name, text in formats.items()}
    facts["epoch"] = facts["epoch_int"] = str(int(now))
    facts["iso8601"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", utc)
    facts["iso8601_micro"] = time.strftime("%Y-%m-%dT%H:%M:%S.", utc) + micro + "Z"
    facts["iso8601_basic"] = facts["iso8601_basic_short"] + micro
    facts["tz_dst"] = time.tzname[1]
    return {"date_time": facts}


def env(found: "dict[str, Any]") -> "dict[str, Any]":
    return {"env": dict(os.environ)}


def loadavg(found: "dict[str, Any]") -> "dict[str, Any]":
    return {"loadavg": dict(zip(("1m", "5m", "15m"), os.getloadavg()))}


def ssh_pub_keys(found: "dict[str, Any]") -> "dict[str, Any]":
    facts = {}
    for folder in ("/etc/ssh", "/etc/openssh", "/etc"):
        for kind in ("dsa", "rsa", "ecdsa", "ed25519"):
            words = (content(f"{folder}/ssh_host_{kind}_key.pub") or "").split()
            if len(words) > 1:
                facts[f"ssh_host_key_{kind}_public"] = words[1]
                facts[f"ssh_host_key_{kind}_public_keytype"] = words[0]
        if facts:
            break
    return facts


def user(found: "dict[str, Any]") -> "dict[str, Any]":
    names = (os.environ.get(variable) for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"))
    name = next((name for name in names if name), None)
    try:
        entry = pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())
    except KeyError:
        try:
            entry = pwd.getpwuid(os.getuid())
        except KeyError:  # a process may run under a number that no user has
            entry = pwd.struct_passwd((str(os.getuid()), "x", os.getuid(), os.getgid(), "", "/", ""))
    return {
        "user_id": name or entry.pw_name,
        "user_uid": entry.pw_uid,
        "user_gid": entry.pw_gid,
        "user_gecos": entry.pw_gecos,
        "user_dir": entry.pw_dir,
        "user_shell": entry.pw_shell,
        "real_user_id": os.getuid(),
        "effective_user_id": os.geteuid(),
        "real_group_id": os.getgid(),
        "effective_group_id": os.getegid(),
    }


def local(found: "dict[str, Any]") -> "dict[str, Any]":
    return {"local": {}}


def dns(found: "dict[str, Any]") -> "dict[str, Any]":
    facts = {}  # type: dict[str, Any]
    for line in lines("/etc/resolv.conf"):
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            facts.setdefault("nameservers", []).extend(words[1:])
        elif words[0] == "domain" and words[1:]:
            facts["domain"] = words[1]
        elif words[0] in ("search", "sortlist"):
            facts[words[0]] = words[1:]
        elif words[0] == "options":
            pairs = (word.partition(":") for word in words[1:])
            facts["options"] = {name: value or True for name, _, value in pairs}
    return {"dns": facts}
