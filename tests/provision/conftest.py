"""AWS's double: moto inside this process, behind boto3's own checks, parsing and retries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sparkbed import inventory as inventories
from sparkbed.inventory import Inventory
from sparkbed.provision import api, ec2_calls
from tests.provision import faults as faults  # takes its place on the wire before any client

REGION = "us-west-2"
ADDRESS = "203.0.113.7"
CLIENTS: dict[tuple[str, str | None, int], Any] = {}


class WhoAmI(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{ADDRESS}\n".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """moto in place of AWS, and a page that tells our address; a client to look at what is there.

    AWS's price list is not among what moto has: it is out of reach unless a test puts one there.
    """
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # a thousand for each region, which take seconds
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", "http://127.0.0.1:9")
    for name in ("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "MOTO_ENABLE_KEYPAIR_VALIDATION"):
        monkeypatch.setenv(name, "true")
    server = HTTPServer(("127.0.0.1", 0), WhoAmI)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(ec2_calls, "WHO_AM_I", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setitem(ec2_calls.DELAYS, False, 0.01)
    monkeypatch.setitem(api.ATTEMPTS, False, 1)
    make = api.Api._cloud_client

    def kept(self: api.Api, service: str, region: str | None) -> Any:
        """Making a client takes boto3 a second, and a walk over all calls needs hundreds."""
        if self._watch is not None or service == "pricing":
            return make(self, service, region)
        key = (service, region or self.region, api.ATTEMPTS[False])
        if key not in CLIENTS:
            CLIENTS[key] = make(self, service, region)
        return CLIENTS[key]

    monkeypatch.setattr(api.Api, "_cloud_client", kept)
    with mock_aws():
        looking = ("ec2", REGION, 0)
        if looking not in CLIENTS:
            CLIENTS[looking] = boto3.client("ec2", region_name=REGION)
        yield CLIENTS[looking]
    server.shutdown()
    server.server_close()


@pytest.fixture
def image(cloud: Any) -> str:
    """An image that the region has."""
    made = cloud.register_image(Name="tests", Architecture="x86_64", RootDeviceName="/dev/xvda")
    return str(made["ImageId"])


def write_inventory(folder: Path, image: str, more: str = "", hosts: int = 3) -> Inventory:
    """An inventory of hosts on AWS; `more` goes into their `provision`."""
    path = folder / "paid.yml"
    path.write_text(
        f"all:\n  hosts: {{'h-[1:{hosts}]': }}\n  vars:\n    ansible_user: ubuntu\n    provision: {{provider: ec2, "
        f"endpoint: aws, region: {REGION}, instance_type: t3.small, volume_gb: 20, image: '{image}'{more}}}\n"
    )
    return inventories.load(path)


def left_of(cloud: Any) -> list[str]:
    """What is there that sparkbed made: instances, key pairs, security groups, volumes."""
    pages = cloud.describe_instances()["Reservations"]
    live = [one["InstanceId"] for page in pages for one in page["Instances"] if one["State"]["Name"] != "terminated"]
    pairs = [one["KeyName"] for one in cloud.describe_key_pairs()["KeyPairs"]]
    groups = [one["GroupName"] for one in cloud.describe_security_groups()["SecurityGroups"]]
    volumes = [one["VolumeId"] for one in cloud.describe_volumes()["Volumes"]]
    return [*live, *pairs, *(name for name in groups if name.startswith("sparkbed")), *volumes]
