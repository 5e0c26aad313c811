"""`inv provision`, `status`, `teardown` and `shell`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from sparkbed import inventory as inventories
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.nearest import nearest
from sparkbed.playbook import rendered_connection_variables
from sparkbed.position import Position
from sparkbed.provision import Provider, local_provider, provider_for
from sparkbed.provision.endpoint import clear_strays
from sparkbed.remote import Connections
from sparkbed.run.recovery import end_clusters
from sparkbed.store import Store
from sparkbed.table import table
from sparkbed.verbs.inventories import deployed, inventory_file


def provision(name: str) -> None:
    """Make or adopt the hosts, and say how long each took."""
    home = Home()
    inventory = inventories.load(inventory_file(name))
    if not inventory.hosts:
        raise DocumentError(
            "the inventory has no hosts",
            where=Position(inventory.path, 1),
            hint="Write them below 'hosts:' of a group, as in inventories/local.yml.",
        )
    deployment = provider_for(inventory, home).provision(inventory, inventory.path.stem, print)
    rows = [
        [m.name, f"{m.user}@{m.address}:{m.port}", m.instance_id or "", _readiness(m.adopted, m.timings.get("ssh"))]
        for m in deployment.machines
    ]
    table(["host", "address", "instance", "ready"], rows)
    print(f"\nFor Ansible: ansible-playbook -i {shlex.quote(str(deployment.inventory))} PLAYBOOK")
    print(f"Next: ./inv run-suite, ./inv shell {deployment.machines[0].name} or ./inv teardown {name}")


def _readiness(adopted: bool, seconds: float | None) -> str:
    if adopted:
        return "was up already"
    return f"after {seconds:.2f} s" if seconds is not None else "yes"


def status() -> None:
    """Hosts of the local endpoint, and the campaigns that run or wait to be resumed."""
    home = Home()
    hosts = [
        [row.deployment, row.host, row.address, row.state, row.kind, row.since, row.by]
        for row in local_provider(home).status()
    ]
    if hosts:
        table(["deployment", "host", "address", "state", "kind", "since", "by"], hosts)
    else:
        print("No host is up.")
    with Store(home.database) as store:
        campaigns = [
            [c.id, c.status, f"process {pid}" if (pid := store.claimant(c.id)) else "./inv run-suite goes on with it"]
            for c in store.campaigns()
            if c.status in ("running", "interrupted")
        ]
    print()
    if campaigns:
        table(["campaign", "status", ""], campaigns)
    else:
        print("No campaign is running.")


def teardown(name: str) -> None:
    """End a deployment's hosts, or all of this state folder's on the local endpoint, and clusters left on others."""
    home = Home()
    provider: Provider = local_provider(home)
    if name:
        deployments = [Path(name).stem]
        file = ROOT / "inventories" / f"{Path(name).stem}.yml"
        if file.is_file() or Path(name).is_file():
            provider = provider_for(inventories.load(inventory_file(name)), home)
        elif not any(row.deployment == name for row in provider.status()):
            inventory_file(name)
    else:
        deployments = sorted({row.deployment for row in provider.status()})
    ended = [host for deployment in deployments for host in provider.teardown(deployment, print)]
    for marker in clear_strays(home):
        print(f"Cleared what {marker} had left in the Docker engine.")
    # What ran on those hosts ended with them; on hosts that were there before, clusters may be left.
    with Store(home.database) as store:
        clusters = end_clusters(home, store, deployments if name else None, print)
    if clusters:
        print(f"Ended {clusters} cluster{'s' if clusters > 1 else ''} on hosts that stay.")
    if ended:
        print(f"Ended {len(ended)} hosts: {', '.join(ended)}")
    elif not clusters:
        print("There was nothing to end.")


def shell(host: str, name: str, command: Sequence[str]) -> int:
    """A shell on the host, or one command there; its exit status."""
    if not host:
        raise UsageError("which host?", hint="./inv status lists them; for example: ./inv shell master-1")
    inventory = deployed(name, Home())
    if host not in inventory.hosts:
        raise UsageError(f"{name} has no host {host!r}", hint=nearest(host, list(inventory.hosts), every="It has"))
    with Connections(lambda name: rendered_connection_variables(inventory, name)) as connections:
        return connections.shell(host, shlex.join(command) if command else None)
