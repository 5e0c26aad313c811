"""What is installed and what could be, as dpkg-query and apt-cache tell; python3-apt is not needed."""

import fnmatch
import re

from .framing import Call, Failed
from .programs import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PATTERN = frozenset("*?[]!")
_INSTALLED = ("installed", "half-configured", "unpacked", "triggers-awaited", "triggers-pending")


class Package:
    """One package: its installed version, dpkg's state, the candidate, and every version that sources offer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.installed = None  # type: str | None
        self.state = "not-installed"
        self.candidate = None  # type: str | None
        self.versions = []  # type: list[str]
        self.known = False


class Wanted:
    """A package as a task names it: `name`, `name=version` (may hold wildcards) or `name>=version`."""

    def __init__(self, spec: str) -> None:
        match = re.match(r"([^=>]*)(>?=)(.*)$", spec)
        self.spec = spec
        self.name, self.relation, self.version = match.groups() if match else (spec, "", "")
        if not self.name or self.name.startswith("-") or "=" in self.version:
            raise Failed(f"invalid package spec: {spec}")


def wanted(call: Call, specs: "Iterable[str]") -> "list[Wanted]":
    """The packages that the specs name, wildcards in names resolved."""
    found = []
    for one in map(Wanted, specs):
        if not PATTERN & set(one.name):
            found.append(one)
            continue
        _, out, _ = run(call, ["apt-cache", "pkgnames"])
        names = sorted(fnmatch.filter(out.split(), one.name))
        if not names:
            raise Failed(f"No package(s) matching '{one.name}' available")
        found += [Wanted(name) for name in names]
    return found


def installed(call: Call, names: "Iterable[str]") -> "dict[str, Package]":
    """Each name's package with what dpkg knows of it."""
    packages = {name: Package(name) for name in names}
    if not packages:
        return {}
    shape = "${binary:Package}\t${Package}\t${db:Status-Status}\t${Version}\n"
    # It fails when one of them is unknown, and tells of the others all the same.
    _, out, _ = run(call, ["dpkg-query", "-W", "-f", shape, "--", *packages])
    for line in out.splitlines():
        full, short, state, version = line.split("\t")
        for name in (full, short, full.partition(":")[0]):
            package = packages.get(name)
            if package is not None and package.installed is None:
                package.state = state
                package.known = package.known or bool(version)
                package.installed = version if state in _INSTALLED else None
    return packages


def available(call: Call, packages: "dict[str, Package]", release: "str | None") -> None:
    """Add what the sources offer."""
    options = ["-o", "APT::Default-Release=" + release] if release else []
    rc, out, err = run(call, ["apt-cache", *options, "policy", "--", *packages])
    if rc:
        raise Failed("apt-cache policy failed: " + err, rc=rc)
    package, table = None, False
    for line in out.splitlines():
        if not line.startswith(" "):
            package, table = packages.get(line.rstrip(":")), False
            continue
        if package is None:
            continue
        words = line.split()
        if words[0] == "Candidate:" and words[1] != "(none)":
            package.candidate, package.known = words[1], True
        elif line.strip() == "Version table:":
            table = True
        elif table and re.match(r" (\*\*\*|   ) \S", line):
            package.versions.append(words[1] if words[0] == "***" else words[0])
            package.known = True


def providers(call: Call, name: str) -> "list[str]":
    """The packages that provide a virtual one."""
    _, out, _ = run(call, ["apt-cache", "showpkg", "--", name])
    listed = out.partition("Reverse Provides:")[2]
    return sorted({line.split()[0] for line in listed.splitlines() if line.split()})


def at_least(call: Call, version: str, least: str) -> bool:
    return run(call, ["dpkg", "--compare-versions", version, "ge", least])[0] == 0


def satisfied(call: Call, one: Wanted, package: Package) -> bool:
    """Whether what is installed is what is wanted."""
    if package.installed is None:
        return False
    if one.relation == "=":
        return fnmatch.fnmatchcase(package.installed, one.version)
    return not one.relation or at_least(call, package.installed, one.version)


def better(call: Call, one: Wanted, package: Package) -> "str | None":
    """The version that would be installed, if it is another one than now."""
    best = package.candidate
    if one.relation == "=":
        best = next((known for known in package.versions if fnmatch.fnmatchcase(known, one.version)), None)
    elif one.relation and best is not None and not at_least(call, best, one.version):
        best = None
    return None if best == package.installed else best
