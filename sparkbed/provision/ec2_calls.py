"""The calls to EC2's API that provisioning makes, the same for AWS, the local endpoint and any other URL."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sparkbed.errors import ProvisionError
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import tags
from sparkbed.provision.api import HINTS, Api, ApiError
from sparkbed.provision.endpoint import Endpoint
from sparkbed.provision.keys import KeyPair

LIVE = ("pending", "running", "shutting-down", "stopping", "stopped")
WHO_AM_I = "https://checkip.amazonaws.com"
"""Tells the address that we have on the internet, for the security group."""

DELAYS = {True: 0.1, False: 5.0}
"""Seconds between two looks at what is to come about: on the local endpoint, elsewhere."""
SSM = "ssm:"
"""Begins an image that is named by a parameter of AWS's Systems Manager."""
LATE = 15.0
"""Seconds after which AWS's lists have what was made; they may be late."""

Watch = Callable[[Any], None] | None


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
    private: str = ""
    """The address that the instance itself has, which its neighbours reach it at; `address` may be a public one."""

    @property
    def host(self) -> str | None:
        return tags.host_of(self.tags, self.launch_index)

    @property
    def port(self) -> int:
        return int(self.tags.get(tags.PORT, 22))

    @property
    def has_key(self) -> bool:
        """Whether its host key is known, and it can be reached at all."""
        return tags.HOST_KEY in self.tags and bool(self.address)


@dataclass(frozen=True)
class Subnet:
    """A subnet, with its network and its zone (a data centre of the region)."""

    id: str
    vpc: str
    zone: str


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
    image: str | None = None
    """The image's id; the local endpoint has its own."""


class Ec2Calls:
    """One account's API at one endpoint. Every error is a ProvisionError that says what was tried."""

    def __init__(
        self, home_id: str, endpoint: str, region: str | None, local: Endpoint | None, watch: Watch = None
    ) -> None:
        self._home_id = home_id
        self._endpoint = endpoint
        self._local = local
        self.delay = DELAYS[local is not None]
        self.api = Api(endpoint, region, local, watch)

    @property
    def _client(self) -> Any:
        return self.api.client("ec2")

    def _asking(self, what: str) -> AbstractContextManager[None]:
        return self.api.asking(what)

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
        """Asks for all of the instances or none; whether that is what came, the caller must look."""
        spec = launch.spec
        request: dict[str, Any] = {
            "ImageId": launch.image or f"ami-{spec.node}",
            "InstanceType": spec.instance_type or "t3.small",
            "MinCount": launch.count,
            "MaxCount": launch.count,
            "ClientToken": launch.token,
            "KeyName": launch.key_name,
            "SecurityGroupIds": [launch.group],
            "SubnetId": launch.subnet,
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
            "BlockDeviceMappings": [self._root_volume(spec, launch.image)],
        }
        if launch.user_data:
            request["UserData"] = launch.user_data
        made = ["instance", "volume"]
        if spec.market == "spot":
            options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
            if spec.max_price_per_hour:  # EC2 itself ends the host when the price rises above it
                options["MaxPrice"] = f"{spec.max_price_per_hour:f}"
            request["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": options}
            made.append("spot-instances-request")
        if spec.instance_profile:
            kind = "Arn" if spec.instance_profile.startswith("arn:") else "Name"
            request["IamInstanceProfile"] = {kind: spec.instance_profile}
        request["TagSpecifications"] = [{"ResourceType": kind, "Tags": _tag_list(launch.tags)} for kind in made]
        with self._asking(f"launching {launch.count} hosts"):
            answer = self._client.run_instances(**request)["Instances"]
        return sorted((_found(one) for one in answer), key=lambda one: one.launch_index)

    def image(self, spec: ProvisionSpec) -> str | None:
        """The id of the spec's image: what the SSM parameter of `ssm:/aws/service/...` holds now, or what is said."""
        if self._local or not spec.image:
            return None
        if not spec.image.startswith(SSM):
            return spec.image
        name = spec.image.removeprefix(SSM)
        try:
            with self._asking(f"looking up the image in SSM's {name}"):
                return str(self.api.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        except ApiError as error:
            if error.code == "ParameterNotFound":
                raise ProvisionError(
                    f"SSM has no parameter {name}",
                    where=self.api.where,
                    hint="Public images are below /aws/service/; the name differs by system and processor.",
                ) from error
            raise

    def _root_volume(self, spec: ProvisionSpec, image: str | None) -> dict[str, Any]:
        device = self._root_device(image) if image else "/dev/sda1"
        volume: dict[str, Any] = {"Encrypted": True, "DeleteOnTermination": True, "VolumeType": "gp3"}
        if spec.volume_gb:
            volume["VolumeSize"] = spec.volume_gb
        elif self._local:
            volume["VolumeSize"] = 8
        return {"DeviceName": device, "Ebs": volume}

    def _root_device(self, image: str) -> str:
        with self._asking(f"looking up image {image}"):
            images = self._client.describe_images(ImageIds=[image])["Images"]
        if not images:
            raise ProvisionError(
                f"there is no image {image} here", where=self.api.where, hint=HINTS["InvalidAMIID.NotFound"]
            )
        return str(images[0]["RootDeviceName"])

    def name_host(self, instance_id: str, host: str) -> None:
        with self._asking(f"tagging {host}"):
            self._client.create_tags(Resources=[instance_id], Tags=_tag_list({tags.HOST: host, "Name": host}))

    def wait_running(self, ids: Sequence[str], seconds: float) -> list[Found]:
        """The instances once all run.

        Not by botocore's waiter: it throws away the answer that says so, which would have to be asked for again.

        Raises:
            ProvisionError: when one ends instead (with the reason that the API gives), or the time is over.
        """
        deadline = time.monotonic() + seconds
        while True:
            found = self._seen(ids)
            if len(found) == len(ids) and all(one.state == "running" for one in found):
                return found
            over = time.monotonic() >= deadline
            if over or any(one.state not in ("pending", "running") for one in found):
                waiting = [one for one in found if one.state != "running"]
                reasons = [f"{one.host or one.id} is {one.state} {one.reason}".strip() for one in waiting]
                reasons += [f"EC2 does not list {one}" for one in ids if one not in {each.id for each in found}]
                raise ProvisionError(
                    f"not every host came up{f' within {seconds:.0f} s' if over else ''}: {'; '.join(reasons)}",
                    where=self.api.where,
                    hint="All of this launch are ended again; `inv provision` makes them anew.",
                )
            time.sleep(self.delay)

    def _seen(self, ids: Sequence[str]) -> list[Found]:
        """What the API lists of the instances; nothing while it does not know one of them yet."""
        try:
            with self._asking("waiting for hosts to run"):
                return self._describe(InstanceIds=list(ids))
        except ApiError as error:
            if error.code != "InvalidInstanceID.NotFound":
                raise
            return []

    def _wait(self, name: str, ids: Sequence[str], seconds: float) -> None:
        attempts = max(1, int(seconds / self.delay))
        self._client.get_waiter(name).wait(
            InstanceIds=list(ids), WaiterConfig={"Delay": self.delay, "MaxAttempts": attempts}
        )

    def terminate(self, ids: Sequence[str], seconds: float = 600) -> None:
        """Ends instances, and returns once they are gone; some may be gone already."""
        if not ids:
            return
        try:
            with self._asking(f"ending {len(ids)} hosts"):
                self._client.terminate_instances(InstanceIds=list(ids))
                self._wait("instance_terminated", ids, seconds)
        except ApiError as error:
            if error.code != "InvalidInstanceID.NotFound":
                raise
            # EC2 ends none of a request that names one that it has forgotten.
            for one in ids if len(ids) > 1 else ():
                self.terminate([one], seconds)

    def cancel_spot_requests(self, deployment: str) -> None:
        """Cancels what of the deployment's spot requests is open, so that no host comes later. AWS alone has them."""
        if self._endpoint != "aws":
            return
        wanted = {f"tag:{tags.HOME}": self._home_id, f"tag:{tags.DEPLOYMENT}": deployment}
        filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        with self._asking("looking for spot requests"):
            found = self._client.describe_spot_instance_requests(Filters=filters)["SpotInstanceRequests"]
        ids = [one["SpotInstanceRequestId"] for one in found if one["State"] in ("open", "active")]
        if ids:
            with self._asking("cancelling spot requests"):
                self._client.cancel_spot_instance_requests(SpotInstanceRequestIds=ids)

    # -- key pair, security group, subnet -------------------------------------------------------------------------

    def key_name(self, pair: KeyPair) -> str:
        return f"sparkbed-{self._home_id}-{pair.fingerprint}"

    def import_key(self, pair: KeyPair) -> bool:
        """Has our public key there; whether this call brought it, which it has not where it was refused as there."""
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

    def subnets(self, wanted: str | None) -> list[Subnet]:
        """The subnet that is wanted, or the default ones, a zone each: what one has no room for, another may."""
        request: dict[str, Any] = (
            {"SubnetIds": [wanted]} if wanted else {"Filters": [{"Name": "default-for-az", "Values": ["true"]}]}
        )
        with self._asking("looking up the subnet"):
            found = self._client.describe_subnets(**request)["Subnets"]
        if not found:
            raise ProvisionError(
                f"region {self.api.region} has no default subnet",
                where=self.api.where,
                hint="Name one: provision: {subnet: subnet-...}.",
            )
        return [Subnet(one["SubnetId"], one["VpcId"], one.get("AvailabilityZone", "")) for one in found]

    def group(self, deployment: str, vpc: str, made: Callable[[], None] = lambda: None) -> str:
        """The deployment's security group, open to us and to its own members only; `made` is called when it is new."""
        found = self._groups(deployment)
        if found:
            group = found[0]
        else:
            made()  # before the request: its answer may get lost
            group = self._create_group(deployment, vpc)
        ours = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": self._caller()}
        if found:
            self._shut_out(group, ours)
        self._admit(group, [ours])
        self._admit(group, [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])
        return group

    def _shut_out(self, group: str, ours: Mapping[str, Any]) -> None:
        """Closes the group to addresses that we had earlier."""
        if self._local:
            return
        kept = {one["CidrIp"] for one in ours["IpRanges"]}
        with self._asking("looking at the security group"):
            described = self._client.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        for rule in (rule for one in described for rule in one["IpPermissions"]):
            strange = [{"CidrIp": one["CidrIp"]} for one in rule.get("IpRanges", ()) if one["CidrIp"] not in kept]
            if strange:
                closed = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
                with self._asking("closing the security group to an earlier address"):
                    self._client.revoke_security_group_ingress(
                        GroupId=group, IpPermissions=[{**closed, "IpRanges": strange}]
                    )

    def _groups(self, deployment: str) -> list[str]:
        wanted = {tags.HOME: self._home_id, tags.DEPLOYMENT: deployment}
        filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in wanted.items()]
        with self._asking("looking for the security group"):
            return [one["GroupId"] for one in self._client.describe_security_groups(Filters=filters)["SecurityGroups"]]

    def _create_group(self, deployment: str, vpc: str) -> str:
        marks = _tag_list({tags.HOME: self._home_id, tags.DEPLOYMENT: deployment})
        try:
            with self._asking("making the security group"):
                made = self._client.create_security_group(
                    GroupName=f"sparkbed-{self._home_id}-{deployment}",
                    Description=f"sparkbed deployment {deployment}: open to its owner and its own hosts",
                    VpcId=vpc,
                    TagSpecifications=[{"ResourceType": "security-group", "Tags": marks}],
                )
            return str(made["GroupId"])
        except ApiError as error:
            # A request whose answer got lost was served, and sent again.
            if error.code != "InvalidGroup.Duplicate" or not (found := self._groups(deployment)):
                raise
            return found[0]

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
                time.sleep(self.delay)


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
        private=one.get("PrivateIpAddress", ""),
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
