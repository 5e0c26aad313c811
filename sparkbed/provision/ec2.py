"""Provider `ec2`: hosts are instances of an EC2 API, made by the same calls whatever the endpoint is."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import platform
import pwd
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timezone
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sparkbed.errors import HostError, ProvisionError
from sparkbed.home import Home
from sparkbed.inventory import WITHOUT_LOGIN, Inventory, ProvisionSpec, specs
from sparkbed.model import Deployment, Machine
from sparkbed.provision import endpoint as local_endpoint
from sparkbed.provision import keys, tags
from sparkbed.provision.base import HostStatus, Say, check_name
from sparkbed.provision.dry_run import Rehearsal
from sparkbed.provision.ec2_calls import Ec2Calls, Found, Watch
from sparkbed.provision.generated import write_inventory
from sparkbed.provision.launching import Launching, digest, drop_keys
from sparkbed.provision.nodes import images, netns, qemu, vm, vm_images
from sparkbed.provision.nodes.base import OWN_HOME, SHARED_SYSTEM
from sparkbed.provision.nodes.container import ContainerNodes
from sparkbed.provision.nodes.netns import NetnsNodes
from sparkbed.provision.nodes.vm import VmNodes
from sparkbed.provision.prices import Prices, estimate
from sparkbed.provision.reach import await_osv, log_in

RUN_DEADLINE = {True: 120.0, False: 600.0}
"""Seconds until instances must run: on the local endpoint, elsewhere."""
LOGIN_DEADLINE = {True: 20.0, False: 600.0}
OSV_PORT = 8000
"""Where OSv's REST API listens unless its image's command line says otherwise."""


class Ec2Provider:
    """Hosts as instances of the API at `endpoint`: `local`, `aws`, or a URL."""

    def __init__(self, home: Home, endpoint: str, region: str | None) -> None:
        self._home = home
        self._endpoint = endpoint
        self._region = region
        self._home_id = tags.home_id(home)
        self._local = endpoint == "local"

    def _calls(self, say: Say, watch: Watch = None) -> Ec2Calls:
        if self._local and not sys.platform.startswith("linux"):
            raise ProvisionError(
                f"nodes on this machine need Linux, not {sys.platform}",
                hint="Use hosts that you have (provider: static), or endpoint: aws.",
            )
        library = threading.Thread(target=import_module, args=("boto3",))
        library.start()  # while the endpoint comes up
        server = local_endpoint.running(self._home, say) if self._local else None
        if server and library.is_alive():
            library.join()
            server = local_endpoint.running(self._home, say)  # asked again, so that it knows that we still come
        return Ec2Calls(self._home_id, self._endpoint, self._region, server, watch)

    @contextlib.contextmanager
    def _alone(self, deployment: str, say: Say) -> Iterator[None]:
        """One provision or teardown at a time for one deployment."""
        check_name(deployment)
        with (self._home.keys / f"{deployment}.lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another command that works on {deployment}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # -- provision ------------------------------------------------------------------------------------------------

    def provision(self, inventory: Inventory, deployment: str, say: Say = print, by: str | None = None) -> Deployment:
        wanted = specs(inventory)
        users = {host: self._user(inventory, host, spec) for host, spec in wanted.items()}
        with self._alone(deployment, say):
            prepare(wanted.values(), say)
            pair = keys.client_pair(self._home)
            calls = self._calls(say)
            adopted, others = self._adopt(calls, wanted, deployment, calls.key_name(pair), say)
            missing = {host: spec for host, spec in wanted.items() if host not in adopted}
            prices = self._estimate(calls, missing, str(inventory.path), say)
            launching = Launching(calls, self._home, deployment, by or _who(), say, prices)
            try:
                found = {**adopted, **launching.make(missing, self._patience(wanted))}
                self._write_known_hosts([*found.values(), *others], deployment)
                machines = [self._machine(host, found[host], wanted[host], users[host], deployment) for host in wanted]
                self._prove(machines, launching, say)
            except BaseException as error:  # an interrupt too must leave nothing behind
                launching.take_back(error)
                if not adopted:
                    keys.known_hosts(self._home, deployment).unlink(missing_ok=True)
                raise
            machines = [
                replace(
                    one,
                    adopted=one.name in adopted,
                    asked=launching.asked(one.name),
                    timings=launching.timings.get(one.name, {}),
                )
                for one in machines
            ]
            path = self._home.inventories / f"{deployment}.yml"
            write_inventory(inventory, machines, path)
            return Deployment(deployment, path, tuple(machines))

    def _estimate(
        self, calls: Ec2Calls, missing: Mapping[str, ProvisionSpec], where: str, say: Say
    ) -> Mapping[ProvisionSpec, float]:
        """What the missing hosts cost, said before they are asked for; on this machine they cost nothing."""
        if self._local or not missing:
            return {}
        found = estimate(missing, Prices(calls.api, self._endpoint), where)
        for line in found.lines:
            say(line)
        return found.prices

    def dry_run(self, inventory: Inventory, deployment: str, say: Say = print) -> None:
        wanted = specs(inventory)
        for host, spec in wanted.items():
            self._user(inventory, host, spec)
        with self._alone(deployment, say):
            rehearsal = Rehearsal(say, asks=not self._local)
            pair = keys.client_pair(self._home)
            calls = self._calls(say, rehearsal.watch)
            adopted, _ = self._adopt(calls, wanted, deployment, calls.key_name(pair), say)
            missing = {host: spec for host, spec in wanted.items() if host not in adopted}
            prices = self._estimate(calls, missing, str(inventory.path), say)
            Launching(calls, self._home, deployment, _who(), say, prices).launch(missing)
        if missing:
            say(f"then DescribeInstances until {len(missing)} hosts run, and {_proofs(missing.values())}")
        say("This was a dry run: nothing was made.")
        if rehearsal.refused:
            raise ProvisionError(
                f"the endpoint would refuse {len(rehearsal.refused)} of these calls: {'; '.join(rehearsal.refused)}",
                where=calls.api.where,
                hint="docs/ec2.md lists the permissions that are needed.",
            )

    def _patience(self, wanted: Mapping[str, ProvisionSpec]) -> float:
        """Seconds until the hosts must run; a virtual machine may need them for each of its tries."""
        machines = any(spec.node == VmNodes.name for spec in wanted.values())
        return vm.TRIES * vm.BOOT_DEADLINE + 60 if machines else RUN_DEADLINE[self._local]

    def _user(self, inventory: Inventory, host: str, spec: ProvisionSpec) -> str:
        if spec.control != "ssh":
            return ""
        if self._local:
            return pwd.getpwuid(os.getuid()).pw_name
        user = inventory.variables(host).get("ansible_user")
        if not user:
            raise ProvisionError(
                f"nothing says which user logs in to {host}",
                where=str(inventory.path),
                hint="Set ansible_user to the login that the image has (ubuntu, admin, ec2-user, ...).",
            )
        return str(user)

    def _adopt(
        self, calls: Ec2Calls, wanted: Mapping[str, ProvisionSpec], deployment: str, key_name: str, say: Say
    ) -> tuple[dict[str, Found], list[Found]]:
        """The instances that the wanted hosts have already; and the deployment's others, which are only named."""
        adopted: dict[str, Found] = {}
        over = []
        for one in calls.find(deployment):
            host = one.host or ""
            if host in wanted and host not in adopted and one.state in ("pending", "running"):
                adopted[host] = one
            else:
                over.append(one)
        for one in list(over):
            # An interrupted call may have left instances that no host has been given to yet.
            heir = next(
                (
                    host
                    for host, spec in wanted.items()
                    if host not in adopted and one.tags.get(tags.SPEC) == digest(spec)
                ),
                None,
            )
            if heir and one.host is None and one.state in ("pending", "running"):
                calls.name_host(one.id, heir)
                adopted[heir] = one
                over.remove(one)
        for host, one in adopted.items():
            if one.key_name != key_name:
                raise ProvisionError(
                    f"{host} ({one.id}) was made with another key pair than {keys.client_key(self._home)}",
                    hint="End it with `inv teardown`, and provision again.",
                )
            if one.tags.get(tags.SPEC) != digest(wanted[host]):
                say(f"{host} was made from another `provision`; it is kept (`inv teardown` ends it)")
        for one in over:
            if one.state != "shutting-down":
                say(f"{one.host or one.id} is {one.state} but not in this inventory; `inv teardown` ends it")
        if not adopted:
            return {}, over
        say(f"adopted {', '.join(host for host in wanted if host in adopted)}")
        # Their addresses and ports are known once they run; those of an endpoint started just now come back.
        running = calls.wait_running([one.id for one in adopted.values()], self._patience(wanted))
        by_id = {one.id: one for one in running}
        return {host: by_id[one.id] for host, one in adopted.items()}, over

    # -- machines -------------------------------------------------------------------------------------------------

    def _machine(self, host: str, one: Found, spec: ProvisionSpec, user: str, deployment: str) -> Machine:
        return Machine(
            name=host,
            address=one.address,
            port=one.port,
            user=one.tags.get(tags.USER, user),
            private_key=keys.client_key(self._home),
            known_hosts=keys.known_hosts(self._home, deployment),
            instance_id=one.id,
            variables=self._variables(spec.node, one) if spec.node else _cloud_variables(spec, one),
            price_per_hour=float(one.tags[tags.PRICE]) if tags.PRICE in one.tags else None,
            image=one.image,
        )

    def _write_known_hosts(self, hosts: Iterable[Found], deployment: str) -> None:
        """All of the deployment's hosts: others than the inventory's may be at work for somebody else."""
        known = [(one.address, one.port, one.tags[tags.HOST_KEY]) for one in hosts if one.has_key]
        keys.write_known_hosts(keys.known_hosts(self._home, deployment), known)

    def _variables(self, node: str, one: Found) -> dict[str, Any]:
        """What a node on this machine is, and what it shares with the machine: Spark, Java and Python."""
        shared = node in SHARED_SYSTEM
        folder = str(self._home.nodes / one.id) if shared else OWN_HOME
        variables: dict[str, Any] = {"node_kind": node, "node_dir": folder}
        if one.tags.get(tags.SHARES, "true") != "true":
            return variables
        variables["python"] = sys.executable
        if shared:  # others have folders of their own but for what they are given
            variables["sparks_dir"] = str(self._home.sparks)
        spark = find_spec("pyspark")  # locates it without importing it
        if spark and spark.submodule_search_locations:
            variables["spark_home"] = str(spark.submodule_search_locations[0])
        with contextlib.suppress(HostError):  # hosts are of use without Java too; a cluster will say what it lacks
            from sparkbed.java import find_java

            variables["java_home"] = str(find_java())
        return variables

    def _prove(self, machines: list[Machine], launching: Launching, say: Say) -> None:
        """Proves every machine by a login, or by an answer of OSv's, all at once, and notes when it worked."""

        def attempt(machine: Machine) -> None:
            if WITHOUT_LOGIN in machine.variables:
                await_osv(machine, machine.variables[WITHOUT_LOGIN], LOGIN_DEADLINE[self._local])
                launching.note(machine.name, "osv")
            else:
                log_in(machine, LOGIN_DEADLINE[self._local])
                launching.note(machine.name, "ssh")

        with ThreadPoolExecutor(max_workers=16) as pool:
            list(pool.map(attempt, machines))
        for step, what in (("ssh", "SSH"), ("osv", "by OSv's REST API")):
            moments = [timings[step] for timings in launching.timings.values() if step in timings]
            if moments:
                say(f"{len(moments)} hosts answer {what} after {max(moments):.1f} s")

    # -- teardown and status --------------------------------------------------------------------------------------

    def _nothing_there(self) -> bool:
        return self._local and not local_endpoint.wanted(self._home)

    def teardown(self, deployment: str, say: Say = print) -> list[str]:
        with self._alone(deployment, say):
            ended: list[str] = []
            if not self._nothing_there():
                calls = self._calls(say)
                found = calls.find(deployment)
                if found:
                    say(f"ending {', '.join(one.host or one.id for one in found)}")
                calls.terminate([one.id for one in found])  # first: whatever else may not be allowed, this costs money
                calls.cancel_spot_requests(deployment)
                calls.delete_group(deployment)
                drop_keys(calls, self._home)
                ended = [one.host or one.id for one in found]
                if self._local and not calls.find():
                    local_endpoint.wait_for_end(self._home)
            (self._home.inventories / f"{deployment}.yml").unlink(missing_ok=True)
            keys.known_hosts(self._home, deployment).unlink(missing_ok=True)
            return ended

    def status(self) -> list[HostStatus]:
        if self._nothing_there():
            return []
        try:
            return [_status(one) for one in self._calls(lambda _: None).find()]
        except ProvisionError:
            if self._nothing_there():
                return []  # the endpoint has just ended, as it does when its last instance is gone
            raise


def _cloud_variables(spec: ProvisionSpec, one: Found) -> dict[str, Any]:
    """Where the others reach an instance: at its own address, which is what it can listen on; a public one is its
    network's."""
    variables = {"spark_address": one.private} if one.private and one.private != one.address else {}
    if spec.control == "osv":
        bind = "0.0.0.0"  # noqa: S104 - the security group lets us and its members in
        variables |= {WITHOUT_LOGIN: f"http://{one.address}:{OSV_PORT}", "osv_bind_address": bind}
    return variables


def _proofs(wanted: Iterable[ProvisionSpec]) -> str:
    ways = {"ssh": "a login to each by SSH", "osv": "an answer of each one's REST API"}
    return ", ".join(sorted({ways[spec.control] for spec in wanted}))


def prepare(wanted: Iterable[ProvisionSpec], say: Say) -> None:
    """Makes what nodes on this machine are made from, while somebody looks: the endpoint would make it unseen.

    Raises:
        HostError: when a kind can't be had here; it names what to install.
    """
    kinds = {spec.node for spec in wanted}
    if NetnsNodes.name in kinds:
        netns.check()
    if ContainerNodes.name in kinds:
        images.ensure(say)
    if VmNodes.name in kinds:
        vm.check()
        qemu.accelerator(vm_images.ensure(say))


def _status(one: Found) -> HostStatus:
    return HostStatus(
        deployment=one.tags.get(tags.DEPLOYMENT, ""),
        host=one.host or "",
        instance_id=one.id,
        address=one.address,
        state=one.state,
        kind=one.image.removeprefix("ami-") if tags.PORT in one.tags else one.instance_type,
        since=one.launched.astimezone(timezone.utc).isoformat(timespec="seconds"),
        by=one.tags.get(tags.BY, ""),
    )


def _who() -> str:
    return f"{getpass.getuser()}@{platform.node()}"
