"""Digests. SHA-1, which nearly every file needs, without OpenSSL: loading that costs an agent 3 ms."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha1
    from typing import Any
else:
    try:
        from _sha1 import sha1
    except ImportError:
        from hashlib import sha1

__all__ = ["new", "sha1"]


def new(algorithm: str) -> "Any":
    """Raises ValueError when there is no such algorithm, or the system forbids it."""
    if algorithm == "sha1":
        return sha1()
    import hashlib

    return hashlib.new(algorithm)
