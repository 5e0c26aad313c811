"""The hosts of a campaign: adopted where they are up already, else made for it and ended with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from sparkbed import inventory as inventories
from sparkbed.collectors.agents import places_of
from sparkbed.collectors.base import Place
from sparkbed.home import Home
from sparkbed.inventory import Inventory
from sparkbed.model import Cell, Deployment, HostsSpec, Machine
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.provision import provider_for
from sparkbed.remote import Agent, Connections
from sparkbed.run.provenance import HOST_FACTS, host_facts

if TYPE_CHECKING:
    from sparkbed.provision.base import Provider

Say = Callable[[str], None]


Fact = TypeVar("Fact")


def deployment_for(campaign: str, number: int) -> str:
    """The name of a campaign's deployment for its first, second, ... inventory: they may name their hosts alike."""
    return campaign if number == 1 else f"{campaign}.{number}"


def made_for(campaign: str, deployment: str) -> bool:
    """Whether the deployment is one that the campaign made for an inventory of its own."""
    return deployment == campaign or deployment.rpartition(".")[0] == campaign


@dataclass
class _Site:
    """One inventory's hosts as they are up, with the connections to them."""

    provider: Provider
    deployment: Deployment
    made: bool
    inventory: Inventory
    connections: Connections
    places: list[Place]
    facts: dict[str, dict[str, str]] = field(default_factory=dict)


class Hosts:
    """A context manager: on entry every inventory that the cells name is up; on exit what was made here is ended."""

    def __init__(
        self,
        home: Home,
        campaign: str,
        cells: Iterable[Cell],
        asked: Mapping[str, Inventory],
        say: Say,
        fresh: bool = False,
    ) -> None:
        """`fresh` hosts are made even where hosts of the inventory are up."""
        self._home, self._campaign, self._asked, self._say = home, campaign, asked, say
        self._specs = [cell.hosts for cell in cells]
        self._sites: dict[str, _Site] = {}
        self._fresh = fresh
        self.keep = False

    def __enter__(self) -> Hosts:
        try:
            for number, name in enumerate(dict.fromkeys(spec.inventory for spec in self._specs), 1):
                self._site(name, deployment_for(self._campaign, number))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections, and the hosts that were made here unless `keep` is set."""
        while self._sites:
            _, site = self._sites.popitem()
            site.connections.close()
            if site.made and not self.keep:
                site.provider.teardown(site.deployment.name, self._say)

    def view(self, spec: HostsSpec) -> Inventory:
        """The cell's hosts: the inventory as provisioned, cut down to the counts."""
        return self._sites[spec.inventory].inventory.first(spec.count)

    def runner(self, spec: HostsSpec) -> Runner:
        """What plays playbooks on the cell's hosts."""
        return Runner(self.view(spec), self._sites[spec.inventory].connections)

    def connections(self, spec: HostsSpec) -> Connections:
        return self._sites[spec.inventory].connections

    def agent(self, spec: HostsSpec, host: str) -> Agent:
        return self._sites[spec.inventory].connections.agent(host)

    def places(self, spec: HostsSpec) -> list[Place]:
        """The machines and network namespaces under the cell's hosts, each once."""
        return self._sites[spec.inventory].places

    def is_here(self, spec: HostsSpec, host: str) -> bool:
        """Whether the host shares this machine's files: a process node."""
        return self.view(spec).variables(host).get("node_kind") == "process"

    def machines(self, spec: HostsSpec) -> tuple[Machine, ...]:
        """The hosts of the cell's inventory, with how long each took to come if it was made here."""
        return self._sites[spec.inventory].deployment.machines

    def deployments(self) -> dict[str, str]:
        """The deployment that each inventory's hosts belong to, for clearing up after a kill."""
        return {name: site.deployment.name for name, site in self._sites.items()}

    def facts(self) -> dict[str, dict[str, str]]:
        """What each host says of itself (see provenance.host_facts)."""
        return _by_host({name: site.facts for name, site in self._sites.items()})

    def timings(self) -> dict[str, Mapping[str, float]]:
        """Seconds until each host that was made here answered (see model.Machine)."""
        return _by_host(
            {
                name: {machine.name: machine.timings for machine in site.deployment.machines if machine.timings}
                for name, site in self._sites.items()
            }
        )

    def prices(self, spec: HostsSpec) -> dict[str, float]:
        """US dollars an hour of those of the inventory's hosts that have a price."""
        machines = self._sites[spec.inventory].deployment.machines
        return {one.name: one.price_per_hour for one in machines if one.price_per_hour is not None}

    def images(self) -> dict[str, str]:
        """The image that each host was made from, as the API names it."""
        return _by_host(
            {
                name: {machine.name: machine.image for machine in site.deployment.machines if machine.image}
                for name, site in self._sites.items()
            }
        )

    def _site(self, name: str, own: str) -> None:
        asked = self._asked[name]
        provider = provider_for(asked, self._home)
        up = not self._fresh and any(row.deployment == asked.path.stem for row in provider.status())
        deployment_name = asked.path.stem if up else own
        wanted = asked if up else asked.first(self._largest(name))
        deployment = provider.provision(wanted, deployment_name, self._say)
        made = not up and not all(machine.adopted for machine in deployment.machines)
        generated = inventories.load(deployment.inventory)

        def connect() -> Connections:
            return Connections(lambda host: rendered_connection_variables(generated, host))

        # Noted before anything else can fail, so that `close` ends what was made.
        site = self._sites[name] = _Site(provider, deployment, made, generated, connect(), [])
        reached = inventories.logins(generated)
        site.places = places_of(reached, site.connections, connect)
        for host in reached:
            [answer] = site.connections.agent(host).call("command", [{"argv": list(HOST_FACTS)}])
            site.facts[host] = host_facts(str(answer.get("stdout", "")))

    def _largest(self, name: str) -> dict[str, int]:
        """How many hosts of each group the largest cell wants; a group that some cell wants whole is not cut."""
        specs = [spec for spec in self._specs if spec.inventory == name]
        groups = set.intersection(*(set(spec.count) for spec in specs))
        return {group: max(spec.count[group] for spec in specs) for group in groups}


def _by_host(found: Mapping[str, Mapping[str, Fact]]) -> dict[str, Fact]:
    """What each inventory's hosts have, by host; by `inventory/host` where inventories name their hosts alike."""
    names = Counter(host for hosts in found.values() for host in hosts)
    return {
        host if names[host] == 1 else f"{inventory}/{host}": one
        for inventory, hosts in found.items()
        for host, one in hosts.items()
    }


def facts_of(hosts: Hosts) -> dict[str, Any]:
    """What a campaign's record says of its hosts."""
    return {
        "deployments": hosts.deployments(),
        "host_timings": hosts.timings(),
        "hosts": hosts.facts(),
        "images": hosts.images(),
    }
