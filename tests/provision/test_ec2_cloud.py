"""The same calls against an API that is not ours: what AWS would be asked for. moto answers, inside this process."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkbed import inventory as inventories
from sparkbed.errors import ProvisionError
from sparkbed.home import Home
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import ec2, keys, provider_for, tags
from sparkbed.provision.ec2 import Ec2Provider
from sparkbed.provision.ec2_calls import Ec2Calls, Launch
from sparkbed.provision.user_data import cloud_config
from tests.provision.conftest import ADDRESS, REGION, left_of, write_inventory


def test_what_is_asked_for_is_safe_and_ends_itself(cloud: Any, image: str, tmp_path: Path) -> None:
    calls = Ec2Calls("0123456789ab", "aws", REGION, None)
    pair = keys.client_pair(Home(tmp_path))
    assert calls.import_key(pair)
    assert not calls.import_key(pair)
    subnet = calls.subnets(None)[0]
    news: list[str] = []
    group = calls.group("big", subnet.vpc, made=lambda: news.append("made"))
    assert calls.group("big", subnet.vpc, made=lambda: news.append("made again")) == group
    assert news == ["made"]
    spec = ProvisionSpec(
        provider="ec2",
        endpoint="aws",
        region=REGION,
        instance_type="t3.small",
        image=image,
        market="spot",
        volume_gb=20,
    )
    host_key = keys.make_pair()
    marks = {tags.HOME: "0123456789ab", tags.DEPLOYMENT: "big", tags.HOST_KEY: host_key.public}
    data = cloud_config(host_key, 7200, datetime(2027, 1, 2, 3, 4, 5, tzinfo=timezone.utc))
    launch = Launch(spec, 2, "token", calls.key_name(pair), group, subnet.id, data, marks, calls.image(spec))
    launched = calls.run(launch)
    assert [one.launch_index for one in launched] == [0, 1]
    assert [one.id for one in calls.find("big")] == [one.id for one in launched]
    assert calls.find("other") == []
    described = cloud.describe_instances(InstanceIds=[launched[0].id])["Reservations"][0]["Instances"][0]
    assert described["MetadataOptions"]["HttpTokens"] == "required"
    assert described["InstanceLifecycle"] == "spot"
    volumes = cloud.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [launched[0].id]}])[
        "Volumes"
    ]
    assert [(one["Encrypted"], one["Size"]) for one in volumes] == [(True, 20)]
    assert {"Key": tags.DEPLOYMENT, "Value": "big"} in volumes[0]["Tags"]

    def attribute(name: str) -> Any:
        return cloud.describe_instance_attribute(InstanceId=launched[0].id, Attribute=name)

    assert attribute("instanceInitiatedShutdownBehavior")["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    user_data = base64.b64decode(attribute("userData")["UserData"]["Value"]).decode()
    assert user_data.startswith("#cloud-config\n")
    told = json.loads(user_data.partition("\n")[2])
    assert told["runcmd"] == [["shutdown", "-P", "+120"], ["systemctl", "enable", "--now", "sparkbed-end.timer"]]
    units = {Path(file["path"]).name: file["content"] for file in told["write_files"]}
    assert "OnCalendar=2027-01-02 03:04:05 UTC" in units["sparkbed-end.timer"]
    assert "systemctl poweroff" in units["sparkbed-end.service"]
    assert told["ssh_keys"]["ed25519_public"] == host_key.public
    rules = cloud.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert sorted(one["CidrIp"] for rule in rules for one in rule["IpRanges"]) == [f"{ADDRESS}/32"]
    assert [one["GroupId"] for rule in rules for one in rule["UserIdGroupPairs"]] == [group]
    calls.terminate([one.id for one in launched])
    calls.delete_group("big")
    calls.delete_keys()
    assert calls.find() == []
    assert cloud.describe_key_pairs()["KeyPairs"] == []


def test_a_launch_that_is_refused_leaves_neither_key_nor_group(cloud: Any, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n  hosts: {h-1: {ansible_user: ubuntu}}\n  vars:\n    provision: {provider: ec2, endpoint: aws, "
        f"region: {REGION}, instance_type: t3.small, image: ami-0123456789abcdef0}}\n"
    )
    hosts = inventories.load(path)
    with pytest.raises(ProvisionError, match=r"InvalidAMIID.NotFound"):
        provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "none", lambda _: None)
    assert cloud.describe_key_pairs()["KeyPairs"] == []
    names = [group["GroupName"] for group in cloud.describe_security_groups()["SecurityGroups"]]
    assert [name for name in names if name.startswith("sparkbed")] == []


def test_without_credentials_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(ProvisionError, match="no AWS credentials") as refused:
        Ec2Provider(Home(tmp_path / "state"), "aws", REGION).status()
    assert "aws configure" in str(refused.value)
    assert refused.value.exit_code == 1


def test_nobody_is_assumed_to_log_in(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n  hosts: {h-1: }\n  vars:\n    provision: {provider: ec2, endpoint: aws, "
        f"region: {REGION}, instance_type: t3.small, image: ami-0123456789abcdef0}}\n"
    )
    hosts = inventories.load(path)
    with pytest.raises(ProvisionError, match="which user logs in to h-1"):
        provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "none", lambda _: None)


@pytest.fixture
def no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's instances are records: there is no machine to log in to."""
    monkeypatch.setattr(ec2, "log_in", lambda *_: None)


def test_provision_says_the_price_and_keeps_it_with_the_hosts(
    cloud: Any, image: str, tmp_path: Path, no_login: None
) -> None:
    hosts = write_inventory(tmp_path, image, ", ttl: 2h, max_price_per_hour: 0.05")
    said: list[str] = []
    provider = provider_for(hosts, Home(tmp_path / "state"))
    machines = provider.provision(hosts, "paid", said.append).machines
    [price] = [line for line in said if "USD" in line]
    assert price.startswith(
        "3 x t3.small on-demand in us-west-2: 0.0624 USD an hour (0.0208 USD each), by Apache Libcloud"
    )
    assert "of 2025-03-02, which may be outdated; 0.1248 USD by the time that they end themselves" in price
    assert any("price list could not be asked" in line for line in said)
    assert said.index(price) < said.index("launching h-1, h-2, h-3 (t3.small)")
    assert [one.price_per_hour for one in machines] == [0.0208] * 3
    assert [one.image for one in machines] == [image] * 3
    again = provider.provision(hosts, "paid", said.append).machines
    assert [(one.adopted, one.price_per_hour) for one in again] == [(True, 0.0208)] * 3
    assert len([line for line in said if "USD" in line]) == 1, "hosts that are adopted are not launched, nor priced"
    provider.teardown("paid", said.append)
    assert left_of(cloud) == []


def test_one_request_for_all_that_are_alike(
    cloud: Any, image: str, tmp_path: Path, no_login: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    run = Ec2Calls.run
    monkeypatch.setattr(Ec2Calls, "run", lambda calls, launch: asked.append(launch.count) or run(calls, launch))
    hosts = write_inventory(tmp_path, image, hosts=40)
    provider = provider_for(hosts, Home(tmp_path / "state"))
    assert len(provider.provision(hosts, "paid", lambda _: None).machines) == 40
    assert asked == [40]


def test_each_instance_of_a_launch_says_whose_it_is_from_its_beginning(
    cloud: Any, image: str, tmp_path: Path, no_login: None
) -> None:
    hosts = write_inventory(tmp_path, image)
    deployment = provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "paid", lambda _: None)
    [group] = cloud.describe_instances(Filters=[{"Name": "tag:sparkbed:deployment", "Values": ["paid"]}])[
        "Reservations"
    ]
    said = {
        one["InstanceId"]: tags.host_of({tag["Key"]: tag["Value"] for tag in one["Tags"]}, one["AmiLaunchIndex"])
        for one in group["Instances"]
    }
    assert len(said) == 3
    assert said == {machine.instance_id: machine.name for machine in deployment.machines}


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=80)


@given(st.lists(NAMES, min_size=1, max_size=60, unique=True))
def test_the_tags_of_a_launch_name_every_host_within_ec2s_limits(hosts: list[str]) -> None:
    given = tags.host_tags(hosts)
    if not given:
        assert sum(map(len, hosts)) > 20 * tags.LONGEST, "there was room"
        return
    assert len(given) <= tags.MOST
    assert max(map(len, given.values())) <= tags.LONGEST
    assert [tags.host_of(given, index) for index in range(len(hosts))] == hosts
    assert tags.host_of(given, len(hosts)) is None
    assert tags.host_of({**given, tags.HOST: "other"}, 0) == "other"
    assert tags.host_of({**given, tags.HOST: ""}, 0) is None


def test_names_that_have_no_room_in_tags_are_none() -> None:
    assert tags.host_tags(["x" * 300]) == {}
    assert tags.host_tags([f"{number:0250}" for number in range(tags.MOST + 1)]) == {}
    assert len(tags.host_tags([f"{number:0250}" for number in range(tags.MOST)])) == tags.MOST


def test_an_image_is_named_by_a_parameter_and_recorded_as_resolved(
    cloud: Any, image: str, tmp_path: Path, no_login: None
) -> None:
    import boto3

    name = "/sparkbed/tests/image"
    boto3.client("ssm", region_name=REGION).put_parameter(Name=name, Value=image, Type="String")
    hosts = write_inventory(tmp_path, f"ssm:{name}")
    provider = provider_for(hosts, Home(tmp_path / "state"))
    assert {one.image for one in provider.provision(hosts, "paid", lambda _: None).machines} == {image}
    [described] = cloud.describe_instances(Filters=[{"Name": "tag:sparkbed:deployment", "Values": ["paid"]}])[
        "Reservations"
    ]
    assert {"Key": tags.IMAGE, "Value": f"ssm:{name}"} in described["Instances"][0]["Tags"]
    provider.teardown("paid", lambda _: None)
    missing = write_inventory(tmp_path, "ssm:/sparkbed/tests/none")
    with pytest.raises(ProvisionError, match="SSM has no parameter /sparkbed/tests/none"):
        provider_for(missing, Home(tmp_path / "state")).provision(missing, "paid", lambda _: None)
    assert left_of(cloud) == []


def test_the_instance_profile_and_the_subnet_are_asked_for(
    cloud: Any, image: str, tmp_path: Path, no_login: None
) -> None:
    import boto3

    boto3.client("iam", region_name=REGION).create_instance_profile(InstanceProfileName="readers")
    subnet = cloud.describe_subnets()["Subnets"][-1]["SubnetId"]
    hosts = write_inventory(tmp_path, image, f", instance_profile: readers, subnet: {subnet}", hosts=1)
    provider = provider_for(hosts, Home(tmp_path / "state"))
    [machine] = provider.provision(hosts, "paid", lambda _: None).machines
    described = cloud.describe_instances(InstanceIds=[machine.instance_id])["Reservations"][0]["Instances"][0]
    assert described["SubnetId"] == subnet
    assert described["IamInstanceProfile"]["Arn"].endswith("/readers")


def test_an_earlier_address_of_ours_is_shut_out(
    cloud: Any, image: str, tmp_path: Path, no_login: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = write_inventory(tmp_path, image, hosts=1)
    provider = provider_for(hosts, Home(tmp_path / "state"))
    provider.provision(hosts, "paid", lambda _: None)
    moved = "198.51.100.9"
    monkeypatch.setattr("sparkbed.provision.ec2_calls._internet_address", lambda: moved)
    more = write_inventory(tmp_path, image, hosts=2)
    provider.provision(more, "paid", lambda _: None)
    [group] = [one for one in cloud.describe_security_groups()["SecurityGroups"] if "sparkbed" in one["GroupName"]]
    assert [one["CidrIp"] for rule in group["IpPermissions"] for one in rule["IpRanges"]] == [f"{moved}/32"]
    assert any(rule["UserIdGroupPairs"] for rule in group["IpPermissions"])


def test_teardown_cancels_spot_requests_that_are_open(cloud: Any, image: str, tmp_path: Path, no_login: None) -> None:
    hosts = write_inventory(tmp_path, image, ", market: spot, max_price_per_hour: 0.05", hosts=1)
    home = Home(tmp_path / "state")
    provider = provider_for(hosts, home)
    provider.provision(hosts, "paid", lambda _: None)
    marks = {tags.HOME: tags.home_id(home), tags.DEPLOYMENT: "paid"}
    specification = {
        "ResourceType": "spot-instances-request",
        "Tags": [{"Key": key, "Value": value} for key, value in marks.items()],
    }
    launch = {"ImageId": image, "InstanceType": "t3.small"}
    [made] = cloud.request_spot_instances(
        InstanceCount=1, LaunchSpecification=launch, TagSpecifications=[specification]
    )["SpotInstanceRequests"]
    provider.teardown("paid", lambda _: None)
    still = cloud.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert [one["State"] for one in still if one["SpotInstanceRequestId"] == made["SpotInstanceRequestId"]] in (
        [],
        ["cancelled"],
    )
