"""The same calls against an API that is not ours: what AWS would be asked for. moto answers, inside this process."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import ProvisionError
from sparkbed.home import Home
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import ec2_calls, keys, provider_for, tags
from sparkbed.provision.ec2 import Ec2Provider
from sparkbed.provision.ec2_calls import Ec2Calls, Launch
from sparkbed.provision.user_data import cloud_config

REGION = "us-west-2"


class WhoAmI(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"203.0.113.7\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """moto in place of AWS, and a page that tells our address."""
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    server = HTTPServer(("127.0.0.1", 0), WhoAmI)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(ec2_calls, "WHO_AM_I", f"http://127.0.0.1:{server.server_port}")
    with mock_aws():
        yield boto3.client("ec2", region_name=REGION)
    server.shutdown()
    server.server_close()


def test_what_is_asked_for_is_safe_and_ends_itself(cloud: Any, tmp_path: Path) -> None:
    image = cloud.describe_images()["Images"][0]["ImageId"]
    calls = Ec2Calls("0123456789ab", "aws", REGION, None)
    pair = keys.client_pair(Home(tmp_path))
    assert calls.import_key(pair)
    assert not calls.import_key(pair)
    subnet, vpc = calls.subnet(None)
    group, made = calls.group("big", vpc)
    assert made
    assert calls.group("big", vpc) == (group, False)
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
    data = cloud_config(host_key, 7200)
    launch = Launch(spec, 2, "token", calls.key_name(pair), group, subnet, data, marks)
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
    assert told["runcmd"] == [["shutdown", "-P", "+120"]]
    assert told["ssh_keys"]["ed25519_public"] == host_key.public
    rules = cloud.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert sorted(one["CidrIp"] for rule in rules for one in rule["IpRanges"]) == ["203.0.113.7/32"]
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
