"""`inv provision`, `status`, `teardown` and `shell`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from sparkbed import inventory as inventories
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.inventory import WITHOUT_LOGIN
from sparkbed.model import Machine
from sparkbed.nearest import nearest
from sparkbed.playbook import rendered_connection_variables
from sparkbed.position import Position
from sparkbed.provision import Provider, aws_provider, local_provider, provider_for
from sparkbed.provision.endpoint import clear_strays
from sparkbed.remote import Connections
from sparkbed.run.recovery import end_clusters
from sparkbed.store import Store
from sparkbed.table import table
from sparkbed.verbs.inventories import deployed, inventory_file


def provision(name: str, dry_run: bool = False) -> None:
    """Make or adopt the hosts, and say how long each took; or say what calls that would be."""
    home = Home()
    inventory = inventories.load(inventory_file(name))
    if not inventory.hosts:
        raise DocumentError(
            "the inventory has no hosts",
            where=Position(inventory.path, 1),
            hint="Write them below 'hosts:' of a group, as in inventories/local.yml.",
        )
    if dry_run:
        provider_for(inventory, home).dry_run(inventory, inventory.path.stem, print)
        return
    deployment = provider_for(inventory, home).provision(inventory, inventory.path.stem, print)
    rows = [[m.name, _reached(m), m.instance_id or "", _readiness(m)] for m in deployment.machines]
    table(["host", "address", "instance", "ready"], rows)
    print(f"\nFor Ansible: ansible-playbook -i {shlex.quote(str(deployment.inventory))} PLAYBOOK")
    shells = [f"./inv shell {m.name}" for m in deployment.machines if WITHOUT_LOGIN not in m.variables][:1]
    print(f"Next: {', '.join(['./inv run-suite', *shells])} or ./inv teardown {name}")


def _reached(machine: Machine) -> str:
    return str(machine.variables.get(WITHOUT_LOGIN) or f"{machine.user}@{machine.address}:{machine.port}")


def _readiness(machine: Machine) -> str:
    if machine.adopted:
        return "was up already"
    seconds = next((machine.timings[step] for step in ("ssh", "osv") if step in machine.timings), None)
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


def leaks(regions: str) -> bool:
    """Everything on EC2 that carries our tags, in the regions of our inventories and those named; True if some is left.

    Raises:
        ProvisionError: when a region can't be asked.
    """
    from sparkbed.provision.leaks import look

    known = _cloud_regions()
    named = [word for word in regions.replace(",", " ").split() if word]
    found = look(Home(), known, named)
    print(f"Asked: {', '.join(found.asked) or 'nobody: no inventory is on EC2, and --regions names none'}")
    if not found.rows:
        print("Nothing there carries the tags of sparkbed.")
        return False
    table(["where", "what", "id", "deployment", "state", "left over?"], [list(row.cells) for row in found.rows])
    left = [row for row in found.rows if row.left]
    print(f"\n{len(left)} left over." if left else "\nNothing of it is left over.")
    print("Next: ./inv teardown DEPLOYMENT --region REGION ends what a deployment has.")
    return bool(left)


def _cloud_regions() -> list[tuple[str, str]]:
    """Endpoint and region of every inventory in inventories/ that is not on this machine."""
    found = []
    for path in sorted((ROOT / "inventories").glob("*.yml")):
        found += [
            (spec.endpoint, spec.region)
            for spec in inventories.specs(inventories.load(path)).values()
            if spec.provider == "ec2" and spec.endpoint != "local" and spec.region
        ]
    return list(dict.fromkeys(found))


def teardown(name: str, region: str = "") -> None:
    """End a deployment's hosts, or all of this state folder's on the local endpoint, and clusters left on others."""
    home = Home()
    provider: Provider = local_provider(home)
    if region:
        if not name:
            raise UsageError("which deployment?", hint=f"./inv status --leaks --regions {region} lists them.")
        provider, deployments = aws_provider(home, region), [Path(name).stem]
    elif name:
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
    if host not in inventories.logins(inventory):
        raise UsageError(f"{host} is an OSv instance, which has no shell", hint="Its REST API is what it answers by.")
    with Connections(lambda name: rendered_connection_variables(inventory, name)) as connections:
        return connections.shell(host, shlex.join(command) if command else None)
