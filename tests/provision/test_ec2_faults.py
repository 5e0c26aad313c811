"""A walk over every call that provisioning makes, with every fault at each: a clear message, and nothing is left.

The faults are on the wire (faults.py): boto3's own checks, parsing and retries run, and moto keeps what was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import ProvisionError, SparkbedError
from sparkbed.home import Home
from sparkbed.inventory import Inventory
from sparkbed.provision import api, ec2, ec2_calls, keys, launching, provider_for
from tests.provision.conftest import REGION, left_of, write_inventory
from tests.provision.faults import Hit, Wire, refused, unanswered, wired

EXPIRED = refused("ExpiredToken", "The security token included in the request is expired", 400)
THROTTLED = refused("RequestLimitExceeded", "Request limit exceeded.", 503)
NO_ROOM = refused("InsufficientInstanceCapacity", "We currently do not have sufficient capacity.", 500)
FORBIDDEN = refused("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
FAULTS = {"throttled": THROTTLED, "unanswered": unanswered, "expired": EXPIRED, "forbidden": FORBIDDEN}
SAYS = {
    "throttled": r"EC2 says RequestLimitExceeded.*\n.*wait a minute",
    "unanswered": r"Read timeout.*\n.*Can the endpoint be reached",
    "expired": r"EC2 says ExpiredToken.*\n.*Log in again",
    "forbidden": r"EC2 says UnauthorizedOperation.*\n.*ask for it in IAM",
}

pytestmark = pytest.mark.full  # boto3 parses, checks and signs some two thousand requests here

CALLS = (
    "DescribeInstances",  # what is there
    "ImportKeyPair",
    "DescribeSubnets",
    "DescribeSecurityGroups",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",  # our address
    "AuthorizeSecurityGroupIngress",  # its members
    "DescribeImages",
    "RunInstances",
    "DescribeInstances",  # until they run
)


@pytest.fixture
def hosts(cloud: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Two hosts that are alike. There is nobody to log in to: moto's instances are records."""
    monkeypatch.setattr(ec2, "log_in", lambda *_: None)
    monkeypatch.setattr(launching, "LATE", 0.05)
    return write_inventory(tmp_path, image, hosts=2)


def provision(hosts: Inventory, home: Home, wire: Wire) -> list[str]:
    said: list[str] = []
    with wired(wire):
        provider_for(hosts, home).provision(hosts, "paid", said.append)
    return said


def at(number: int) -> Hit:
    return lambda action, n: n == number


def since(number: int) -> Hit:
    return lambda action, n: n >= number


def test_the_walk_is_over_every_call(hosts: Inventory, tmp_path: Path) -> None:
    wire = Wire()
    provision(hosts, Home(tmp_path / "state"), wire)
    assert tuple(wire.seen) == CALLS


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{n}-{name}" for n, name in enumerate(CALLS)])
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_call_is_told_and_leaves_nothing(
    cloud: Any, hosts: Inventory, tmp_path: Path, number: int, kind: str
) -> None:
    home = Home(tmp_path / "state")
    with pytest.raises(ProvisionError, match=f"(?s){SAYS[kind]}") as failed:
        provision(hosts, home, Wire(at(number), FAULTS[kind]))
    assert str(failed.value).startswith(f"aws {REGION}: "), "where"
    assert left_of(cloud) == []
    assert list(home.inventories.iterdir()) == []
    assert not keys.known_hosts(home, "paid").exists()


def live(cloud: Any) -> list[str]:
    pages = cloud.describe_instances()["Reservations"]
    return [one["InstanceId"] for page in pages for one in page["Instances"] if one["State"]["Name"] == "running"]


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{n}-{name}" for n, name in enumerate(CALLS)])
def test_credentials_that_stay_expired_leave_only_what_is_named_and_teardown_ends(
    cloud: Any, hosts: Inventory, tmp_path: Path, number: int
) -> None:
    home = Home(tmp_path / "state")
    said: list[str] = []
    with wired(Wire(since(number), EXPIRED)), pytest.raises(ProvisionError, match="ExpiredToken"):
        provider_for(hosts, home).provision(hosts, "paid", said.append)
    [told] = [line for line in said if line.startswith("NOT taken back")] or [""]
    assert bool(told) == (number > 0), "from the first change on, it can't be known that nothing is there"
    for instance in live(cloud):
        assert instance in told
    if told:
        assert f"in aws {REGION}" in told
        assert "`inv teardown paid`" in told
    provider_for(hosts, home).teardown("paid", said.append)
    assert left_of(cloud) == []


@pytest.mark.parametrize("kind", ["throttled", "unanswered"])
def test_what_passes_is_asked_again(
    cloud: Any, hosts: Inventory, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api.ATTEMPTS, False, 2)
    monkeypatch.setattr("time.sleep", lambda _: None)  # boto3's own waits, up to a second each here
    hit: set[str] = set()

    def first_of_each(action: str, _: int) -> bool:
        new = action not in hit
        hit.add(action)
        return new

    wire = Wire(first_of_each, FAULTS[kind])
    provision(hosts, Home(tmp_path / "state"), wire)
    assert hit == set(CALLS)
    assert len(live(cloud)) == 2


def test_a_launch_that_was_served_though_nobody_heard_is_taken_back(
    cloud: Any, hosts: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The list is late, as AWS's may be: its first answer after the launch does not have them yet.
    find, asked = ec2_calls.Ec2Calls.find, []

    def late(calls: Any, deployment: str | None = None, launch: str | None = None) -> Any:
        asked.append(launch)
        return find(calls, deployment, launch) if len(asked) != 2 else []

    monkeypatch.setattr(ec2_calls.Ec2Calls, "find", late)
    monkeypatch.setattr(launching, "LATE", 30)
    wire = Wire(lambda action, _: action == "RunInstances", unanswered, served=True)
    with pytest.raises(ProvisionError, match="Read timeout"):
        provision(hosts, Home(tmp_path / "state"), wire)
    assert asked[1] == asked[2] is not None
    assert left_of(cloud) == []


@pytest.mark.parametrize("action", ["ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress"])
def test_what_was_served_though_nobody_heard_is_asked_again(
    cloud: Any, hosts: Inventory, tmp_path: Path, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api.ATTEMPTS, False, 2)
    monkeypatch.setattr("time.sleep", lambda _: None)
    wire = Wire(served=True)
    wire.hit = lambda name, _: name == action and wire.seen.count(action) == 1
    provision(hosts, Home(tmp_path / "state"), wire)
    assert wire.seen.count(action) > 1
    provider_for(hosts, Home(tmp_path / "state")).teardown("paid", lambda _: None)
    assert left_of(cloud) == []


def test_no_capacity_anywhere_leaves_nothing(cloud: Any, hosts: Inventory, tmp_path: Path) -> None:
    said: list[str] = []
    wire = Wire(lambda action, _: action == "RunInstances", NO_ROOM)
    with wired(wire), pytest.raises(ProvisionError, match=r"InsufficientInstanceCapacity(?s:.*)another region"):
        provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "paid", said.append)
    zones = len(cloud.describe_subnets()["Subnets"])
    assert wire.seen.count("RunInstances") == zones > 1
    assert len([line for line in said if "has no room" in line]) == zones - 1
    assert left_of(cloud) == []


def test_another_zone_has_room(cloud: Any, hosts: Inventory, tmp_path: Path) -> None:
    tried: list[int] = []

    def first_launch(action: str, number: int) -> bool:
        if action == "RunInstances":
            tried.append(number)
        return action == "RunInstances" and len(tried) == 1

    said = provision(hosts, Home(tmp_path / "state"), Wire(first_launch, NO_ROOM))
    [told] = [line for line in said if "has no room" in line]
    assert re.match(rf"zone {REGION}\w has no room \(InsufficientInstanceCapacity\); trying {REGION}\w", told)
    assert len(live(cloud)) == 2


def half(granted: Callable[..., Any]) -> Callable[..., Any]:
    def run(calls: Any, launch: Any) -> Any:
        found = granted(calls, launch)
        calls._client.terminate_instances(InstanceIds=[one.id for one in found[1:]])
        return found[:1]

    return run


def test_what_was_half_granted_goes_away(
    cloud: Any, hosts: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ec2_calls.Ec2Calls, "run", half(ec2_calls.Ec2Calls.run))
    with pytest.raises(ProvisionError, match="granted 1 of the 2 hosts") as failed:
        provision(hosts, Home(tmp_path / "state"), Wire())
    assert "another instance_type" in str(failed.value)
    assert left_of(cloud) == []


def test_hosts_that_end_behind_our_back_are_told_with_the_reason(cloud: Any, hosts: Inventory, tmp_path: Path) -> None:
    seen: list[str] = []

    def end_one(action: str, _: int) -> bool:
        seen.append(action)
        if seen[-2:] == ["RunInstances", "DescribeInstances"]:
            cloud.terminate_instances(InstanceIds=live(cloud)[:1])
        return False

    with pytest.raises(ProvisionError, match=r"not every host came up: .* is terminated .*User initiated") as failed:
        provision(hosts, Home(tmp_path / "state"), Wire(end_one))
    assert "inv provision" in str(failed.value)
    assert left_of(cloud) == []


TEARDOWN = (
    "DescribeInstances",
    "TerminateInstances",
    "DescribeInstances",
    "DescribeSpotInstanceRequests",
    "DescribeSecurityGroups",
    "DeleteSecurityGroup",
    "DescribeInstances",
    "DescribeKeyPairs",
    "DeleteKeyPair",
)


@pytest.mark.parametrize("number", range(len(TEARDOWN)), ids=[f"{n}-{name}" for n, name in enumerate(TEARDOWN)])
@pytest.mark.parametrize("kind", ["unanswered", "expired"])
def test_a_teardown_that_fails_is_told_and_the_next_one_ends_all(
    cloud: Any, hosts: Inventory, tmp_path: Path, number: int, kind: str
) -> None:
    home = Home(tmp_path / "state")
    provision(hosts, home, Wire())
    wire = Wire(at(number), FAULTS[kind])
    with wired(wire), pytest.raises(SparkbedError, match=f"(?s){SAYS[kind]}"):
        provider_for(hosts, home).teardown("paid", lambda _: None)
    assert tuple(wire.seen) == TEARDOWN[: number + 1]
    provider_for(hosts, home).teardown("paid", lambda _: None)
    assert left_of(cloud) == []


def test_hosts_that_ec2_has_forgotten_do_not_keep_the_others_from_ending(
    cloud: Any, hosts: Inventory, tmp_path: Path
) -> None:
    home = Home(tmp_path / "state")
    provision(hosts, home, Wire())
    calls = ec2_calls.Ec2Calls("x", "aws", REGION, None)
    calls.terminate(["i-0123456789abcdef0", *live(cloud)])
    assert live(cloud) == []
