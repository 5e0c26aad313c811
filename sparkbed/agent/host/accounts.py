"""What the system knows of its users: passwd, group and shadow."""

import grp
import os
import pwd

from .framing import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SHADOW = ("name", "password", "changed", "min", "max", "warn", "inactive", "expires")


def entry(name: str) -> "pwd.struct_passwd | None":
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def group(name: str) -> "grp.struct_group":
    """A group by its number or name, the number first."""
    try:
        return grp.getgrgid(int(name))
    except (ValueError, KeyError):
        try:
            return grp.getgrnam(name)
        except KeyError:
            raise Failed(f"Group {name} does not exist") from None


def names_of(groups: "Iterable[str]") -> "set[str]":
    return {group(name.strip()).gr_name for name in groups if name.strip()}


def memberships(name: str) -> "set[str]":
    """The groups that list the user as a member."""
    return {entry.gr_name for entry in grp.getgrall() if name in entry.gr_mem}


def shadow(name: str) -> "dict[str, str]":
    """The user's line of /etc/shadow by field; nothing where it can't be read."""
    try:
        with open("/etc/shadow", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.rstrip("\n").split(":")
                if fields[0] == name:
                    return dict(zip(SHADOW, fields))
    except OSError:
        pass
    return {}


def login_defs() -> "dict[str, str]":
    """The settings in /etc/login.defs."""
    found = {}  # type: dict[str, str]
    if os.path.exists("/etc/login.defs"):
        with open("/etc/login.defs", encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and not words[0].startswith("#"):
                    found.setdefault(words[0], words[1])
    return found
