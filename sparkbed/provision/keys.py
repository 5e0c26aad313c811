"""SSH keys: our own pair, host keys made for the hosts that we make, and the known_hosts files that hold them.

The host key of a host is made here and handed over in its user data, so it is known before the first connection and
nothing is ever trusted on first use. Its public half is a tag of the instance: known_hosts can be written anew from
the API alone. The private half is not kept.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sparkbed.errors import ProvisionError
from sparkbed.home import Home


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 pair in OpenSSH's text forms; `public` is `ssh-ed25519 BASE64` without a comment."""

    private: str
    public: str

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that tell this key from others, fit for a name."""
        return hashlib.sha256(self.public.encode()).hexdigest()[:12]


def make_pair() -> KeyPair:
    """A new pair, held in memory only."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return KeyPair(private.decode(), public.decode())


def client_key(home: Home) -> Path:
    """The private key that logs in to what we make; beside it stands `.pub`. Made at its first use."""
    return home.keys / "id_ed25519"


def client_pair(home: Home) -> KeyPair:
    """Our own pair, made at its first use.

    Raises:
        ProvisionError: when one half is there and the other is not.
    """
    private = client_key(home)
    public = private.with_suffix(".pub")
    with (home.keys / "client.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first uses at once must not make two pairs
        if not private.exists() and not public.exists():
            pair = make_pair()
            write_private(public, f"{pair.public} {getpass.getuser()}@sparkbed\n")
            write_private(private, pair.private)
    try:
        return KeyPair(private.read_text(encoding="utf-8"), " ".join(public.read_text(encoding="utf-8").split()[:2]))
    except FileNotFoundError as error:
        raise ProvisionError(
            f"half of our SSH key pair is missing: {error.filename}",
            hint="Remove the other half to have a new pair made; hosts made with the old one can then only be ended.",
        ) from None


def known_hosts(home: Home, deployment: str) -> Path:
    """The known_hosts file of a deployment."""
    return home.keys / f"known_hosts.{deployment}"


def write_known_hosts(path: Path, hosts: Iterable[tuple[str, int, str]]) -> None:
    """Writes address, port and public host key of each host in OpenSSH's known_hosts form."""
    lines = [f"{address if port == 22 else f'[{address}]:{port}'} {key}\n" for address, port, key in sorted(hosts)]
    write_private(path, "".join(lines))


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads (0600), whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
