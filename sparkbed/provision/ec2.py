"""Provider `ec2`: hosts are instances of an EC2 API, made by the same calls whatever the endpoint is."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
import platform
import pwd
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta, timezone
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sparkbed.errors import HostError, ProvisionError, SparkbedError
from sparkbed.home import Home
from sparkbed.inventory import Inventory, ProvisionSpec, specs
from sparkbed.model import Deployment, Machine
from sparkbed.provision import endpoint as local_endpoint
from sparkbed.provision import keys, tags
from sparkbed.provision.base import HostStatus, Say, check_name
from sparkbed.provision.ec2_calls import Ec2Calls, Found, Launch
from sparkbed.provision.generated import write_inventory
from sparkbed.provision.reach import log_in
from sparkbed.provision.user_data import cloud_config

RUN_DEADLINE = {True: 120.0, False: 600.0}
"""Seconds until instances must run: on the local endpoint, elsewhere."""
LOGIN_DEADLINE = {True: 60.0, False: 600.0}


@dataclass
class _Made:
    """What one call to `provision` made: taken back if it fails."""

    launches: list[str] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)  # host -> instance id
    timings: dict[str, dict[str, float]] = field(default_factory=dict)  # host -> seconds
    group: bool = False
    key: bool = False


class Ec2Provider:
    """Hosts as instances of the API at `endpoint`: `local`, `aws`, or a URL."""

    def __init__(self, home: Home, endpoint: str, region: str | None) -> None:
        self._home = home
        self._endpoint = endpoint
        self._region = region
        self._home_id = tags.home_id(home)
        self._local = endpoint == "local"

    def _calls(self, say: Say) -> Ec2Calls:
        threading.Thread(target=import_module, args=("boto3",)).start()  # while the endpoint comes up
        server = local_endpoint.running(self._home, say) if self._local else None
        return Ec2Calls(self._home_id, self._endpoint, self._region, server)

    @contextlib.contextmanager
    def _alone(self, deployment: str) -> Iterator[None]:
        """One provision or teardown at a time for one deployment."""
        check_name(deployment)
        with (self._home.keys / f"{deployment}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # -- provision ------------------------------------------------------------------------------------------------

    def provision(self, inventory: Inventory, deployment: str, say: Say = print, by: str | None = None) -> Deployment:
        wanted = specs(inventory)
        users = {host: self._user(inventory, host) for host in wanted}
        with self._alone(deployment):
            pair = keys.client_pair(self._home)
            calls = self._calls(say)
            adopted = self._adopt(calls, wanted, deployment, calls.key_name(pair), say)
            missing = {host: spec for host, spec in wanted.items() if host not in adopted}
            made = _Made()
            try:
                launched = self._make(calls, missing, deployment, pair, by or _who(), made, say)
                machines = self._machines({**adopted, **launched}, wanted, users, deployment, made)
                self._log_in(machines, made, say)
            except BaseException as error:  # an interrupt too must leave nothing behind
                self._take_back(calls, made, deployment, say, error)
                raise
            machines = [replace(one, timings=made.timings.get(one.name, {})) for one in machines]
            path = self._home.inventories / f"{deployment}.yml"
            write_inventory(inventory, machines, path)
            return Deployment(deployment, path, tuple(machines))

    def _user(self, inventory: Inventory, host: str) -> str:
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
    ) -> dict[str, Found]:
        """The instances that the wanted hosts have already; the deployment's others are only named."""
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
                    if host not in adopted and one.tags.get(tags.SPEC) == _digest(spec)
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
            if one.tags.get(tags.SPEC) != _digest(wanted[host]):
                say(f"{host} was made from another `provision`; it is kept (`inv teardown` ends it)")
        for one in over:
            if one.state != "shutting-down":
                say(f"{one.host or one.id} is {one.state} but not in this inventory; `inv teardown` ends it")
        if not adopted:
            return {}
        say(f"adopted {', '.join(host for host in wanted if host in adopted)}")
        # Their addresses and ports are known once they run; those of an endpoint started just now come back.
        running = calls.wait_running([one.id for one in adopted.values()], RUN_DEADLINE[self._local])
        by_id = {one.id: one for one in running}
        return {host: by_id[one.id] for host, one in adopted.items()}

    def _make(
        self,
        calls: Ec2Calls,
        missing: Mapping[str, ProvisionSpec],
        deployment: str,
        pair: keys.KeyPair,
        by: str,
        made: _Made,
        say: Say,
    ) -> dict[str, Found]:
        """Launches what is missing, one request for all hosts that are alike, and waits until they run."""
        if not missing:
            return {}
        made.key = calls.import_key(pair)
        batches: dict[ProvisionSpec, list[str]] = {}
        for host, spec in missing.items():
            batches.setdefault(spec, []).append(host)
        begun = {}
        for spec, hosts in batches.items():
            say(f"launching {', '.join(hosts)} ({spec.node or spec.instance_type})")
            begun.update(dict.fromkeys(hosts, time.monotonic()))
            launch = self._launch(calls, spec, hosts, deployment, pair, by, made)
            made.launches.append(launch.token)
            instances = calls.run(launch)
            for host, one in zip(hosts, instances, strict=True):
                made.instances[host] = one.id
                calls.name_host(one.id, host)
                made.timings[host] = {"api": time.monotonic() - begun[host]}
        running = {one.id: one for one in calls.wait_running(list(made.instances.values()), RUN_DEADLINE[self._local])}
        for host, since in begun.items():
            made.timings[host]["running"] = time.monotonic() - since
            made.timings[host]["begun"] = since
        return {host: running[instance_id] for host, instance_id in made.instances.items()}

    def _launch(
        self,
        calls: Ec2Calls,
        spec: ProvisionSpec,
        hosts: list[str],
        deployment: str,
        pair: keys.KeyPair,
        by: str,
        made: _Made,
    ) -> Launch:
        subnet, vpc = calls.subnet(spec.subnet)
        group, group_made = calls.group(deployment, vpc)
        made.group = made.group or group_made
        host_key = keys.make_pair()
        token = secrets.token_hex(16)
        marks = {
            tags.HOME: self._home_id,
            tags.DEPLOYMENT: deployment,
            tags.LAUNCH: token,
            tags.SPEC: _digest(spec),
            tags.BY: by[:255],
            tags.HOST_KEY: host_key.public,
        }
        if spec.ttl is not None:
            end = datetime.now(timezone.utc) + timedelta(seconds=spec.ttl)
            marks[tags.EXPIRES] = end.isoformat(timespec="seconds")
        if len(hosts) == 1:
            marks[tags.HOST] = marks["Name"] = hosts[0]
        data = cloud_config(host_key, spec.ttl)
        return Launch(spec, len(hosts), token, calls.key_name(pair), group, subnet, data, marks)

    def _take_back(self, calls: Ec2Calls, made: _Made, deployment: str, say: Say, error: BaseException) -> None:
        """Ends what this call made. What can't be ended is named; the error that led here stays the one raised."""
        if not (made.launches or made.group or made.key):
            return
        say("taking back what was made")
        try:
            # By tag, because a request may have been served though its answer never came.
            left = [one.id for token in made.launches for one in calls.find(launch=token)]
            calls.terminate(left)
            if made.group:
                calls.delete_group(deployment)
            if made.key and not calls.find():
                calls.delete_keys()
        except SparkbedError as second:
            say(f"not everything could be taken back ({second.what}); `inv teardown` ends the rest")
            error.__cause__ = error.__cause__ or second

    # -- machines -------------------------------------------------------------------------------------------------

    def _machines(
        self,
        instances: Mapping[str, Found],
        wanted: Mapping[str, ProvisionSpec],
        users: Mapping[str, str],
        deployment: str,
        made: _Made,
    ) -> list[Machine]:
        known = keys.known_hosts(self._home, deployment)
        machines = []
        for host in wanted:
            one = instances[host]
            machines.append(
                Machine(
                    name=host,
                    address=one.address,
                    port=int(one.tags.get(tags.PORT, 22)),
                    user=users[host],
                    private_key=keys.client_key(self._home),
                    known_hosts=known,
                    instance_id=one.id,
                    adopted=host not in made.instances,
                    variables=self._variables(wanted[host], one.id),
                )
            )
        keys.write_known_hosts(
            known, ((one.address, one.port, instances[one.name].tags[tags.HOST_KEY]) for one in machines)
        )
        return machines

    def _variables(self, spec: ProvisionSpec, instance_id: str) -> dict[str, Any]:
        """What a node on this machine shares with it: Spark, Java and Python."""
        if spec.node != "process":
            return {}
        variables: dict[str, Any] = {
            "node_kind": spec.node,
            "node_dir": str(self._home.nodes / instance_id),
            "python": sys.executable,
        }
        spark = find_spec("pyspark")  # locates it without importing it
        if spark and spark.submodule_search_locations:
            variables["spark_home"] = str(spark.submodule_search_locations[0])
        with contextlib.suppress(HostError):  # hosts are of use without Java too; a cluster will say what it lacks
            from sparkbed.java import find_java

            variables["java_home"] = str(find_java())
        return variables

    def _log_in(self, machines: list[Machine], made: _Made, say: Say) -> None:
        """Proves every machine by a login, all at once, and notes when it worked."""

        def attempt(machine: Machine) -> tuple[str, float]:
            log_in(machine, LOGIN_DEADLINE[self._local])
            return machine.name, time.monotonic()

        with ThreadPoolExecutor(max_workers=16) as pool:
            done = dict(pool.map(attempt, machines))
        for host, timings in made.timings.items():
            timings["ssh"] = done[host] - timings.pop("begun")
        if made.timings:
            slowest = max(timings["ssh"] for timings in made.timings.values())
            say(f"{len(made.timings)} hosts answer SSH after {slowest:.1f} s")

    # -- teardown and status --------------------------------------------------------------------------------------

    def _nothing_there(self) -> bool:
        return self._local and not local_endpoint.wanted(self._home)

    def teardown(self, deployment: str, say: Say = print) -> list[str]:
        with self._alone(deployment):
            ended: list[str] = []
            if not self._nothing_there():
                calls = self._calls(say)
                found = calls.find(deployment)
                if found:
                    say(f"ending {', '.join(one.host or one.id for one in found)}")
                calls.terminate([one.id for one in found])
                calls.delete_group(deployment)
                if not calls.find():
                    calls.delete_keys()
                ended = [one.host or one.id for one in found]
            (self._home.inventories / f"{deployment}.yml").unlink(missing_ok=True)
            keys.known_hosts(self._home, deployment).unlink(missing_ok=True)
            return ended

    def status(self) -> list[HostStatus]:
        if self._nothing_there():
            return []
        return [_status(one) for one in self._calls(lambda _: None).find()]


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


def _digest(spec: ProvisionSpec) -> str:
    """Tells hosts that are made differently apart; how long and how dear they may be says nothing about them."""
    said = {name: value for name, value in asdict(spec).items() if name not in ("ttl", "max_price_per_hour")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _who() -> str:
    return f"{getpass.getuser()}@{platform.node()}"
