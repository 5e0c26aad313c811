"""One launch of what a deployment lacks: made as a whole, or taken back as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone

from sparkbed.errors import ProvisionError, SparkbedError
from sparkbed.home import Home
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import keys, tags
from sparkbed.provision.api import HINTS, NO_CAPACITY, ApiError, NoAnswerError
from sparkbed.provision.base import Say
from sparkbed.provision.ec2_calls import LATE, Ec2Calls, Found, Launch, Subnet
from sparkbed.provision.user_data import cloud_config


@dataclass
class Launching:
    """What one call to `provision` makes: key pair, security group and instances, and how long they took.

    `prices` are US dollars an hour by spec, for the tags. `instances` maps hosts to instance ids. `begun` is each
    host's moment of the request on the monotonic clock; `timings` holds seconds since then.
    """

    calls: Ec2Calls
    home: Home
    deployment: str
    by: str
    say: Say
    prices: Mapping[ProvisionSpec, float] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    timings: dict[str, dict[str, float]] = field(default_factory=dict)
    _tokens: list[str] = field(default_factory=list)
    _granted: list[str] = field(default_factory=list)
    _unanswered: bool = False
    _makes_group: bool = False
    _begun: bool = False

    def make(self, missing: Mapping[str, ProvisionSpec], seconds: float) -> dict[str, Found]:
        """Launches the hosts and returns them once they run.

        Raises:
            ProvisionError: when not all came up within `seconds`; `take_back` is then the caller's duty.
        """
        self.launch(missing)
        if not missing:
            return {}
        running = {one.id: one for one in self.calls.wait_running(list(self.instances.values()), seconds)}
        for host in self.instances:
            self.note(host, "running")
        return {host: running[instance_id] for host, instance_id in self.instances.items()}

    def launch(self, missing: Mapping[str, ProvisionSpec]) -> None:
        """Asks for the hosts, by one request for all that are alike, and waits for none of them."""
        if not missing:
            return
        alike: dict[ProvisionSpec, list[str]] = {}
        for host, spec in missing.items():
            alike.setdefault(spec, []).append(host)
        with keys_in_hand(self.home):
            pair = keys.client_pair(self.home)
            self._begun = True
            self.calls.import_key(pair)
            for spec, hosts in alike.items():
                self._run(spec, hosts, pair)

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
        image = self.calls.image(spec)
        subnets = self.calls.subnets(spec.subnet)
        group = self.calls.group(self.deployment, subnets[0].vpc, made=self._note_group)
        self.begun.update(dict.fromkeys(hosts, time.monotonic()))
        granted = self._granted_by_some(subnets, lambda subnet: self._request(spec, hosts, pair, group, subnet, image))
        if len(granted) != len(hosts):
            raise ProvisionError(
                f"EC2 granted {len(granted)} of the {len(hosts)} hosts that were asked for",
                where=self.calls.api.where,
                hint=HINTS["InsufficientInstanceCapacity"],
            )
        for host, one in zip(hosts, granted, strict=True):
            self.instances[host] = one.id
            self.note(host, "api")
        for host, one in zip(hosts, granted, strict=True):
            if one.host != host:  # there was no room for all names in the tags of one launch
                self.calls.name_host(one.id, host)

    def _note_group(self) -> None:
        self._makes_group = True

    def _granted_by_some(self, subnets: list[Subnet], request: Callable[[Subnet], Launch]) -> list[Found]:
        """The instances, from the first of the zones that has room for all of them."""
        for number, subnet in enumerate(subnets, start=1):
            launch = request(subnet)
            self._tokens.append(launch.token)
            try:
                granted = self.calls.run(launch)
            except NoAnswerError:
                self._unanswered = True
                raise
            except ApiError as error:
                if error.code not in NO_CAPACITY or number == len(subnets):
                    raise
                self.say(f"zone {subnet.zone} has no room ({error.code}); trying {subnets[number].zone}")
                continue
            self._granted += [one.id for one in granted]
            return granted
        raise AssertionError("there is at least one subnet")

    def _request(
        self, spec: ProvisionSpec, hosts: list[str], pair: keys.KeyPair, group: str, subnet: Subnet, image: str | None
    ) -> Launch:
        # One request has one user data, so the hosts of one launch share their host key.
        host_key = keys.make_pair() if spec.control == "ssh" else None
        token = secrets.token_hex(16)
        marks = {
            tags.HOME: tags.home_id(self.home),
            tags.DEPLOYMENT: self.deployment,
            tags.LAUNCH: token,
            tags.SPEC: digest(spec),
            tags.BY: self.by[:255],
        }
        if host_key:
            marks[tags.HOST_KEY] = host_key.public
        end = datetime.now(timezone.utc) + timedelta(seconds=spec.ttl) if spec.ttl is not None else None
        if end is not None:
            marks[tags.EXPIRES] = end.isoformat(timespec="seconds")
        if spec.cpus is not None:
            marks[tags.CPUS] = str(spec.cpus)
        if spec.memory is not None:
            marks[tags.MEMORY] = str(spec.memory)
        if spec.bandwidth is not None:
            marks[tags.BANDWIDTH] = str(spec.bandwidth)
        if spec in self.prices:
            marks[tags.PRICE] = f"{self.prices[spec]:f}"
        if image and spec.image != image:
            marks[tags.IMAGE] = str(spec.image)
        if len(hosts) == 1:
            marks[tags.HOST] = marks["Name"] = hosts[0]
        else:
            marks |= {"Name": self.deployment, **tags.host_tags(hosts)}
        data = cloud_config(host_key, spec.ttl, end) if host_key else ""  # OSv reads user data of a form of its own
        return Launch(spec, len(hosts), token, self.calls.key_name(pair), group, subnet.id, data, marks, image)

    def take_back(self, error: BaseException) -> None:
        """Ends what was made. What can't be ended is named; `error`, which led here, stays the one to be raised."""
        if not self._begun:
            return
        self.say("taking back what was made")
        left: list[str] = []
        first: SparkbedError | None = None

        def attempt(what: str, step: Callable[[], object]) -> bool:
            nonlocal first
            try:
                step()
            except SparkbedError as second:
                left.append(f"{what} ({second.what})")
                first = first or second
                return False
            return True

        ended = attempt(f"hosts {', '.join(self._granted) or 'of this launch'}", self._end_instances)
        if ended and self._makes_group:
            attempt("the security group", lambda: self.calls.delete_group(self.deployment))
        if ended:
            attempt("the key pair", lambda: drop_keys(self.calls, self.home))
        if left:
            where = f" in {self.calls.api.where}" if self.calls.api.where else ""
            self.say(
                f"NOT taken back{where}: {'; '.join(left)}. `inv teardown {self.deployment}` ends it once that works"
                " again, and `inv status --leaks` shows it."
            )
            error.__cause__ = error.__cause__ or first

    def _end_instances(self) -> None:
        """By id, and by tag: a request may have been served though its answer never came."""
        if not self._tokens:
            return
        ids = list(self._granted)
        deadline = time.monotonic() + (LATE if self._unanswered else 0)
        while True:
            found = [one.id for token in self._tokens for one in self.calls.find(launch=token)]
            ids += [one for one in found if one not in ids]
            # The list may be late: one look that finds nothing is no proof that nothing was made.
            if ids or time.monotonic() >= deadline:
                break
            time.sleep(self.calls.delay)
        self.calls.terminate(ids)


def digest(spec: ProvisionSpec) -> str:
    """Tells hosts that are made differently apart; how long and how dear they may be says nothing about them."""
    unsaid = ("ttl", "max_price_per_hour", "price_per_hour")
    said = {name: value for name, value in asdict(spec).items() if name not in unsaid}
    for name in (
        "cpus",
        "memory",
        "bandwidth",
        "instance_profile",
    ):  # hosts of older releases have none of these in their digests
        if said[name] is None:
            del said[name]
    if said["control"] == "ssh":
        del said["control"]
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
