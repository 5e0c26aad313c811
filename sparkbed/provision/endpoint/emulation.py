"""The emulated EC2 API: moto, and everything of it that we touch beyond its HTTP interface.

moto keeps instances as Python objects that are no public API, so pyproject.toml admits one minor series of it.
What it does differently from AWS, and our client would meet, is mended here and in hook.py: an instance is
running at once, addresses are not given back, its failures are HTML pages, and nothing survives the process.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

# moto reads this as it is imported: 1300 machine images that nobody asks for take most of a second.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.ec2.models import ec2_backends, instances, security_groups
from moto.ec2.models.instances import InstanceState, StateReason
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import Client

from sparkbed.provision.endpoint.state import Form, State

ACCOUNT = "123456789012"
REGION = "us-east-1"
ZONE = "us-east-1a"
CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}
RESERVED = 5
"""Addresses of a subnet that EC2 keeps for itself: the first four and the last."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status and XML body."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        return self.status == 200


class Emulation:
    """One account in one region, whose default subnet is `cidr`. Not thread-safe: callers hold the state's lock."""

    def __init__(self, cidr: str) -> None:
        self._client = Client(create_backend_app("ec2"))
        self._backend = ec2_backends[ACCOUNT][REGION]
        self._make_default_subnet(cidr)

    def subnet_of(self, cidr: str) -> str:
        """The id of the subnet with these addresses, which is made beside the default one if need be."""
        backend = self._backend
        for subnet in backend.describe_subnets():
            if subnet.cidr_block == cidr:
                return str(subnet.id)
        backend.associate_vpc_cidr_block(backend.default_vpc.id, cidr, False)
        return str(self._make_subnet(cidr).id)

    @property
    def default_subnet(self) -> str:
        return str(self._subnet.id)

    def _make_default_subnet(self, cidr: str) -> None:
        backend = self._backend
        for subnet in backend.describe_subnets():
            backend.delete_subnet(subnet.id)
        backend.delete_vpc(backend.default_vpc.id)
        backend.default_vpc = backend.create_vpc(cidr, is_default=True)
        self._subnet = self._make_subnet(cidr)

    def _make_subnet(self, cidr: str) -> Any:
        subnet = self._backend.create_subnet(self._backend.default_vpc.id, cidr, ZONE)
        subnet.map_public_ip_on_launch = False
        return subnet

    def ask(self, form: Form) -> Answer:
        """Puts a request to the emulated API; whatever it can't do comes back as an error of AWS's form."""
        scope = f"AWS4-HMAC-SHA256 Credential=x/20000101/{REGION}/ec2/aws4_request, SignedHeaders=host, Signature=0"
        try:
            response = self._client.post("/", data=form, headers={"Authorization": scope})
        except Exception as error:  # noqa: BLE001 - the emulation raises whatever it meets; AWS answers
            return Answer(500, f"{type(error).__name__}: {error}")
        return Answer(response.status_code, response.get_data(as_text=True))

    # -- instances ------------------------------------------------------------------------------------------------

    def ids(self) -> set[str]:
        """The ids of all instances, the terminated ones too."""
        return {instance.id for instance in self._backend.all_instances()}

    def address(self, instance_id: str) -> str:
        return str(self._backend.get_instance(instance_id).private_ip)

    def launched(self, instance_id: str) -> str:
        """The moment of the launch, ISO 8601 in UTC."""
        return str(self._backend.get_instance(instance_id).launch_time.isoformat())

    def launch_index(self, instance_id: str) -> int:
        """Which of its launch's instances it is, from 0."""
        return int(self._backend.get_instance(instance_id).ami_launch_index)

    def show(self, instance_id: str, state: str, reason: str | None = None) -> None:
        """Lets the API report this state, and why it is so."""
        instance = self._backend.get_instance(instance_id)
        instance._state = InstanceState(state, CODES[state])
        if reason:
            instance._reason = reason
            instance.state_reason = StateReason(reason, "Server.InternalError")

    def tag(self, instance_id: str, tags: dict[str, str]) -> None:
        self._backend.create_tags([instance_id], tags)

    def terminate(self, instance_id: str) -> None:
        """Ends an instance that the API has not been asked to end; its address stays taken until `release`."""
        self._backend.terminate_instances([instance_id])

    def release(self, instance_id: str) -> None:
        """Gives an ended instance's address and network interfaces back."""
        instance = self._backend.get_instance(instance_id)
        for interface in instance.nics.values():
            interface.subnet.del_subnet_ip(interface.private_ip_address)
            self._backend.enis.pop(interface.id, None)

    def forget(self, instance_ids: Collection[str]) -> None:
        """Lists released instances no more, as EC2 does some time after their end: a look for tags goes over all
        tags of all resources for each instance that is listed."""
        for key, reservation in list(self._backend.reservations.items()):
            for instance in [one for one in reservation.instances if one.id in instance_ids]:
                instance._private_ips = set()  # freed as Python deletes it, when a later one may have them
                reservation.instances.remove(instance)
                self._backend.tags.pop(instance.id, None)
            if not reservation.instances:
                del self._backend.reservations[key]
        for resource in [one for one in self._backend.tags if one.startswith("vol-")]:
            if resource not in self._backend.volumes:
                del self._backend.tags[resource]

    # -- subnets, keys, groups ------------------------------------------------------------------------------------

    def free_addresses(self, subnet_id: str | None) -> int:
        """How many addresses a subnet has left; that of the default one without an id."""
        subnet = self._backend.get_subnet(subnet_id) if subnet_id else self._subnet
        return int(subnet.cidr.num_addresses) - RESERVED - len(subnet._subnet_ips)

    def has_subnet(self, subnet_id: str) -> bool:
        return any(subnet.id == subnet_id for subnet in self._backend.describe_subnets())

    def group_id(self, name: str) -> str:
        group = self._backend.get_security_group_by_name_or_id(name, self._backend.default_vpc.id)
        assert group, name
        return str(group.id)

    # -- after a restart ------------------------------------------------------------------------------------------

    def restore(self, state: State) -> None:
        """Makes the records of `state` anew, with the ids, addresses and tags that they had."""
        for form in state.keys.values():
            self._replay(form)
        for group_id, group in state.groups.items():
            with _next_id(security_groups, "random_security_group_id", group_id):
                self._replay({**group.form, "VpcId": self._backend.default_vpc.id})
            for form in group.rules:
                self._replay({**form, "GroupId": group_id})
        for record in state.instances.values():
            with _next_id(instances, "random_instance_id", record.id):
                subnet = self.subnet_of(state.networks.get(record.kind, state.cidr))
                self._replay({**record.form, "SubnetId": subnet, "PrivateIpAddress": record.address})
            instance = self._backend.get_instance(record.id)
            instance.launch_time = datetime.fromisoformat(record.launched)
            instance.ami_launch_index = record.launch_index
            self.tag(record.id, record.tags)
            self.show(record.id, record.state)

    def _replay(self, form: Form) -> None:
        answer = self.ask(form)
        if not answer.ok:
            raise RuntimeError(f"{form.get('Action')} could not be replayed: {answer.body}")


@contextmanager
def _next_id(module: ModuleType, generator: str, value: str) -> Iterator[None]:
    """Lets moto's next resource of a kind have the id `value`: it asks a function of its module for one."""
    original: Any = getattr(module, generator)
    setattr(module, generator, lambda: value)
    try:
        yield
    finally:
        setattr(module, generator, original)
