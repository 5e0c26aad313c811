"""OpenSSH's server as nodes run it: one key logs in as root, and nothing but sessions and files is served."""

from __future__ import annotations

from sparkbed.errors import HostError

COMMON = """\
Port 22
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding no
AllowAgentForwarding no
X11Forwarding no
UsePAM no
UseDNS no
PrintMotd no
MaxSessions 100
MaxStartups 100
"""
"""Lines of the configuration that all nodes with a server of their own have."""


def word(text: str) -> str:
    """`text` as one word of the configuration.

    Raises:
        HostError: when there is no way to write it there.
    """
    if any(character in text for character in '"\n\\'):
        raise HostError(
            f"{text!r} can't stand in the configuration of an SSH server",
            hint="Name a state folder without quotes and backslashes with SPARKBED_HOME.",
        )
    return f'"{text}"'


def path(text: str) -> str:
    """A path as one word of the options that take %-tokens (AuthorizedKeysFile)."""
    return word(text.replace("%", "%%"))
