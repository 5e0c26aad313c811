"""What files of /proc, /sys and /etc say, where they can be read."""

import os


def content(path: str) -> "str | None":
    """The file's text without white space around it; None when there is none, or none for us."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip() or None
    except OSError:
        return None


def lines(path: str) -> "list[str]":
    return (content(path) or "").splitlines()


def listing(path: str) -> "list[str]":
    """The names in a folder, sorted; nothing when it can't be listed."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def assignments(path: str) -> "dict[str, str]":
    """The NAME=value lines of a file such as os-release, without their quotes."""
    found = {}
    for line in lines(path):
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip().strip("\"'")
    return found


def program(name: str, folders: "tuple[str, ...]" = ("/sbin", "/usr/sbin", "/usr/local/sbin")) -> "str | None":
    """Where a program is: on the PATH, or in a folder of the administrator's."""
    for folder in os.environ.get("PATH", "/usr/bin:/bin").split(os.pathsep) + list(folders):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None
