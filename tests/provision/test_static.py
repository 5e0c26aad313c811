"""Hosts that exist already: described, never touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.provision import provider_for

HOSTS = """
all:
  hosts:
    one:
      ansible_host: 192.0.2.1
      ansible_port: 2200
      ansible_user: admin
      ansible_ssh_private_key_file: keys/one
      sparkbed_known_hosts: /etc/ssh/known
    two.example.org:
  vars:
    ansible_user: ubuntu
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "hosts.yml"
    path.write_text(text)
    return path


def test_machines_are_what_the_inventory_says(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    given = inventories.load(write(tmp_path, HOSTS))
    provider = provider_for(given, home)
    deployment = provider.provision(given, "mine", lambda _: None)
    one, two = deployment.machines
    assert (one.address, one.port, one.user) == ("192.0.2.1", 2200, "admin")
    assert (one.private_key, one.known_hosts) == (tmp_path / "keys/one", Path("/etc/ssh/known"))
    assert (two.address, two.port, two.user) == ("two.example.org", 22, "ubuntu")
    assert two.known_hosts == Path("~/.ssh/known_hosts").expanduser()
    made = inventories.load(deployment.inventory)
    assert made.variables("one")["ansible_host"] == "192.0.2.1"
    assert provider.status() == []
    assert provider.teardown("mine") == []
    assert not deployment.inventory.exists()


def test_a_port_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    given = inventories.load(write(tmp_path, HOSTS.replace("2200", "ssh")))
    with pytest.raises(UsageError, match="ansible_port of one") as refused:
        provider_for(given, Home(tmp_path / "state")).provision(given, "mine", lambda _: None)
    assert "hosts.yml:6" in str(refused.value)


def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path) -> None:
    given = inventories.load(write(tmp_path, HOSTS))
    with pytest.raises(UsageError, match="can't name a deployment"):
        provider_for(given, Home(tmp_path / "state")).provision(given, "../mine", lambda _: None)


def test_hosts_of_two_providers_are_refused(tmp_path: Path) -> None:
    text = HOSTS.replace("two.example.org:", "two.example.org: {provision: {provider: ec2}}")
    with pytest.raises(UsageError, match="different providers"):
        provider_for(inventories.load(write(tmp_path, text)), Home(tmp_path / "state"))


def test_no_cloud_library_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from sparkbed import inventory\n"
        "from sparkbed.home import Home\n"
        "from sparkbed.provision import provider_for\n"
        "given = inventory.load(pathlib.Path(sys.argv[1]))\n"
        "provider_for(given, Home(pathlib.Path(sys.argv[2]))).provision(given, 'mine')\n"
        "cloud = {'boto3', 'botocore', 'moto', 'asyncssh', 'paramiko'} & set(sys.modules)\n"
        "sys.exit(f'imported {cloud}' if cloud else 0)\n"
    )
    arguments = [sys.executable, "-c", program, str(write(tmp_path, HOSTS)), str(tmp_path / "state")]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
