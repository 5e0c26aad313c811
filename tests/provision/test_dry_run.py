"""`inv provision --dry-run` prints every call and changes nothing; `inv status --leaks` finds what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sparkbed.errors import ProvisionError, UsageError
from sparkbed.home import Home
from sparkbed.provision import aws_provider, ec2, provider_for
from sparkbed.provision.leaks import look
from sparkbed.verbs import hosts as verbs
from tests.provision.conftest import REGION, left_of, write_inventory
from tests.provision.faults import Wire, refused, wired


def calls_in(said: list[str]) -> dict[str, dict[str, Any]]:
    found = (re.match(r"(\w+) (\w+) (\{.*\})$", line) for line in said)
    return {one[2]: json.loads(one[3]) for one in found if one}


def test_every_call_is_printed_and_nothing_is_made(cloud: Any, image: str, tmp_path: Path) -> None:
    hosts = write_inventory(tmp_path, image, ", ttl: 1h, market: spot, max_price_per_hour: 0.02")
    said: list[str] = []
    provider_for(hosts, Home(tmp_path / "state")).dry_run(hosts, "paid", said.append)
    calls = calls_in(said)
    assert list(calls) == [
        "DescribeInstances",
        "DescribeSpotPriceHistory",
        "ImportKeyPair",
        "DescribeSubnets",
        "DescribeSecurityGroups",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "DescribeImages",
        "RunInstances",
    ]
    run = calls["RunInstances"]
    assert (run["MinCount"], run["MaxCount"], run["InstanceType"]) == (3, 3, "t3.small")
    assert run["InstanceMarketOptions"]["SpotOptions"]["MaxPrice"] == "0.020000"
    kinds = [one["ResourceType"] for one in run["TagSpecifications"]]
    assert kinds == ["instance", "volume", "spot-instances-request"]
    assert "PRIVATE KEY" not in "".join(said)
    assert re.fullmatch(r"\(\d+ bytes\)", run["UserData"])
    assert said.count("  the endpoint says that it would do so") == 3
    assert any("USD an hour" in line for line in said)
    assert said[-1] == "This was a dry run: nothing was made."
    assert left_of(cloud) == []


def test_what_the_account_may_not_do_is_told(cloud: Any, image: str, tmp_path: Path) -> None:
    hosts = write_inventory(tmp_path, image)
    said: list[str] = []
    wire = Wire(lambda action, _: action == "RunInstances", refused("UnauthorizedOperation", "No.", 403))
    with wired(wire), pytest.raises(ProvisionError, match=r"would refuse 1 of these .*: RunInstances: Unauthorized"):
        provider_for(hosts, Home(tmp_path / "state")).dry_run(hosts, "paid", said.append)
    assert left_of(cloud) == []


def test_leaks_are_found_by_tag_and_ended_without_any_local_state(
    cloud: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ec2, "log_in", lambda *_: None)
    hosts = write_inventory(tmp_path, image, ", ttl: 1h", hosts=2)
    home = Home(tmp_path / "state")
    provider_for(hosts, home).provision(hosts, "paid", lambda _: None)
    found = look(home, [("aws", REGION)], [])
    assert found.asked == [f"aws {REGION}"]
    kinds = sorted(row.what for row in found.rows)
    assert kinds == ["instance", "instance", "key pair", "security group", "volume", "volume"]
    assert [row for row in found.rows if row.left] == [], "all of it is in use"
    assert {row.deployment for row in found.rows if row.what != "key pair"} == {"paid"}
    monkeypatch.setenv("SPARKBED_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(verbs, "_cloud_regions", lambda: [("aws", REGION)])
    assert verbs.leaks("") is False
    # The hosts end behind our back: what is left is a group and a key pair.
    ids = [row.id for row in found.rows if row.what == "instance"]
    cloud.terminate_instances(InstanceIds=ids)
    left = {row.what: row.left for row in look(home, [], [REGION]).rows}
    assert left == {"key pair": "has no hosts", "security group": "has no hosts"}
    capsys.readouterr()
    assert verbs.leaks("") is True
    shown = capsys.readouterr().out
    assert "2 left over." in shown
    assert "./inv teardown DEPLOYMENT --region REGION" in shown
    elsewhere = look(home, [("aws", REGION)], ["all"])
    assert len(elsewhere.asked) > 10
    assert {row.where for row in elsewhere.rows} == {f"aws {REGION}"}
    [others] = {row.deployment for row in look(Home(tmp_path / "other"), [], [REGION]).rows if row.what != "key pair"}
    assert others.startswith("paid (state folder ")
    aws_provider(home, REGION).teardown("paid", lambda _: None)
    assert look(home, [], [REGION]).rows == []
    assert left_of(cloud) == []


def test_the_regions_of_our_inventories_are_asked_and_a_deployment_is_ended_by_region(
    cloud: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verbs._cloud_regions() == [("aws", "us-west-2")], "inventories/ec2.yml is the only one on EC2"
    monkeypatch.setattr(ec2, "log_in", lambda *_: None)
    monkeypatch.setenv("SPARKBED_HOME", str(tmp_path / "state"))
    hosts = write_inventory(tmp_path, image, hosts=2)
    provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "some-campaign", lambda _: None)
    verbs.teardown("some-campaign", REGION)
    assert "Ended 2 hosts: h-1, h-2" in capsys.readouterr().out
    assert left_of(cloud) == []
    with pytest.raises(UsageError, match="which deployment"):
        verbs.teardown("", REGION)
