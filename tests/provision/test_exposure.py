"""What others on this machine and beyond could see of us: sockets, keys, secrets."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sparkbed.home import Home
from sparkbed.model import Deployment
from sparkbed.provision import endpoint, keys, local_provider, tags
from sparkbed.provision.nodes import marked
from tests.provision.test_ec2_local import end_endpoint, make_inventory, provision, quiet, run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Deployment]]:
    folder = tmp_path_factory.mktemp("exposed")
    home = Home(folder / "state")
    deployment = provision(home, make_inventory(folder, 2), "exposed")
    # Something that runs there, and says what its environment is.
    run(deployment.machines[0], "setsid sleep 1010 </dev/null >/dev/null 2>&1 &")
    yield home, deployment
    local_provider(home).teardown("exposed", quiet)
    end_endpoint(home)


def secrets_of(home: Home) -> list[str]:
    """Lines that nobody but the owner may read: of our key, of the hosts' keys, and the endpoint's own."""
    found = [keys.client_key(home).read_text().splitlines()[2], endpoint.running(home, quiet).credentials.secret_key]
    state = (home.endpoint / "state.json").read_text()
    assert "UserData" in state, "hosts' keys are in it, in base64"
    return found


def test_every_socket_of_ours_listens_on_a_loopback_address(site: tuple[Home, Deployment]) -> None:
    home, deployment = site
    server = endpoint.alive(home)
    assert server
    ours = {server.pid}
    for machine in deployment.machines:
        ours |= {process.pid for process in marked.carrying(f"{machine.instance_id}@{tags.home_id(home)}")}
    addresses = [
        socket.laddr.ip
        for pid in ours
        for socket in psutil.Process(pid).net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    ]
    assert len(addresses) >= 4, "the API, and a server for each node"
    assert [one for one in addresses if not ipaddress.ip_address(one).is_loopback] == []


def test_files_with_a_secret_are_their_owners_alone(site: tuple[Home, Deployment]) -> None:
    home, _ = site
    secrets = secrets_of(home)
    holding = []
    for path in home.path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes().decode("utf-8", "replace")
            if any(secret in text for secret in secrets) or "PRIVATE KEY" in text or '"UserData"' in text:
                holding.append(path)
    assert {path.name for path in holding} == {"id_ed25519", "credentials.json", "state.json"}
    assert {oct(path.stat().st_mode & 0o777) for path in holding} == {"0o600"}


def test_no_secret_is_in_the_process_list_or_a_log(site: tuple[Home, Deployment]) -> None:
    home, _ = site
    told = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    logs = [path for path in home.path.rglob("*.log") if path.is_file()]
    assert logs
    told += "".join(Path(path).read_text(errors="replace") for path in logs)
    assert [secret for secret in secrets_of(home) if secret in told] == []
    assert "PRIVATE KEY" not in told
