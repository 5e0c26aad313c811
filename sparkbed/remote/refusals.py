"""What a failed connection means for a person, and what to do about it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import paramiko

from sparkbed.agent import Unreachable
from sparkbed.remote.sockets import CONNECT_TIMEOUT


def refusal(name: str, address: str, variables: Mapping[str, Any], error: BaseException) -> Unreachable:
    """What a failed connection attempt means for the person, and what to do about it."""
    text = str(error) or type(error).__name__
    if isinstance(error, paramiko.BadHostKeyException):
        what = f"{name} ({address}) shows another host key than the known one"
        hint = (
            f"Shown: {error.key.get_name()} {error.key.fingerprint}; known: {error.expected_key.get_name()} "
            f"{error.expected_key.fingerprint}. Another machine may answer there. If the host was made anew, correct "
            "its line in the known hosts file."
        )
        return Unreachable(what, hint=hint)
    if "not found in known_hosts" in text:
        hint = "Add the key, from a source that you trust, to the known hosts file; it is never accepted unseen."
        return Unreachable(f"{name} ({address}) shows a host key that is not known", hint=hint)
    if isinstance(error, paramiko.PasswordRequiredException):
        return Unreachable(
            f"{name}: the private key has a passphrase", hint="Load it into ssh-agent, or use another key."
        )
    if isinstance(error, paramiko.AuthenticationException) or "No authentication methods" in text:
        key = variables.get("ansible_ssh_private_key_file") or "the keys of ssh-agent and ~/.ssh"
        hint = f"Is the public half among that user's authorized keys? The server said: {text}"
        return Unreachable(f"{name} ({address}) did not accept {key}", hint=hint)
    if "private key" in text:
        key = variables.get("ansible_ssh_private_key_file") or "a key of ~/.ssh"
        return Unreachable(f"{name}: {key} is no private key that can be read: {text}", hint="Name another key.")
    if isinstance(error, OSError) and error.filename:
        hint = "Look at its owner and permissions."
        return Unreachable(f"{name}: {error.filename} can't be read: {error.strerror}", hint=hint)
    if isinstance(error, socket.gaierror):
        hint = "Check ansible_host in the inventory."
        return Unreachable(f"{name}: no address is known for {address.rpartition(':')[0]}", hint=hint)
    if isinstance(error, ConnectionRefusedError):
        hint = "Is its SSH server up? For hosts of ours: inv status, inv provision."
        return Unreachable(f"{name} ({address}) refused the connection", hint=hint)
    if isinstance(error, (socket.timeout, TimeoutError)) or "timed out" in text.lower():
        hint = "Is the host up, and does a firewall let us through?"
        return Unreachable(f"{name} ({address}) did not answer within {CONNECT_TIMEOUT} s", hint=hint)
    if isinstance(error, paramiko.SSHException) or not isinstance(error, OSError):
        hint = "Does an SSH server listen at that port?"
        return Unreachable(f"{name} ({address}): the SSH connection failed: {text}", hint=hint)
    return Unreachable(f"{name} ({address}) can't be reached: {error.strerror or text}", hint="Check the inventory.")
