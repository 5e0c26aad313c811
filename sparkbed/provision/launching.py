"""One launch of what a deployment lacks: made as a whole, or taken back as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone

from sparkbed.errors import SparkbedError
from sparkbed.home import Home
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import keys, tags
from sparkbed.provision.base import Say
from sparkbed.provision.ec2_calls import Ec2Calls, Found, Launch
from sparkbed.provision.user_data import cloud_config


@dataclass
class Launching:
    """What one call to `provision` makes: key pair, security group and instances, and how long they took.

    `instances` maps hosts to instance ids. `begun` is each host's moment of the request on the monotonic clock;
    `timings` holds seconds since then.
    """

    calls: Ec2Calls
    home: Home
    deployment: str
    by: str
    say: Say
    instances: dict[str, str] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    timings: dict[str, dict[str, float]] = field(default_factory=dict)
    _tokens: list[str] = field(default_factory=list)
    _made_group: bool = False
    _made_key: bool = False

    def make(self, missing: Mapping[str, ProvisionSpec], seconds: float) -> dict[str, Found]:
        """Launches the hosts, one request for all that are alike, and returns them once they run.

        Raises:
            ProvisionError: when not all came up within `seconds`; `take_back` is then the caller's duty.
        """
        if not missing:
            return {}
        alike: dict[ProvisionSpec, list[str]] = {}
        for host, spec in missing.items():
            alike.setdefault(spec, []).append(host)
        with keys_in_hand(self.home):
            pair = keys.client_pair(self.home)
            self._made_key = self.calls.import_key(pair)
            for spec, hosts in alike.items():
                self._run(spec, hosts, pair)
        running = {one.id: one for one in self.calls.wait_running(list(self.instances.values()), seconds)}
        for host in self.instances:
            self.note(host, "running")
        return {host: running[instance_id] for host, instance_id in self.instances.items()}

    def note(self, host: str, step: str, moment: float | None = None) -> None:
        """Writes down how long a host of ours took to come so far."""
        if host in self.begun:
            self.timings.setdefault(host, {})[step] = (moment or time.monotonic()) - self.begun[host]

    def asked(self, host: str) -> float | None:
        """The moment of the request for a host of ours, in Unix seconds; None for another's."""
        begun = self.begun.get(host)
        return None if begun is None else time.time() - (time.monotonic() - begun)

    def _run(self, spec: ProvisionSpec, hosts: list[str], pair: keys.KeyPair) -> None:
        self.say(f"launching {', '.join(hosts)} ({spec.node or spec.instance_type})")
        self.begun.update(dict.fromkeys(hosts, time.monotonic()))
        launch = self._request(spec, hosts, pair)
        self._tokens.append(launch.token)
        for host, one in zip(hosts, self.calls.run(launch), strict=True):
            self.instances[host] = one.id
            self.note(host, "api")
        for host in hosts:
            self.calls.name_host(self.instances[host], host)

    def _request(self, spec: ProvisionSpec, hosts: list[str], pair: keys.KeyPair) -> Launch:
        subnet, vpc = self.calls.subnet(spec.subnet)
        group, made = self.calls.group(self.deployment, vpc)
        self._made_group = self._made_group or made
        # One request has one user data, so the hosts of one launch share their host key.
        host_key = keys.make_pair()
        token = secrets.token_hex(16)
        marks = {
            tags.HOME: tags.home_id(self.home),
            tags.DEPLOYMENT: self.deployment,
            tags.LAUNCH: token,
            tags.SPEC: digest(spec),
            tags.BY: self.by[:255],
            tags.HOST_KEY: host_key.public,
        }
        if spec.ttl is not None:
            end = datetime.now(timezone.utc) + timedelta(seconds=spec.ttl)
            marks[tags.EXPIRES] = end.isoformat(timespec="seconds")
        if spec.cpus is not None:
            marks[tags.CPUS] = str(spec.cpus)
        if spec.memory is not None:
            marks[tags.MEMORY] = str(spec.memory)
        if len(hosts) == 1:
            marks[tags.HOST] = marks["Name"] = hosts[0]
        data = cloud_config(host_key, spec.ttl)
        return Launch(spec, len(hosts), token, self.calls.key_name(pair), group, subnet, data, marks)

    def take_back(self, error: BaseException) -> None:
        """Ends what was made. What can't be ended is named; `error`, which led here, stays the one to be raised."""
        if not (self._tokens or self._made_group or self._made_key):
            return
        self.say("taking back what was made")
        try:
            # By tag, because a request may have been served though its answer never came.
            self.calls.terminate([one.id for token in self._tokens for one in self.calls.find(launch=token)])
            if self._made_group:
                self.calls.delete_group(self.deployment)
            if self._made_key:
                drop_keys(self.calls, self.home)
        except SparkbedError as second:
            self.say(f"not everything could be taken back ({second.what}); `inv teardown` ends the rest")
            error.__cause__ = error.__cause__ or second


def digest(spec: ProvisionSpec) -> str:
    """Tells hosts that are made differently apart; how long and how dear they may be says nothing about them."""
    said = {name: value for name, value in asdict(spec).items() if name not in ("ttl", "max_price_per_hour")}
    for name in ("cpus", "memory"):  # hosts of older releases have none of these in their digests
        if said[name] is None:
            del said[name]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


@contextlib.contextmanager
def keys_in_hand(home: Home) -> Iterator[None]:
    """Nobody deletes the key pair, which all deployments share, between its import and the launch that names it."""
    with (home.keys / "key-pair.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def drop_keys(calls: Ec2Calls, home: Home) -> None:
    """Deletes the state folder's key pairs from the API if none of its instances is left."""
    with keys_in_hand(home):
        if not calls.find():
            calls.delete_keys()
