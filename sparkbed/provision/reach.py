"""Proves that a machine can be used: a login with our key, which accepts only the host key that we know; or, where
nobody can log in, an answer of OSv's REST API."""

from __future__ import annotations

import time

from sparkbed.errors import HostError, PlatformError
from sparkbed.model import Machine
from sparkbed.provision.osv_api import Osv

RETRY = 1.0


def log_in(machine: Machine, deadline: float) -> None:
    """Returns once a login worked; tries again until `deadline` seconds have passed.

    Raises:
        HostError: at once when the host key is another than the known one; at the deadline for anything else.
    """
    import paramiko  # takes 0.2 s to import, and most commands never connect

    end = time.monotonic() + deadline
    while True:
        try:
            with paramiko.SSHClient() as client:
                client.load_host_keys(str(machine.known_hosts))
                client.set_missing_host_key_policy(paramiko.RejectPolicy())
                client.connect(
                    machine.address,
                    machine.port,
                    machine.user,
                    key_filename=str(machine.private_key),
                    allow_agent=False,
                    look_for_keys=False,
                    timeout=10,
                    banner_timeout=30,
                    auth_timeout=30,
                )
                return
        except paramiko.BadHostKeyException as error:
            raise HostError(
                f"{machine.name} ({machine.address} port {machine.port}) shows another host key than it was given",
                where=str(machine.known_hosts),
                hint="Somebody else may answer there. `inv teardown` and `inv provision` make the host anew.",
            ) from error
        except (OSError, paramiko.SSHException, EOFError) as error:
            if time.monotonic() > end:
                login = f"{machine.user}@{machine.address} port {machine.port}"
                raise HostError(
                    f"{machine.name} ({login}) can't be logged in to: {error}",
                    hint="Is ansible_user the login that the image has? Does a firewall stand between?",
                ) from error
        time.sleep(min(RETRY, max(0.05, end - time.monotonic())))


def await_osv(machine: Machine, api: str, deadline: float) -> None:
    """Returns once OSv's REST API at `api` tells its version; asks again until `deadline` seconds have passed.

    Raises:
        HostError: at the deadline.
    """
    try:
        Osv(api, timeout=10).wait_up(deadline)
    except PlatformError as error:
        raise HostError(f"{machine.name} can't be used: {error.what}", hint=error.hint) from error
