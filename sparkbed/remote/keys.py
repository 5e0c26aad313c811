"""Keys from files: each file is read once until it changes, whatever the number of hosts."""

from __future__ import annotations

import threading
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

_reading_keys = threading.Lock()
_private_keys: dict[tuple[Path, int, int], paramiko.PKey | None] = {}


def private_key(path: Path) -> paramiko.PKey | None:
    """The key in a file, read once until it changes; None where Paramiko's own search shall say what is wrong."""
    try:
        about = path.stat()
        with _reading_keys:
            version = (path, about.st_mtime_ns, about.st_size)
            if version not in _private_keys:
                _private_keys[version] = paramiko.PKey.from_path(path)
            return _private_keys[version]
    except (OSError, ValueError, TypeError, paramiko.SSHException, UnknownKeyType, UnsupportedAlgorithm):
        return None


_files_of_keys: dict[tuple[Path, int, int], paramiko.HostKeys] = {}


def host_keys(path: Path) -> paramiko.HostKeys:
    """The keys in a known hosts file, read once until it changes."""
    about = path.stat()
    with _reading_keys:
        version = (path, about.st_mtime_ns, about.st_size)
        if version not in _files_of_keys:
            _files_of_keys[version] = paramiko.HostKeys(str(path))
        return _files_of_keys[version]
