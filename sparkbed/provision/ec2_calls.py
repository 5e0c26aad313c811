"""The calls to EC2's API that provisioning makes, the same for AWS, the local endpoint and any other URL.

boto3 is imported as the first call is made: it takes half a second, and most commands need none.
"""

from __future__ import annotations

import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from sparkbed.errors import ProvisionError
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import tags
from sparkbed.provision.endpoint import Endpoint
from sparkbed.provision.keys import KeyPair

LIVE = ("pending", "running", "shutting-down", "stopping", "stopped")
WHO_AM_I = "https://checkip.amazonaws.com"
"""Tells the address that we have on the internet, for the security group."""

HINTS = {
    "AuthFailure": "The access key is not accepted: check AWS_ACCESS_KEY_ID or the profile.",
    "UnauthorizedOperation": "The account lacks this permission: ask for it in IAM.",
    "InsufficientInstanceCapacity": "Try again later, another instance_type, or another region.",
    "InsufficientFreeAddressesInSubnet": "Ask for fewer hosts, end some with `inv teardown`, or name a larger subnet.",
    "InvalidAMIID.NotFound": "Images belong to one region: check `image` and `region`, or `node` for local hosts.",
    "InvalidSubnetID.NotFound": "Check `subnet` and `region`.",
    "VcpuLimitExceeded": "Ask AWS for a higher limit, or take fewer or smaller hosts.",
}


@dataclass(frozen=True)
class Found:
    """An instance as the API describes it."""

    id: str
    state: str
    address: str
    key_name: str
    instance_type: str
    image: str
    launch_index: int
    launched: datetime
    tags: Mapping[str, str]
    reason: str

    @property
    def host(self) -> str | None:
        return self.tags.get(tags.HOST) or None

    @property
    def port(self) -> int:
        return int(self.tags.get(tags.PORT, 22))

    @property
    def has_key(self) -> bool:
        """Whether its host key is known, and it can be reached at all."""
        return tags.HOST_KEY in self.tags and bool(self.address)


@dataclass(frozen=True)
class Launch:
    """One request for `count` hosts that are alike."""

    spec: ProvisionSpec
    count: int
    token: str
    key_name: str
    group: str
    subnet: str
    user_data: str
    tags: Mapping[str, str]


class Ec2Calls:
    """One account's API at one endpoint. Every error is a ProvisionError that says what was tried."""

    def __init__(self, home_id: str, endpoint: str, region: str | None, local: Endpoint | None) -> None:
        self._home_id = home_id
        self._endpoint = endpoint
        self._region = local.region if local else region
        self._local = local
        self._delay = 0.1 if local else 5.0

    @cached_property
    def _client(self) -> Any:
        import boto3
        import botocore.session
        from botocore.config import Config

        retries: Any = {"total_max_attempts": 3, "mode": "standard"}
        with self._asking("connecting"):
            if not self._local:
                url = None if self._endpoint == "aws" else self._endpoint
                return boto3.session.Session(region_name=self._region).client(
                    "ec2", endpoint_url=url, config=Config(retries=retries)
                )
            # Nothing of the user's own AWS settings may reach the local endpoint: neither files nor variables.
            nothing = {
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
            session = boto3.session.Session(botocore_session=botocore.session.Session(session_vars=nothing))
            return session.client(
                "ec2",
                region_name=self._region,
                endpoint_url=self._local.url,
                aws_access_key_id=self._local.credentials.access_key,
                aws_secret_access_key=self._local.credentials.secret_key,
                config=Config(retries=retries, proxies={}, connect_timeout=10, read_timeout=60),
            )

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Turns boto3's errors into ours, naming what was being done."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            PartialCredentialsError,
            ProfileNotFound,
        )

        try:
            yield
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            raise ApiError(code, f"{what}: EC2 says {code}: {message}", hint=HINTS.get(code)) from error
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
            raise ProvisionError(
                f"{what}: there are no AWS credentials ({error})",
                hint="Run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ) from error
        except BotoCoreError as error:
            raise ProvisionError(f"{what}: {error}", hint="Can the endpoint be reached from here?") from error

    # -- instances ------------------------------------------------------------------------------------------------

    def find(self, deployment: str | None = None, launch: str | None = None) -> list[Found]:
        """This state folder's instances that are not gone: all, or those of one deployment or launch."""
        wanted = {tags.HOME: self._home_id, tags.DEPLOYMENT: deployment, tags.LAUNCH: launch}
        filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in wanted.items() if value]
        filters.append({"Name": "instance-state-name", "Values": list(LIVE)})
        with self._asking("looking for our hosts"):
            return self._describe(Filters=filters)

    def _describe(self, **request: Any) -> list[Found]:
        pages = self._client.get_paginator("describe_instances").paginate(**request)
        found = [_found(one) for page in pages for group in page["Reservations"] for one in group["Instances"]]
        return sorted(found, key=lambda one: (one.launched, one.launch_index, one.id))

    def run(self, launch: Launch) -> list[Found]:
        """Makes the instances, all or none."""
        spec = launch.spec
        request: dict[str, Any] = {
            "ImageId": self._image(spec),
            "InstanceType": spec.instance_type or "t3.small",
            "MinCount": launch.count,
            "MaxCount": launch.count,
            "ClientToken": launch.token,
            "KeyName": launch.key_name,
            "SecurityGroupIds": [launch.group],
            "SubnetId": launch.subnet,
            "UserData": launch.user_data,
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
            "BlockDeviceMappings": [self._root_volume(spec)],
            "TagSpecifications": [
                {"ResourceType": kind, "Tags": _tag_list(launch.tags)} for kind in ("instance", "volume")
            ],
        }
        if spec.market == "spot":
            request["InstanceMarketOptions"] = {
                "MarketType": "spot",
                "SpotOptions": {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"},
            }
        with self._asking(f"launching {launch.count} hosts"):
            made = self._client.run_instances(**request)["Instances"]
        return sorted((_found(one) for one in made), key=lambda one: one.launch_index)

    def _image(self, spec: ProvisionSpec) -> str:
        return f"ami-{spec.node}" if self._local else str(spec.image)

    def _root_volume(self, spec: ProvisionSpec) -> dict[str, Any]:
        device = "/dev/sda1" if self._local else self._root_device(spec)
        volume: dict[str, Any] = {"Encrypted": True, "DeleteOnTermination": True, "VolumeType": "gp3"}
        if spec.volume_gb:
            volume["VolumeSize"] = spec.volume_gb
        elif self._local:
            volume["VolumeSize"] = 8
        return {"DeviceName": device, "Ebs": volume}

    def _root_device(self, spec: ProvisionSpec) -> str:
        with self._asking(f"looking up image {spec.image}"):
            images = self._client.describe_images(ImageIds=[spec.image])["Images"]
        if not images:
            raise ProvisionError(f"there is no image {spec.image} here", hint=HINTS["InvalidAMIID.NotFound"])
        return str(images[0]["RootDeviceName"])

    def name_host(self, instance_id: str, host: str) -> None:
        with self._asking(f"tagging {host}"):
            self._client.create_tags(Resources=[instance_id], Tags=_tag_list({tags.HOST: host, "Name": host}))

    def wait_running(self, ids: Sequence[str], seconds: float) -> list[Found]:
        """The instances once all run.

        Raises:
            ProvisionError: when one ends instead (with the reason that the API gives), or the time is over.
        """
        from botocore.exceptions import WaiterError

        try:
            with self._asking("waiting for hosts to run"):
                self._wait("instance_running", ids, seconds)
                return self._describe(InstanceIds=list(ids))
        except ProvisionError as error:
            if not isinstance(error.__cause__, WaiterError):
                raise
            not_running = [one for one in self._described(ids) if one.state != "running"]
            reasons = "; ".join(f"{one.host or one.id} is {one.state} {one.reason}".strip() for one in not_running)
            raise ProvisionError(f"not every host came up: {reasons or error.what}") from error

    def _described(self, ids: Sequence[str]) -> list[Found]:
        with self._asking("looking at our hosts"):
            return self._describe(InstanceIds=list(ids))

    def _wait(self, name: str, ids: Sequence[str], seconds: float) -> None:
        attempts = max(1, int(seconds / self._delay))
        self._client.get_waiter(name).wait(
            InstanceIds=list(ids), WaiterConfig={"Delay": self._delay, "MaxAttempts": attempts}
        )

    def terminate(self, ids: Sequence[str], seconds: float = 600) -> None:
        """Ends instances, and returns once they are gone."""
        if ids:
            with self._asking(f"ending {len(ids)} hosts"):
                self._client.terminate_instances(InstanceIds=list(ids))
                self._wait("instance_terminated", ids, seconds)

    # -- key pair, security group, subnet -------------------------------------------------------------------------

    def key_name(self, pair: KeyPair) -> str:
        return f"sparkbed-{self._home_id}-{pair.fingerprint}"

    def import_key(self, pair: KeyPair) -> bool:
        """Has our public key there; whether this call brought it."""
        try:
            with self._asking("importing our public key"):
                self._client.import_key_pair(
                    KeyName=self.key_name(pair),
                    PublicKeyMaterial=pair.public.encode(),
                    TagSpecifications=[{"ResourceType": "key-pair", "Tags": _tag_list({tags.HOME: self._home_id})}],
                )
        except ApiError as error:
            if error.code != "InvalidKeyPair.Duplicate":
                raise
            return False
        return True

    def delete_keys(self) -> None:
        """Deletes every key pair of this state folder; instances that run keep theirs."""
        with self._asking("deleting our key pairs"):
            mine = [{"Name": f"tag:{tags.HOME}", "Values": [self._home_id]}]
            for pair in self._client.describe_key_pairs(Filters=mine)["KeyPairs"]:
                self._client.delete_key_pair(KeyName=pair["KeyName"])

    def subnet(self, wanted: str | None) -> tuple[str, str]:
        """Subnet and its VPC: the one that is wanted, or the default one."""
        request: dict[str, Any] = (
            {"SubnetIds": [wanted]} if wanted else {"Filters": [{"Name": "default-for-az", "Values": ["true"]}]}
        )
        with self._asking("looking up the subnet"):
            subnets = self._client.describe_subnets(**request)["Subnets"]
        if not subnets:
            raise ProvisionError(
                f"region {self._region} has no default subnet", hint="Name one: provision: {subnet: subnet-...}."
            )
        return subnets[0]["SubnetId"], subnets[0]["VpcId"]

    def group(self, deployment: str, vpc: str) -> tuple[str, bool]:
        """The deployment's security group, open to us and to its own members only; whether this call made it."""
        found = self._groups(deployment)
        with self._asking("making the security group"):
            made = not found
            group = found[0] if found else self._create_group(deployment, vpc)
        self._admit(group, [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": self._caller()}])
        self._admit(group, [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])
        return group, made

    def _groups(self, deployment: str) -> list[str]:
        wanted = {tags.HOME: self._home_id, tags.DEPLOYMENT: deployment}
        filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in wanted.items()]
        with self._asking("looking for the security group"):
            return [one["GroupId"] for one in self._client.describe_security_groups(Filters=filters)["SecurityGroups"]]

    def _create_group(self, deployment: str, vpc: str) -> str:
        made = self._client.create_security_group(
            GroupName=f"sparkbed-{self._home_id}-{deployment}",
            Description=f"sparkbed deployment {deployment}: open to its owner and its own hosts",
            VpcId=vpc,
            TagSpecifications=[
                {
                    "ResourceType": "security-group",
                    "Tags": _tag_list({tags.HOME: self._home_id, tags.DEPLOYMENT: deployment}),
                }
            ],
        )
        return str(made["GroupId"])

    def _admit(self, group: str, permissions: list[dict[str, Any]]) -> None:
        try:
            with self._asking("opening the security group to us"):
                self._client.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
        except ApiError as error:
            if error.code != "InvalidPermission.Duplicate":
                raise

    def _caller(self) -> list[dict[str, str]]:
        """Our address as the hosts will see it."""
        if self._local:
            return [{"CidrIp": "127.0.0.0/8", "Description": "this machine"}]
        address = _internet_address() if self._endpoint == "aws" else _address_towards(self._endpoint)
        return [{"CidrIp": f"{address}/32", "Description": "who provisioned it"}]

    def delete_group(self, deployment: str, seconds: float = 60) -> None:
        """Deletes the deployment's security group; its hosts must be gone, which AWS may notice late."""
        deadline = time.monotonic() + seconds
        for group in self._groups(deployment):
            while True:
                try:
                    with self._asking("deleting the security group"):
                        self._client.delete_security_group(GroupId=group)
                        break
                except ApiError as error:
                    if error.code != "DependencyViolation" or time.monotonic() > deadline:
                        raise
                time.sleep(self._delay)


class ApiError(ProvisionError):
    """EC2 refused a request; `code` is its own word for why."""

    def __init__(self, code: str, what: str, hint: str | None) -> None:
        super().__init__(what, hint=hint)
        self.code = code


def _found(one: Mapping[str, Any]) -> Found:
    return Found(
        id=one["InstanceId"],
        state=one["State"]["Name"],
        address=one.get("PublicIpAddress") or one.get("PrivateIpAddress", ""),
        key_name=one.get("KeyName", ""),
        instance_type=one["InstanceType"],
        image=one["ImageId"],
        launch_index=int(one.get("AmiLaunchIndex", 0)),
        launched=one["LaunchTime"],
        tags={tag["Key"]: tag["Value"] for tag in one.get("Tags", [])},
        reason=one.get("StateReason", {}).get("Message", ""),
    )


def _tag_list(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _internet_address() -> str:
    try:
        with urllib.request.urlopen(WHO_AM_I, timeout=10) as answer:
            return str(answer.read(64).decode().strip())
    except (OSError, urllib.error.URLError) as error:
        raise ProvisionError(
            f"our own address on the internet is not known: {error}",
            hint=f"The security group is opened to it alone; {WHO_AM_I} must be reachable.",
        ) from error


def _address_towards(url: str) -> str:
    """The address that this machine uses towards the endpoint."""
    where = urlsplit(url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((where.hostname or "127.0.0.1", where.port or 443))
        return str(probe.getsockname()[0])
