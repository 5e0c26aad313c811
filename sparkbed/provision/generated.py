"""The generated inventory: the given one with what provisioning learned, valid for Ansible and for our own loader."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sparkbed.documents import plain
from sparkbed.inventory import WITHOUT_LOGIN, Inventory
from sparkbed.model import Machine
from sparkbed.provision.keys import write_private

HEADER = """\
# Written by `inv provision` from {source}. It names hosts that are up; ansible-playbook -i takes it as it is.
"""


def write_inventory(inventory: Inventory, machines: Iterable[Machine], path: Path) -> None:
    """Writes groups and variables of `inventory` (without `provision`) and how each of `machines` is reached.

    The file is readable by its owner only, and replaced whole.
    """
    by_name = {machine.name: machine for machine in machines}
    document = _Writer(inventory, by_name).document()
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    write_private(path, HEADER.format(source=inventory.path) + text)


OURS = ("node_kind", "node_dir")
"""Variables that are facts of the host. For the others of `Machine.variables` the inventory may say better."""


def host_variables(machine: Machine, said: Mapping[str, Any]) -> dict[str, Any]:
    """What Ansible must know to reach the machine, and what provisioning learned besides.

    `said` is what the inventory says of the host: its own spark_home, java_home or Python stay.
    """
    learned = dict(machine.variables)
    if "python" in learned:
        learned["ansible_python_interpreter"] = learned["python"]
    learned = {name: value for name, value in learned.items() if name in OURS or name not in said}
    if WITHOUT_LOGIN in learned:
        return learned
    variables: dict[str, Any] = {
        "ansible_host": machine.address,
        "ansible_port": machine.port,
        "ansible_user": machine.user,
        "ansible_ssh_private_key_file": str(machine.private_key),
        "ansible_ssh_common_args": ssh_arguments(machine.known_hosts),
        "sparkbed_known_hosts": str(machine.known_hosts),
    }
    return {**variables, **learned}


def ssh_arguments(known_hosts: Path) -> str:
    """Arguments for OpenSSH's client that let it accept only the host keys in `known_hosts`, as one shell text."""
    # ssh reads the value as a line of its configuration: % starts a token there, and blanks need quotes.
    value = str(known_hosts).replace("%", "%%")
    if any(character.isspace() for character in value):
        value = f'"{value}"'
    options = (f"UserKnownHostsFile={value}", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes")
    return shlex.join(word for option in options for word in ("-o", option))


class _Writer:
    """Builds the document: groups nested as they were, each defined where it comes first."""

    def __init__(self, inventory: Inventory, machines: Mapping[str, Machine]) -> None:
        self._inventory = inventory
        self._machines = machines
        self._groups_done: set[str] = set()
        self._hosts_done: set[str] = set()

    def document(self) -> dict[str, Any]:
        document = {"all": self._group("all")}
        for name in self._inventory.groups:
            if name not in self._groups_done:
                document[name] = self._group(name)
        return document

    def _group(self, name: str) -> dict[str, Any]:
        if name in self._groups_done:
            return {}
        self._groups_done.add(name)
        group = self._inventory.groups[name]
        entry: dict[str, Any] = {}
        variables = _without_provision(group.vars)
        if variables:
            entry["vars"] = variables
        if group.hosts:
            entry["hosts"] = {host: self._host(host) for host in group.hosts}
        if group.children:
            children = {child: self._group(child) for child in group.children}
            # Ansible makes this group by itself.
            entry["children"] = {name: child for name, child in children.items() if child or name != "ungrouped"}
        return entry

    def _host(self, name: str) -> dict[str, Any]:
        if name in self._hosts_done:
            return {}
        self._hosts_done.add(name)
        host = self._inventory.hosts[name]
        merged = self._inventory.variables(name)
        # Files in group_vars/ and host_vars/ do not lie beside the new file: what they say becomes the host's own.
        groups = (self._inventory.groups[group] for group in self._inventory.groups_of(name))
        beside = {key for group in groups for key in group.file_vars} | set(host.file_vars)
        own = {key: merged[key] for key in merged if key in beside or key in host.vars or key in host.learned}
        learned = host_variables(self._machines[name], merged) if name in self._machines else {}
        return {**_without_provision(own), **learned}


def _without_provision(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(value) for key, value in variables.items() if key != "provision"}
